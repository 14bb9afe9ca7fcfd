//! Engine.IO sessions without Socket.IO: text and binary messages over polling and WebSocket.
//!
//! For protocols of your own that want the transports, the upgrade and the heartbeat, but neither namespaces nor events.
//!
//! ```no_run
//! use roomcast::engine::{Engine, Message};
//!
//! # async fn run() -> std::io::Result<()> {
//! let engine = Engine::builder().build(|session, message| match message {
//!     Message::Text(text) => session.send(text),
//!     Message::Binary(bytes) => session.send_binary(bytes),
//! });
//! engine.listen("127.0.0.1:3000").await
//! # }
//! ```

// A session as the program holds it, and what becomes of its messages.
mod sent;
mod session;

// What the program hears of sessions.
mod hooks;
mod raw;

use std::io;
use std::sync::Arc;

use tokio::net::{TcpListener, ToSocketAddrs};

pub use proto::engine::{CloseReason, Message};

pub use sent::{NotSent, Sent};
pub use session::Session;

pub(crate) use hooks::SessionHooks;

use crate::builder::ServerBuilder;
use crate::config::{EngineConfig, ServeClient};
use crate::core::Core;
use crate::http::{Acceptor, Plain, bind, listen};
use crate::session::Mailbox;
use crate::{Handshake, Refusals, RoomcastService};
use raw::Raw;

type OnMessage = dyn Fn(&Session, Message<'_>) + Send + Sync;

/// A server of Engine.IO sessions. JS: `engine.io`'s `Server`.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    core: Arc<Core>,
    on_message: Box<OnMessage>,
}

impl Engine {
    /// A server with options. Its path is `/engine.io` unless set.
    pub fn builder() -> EngineBuilder {
        let config = EngineConfig::new("/engine.io", ServeClient::No);
        EngineBuilder::with(config, MessageOptions)
    }

    /// Listens and serves until [`Engine::close`].
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn listen(&self, address: impl ToSocketAddrs) -> io::Result<()> {
        self.serve(bind(address).await?).await;
        Ok(())
    }

    /// Serves on a listener until [`Engine::close`].
    pub async fn serve(&self, listener: TcpListener) {
        listen(self.clone(), listener, Plain).await;
    }

    /// The server as a tower service.
    #[must_use]
    pub fn service(&self) -> RoomcastService {
        RoomcastService::new(self.clone())
    }

    /// How many sessions there are now. JS: `clientsCount`.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.0.core.sessions.len()
    }

    /// What has been refused because of its [`Limits`](crate::Limits).
    #[must_use]
    pub fn refusals(&self) -> Refusals {
        self.0.core.gate.refusals()
    }

    /// Ends every session, takes no new one, returns when all is done. JS: `engine.close()`.
    pub async fn close(&self) {
        self.0.core.close().await;
    }
}

/// The options of an [`Engine`]; the defaults are those of [`IoBuilder`](crate::IoBuilder), except the path.
pub type EngineBuilder = ServerBuilder<MessageOptions>;

/// What an engine has instead of Socket.IO: nothing but the function that [`EngineBuilder::build`] takes.
#[derive(Debug)]
#[non_exhaustive]
pub struct MessageOptions;

impl EngineBuilder {
    /// The server; `on_message` is called for every message, in order. JS: the `message` event.
    #[must_use]
    pub fn build(self, on_message: impl Fn(&Session, Message<'_>) + Send + Sync + 'static) -> Engine {
        let core = Core::new(self.engine, self.hooks, self.session_hooks);
        Engine(Arc::new(Inner { core, on_message: Box::new(on_message) }))
    }
}

impl Acceptor for Engine {
    type App = Raw;

    fn core(&self) -> &Arc<Core> {
        &self.0.core
    }

    fn accept(&self, mailbox: &Arc<Mailbox>, handshake: Handshake) -> Raw {
        Raw::new(self.clone(), Session::new(mailbox.clone(), Arc::new(handshake)))
    }
}
