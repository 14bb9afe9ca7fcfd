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

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use proto::engine::Frame;
use tokio::net::{TcpListener, ToSocketAddrs};

pub use proto::engine::{CloseReason, Message};

use crate::builder::ServerBuilder;
use crate::config::{EngineConfig, ServeClient};
use crate::core::Core;
use crate::http::{Acceptor, Plain, bind, listen};
use crate::outbox::Urgency;
use crate::session::{Application, Closing, Command, Mailbox};
use crate::{Handshake, Refusals, RoomcastService};

type OnMessage = dyn Fn(&Session, Message<'_>) + Send + Sync;
type OnOpen = dyn Fn(&Session) + Send + Sync;
type OnClose = dyn Fn(&Session, CloseReason) + Send + Sync;

/// A server of Engine.IO sessions. JS: `engine.io`'s `Server`.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    core: Arc<Core>,
    on_message: Box<OnMessage>,
    on_open: Option<Box<OnOpen>>,
    on_close: Option<Box<OnClose>>,
}

impl Engine {
    /// A server with options. Its path is `/engine.io` unless set.
    pub fn builder() -> EngineBuilder {
        let config = EngineConfig::new("/engine.io", ServeClient::No);
        EngineBuilder::with(config, SessionOptions::default())
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

    /// What has been refused because of its [`Limits`].
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
pub type EngineBuilder = ServerBuilder<SessionOptions>;

/// What an engine has instead of Socket.IO.
#[derive(Default)]
pub struct SessionOptions {
    on_open: Option<Box<OnOpen>>,
    on_close: Option<Box<OnClose>>,
}

impl fmt::Debug for SessionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionOptions").finish_non_exhaustive()
    }
}

impl EngineBuilder {
    /// Called for every session that opens. JS: the `connection` event.
    pub fn on_open(mut self, on_open: impl Fn(&Session) + Send + Sync + 'static) -> Self {
        self.upper.on_open = Some(Box::new(on_open));
        self
    }

    /// Called for every session that has ended. JS: the `close` event.
    pub fn on_close(mut self, on_close: impl Fn(&Session, CloseReason) + Send + Sync + 'static) -> Self {
        self.upper.on_close = Some(Box::new(on_close));
        self
    }

    /// The server; `on_message` is called for every message, in order. JS: the `message` event.
    #[must_use]
    pub fn build(self, on_message: impl Fn(&Session, Message<'_>) + Send + Sync + 'static) -> Engine {
        let Self { engine, hooks, upper: SessionOptions { on_open, on_close } } = self;
        Engine(Arc::new(Inner {
            core: Core::new(engine, hooks),
            on_message: Box::new(on_message),
            on_open,
            on_close,
        }))
    }
}

/// One session. A handle is cheap to clone and keeps nothing open.
#[derive(Clone, Debug)]
pub struct Session {
    mailbox: Arc<Mailbox>,
    handshake: Arc<Handshake>,
}

impl Session {
    /// Sends a text message. JS: `socket.send(text)`.
    pub fn send(&self, text: &str) {
        // A session that has ended hears nothing; one that is full is closed for it, with its reason.
        let _ = self.mailbox.push(Frame::text(text), &Urgency::Reliable);
    }

    /// Sends a binary message.
    pub fn send_binary(&self, bytes: impl Into<Bytes>) {
        let _ = self.mailbox.push(Frame::binary(bytes.into()), &Urgency::Reliable);
    }

    /// Closes the session; what waits is sent first. JS: `socket.close()`.
    pub fn close(&self) {
        let _ = self.mailbox.command(Command::Close);
    }

    /// The request that opened it.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }
}

impl Acceptor for Engine {
    type App = Raw;

    fn core(&self) -> &Arc<Core> {
        &self.0.core
    }

    fn accept(&self, mailbox: &Arc<Mailbox>, handshake: Handshake) -> Raw {
        let session = Session { mailbox: mailbox.clone(), handshake: Arc::new(handshake) };
        let raw = Raw { engine: self.clone(), session, closing: Closing::No };
        raw.guard(|engine, session| engine.on_open.as_ref().map_or((), |on_open| on_open(session)));
        raw
    }
}

/// Hands messages to the user's functions.
pub(crate) struct Raw {
    engine: Engine,
    session: Session,
    closing: Closing,
}

impl Raw {
    /// A function that panics ends its session, no other; `false` if it did.
    fn guard(&self, call: impl FnOnce(&Inner, &Session)) -> bool {
        let called = catch_unwind(AssertUnwindSafe(|| call(&self.engine.0, &self.session)));
        if called.is_err() {
            tracing::error!("a function of an engine panicked");
        }
        called.is_ok()
    }
}

impl Application for Raw {
    fn on_message(&mut self, message: Message<'_>) -> Closing {
        if !self.guard(|engine, session| (engine.on_message)(session, message)) {
            self.closing = Closing::Yes;
        }
        self.closing
    }

    fn on_batch_end(&mut self) -> Closing {
        self.closing
    }

    fn on_command(&mut self, _: u64) -> Closing {
        self.closing
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn wants_close(&self) -> Closing {
        self.closing
    }

    fn has_room(&self) -> bool {
        true
    }

    fn is_busy(&self) -> bool {
        false
    }

    fn can_go_on(&self) -> bool {
        false
    }

    fn timeout(&self) -> Option<Instant> {
        None
    }

    fn on_timeout(&mut self, _: Instant) -> Closing {
        self.closing
    }

    fn on_close(&mut self, reason: CloseReason, _: &'static str, _: bool) {
        self.guard(|engine, session| {
            engine.on_close.as_ref().map_or((), |on_close| on_close(session, reason))
        });
    }
}
