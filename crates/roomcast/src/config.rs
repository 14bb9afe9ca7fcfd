//! Options and bounds. Every default that the JavaScript server has is the same here, unless its text says why not.

use std::path::PathBuf;
use std::time::Duration;

use proto::engine::{Frame, Timing, Transport};

use crate::http::{Cookie, Cors};
use crate::limits::{Limits, TrustedProxies};
use crate::outbox::OutboxLimits;
use crate::recovery::ConnectionStateRecovery;
use crate::session::PerMessageDeflate;

/// What the engine layer needs to know.
#[derive(Clone, Debug)]
pub(crate) struct EngineConfig {
    /// What the path of a request begins with: with the trailing slash, if one is wanted.
    pub(crate) path: String,
    pub(crate) trailing_slash: bool,
    pub(crate) transports: Vec<Transport>,
    pub(crate) allow_upgrades: bool,
    /// Clients of revision 3 may come in.
    pub(crate) allow_eio3: bool,
    pub(crate) timing: Timing,
    pub(crate) max_payload: usize,
    pub(crate) outbox: OutboxLimits,
    pub(crate) cors: Option<Cors>,
    pub(crate) cookie: Option<Cookie>,
    /// Answers to polls of at least so many bytes are compressed.
    pub(crate) http_compression: Option<usize>,
    pub(crate) http_compression_level: u8,
    /// Messages on WebSockets are compressed, where the client does the same.
    pub(crate) per_message_deflate: Option<PerMessageDeflate>,
    pub(crate) serve_client: ServeClient,
    pub(crate) keep_headers: bool,
    pub(crate) limits: Limits,
    pub(crate) trusted_proxies: Option<TrustedProxies>,
    /// The first message of every session.
    pub(crate) initial_packet: Option<Frame>,
}

/// What `/socket.io/socket.io.js` and its siblings answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServeClient {
    /// Not served.
    No,
    /// Roomcast's own small client.
    Embedded,
    /// The official bundles in a folder.
    Folder(PathBuf),
}

impl EngineConfig {
    pub(crate) fn new(path: &str, serve_client: ServeClient) -> Self {
        Self {
            path: format!("{path}/"),
            trailing_slash: true,
            transports: vec![Transport::Polling, Transport::WebSocket],
            allow_upgrades: true,
            allow_eio3: false,
            timing: Timing::default(),
            max_payload: 1_000_000,
            outbox: OutboxLimits::default(),
            cors: None,
            cookie: None,
            http_compression: Some(1024),
            http_compression_level: 6,
            per_message_deflate: None,
            serve_client,
            keep_headers: true,
            limits: Limits::default(),
            trusted_proxies: None,
            initial_packet: None,
        }
    }

    /// Sets the path, which begins with a slash even if that was left out. JS: engine.io/lib/server.ts `_computePath`.
    pub(crate) fn set_path(&mut self, path: &str, trailing_slash: bool) {
        let path = path.strip_suffix('/').unwrap_or(path);
        let before = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
        self.path = format!("{before}{path}{}", if trailing_slash { "/" } else { "" });
        self.trailing_slash = trailing_slash;
    }

    pub(crate) fn upgrades(&self, transport: Transport) -> &'static [&'static str] {
        if transport != Transport::Polling || !self.allow_upgrades {
            return &[];
        }
        let offers = |transport| self.transports.contains(&transport);
        match (offers(Transport::WebSocket), offers(Transport::WebTransport)) {
            (true, true) => &["websocket", "webtransport"],
            (true, false) => &["websocket"],
            (false, true) => &["webtransport"],
            (false, false) => &[],
        }
    }
}

/// The bounds and times of the Socket.IO layer.
#[derive(Clone, Debug)]
pub(crate) struct SocketConfig {
    pub(crate) connect_timeout: Duration,
    pub(crate) max_attachments: usize,
    pub(crate) max_depth: usize,
    pub(crate) max_namespaces: usize,
    pub(crate) max_handlers: usize,
    pub(crate) max_rooms: usize,
    pub(crate) cleanup_empty_child_namespaces: bool,
    pub(crate) recovery: Option<ConnectionStateRecovery>,
}

impl SocketConfig {
    /// What the packets of one client may take, as far as the engine does not bound it.
    pub(crate) fn packet_limits(&self, engine: &EngineConfig) -> proto::socket::Limits {
        let all_attachments = || engine.max_payload.saturating_mul(self.max_attachments);
        let mut limits = proto::socket::Limits::default();
        limits.max_attachments = self.max_attachments;
        limits.max_depth = self.max_depth;
        limits.max_attachment_bytes = engine.limits.attachment_bytes.unwrap_or_else(all_attachments);
        limits
    }
}

impl Default for SocketConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_millis(45_000),
            max_attachments: 10,
            max_depth: 128,
            max_namespaces: 1000,
            max_handlers: 1024,
            max_rooms: 10_000,
            cleanup_empty_child_namespaces: true,
            recovery: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `conformance/differences.md` and `SECURITY.md` name them.
    #[test]
    fn bounds_that_the_reference_has_not_are_by_default_what_the_documents_say() {
        let engine = EngineConfig::new("/socket.io", ServeClient::No);
        assert_eq!(engine.outbox, OutboxLimits::default().bytes(16 << 20).packets(100_000));
        let limits = Limits::default()
            .connections(1_048_576)
            .sessions(1_048_576)
            .payload_packets(65_536)
            .head_bytes(16 << 10)
            .head_lines(100)
            .attachment_timeout(Duration::from_secs(30))
            .head_timeout(Duration::from_secs(30))
            .body_timeout(Duration::from_secs(60))
            .write_timeout(Duration::from_secs(45))
            .tls_timeout(Duration::from_secs(10));
        assert_eq!(format!("{:?}", engine.limits), format!("{limits:?}"));
        let socket = SocketConfig::default();
        let counts = [socket.max_depth, socket.max_namespaces, socket.max_rooms, socket.max_handlers];
        assert_eq!(counts, [128, 1_000, 10_000, 1_024]);
        let recovery = ConnectionStateRecovery::default()
            .max_packets(10_000)
            .max_bytes(8 << 20)
            .max_sessions(100_000)
            .max_session_bytes(64 << 20);
        assert_eq!(format!("{:?}", ConnectionStateRecovery::default()), format!("{recovery:?}"));
    }
}
