//! The options that every server has, whether Socket.IO or messages alone go over its sessions.
//!
//! In: what the program wants. Out: the configuration and the hooks of the engine. What is odd: the two kinds of server share
//! this one list; what only one of them has stands beside it, in `io/builder.rs` and in `engine.rs`.

use std::fmt;
use std::time::Duration;

use proto::engine::Transport;

use crate::config::{EngineConfig, with_trailing_slash};
use crate::http::{Cookie, Cors, Handshake, HttpHooks};
use crate::outbox::Overflow;
use crate::session::PerMessageDeflate;

/// The options of a server; each has the reference's default, unless its text says otherwise.
///
/// It is met as [`IoBuilder`](crate::IoBuilder) and as [`EngineBuilder`](crate::engine::EngineBuilder); `U` is what only one of
/// them has.
#[must_use = "the server is made by `build`"]
pub struct ServerBuilder<U> {
    pub(crate) engine: EngineConfig,
    pub(crate) hooks: HttpHooks,
    pub(crate) upper: U,
}

impl<U> ServerBuilder<U> {
    pub(crate) fn with(engine: EngineConfig, upper: U) -> Self {
        Self { engine, hooks: HttpHooks::default(), upper }
    }

    /// Where the server lives, default `/socket.io`, of an engine alone `/engine.io`. JS: `path`.
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

    /// The most bytes of one message or polling body that a client may send, default 1,000,000. JS:
    /// `maxHttpBufferSize`.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.engine.max_payload = bytes;
        self
    }

    /// The most bytes that may wait for one client, default 16 MiB. What happens when more would wait is said by
    /// [`ServerBuilder::overflow`]. Roomcast's own: JavaScript buffers without bound.
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

    /// Cross-origin headers, default none. They never refuse a client; [`ServerBuilder::allow_request`] does. JS: `cors`.
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

    /// Compresses messages on WebSockets, for clients that can do the same, default off. JS: `perMessageDeflate`.
    pub fn per_message_deflate(mut self, options: PerMessageDeflate) -> Self {
        self.engine.per_message_deflate = Some(options);
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
        self.hooks.allow = Some(Box::new(allow));
        self
    }
}

impl<U> fmt::Debug for ServerBuilder<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder").field("engine", &self.engine).finish_non_exhaustive()
    }
}
