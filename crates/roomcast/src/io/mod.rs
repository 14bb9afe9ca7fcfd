//! The server: the handle that user code begins with.

mod builder;
mod doors;

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use proto::socket::{NamespacePath, Value};
use roomcast_adapter::RequestError;

use crate::config::{ServeClient, SocketConfig};
use crate::connection::Connection;
use crate::core::{Core, GRACE};
use crate::error::Failure;
use crate::hooks::Hooks;
use crate::http::Acceptor;
use crate::namespace::{Joining, Registry};
use crate::recovery::Absence;
use crate::session::Mailbox;
use crate::{Counters, Handshake, Namespace, ParentNamespace, Refusals};

pub use builder::{IoBuilder, SocketOptions};

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
    /// With recovery on.
    absence: Option<Arc<Absence>>,
}

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

    /// Namespaces made on demand, for every path of which `matches` says so. It is asked for each path that is new, by
    /// clients as well, so it should be fast. JS: `io.of(regex)`.
    ///
    /// ```no_run
    /// use roomcast::Io;
    ///
    /// let io = Io::new();
    /// // JS: io.of(/^\/dynamic-\d+$/)
    /// io.of_matching(|path| {
    ///     path.strip_prefix("/dynamic-").is_some_and(|number| number.parse::<u32>().is_ok())
    /// });
    /// ```
    pub fn of_matching(&self, matches: impl Fn(&str) -> bool + Send + Sync + 'static) -> ParentNamespace {
        self.0.namespaces.of_matching(matches)
    }

    /// Calls `hook` for each namespace that is made from now on, by hand or on demand, except `/`. It is called in place,
    /// before a client comes in, so that it can declare things; of two that make the same namespace at once only one is
    /// told. JS: `io.on("new_namespace", listener)`.
    ///
    /// ```
    /// use roomcast::{Io, Namespace, Socket};
    ///
    /// let io = Io::new();
    /// io.on_new_namespace(|namespace: &Namespace| {
    ///     namespace.on("ping", async |here: Namespace| here.name().to_owned());
    /// });
    /// ```
    pub fn on_new_namespace(&self, hook: impl Fn(&Namespace) + Send + Sync + 'static) -> &Self {
        self.0.namespaces.on_new_namespace(Arc::new(hook));
        self
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

    /// The path that the server serves below, as it was given, without a trailing slash. JS: `io.path()`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.core.config.path.trim_end_matches('/')
    }

    /// Whether a client is served below the path. JS: `io.serveClient()`.
    #[must_use]
    pub fn serves_client(&self) -> bool {
        self.0.core.config.serve_client != ServeClient::No
    }

    /// For how long a connection may be in no namespace. JS: `io.connectTimeout()`.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        self.0.config.connect_timeout
    }

    /// How many sessions there are now. JS: `io.engine.clientsCount`.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.0.core.sessions.len()
    }

    /// What backpressure has done on this node: events dropped and replaced, clients closed. Of one namespace, the main one
    /// too: `io.of("/").counters()`. Roomcast's own.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.0.hooks.counting.snapshot()
    }

    /// What this server has refused because of its [`Limits`](crate::Limits). Roomcast's own.
    #[must_use]
    pub fn refusals(&self) -> Refusals {
        self.0.core.gate.refusals()
    }

    /// The paths of all namespaces that exist now.
    #[must_use]
    pub fn namespaces(&self) -> Vec<String> {
        self.0.namespaces.paths()
    }

    /// Ends every session with `server shutting down`, takes no new one, and returns when all handlers have ended, or ten
    /// seconds later. What
    /// waits in outboxes is dropped, and no DISCONNECT is sent, so that clients reconnect by themselves. JS: `io.close()`.
    ///
    /// Then the adapters of all namespaces are closed, for which there are ten seconds as well. One that is not even ready by
    /// then is closed as soon as it is; that of a namespace which is made later does not begin.
    ///
    /// A handler that awaits this would wait for its own end: call it from another task.
    ///
    /// # Cancel safety
    /// The sessions end even if this is no longer polled; the adapters are then perhaps not closed.
    pub async fn close(&self) {
        self.0.core.close().await;
        if let Some(absence) = &self.0.absence {
            absence.clear();
        }
        let namespaces = self.0.namespaces.close();
        let closing = namespaces.iter().map(Namespace::close_adapter);
        let _ = tokio::time::timeout(GRACE, futures_util::future::join_all(closing)).await;
    }

    /// Waits until the adapters of all namespaces that exist now can be used: until this node is one of its cluster.
    /// Without an adapter there is nothing to wait for.
    ///
    /// # Errors
    /// What one of them failed with; the namespace then serves this node alone.
    ///
    /// # Cancel safety
    /// Dropping it changes nothing: the adapters get ready all the same.
    pub async fn adapters_ready(&self) -> Result<(), RequestError> {
        for namespace in self.0.namespaces.all() {
            namespace.adapter_ready().await?;
        }
        Ok(())
    }

    /// For the namespaces that were made before there was a runtime.
    fn start_adapters(&self) {
        self.0.namespaces.all().iter().for_each(Namespace::start_adapter);
    }

    pub(crate) fn config(&self) -> &SocketConfig {
        &self.0.config
    }

    pub(crate) fn hooks(&self) -> &Hooks {
        &self.0.hooks
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.0.core
    }

    pub(crate) async fn find_namespace(&self, path: &NamespacePath, auth: Option<&str>) -> Option<Joining> {
        self.0.namespaces.find(path, auth).await
    }

    /// A namespace that was kept for clients that were away is freed when the last of them is given up.
    fn clean_up_after_absence(&self) {
        if let Some(absence) = &self.0.absence {
            let io = Arc::downgrade(&self.0);
            absence.set_clean_up(move |namespace| {
                if let Some(io) = io.upgrade() {
                    Io(io).clean_up(namespace);
                }
            });
        }
    }

    pub(crate) fn clean_up(&self, namespace: &Namespace) {
        if !self.0.namespaces.clean_up(namespace) || namespace.backend().is_none() {
            return;
        }
        // `close` waits for it. Outside of a runtime, where the last session ends with it, nobody can await its end.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (namespace, running) = (namespace.clone(), self.0.core.running());
            runtime.spawn(async move {
                namespace.close_adapter().await;
                drop(running);
            });
        }
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

    fn accept(&self, mailbox: &Arc<Mailbox>, handshake: Handshake) -> Connection {
        Connection::new(self.clone(), mailbox.clone(), handshake)
    }
}
