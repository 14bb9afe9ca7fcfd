//! The options of a Socket.IO server beyond those that [`ServerBuilder`] has for every server.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proto::socket::NamespacePath;
use roomcast_adapter::AdapterFactory;

use super::{Io, IoInner};
use crate::builder::ServerBuilder;
use crate::config::{EngineConfig, ServeClient, SocketConfig};
use crate::core::Core;
use crate::deliver::Encoder;
use crate::hooks::Hooks;
use crate::namespace::Registry;
use crate::parser::Parser;
use crate::recovery::{Absence, ConnectionStateRecovery};

/// The options of an [`Io`]; each has the reference's default, unless its text says otherwise.
pub type IoBuilder = ServerBuilder<SocketOptions>;

/// What a Socket.IO server has beyond its engine.
pub struct SocketOptions {
    socket: SocketConfig,
    encoder: Encoder,
    adapter: Option<Box<dyn AdapterFactory>>,
}

impl fmt::Debug for SocketOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketOptions").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl IoBuilder {
    pub(super) fn new() -> Self {
        let engine = EngineConfig::new("/socket.io", ServeClient::Embedded);
        let (socket, encoder) = (SocketConfig::default(), Encoder::default());
        Self::with(engine, SocketOptions { socket, encoder, adapter: None })
    }

    /// For how long a connection may be in no namespace, default 45 s. JS: `connectTimeout`.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.upper.socket.connect_timeout = timeout;
        self
    }

    /// How packets are written and read, by default as the protocol says; both sides must use the same. See
    /// [`roomcast::parser`](crate::parser). JS: `parser`.
    ///
    /// ```
    /// use roomcast::Io;
    /// use roomcast::parser::MessagePack;
    ///
    /// let io = Io::builder().parser(MessagePack).build();
    /// ```
    pub fn parser(mut self, parser: impl Parser) -> Self {
        self.upper.encoder = Encoder::new(Arc::new(parser));
        self
    }

    /// Lets clients whose connection was lost come back as the sockets that they were, with what they missed. Default: they
    /// begin anew, which costs nothing. With it on, the events of one namespace go out one after the other, each with an
    /// offset as its last argument, and are kept for a while. JS: `connectionStateRecovery`.
    pub fn connection_state_recovery(mut self, recovery: ConnectionStateRecovery) -> Self {
        self.upper.socket.recovery = Some(recovery);
        self
    }

    /// The most attachments of one packet, default 10. JS: the parser's `maxAttachments`.
    pub fn max_attachments(mut self, count: usize) -> Self {
        self.upper.socket.max_attachments = count;
        self
    }

    /// How deep the arrays and objects of a packet may be nested, default and at most 128. Roomcast's own.
    pub fn max_depth(mut self, depth: usize) -> Self {
        self.upper.socket.max_depth = depth;
        self
    }

    /// The most namespaces of one connection, default 1,000. Roomcast's own.
    pub fn max_namespaces(mut self, count: usize) -> Self {
        self.upper.socket.max_namespaces = count;
        self
    }

    /// The most rooms of one socket besides its own, default 10,000; another is not joined, which is logged. A connection has
    /// a socket in each of its namespaces. A room takes about 100 bytes and its name, which has at most [`Room::MAX_BYTES`](crate::Room::MAX_BYTES):
    /// whoever lets clients name rooms and expects strangers lowers this to what the program needs. Roomcast's own.
    pub fn max_rooms(mut self, count: usize) -> Self {
        self.upper.socket.max_rooms = count;
        self
    }

    /// The most handler calls of one connection that may be suspended at the same time, default 1,024. More events wait until
    /// one has ended, 1 MiB of them; then nothing more of that client is read. Roomcast's own.
    pub fn max_handlers(mut self, count: usize) -> Self {
        self.upper.socket.max_handlers = count.max(1);
        self
    }

    /// Whether namespaces made on demand are freed when their last socket has left, default `true`. (The reference's is
    /// `false`; as clients choose the paths, that would be memory without bound.) JS: `cleanupEmptyChildNamespaces`.
    pub fn cleanup_empty_child_namespaces(mut self, clean_up: bool) -> Self {
        self.upper.socket.cleanup_empty_child_namespaces = clean_up;
        self
    }

    /// Serves the official bundles from a folder, `node_modules/socket.io-client/dist` for example, below the path.
    /// Default: Roomcast's own small client is served.
    pub fn client_folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.engine.serve_client = ServeClient::Folder(folder.as_ref().to_path_buf());
        self
    }

    /// Whether a client is served below the path, default `true`. JS: `serveClient`.
    pub fn serve_client(mut self, serve: bool) -> Self {
        match (serve, &self.engine.serve_client) {
            (false, _) => self.engine.serve_client = ServeClient::No,
            (true, ServeClient::No) => self.engine.serve_client = ServeClient::Embedded,
            (true, _) => {}
        }
        self
    }

    /// Makes the server one node of a cluster: each namespace gets an adapter, through which broadcasts, changes of rooms,
    /// questions and events between servers reach the other nodes. Default: none, the server is alone, and what it emits
    /// takes the shortest way. JS: `adapter`.
    ///
    /// An adapter is made when its namespace is, gets ready before a client of the namespace comes in
    /// ([`Io::adapters_ready`] waits for that), and is closed with the namespace or the server. While it is not ready, and
    /// if it fails to become so, this node serves its own clients, and emits report
    /// [`EmitError::Publish`](crate::EmitError::Publish).
    ///
    /// Anything that implements [`AdapterFactory`] will do, a closure for example; [`adapter`](crate::adapter) has the
    /// contract and a suite of tests for adapters of your own.
    ///
    /// ```
    /// use roomcast::Io;
    /// use roomcast::adapter::{Adapter, Local, MemoryAdapter};
    /// use std::sync::{Arc, Weak};
    ///
    /// let io = Io::builder()
    ///     .adapter(|namespace: Weak<dyn Local>| -> Arc<dyn Adapter> { Arc::new(MemoryAdapter::new(namespace)) })
    ///     .build();
    /// assert!(io.adapter().is_some());
    /// ```
    pub fn adapter(mut self, factory: impl AdapterFactory) -> Self {
        self.upper.adapter = Some(Box::new(factory));
        self
    }

    /// The server.
    #[must_use]
    pub fn build(self) -> Io {
        let Self { engine, hooks: http_hooks, session_hooks, upper } = self;
        let SocketOptions { socket, encoder, adapter } = upper;
        let hooks = Arc::new(Hooks::new(encoder, socket.packet_limits(&engine)));
        let clean_up = socket.cleanup_empty_child_namespaces;
        let unnoticed = engine.timing.ping_interval.saturating_add(engine.timing.ping_timeout);
        let absence = socket.recovery.map(|recovery| Absence::new(recovery, unnoticed));
        let namespaces = Registry::new(hooks.clone(), socket.max_rooms, clean_up, absence.clone(), adapter);
        let main = namespaces.of(&NamespacePath::root());
        let core = Core::new(engine, http_hooks, session_hooks);
        let io = Io(Arc::new(IoInner { core, config: socket, hooks, namespaces, main, absence }));
        io.clean_up_after_absence();
        io
    }
}
