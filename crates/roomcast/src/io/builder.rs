//! The options of a server, each with its default.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proto::engine::Transport;
use proto::socket::NamespacePath;
use roomcast_adapter::AdapterFactory;

use super::{AllowRequest, Io, IoInner};
use crate::config::{EngineConfig, ServeClient, SocketConfig, with_trailing_slash};
use crate::core::Core;
use crate::hooks::Hooks;
use crate::http::Cookie;
use crate::namespace::Registry;
use crate::{Cors, Handshake, Overflow};

/// The options of a server; each has the reference's default, unless its text says otherwise.
#[must_use = "the server is made by `build`"]
pub struct IoBuilder {
    engine: EngineConfig,
    socket: SocketConfig,
    allow: Option<Box<AllowRequest>>,
    adapter: Option<Box<dyn AdapterFactory>>,
}

impl IoBuilder {
    pub(super) fn new() -> Self {
        let engine = EngineConfig::new("/socket.io", ServeClient::Embedded);
        Self { engine, socket: SocketConfig::default(), allow: None, adapter: None }
    }

    /// Where the server lives, default `/socket.io`. JS: `path`.
    pub fn path(mut self, path: &str) -> Self {
        self.engine.path = with_trailing_slash(path);
        self
    }

    /// From one ping to the next, default 25 s. JS: `pingInterval`.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.engine.timing.ping_interval = interval;
        self
    }

    /// From a ping to the end, if no pong comes, default 20 s. JS: `pingTimeout`.
    pub fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.engine.timing.ping_timeout = timeout;
        self
    }

    /// For how long a WebSocket may take to take over from polling, default 10 s. JS: `upgradeTimeout`.
    pub fn upgrade_timeout(mut self, timeout: Duration) -> Self {
        self.engine.timing.upgrade_timeout = timeout;
        self
    }

    /// For how long a connection may be in no namespace, default 45 s. JS: `connectTimeout`.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.socket.connect_timeout = timeout;
        self
    }

    /// The most bytes of one message or polling body that a client may send, default 1,000,000. JS:
    /// `maxHttpBufferSize`.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.engine.max_payload = bytes;
        self
    }

    /// The most bytes that may wait for one client, default 16 MiB. What happens when more would wait is said by
    /// [`IoBuilder::overflow`]. Roomcast's own: JavaScript buffers without bound.
    pub fn max_outbox(mut self, bytes: usize) -> Self {
        self.engine.outbox = self.engine.outbox.bytes(bytes);
        self
    }

    /// The most packets that may wait for one client, default 100,000. Roomcast's own.
    pub fn max_outbox_packets(mut self, packets: u32) -> Self {
        self.engine.outbox = self.engine.outbox.packets(packets);
        self
    }

    /// What happens when more would wait for a client than may, default [`Overflow::Close`]: it is closed with the reason
    /// `slow consumer`. One client's bounds and policy: [`Socket::set_outbox_limits`](crate::Socket::set_outbox_limits).
    /// Roomcast's own.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.engine.outbox = self.engine.outbox.overflow(overflow);
        self
    }

    /// The most attachments of one packet, default 10. JS: the parser's `maxAttachments`.
    pub fn max_attachments(mut self, count: usize) -> Self {
        self.socket.max_attachments = count;
        self
    }

    /// How deep the arrays and objects of a packet may be nested, default and at most 128. Roomcast's own.
    pub fn max_depth(mut self, depth: usize) -> Self {
        self.socket.max_depth = depth;
        self
    }

    /// The most namespaces of one connection, default 1,000. Roomcast's own.
    pub fn max_namespaces(mut self, count: usize) -> Self {
        self.socket.max_namespaces = count;
        self
    }

    /// The most rooms of one socket, default 10,000. Roomcast's own.
    pub fn max_rooms(mut self, count: usize) -> Self {
        self.socket.max_rooms = count;
        self
    }

    /// The most handler calls of one connection that may be suspended at the same time, default 1,024; more events are
    /// not read until one has ended. Roomcast's own.
    pub fn max_handlers(mut self, count: usize) -> Self {
        self.socket.max_handlers = count.max(1);
        self
    }

    /// The transports, default polling and WebSocket. JS: `transports`.
    pub fn transports(mut self, transports: &[Transport]) -> Self {
        self.engine.transports = transports.to_vec();
        self
    }

    /// Whether polling clients may move to WebSocket, default `true`. JS: `allowUpgrades`.
    pub fn allow_upgrades(mut self, allow: bool) -> Self {
        self.engine.allow_upgrades = allow;
        self
    }

    /// Cross-origin headers, default none. They never refuse a client; [`IoBuilder::allow_request`] does. JS: `cors`.
    pub fn cors(mut self, cors: Cors) -> Self {
        self.engine.cors = Some(cors);
        self
    }

    /// Sets a cookie with the session's id when a session is opened by polling, default none. For load balancers that
    /// keep a client at one node by a cookie; Roomcast itself does not read it. JS: `cookie`.
    pub fn cookie(mut self, cookie: Cookie) -> Self {
        self.engine.cookie = Some(cookie);
        self
    }

    /// From how many bytes on the answers to polls are compressed, by gzip or deflate as the client likes; `None`: never.
    /// Default 1,024. Each worker thread that compresses keeps about 300 KiB per encoding. Messages emitted with
    /// `compress(false)` alone are left as they are. JS: `httpCompression`.
    pub fn http_compression(mut self, threshold: Option<usize>) -> Self {
        self.engine.http_compression = threshold;
        self
    }

    /// Whether namespaces made on demand are freed when their last socket has left, default `true`. (The reference's is
    /// `false`; as clients choose the paths, that would be memory without bound.) JS: `cleanupEmptyChildNamespaces`.
    pub fn cleanup_empty_child_namespaces(mut self, clean_up: bool) -> Self {
        self.socket.cleanup_empty_child_namespaces = clean_up;
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

    /// Whether a session keeps the headers of the request that opened it, default `true`; without them it is some
    /// hundred bytes smaller.
    pub fn keep_headers(mut self, keep: bool) -> Self {
        self.engine.keep_headers = keep;
        self
    }

    /// Decides about every new session; an error refuses it, and a polling client is told its text. JS: `allowRequest`.
    pub fn allow_request(
        mut self,
        allow: impl Fn(&Handshake) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.allow = Some(Box::new(allow));
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
        self.adapter = Some(Box::new(factory));
        self
    }

    /// The server.
    #[must_use]
    pub fn build(self) -> Io {
        let hooks = Arc::new(Hooks::default());
        let clean_up = self.socket.cleanup_empty_child_namespaces;
        let namespaces = Registry::new(hooks.clone(), self.socket.max_rooms, clean_up, self.adapter);
        let main = namespaces.of(&NamespacePath::root());
        let core = Core::new(self.engine);
        Io(Arc::new(IoInner { core, config: self.socket, hooks, namespaces, main, allow: self.allow }))
    }
}
