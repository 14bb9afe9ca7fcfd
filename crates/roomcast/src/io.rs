//! The server: the handle that user code begins with, and its options.

use std::fmt;
use std::future::Future;
use std::io;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proto::engine::Transport;
use proto::socket::{NamespacePath, Value};
use tokio::net::{TcpListener, ToSocketAddrs};

use crate::config::{EngineConfig, ServeClient, SocketConfig, with_trailing_slash};
use crate::connection::Connection;
use crate::core::Core;
use crate::error::Failure;
use crate::hooks::Hooks;
use crate::http::{Acceptor, Plain, listen};
use crate::namespace::{Joining, Registry};
use crate::session::Mailbox;
use crate::{Cors, Handshake, Namespace, ParentNamespace, RoomcastLayer, RoomcastService};

/// A Socket.IO server. JS: `Server`.
///
/// It is a handle, cheap to clone, and stands for its main namespace, `/`: `io.emit(..)` is `io.of("/").emit(..)`.
#[derive(Clone)]
pub struct Io(Arc<IoInner>);

struct IoInner {
    core: Arc<Core>,
    config: SocketConfig,
    hooks: Arc<Hooks>,
    namespaces: Registry,
    main: Namespace,
    allow: Option<Box<AllowRequest>>,
}

type AllowRequest = dyn Fn(&Handshake) -> Result<(), String> + Send + Sync;

impl Io {
    /// A server with the reference's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A server with options.
    pub fn builder() -> IoBuilder {
        IoBuilder::new()
    }

    /// The namespace of that path, made if it is not there. A missing leading slash is added. JS: `io.of(path)`.
    ///
    /// # Panics
    /// If the path cannot be on the wire: if it holds a comma.
    #[must_use]
    pub fn of(&self, path: &str) -> Namespace {
        let path = NamespacePath::new(path).expect("the path of a namespace holds no comma");
        self.0.namespaces.of(&path)
    }

    /// Namespaces made on demand, for every path that matches: `{name}` stands for one segment, a last `*` for the rest.
    /// JS: `io.of(regex)`.
    ///
    /// ```no_run
    /// use roomcast::{Io, Namespace, Socket};
    ///
    /// let io = Io::new();
    /// io.of_pattern("/team/{name}").on("message", async |socket: Socket, team: Namespace, text: String| {
    ///     println!("{}: {text}", team.name());
    ///     socket.broadcast().emit("message", text);
    /// });
    /// ```
    pub fn of_pattern(&self, pattern: &str) -> ParentNamespace {
        self.0.namespaces.of_pattern(pattern)
    }

    /// Namespaces made on demand, where an async function of path and auth says so. JS: `io.of((name, auth, next) => ..)`.
    ///
    /// ```no_run
    /// use roomcast::{Io, Value};
    ///
    /// let io = Io::new();
    /// io.of_fn(async |path: String, auth: Value| {
    ///     path.starts_with("/tenant/") && auth.get("token").is_some()
    /// });
    /// ```
    pub fn of_fn<F, Fut>(&self, decide: F) -> ParentNamespace
    where
        F: Fn(String, Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        self.0.namespaces.of_fn(decide)
    }

    /// Gives all handlers a value, one of each type; they take it as [`State`](crate::State).
    pub fn manage<T: Send + Sync + 'static>(&self, state: T) -> &Self {
        self.0.hooks.insert(state);
        self
    }

    /// Calls `hook` for every call that fails: bad arguments, an error that a handler returns, a panic, a protocol error.
    /// Without a hook they are logged as warnings. JS: the sockets' `error` event.
    pub fn on_error(&self, hook: impl Fn(&Failure) + Send + Sync + 'static) -> &Self {
        self.0.hooks.set_error(Arc::new(hook));
        self
    }

    /// How many sessions there are now. JS: `io.engine.clientsCount`.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.0.core.sessions.len()
    }

    /// The paths of all namespaces that exist now.
    #[must_use]
    pub fn namespaces(&self) -> Vec<String> {
        self.0.namespaces.paths()
    }

    /// Listens and serves until [`Io::close`]. JS: `io.listen(port)`.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn listen(&self, address: impl ToSocketAddrs) -> io::Result<()> {
        self.serve(TcpListener::bind(address).await?).await;
        Ok(())
    }

    /// Serves on a listener until [`Io::close`].
    ///
    /// # Cancel safety
    /// Dropping it stops listening; the sessions go on.
    pub async fn serve(&self, listener: TcpListener) {
        listen(self.clone(), listener, Plain).await;
    }

    /// Listens and serves with TLS until [`Io::close`].
    ///
    /// # Errors
    /// If the address cannot be bound.
    #[cfg(feature = "tls")]
    pub async fn listen_tls(
        &self,
        address: impl ToSocketAddrs,
        config: Arc<tokio_rustls::rustls::ServerConfig>,
    ) -> io::Result<()> {
        self.serve_tls(TcpListener::bind(address).await?, config).await;
        Ok(())
    }

    /// Serves on a listener with TLS until [`Io::close`].
    #[cfg(feature = "tls")]
    pub async fn serve_tls(&self, listener: TcpListener, config: Arc<tokio_rustls::rustls::ServerConfig>) {
        listen(self.clone(), listener, tokio_rustls::TlsAcceptor::from(config)).await;
    }

    /// The server as a tower service; what is not below its path is answered 404.
    #[must_use]
    pub fn service(&self) -> RoomcastService {
        RoomcastService::new(self.clone())
    }

    /// The server as a tower layer; what is not below its path goes to the inner service.
    #[must_use]
    pub fn layer(&self) -> RoomcastLayer {
        RoomcastLayer::new(self.service())
    }

    /// The server as an axum router, to be merged into an application.
    ///
    /// ```no_run
    /// # async fn run() -> std::io::Result<()> {
    /// use roomcast::Io;
    ///
    /// let io = Io::new();
    /// let app = axum::Router::new().route("/", axum::routing::get(|| async { "hello" })).merge(io.router());
    /// axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await
    /// # }
    /// ```
    #[cfg(feature = "axum")]
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> axum::Router<S> {
        let path = &self.0.core.config.path;
        let service = self.service();
        axum::Router::new()
            .route_service(path, service.clone())
            .route_service(&format!("{path}{{*rest}}"), service)
    }

    /// Ends every session with `server shutting down`, takes no new one, and returns when all handlers have ended, or ten
    /// seconds later. What
    /// waits in outboxes is dropped, and no DISCONNECT is sent, so that clients reconnect by themselves. JS: `io.close()`.
    ///
    /// A handler that awaits this would wait for its own end: call it from another task.
    ///
    /// # Cancel safety
    /// The sessions end even if this is no longer polled.
    pub async fn close(&self) {
        self.0.core.close().await;
    }

    pub(crate) fn config(&self) -> &SocketConfig {
        &self.0.config
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.0.core
    }

    pub(crate) async fn find_namespace(&self, path: &NamespacePath, auth: Option<&str>) -> Option<Joining> {
        self.0.namespaces.find(path, auth).await
    }

    pub(crate) fn clean_up(&self, namespace: &Namespace) {
        self.0.namespaces.clean_up(namespace);
    }
}

impl Default for Io {
    fn default() -> Self {
        Self::new()
    }
}

/// The main namespace.
impl Deref for Io {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.0.main
    }
}

impl fmt::Debug for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io").field("sessions", &self.sessions()).finish_non_exhaustive()
    }
}

impl Acceptor for Io {
    type App = Connection;

    fn core(&self) -> &Arc<Core> {
        &self.0.core
    }

    fn allow(&self, handshake: &Handshake) -> Result<(), String> {
        self.0.allow.as_ref().map_or(Ok(()), |allow| allow(handshake))
    }

    fn accept(&self, mailbox: &Arc<Mailbox>, handshake: Handshake) -> Connection {
        Connection::new(self.clone(), mailbox.clone(), handshake)
    }
}

/// The options of a server; each has the reference's default, unless its text says otherwise.
#[must_use = "the server is made by `build`"]
pub struct IoBuilder {
    engine: EngineConfig,
    socket: SocketConfig,
    allow: Option<Box<AllowRequest>>,
}

impl IoBuilder {
    fn new() -> Self {
        let engine = EngineConfig::new("/socket.io", ServeClient::Embedded);
        Self { engine, socket: SocketConfig::default(), allow: None }
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

    /// The most bytes that may wait for one client, default 16 MiB. A client that reads so slowly that more would wait
    /// is closed with the reason `slow consumer`. Roomcast's own: JavaScript buffers without bound.
    pub fn max_outbox(mut self, bytes: usize) -> Self {
        self.engine.max_outbox = bytes;
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

    /// The server.
    #[must_use]
    pub fn build(self) -> Io {
        let hooks = Arc::new(Hooks::default());
        let clean_up = self.socket.cleanup_empty_child_namespaces;
        let namespaces = Registry::new(hooks.clone(), self.socket.max_rooms, clean_up);
        let main = namespaces.of(&NamespacePath::root());
        let core = Core::new(self.engine);
        Io(Arc::new(IoInner { core, config: self.socket, hooks, namespaces, main, allow: self.allow }))
    }
}
