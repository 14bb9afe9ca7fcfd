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

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use proto::engine::Frame;
use tokio::net::{TcpListener, ToSocketAddrs};

pub use proto::engine::{CloseReason, Message};

use crate::config::{EngineConfig, ServeClient, with_trailing_slash};
use crate::core::Core;
use crate::http::{Acceptor, Plain, bind, listen};
use crate::outbox::Urgency;
use crate::session::{Application, Closing, Command, Mailbox};
use crate::{Cookie, Cors, Handshake, RoomcastService};

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
        EngineBuilder { config, on_open: None, on_close: None }
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

    /// Ends every session, takes no new one, returns when all is done. JS: `engine.close()`.
    pub async fn close(&self) {
        self.0.core.close().await;
    }
}

/// The options of an [`Engine`]; the defaults are those of [`IoBuilder`](crate::IoBuilder).
#[must_use = "the server is made by `build`"]
pub struct EngineBuilder {
    config: EngineConfig,
    on_open: Option<Box<OnOpen>>,
    on_close: Option<Box<OnClose>>,
}

impl EngineBuilder {
    /// Where the server lives, default `/engine.io`.
    pub fn path(mut self, path: &str) -> Self {
        self.config.path = with_trailing_slash(path);
        self
    }

    /// From one ping to the next, default 25 s.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.config.timing.ping_interval = interval;
        self
    }

    /// From a ping to the end, if no pong comes, default 20 s.
    pub fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.config.timing.ping_timeout = timeout;
        self
    }

    /// For how long a WebSocket may take to take over from polling, default 10 s.
    pub fn upgrade_timeout(mut self, timeout: Duration) -> Self {
        self.config.timing.upgrade_timeout = timeout;
        self
    }

    /// The most bytes of one message or polling body, default 1,000,000.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.config.max_payload = bytes;
        self
    }

    /// The most bytes that may wait for one client, default 16 MiB.
    pub fn max_outbox(mut self, bytes: usize) -> Self {
        self.config.outbox = self.config.outbox.bytes(bytes);
        self
    }

    /// Cross-origin headers, default none.
    pub fn cors(mut self, cors: Cors) -> Self {
        self.config.cors = Some(cors);
        self
    }

    /// Sets a cookie with the session's id when a session is opened by polling, default none.
    pub fn cookie(mut self, cookie: Cookie) -> Self {
        self.config.cookie = Some(cookie);
        self
    }

    /// From how many bytes on the answers to polls are compressed, default 1,024; `None`: never.
    pub fn http_compression(mut self, threshold: Option<usize>) -> Self {
        self.config.http_compression = threshold;
        self
    }

    /// Called for every session that opens. JS: the `connection` event.
    pub fn on_open(mut self, on_open: impl Fn(&Session) + Send + Sync + 'static) -> Self {
        self.on_open = Some(Box::new(on_open));
        self
    }

    /// Called for every session that has ended. JS: the `close` event.
    pub fn on_close(mut self, on_close: impl Fn(&Session, CloseReason) + Send + Sync + 'static) -> Self {
        self.on_close = Some(Box::new(on_close));
        self
    }

    /// The server; `on_message` is called for every message, in order. JS: the `message` event.
    #[must_use]
    pub fn build(self, on_message: impl Fn(&Session, Message<'_>) + Send + Sync + 'static) -> Engine {
        let Self { config, on_open, on_close } = self;
        Engine(Arc::new(Inner {
            core: Core::new(config),
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

    fn allow(&self, _: &Handshake) -> Result<(), String> {
        Ok(())
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
