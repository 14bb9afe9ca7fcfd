//! The options that every server has, whether Socket.IO or messages alone go over its sessions.
//!
//! In: what the program wants. Out: the configuration and the hooks of the engine. What is odd: the two kinds of server share
//! this one list; what only one of them has stands beside it, in `io/builder.rs` and in `engine.rs`.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use http::HeaderMap;
use proto::engine::{CloseReason, Frame, Message, Transport};

use crate::HandlerError;
use crate::config::EngineConfig;
use crate::engine::{Session, SessionHooks};
use crate::http::{
    ConnectionRefused, Cookie, Cors, Decision, HttpHooks, HttpRequest, HttpResponse, OriginPolicy,
};
use crate::limits::{Limits, TrustedProxies};
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
    pub(crate) session_hooks: SessionHooks,
    pub(crate) upper: U,
}

impl<U> ServerBuilder<U> {
    pub(crate) fn with(engine: EngineConfig, upper: U) -> Self {
        Self { engine, hooks: HttpHooks::default(), session_hooks: SessionHooks::default(), upper }
    }

    /// Where the server lives, default `/socket.io`, of an engine alone `/engine.io`. JS: `path`.
    pub fn path(mut self, path: &str) -> Self {
        self.engine.set_path(path, self.engine.trailing_slash);
        self
    }

    /// Whether a slash belongs to the end of the path, default `true`. What the path of a request begins with decides whether it is
    /// for this server: with the slash that is `/socket.io/` and all below it; without, `/socket.io` and also `/socket.iox`.
    /// JS: `addTrailingSlash`.
    pub fn add_trailing_slash(mut self, add: bool) -> Self {
        let path = std::mem::take(&mut self.engine.path);
        self.engine.set_path(&path, add);
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

    /// What clients may take in all, by address and by session, default [`Limits::new`]: nothing that a correct client could
    /// run into. For a server that strangers reach: [`Limits::internet`]. Roomcast's own.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.engine.limits = limits;
        self
    }

    /// The proxies in front of this server, whose `X-Forwarded-For` or `Forwarded` header says where a client is: for
    /// [`Handshake::client_address`](crate::Handshake::client_address) and for what [`Limits`] bounds by address. Default
    /// none: whoever connects is the client. Roomcast's own; what Express calls `trust proxy`.
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.engine.trusted_proxies = Some(proxies);
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

    /// Whether clients of Engine.IO 3, those of Socket.IO 2.x, may come in, default `false`. Each client is served in the
    /// revision that it speaks, and rooms may hold both.
    ///
    /// The old protocol makes the secret id of a session the public id of its socket: whoever is told a `socket.id()` of
    /// such a client and may poll can read and write in its name. Do not tell ids to other clients then. JS: `allowEIO3`.
    pub fn allow_eio3(mut self, allow: bool) -> Self {
        self.engine.allow_eio3 = allow;
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
    /// `compress(false)` alone are left as they are. JS: `httpCompression`, `httpCompression.threshold`.
    pub fn http_compression(mut self, threshold: Option<usize>) -> Self {
        self.engine.http_compression = threshold;
        self
    }

    /// How hard it is tried to make answers to polls short, from 1 to 9, default 6; beyond 9 counts as 9. 0 packs without
    /// compressing. JS: `httpCompression.level`.
    pub fn http_compression_level(mut self, level: u8) -> Self {
        self.engine.http_compression_level = level.min(9);
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

    /// The first message of every session, right behind the open packet, default none. JS: `initialPacket`.
    ///
    /// It is a message of the engine: below Socket.IO it has to be a packet of that.
    pub fn initial_packet(mut self, message: Message<'_>) -> Self {
        self.engine.initial_packet = Some(match message {
            Message::Text(text) => Frame::text(text),
            Message::Binary(bytes) => Frame::binary(bytes),
        });
        self
    }

    /// Whose pages may open and use sessions, default everybody's. Requests with another `Origin` are refused, with code 4, before
    /// there is a session, so that no page of another site can speak for its visitors (cross-site WebSocket hijacking). What passes
    /// beside the list: [`OriginPolicy`]. Roomcast's own; [`ServerBuilder::cors`] refuses nobody.
    pub fn allowed_origins(mut self, origins: impl Into<OriginPolicy>) -> Self {
        self.hooks.origins = Some(origins.into());
        self
    }

    /// Calls an async function for every request below the path, polls and upgrades too, before it is verified, in the order in
    /// which they were added. It can read the request, set headers of the answer, which the 101 of a WebSocket carries too, answer
    /// the request itself, or refuse it by an error: code 3, whose text only [`ServerBuilder::on_connection_error`] hears. Files of
    /// the client and preflights that CORS answers do not come here. JS: `io.engine.use(..)`.
    ///
    /// Tower layers around [`Io::service`](crate::Io::service) see the same requests and answers.
    ///
    /// ```
    /// use roomcast::{HttpRequest, HttpResponse, Io, StatusCode};
    ///
    /// let io = Io::builder()
    ///     .middleware(async |request: HttpRequest, response: HttpResponse| {
    ///         response.set_header("x-frame-options", "DENY")?;
    ///         if request.header("user-agent") == Some("bot") {
    ///             response.end(StatusCode::SERVICE_UNAVAILABLE, "");
    ///         }
    ///         Ok(())
    ///     })
    ///     .build();
    /// ```
    pub fn middleware<F, Fut>(mut self, middleware: F) -> Self
    where
        F: Fn(HttpRequest, HttpResponse) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        self.hooks
            .middlewares
            .push(Box::new(move |request, response| Box::pin(middleware(request, response))));
        self
    }

    /// Decides about every new session; an error refuses it with code 4, and its client is told the text, or `Forbidden` if it is
    /// empty. JS: `allowRequest`.
    pub fn allow_request(
        mut self,
        allow: impl Fn(&HttpRequest) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.hooks.allow = Some(Decision::AtOnce(Box::new(allow)));
        self
    }

    /// As [`ServerBuilder::allow_request`], by an async function; of the two the last set counts. JS: `allowRequest`.
    ///
    /// ```
    /// use roomcast::{HttpRequest, Io};
    ///
    /// # async fn is_known(token: &str) -> bool { !token.is_empty() }
    /// let io = Io::builder()
    ///     .allow_request_async(async |request: HttpRequest| {
    ///         match is_known(&request.query("token").unwrap_or_default()).await {
    ///             true => Ok(()),
    ///             false => Err("who are you?".to_owned()),
    ///         }
    ///     })
    ///     .build();
    /// ```
    pub fn allow_request_async<F, Fut>(mut self, allow: F) -> Self
    where
        F: Fn(HttpRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.hooks.allow = Some(Decision::Later(Box::new(move |request| Box::pin(allow(request)))));
        self
    }

    /// Makes the ids of sessions; default: random. An id is a secret: whoever knows it can speak for the client, so it has to be
    /// unpredictable. It has exactly 20 characters of `[A-Za-z0-9_-]`, by which load balancers and cluster nodes know one; anything
    /// else, an error, or the id of a living session refuses the request with code 3. JS: `engine.generateId`.
    pub fn generate_id(
        mut self,
        generate: impl Fn(&HttpRequest) -> Result<String, HandlerError> + Send + Sync + 'static,
    ) -> Self {
        self.hooks.generate_id = Some(Decision::AtOnce(Box::new(move |request| {
            generate(request).map_err(|error| error.to_string())
        })));
        self
    }

    /// As [`ServerBuilder::generate_id`], by an async function; of the two the last set counts. JS: `engine.generateId`.
    pub fn generate_id_async<F, Fut>(mut self, generate: F) -> Self
    where
        F: Fn(HttpRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, HandlerError>> + Send + 'static,
    {
        self.hooks.generate_id = Some(Decision::Later(Box::new(move |request| {
            let generated = generate(request);
            Box::pin(async { generated.await.map_err(|error| error.to_string()) })
        })));
        self
    }

    /// Calls a function with the headers of the answer that opens a session, before [`ServerBuilder::on_headers`]: that of the first
    /// poll, or the 101 of a session that begins on a WebSocket. What it changes is sent. JS: `io.engine.on("initial_headers", ..)`.
    pub fn on_initial_headers(
        mut self,
        hook: impl Fn(&mut HeaderMap, &HttpRequest) + Send + Sync + 'static,
    ) -> Self {
        self.hooks.initial_headers.push(Box::new(hook));
        self
    }

    /// Calls a function with the headers of every answer to a poll or POST, and of every 101, but not of refusals. What it changes
    /// is sent. JS: `io.engine.on("headers", ..)`.
    pub fn on_headers(mut self, hook: impl Fn(&mut HeaderMap, &HttpRequest) + Send + Sync + 'static) -> Self {
        self.hooks.headers.push(Box::new(hook));
        self
    }

    /// Calls a function for every request that is refused, and for every WebTransport session that is. JS:
    /// `io.engine.on("connection_error", ..)`.
    ///
    /// ```
    /// use roomcast::Io;
    ///
    /// let io = Io::builder()
    ///     .on_connection_error(|refused| println!("{refused}: {:?}", refused.context()))
    ///     .build();
    /// ```
    pub fn on_connection_error(mut self, hook: impl Fn(&ConnectionRefused) + Send + Sync + 'static) -> Self {
        self.hooks.refused.push(Box::new(hook));
        self
    }

    /// Calls a function for every session that opens, before anything of it is handled. JS: `io.engine.on("connection", ..)`.
    ///
    /// ```
    /// use roomcast::Io;
    ///
    /// let io = Io::builder()
    ///     .on_session_open(|session| println!("from {:?} by {}", session.handshake().address(), session.transport().name()))
    ///     .on_session_close(|_, reason, detail| println!("{reason}: {detail}"))
    ///     .build();
    /// ```
    pub fn on_session_open(mut self, hook: impl Fn(&Session) + Send + Sync + 'static) -> Self {
        self.session_hooks.open.push(Box::new(hook));
        self
    }

    /// Calls a function for every session that has moved from polling to another transport. JS: the `upgrade` event of the engine's
    /// socket.
    pub fn on_session_upgrade(mut self, hook: impl Fn(&Session) + Send + Sync + 'static) -> Self {
        self.session_hooks.upgrade.push(Box::new(hook));
        self
    }

    /// Calls a function for every session that has ended, with the reason and what happened in detail, before its sockets hear of
    /// it. JS: the `close` event of the engine's socket.
    pub fn on_session_close(
        mut self,
        hook: impl Fn(&Session, CloseReason, &str) + Send + Sync + 'static,
    ) -> Self {
        self.session_hooks.close.push(Box::new(hook));
        self
    }
}

impl<U> fmt::Debug for ServerBuilder<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder").field("engine", &self.engine).finish_non_exhaustive()
    }
}
