//! The handlers and middlewares that a namespace is declared with, alone or as the child of a parent.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;

use super::Definition;
use crate::error::HandlerError;
use crate::handler::Handler;
use crate::server_event::ServerHandler;
use crate::socket::Incoming;

/// What is called for all sockets of a namespace. A [`Namespace`](crate::Namespace) and a
/// [`ParentNamespace`](crate::ParentNamespace) dereference to it, so that one function can declare either:
///
/// ```no_run
/// use roomcast::{Handlers, Io, Socket};
///
/// fn chat(channel: &Handlers) {
///     channel.on("message", async |socket: Socket, text: String| {
///         socket.broadcast().emit("message", text);
///     });
/// }
///
/// let io = Io::new();
/// chat(&io.of("/lobby"));
/// chat(&io.of_pattern("/team/{name}"));
/// ```
pub struct Handlers {
    /// Read for every event, changed hardly ever.
    definition: ArcSwap<Definition>,
    changes: Mutex<()>,
}

impl Handlers {
    pub(super) fn new(definition: Arc<Definition>) -> Self {
        Self { definition: ArcSwap::new(definition), changes: Mutex::new(()) }
    }

    /// Calls `handler` for every socket that has come in. JS: `namespace.on("connection", listener)`.
    ///
    /// What it registers before its first `.await` cannot miss an event. A parameter of a type of your own is what the
    /// client sent along, its `auth`.
    pub fn on_connect<P: 'static>(&self, handler: impl Handler<P>) -> &Self {
        self.define(|definition| definition.on_connect(handler))
    }

    /// Decides, before a socket comes in, whether it may: an error refuses it, and the client gets it as
    /// `connect_error`. They run in the order of their registration. JS: `namespace.use(fn)`.
    ///
    /// ```no_run
    /// use roomcast::{ConnectError, Io};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Login { token: String }
    ///
    /// let io = Io::new();
    /// io.of("/admin").middleware(async |login: Login| match login.token.as_str() {
    ///     "secret" => Ok(()),
    ///     _ => Err(ConnectError::new("wrong token")),
    /// });
    /// ```
    #[doc(alias = "use")]
    pub fn middleware<P: 'static>(&self, middleware: impl Handler<P>) -> &Self {
        self.define(|definition| definition.middleware(middleware))
    }

    /// Calls `handler` for the events of that name, of every socket: it costs nothing per socket. JS: `socket.on` inside
    /// of a `connection` listener.
    pub fn on<P: 'static>(&self, event: &str, handler: impl Handler<P>) -> &Self {
        self.define(|definition| definition.on(event, handler))
    }

    /// Calls `handler` for every event of every socket, before the handlers of its name; it does not answer.
    pub fn on_any<P: 'static>(&self, handler: impl Handler<P>) -> &Self {
        self.define(|definition| definition.on_any(handler))
    }

    /// Looks at every event of every socket before its handlers do. See [`Socket::middleware`](crate::Socket::middleware).
    pub fn packet_middleware(
        &self,
        middleware: impl Fn(&mut Incoming<'_>) -> Result<(), HandlerError> + Send + Sync + 'static,
    ) -> &Self {
        self.define(|definition| definition.packet_middleware(middleware))
    }

    /// Calls `handler` when a socket is leaving: its rooms are still there. JS: `socket.on("disconnecting", ..)`.
    pub fn on_disconnecting<P: 'static>(&self, handler: impl Handler<P>) -> &Self {
        self.define(|definition| definition.on_disconnecting(handler))
    }

    /// Calls `handler` when a socket has left. JS: `socket.on("disconnect", ..)`.
    pub fn on_disconnect<P: 'static>(&self, handler: impl Handler<P>) -> &Self {
        self.define(|definition| definition.on_disconnect(handler))
    }

    /// Calls `handler` for the events of that name that other nodes send to this namespace, by
    /// [`Namespace::server_side_emit`](crate::Namespace::server_side_emit). What it returns is this node's answer, if one
    /// was asked for; several listeners are all called, and the first value counts. JS: `io.on(event, listener)`.
    ///
    /// ```
    /// use roomcast::{Io, Namespace};
    ///
    /// let io = Io::new();
    /// io.on_server_event("how many", async |here: Namespace, room: String| here.room_len(&room));
    /// ```
    pub fn on_server_event<P: 'static>(&self, event: &str, handler: impl ServerHandler<P>) -> &Self {
        self.define(|definition| definition.on_server_event(event, handler))
    }

    /// Removes all listeners for that event of other nodes. JS: `io.off(event)`.
    pub fn off_server_event(&self, event: &str) -> &Self {
        self.define(|definition| definition.off_server_event(event))
    }

    fn define(&self, define: impl FnOnce(&mut Definition)) -> &Self {
        // Two changes at the same time shall not undo each other.
        let _changing = self.changes.lock();
        let mut definition = Definition::clone(&self.definition.load());
        define(&mut definition);
        self.definition.store(Arc::new(definition));
        self
    }

    pub(super) fn definition(&self) -> Guard<Arc<Definition>> {
        self.definition.load()
    }
}
