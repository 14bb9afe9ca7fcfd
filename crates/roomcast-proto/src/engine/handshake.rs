//! The open packet, and the errors a handshake can end with.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Timing;
use crate::Sid;

/// The protocol revision, the value of the `EIO` query parameter.
pub const PROTOCOL: u8 = 4;

/// What the server tells the client first.
///
/// ```
/// use roomcast_proto::{Sid, engine::{OpenPacket, Timing}};
///
/// let text = OpenPacket::new(Sid::from_random([0; 15]), &["websocket"], &Timing::default(), 1_000_000).encode();
/// assert_eq!(
///     text,
///     r#"0{"sid":"AAAAAAAAAAAAAAAAAAAA","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
/// );
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenPacket {
    /// The secret id of the session.
    pub sid: String,
    /// The transports that the client may upgrade to.
    pub upgrades: Vec<String>,
    /// In milliseconds.
    pub ping_interval: u64,
    /// In milliseconds.
    pub ping_timeout: u64,
    /// The most bytes that the server takes in one polling body or one message.
    pub max_payload: u64,
}

impl OpenPacket {
    /// The packet for a new session.
    #[must_use]
    pub fn new(sid: Sid, upgrades: &[&str], timing: &Timing, max_payload: u64) -> Self {
        Self {
            sid: sid.to_string(),
            upgrades: upgrades.iter().map(ToString::to_string).collect(),
            ping_interval: millis(timing.ping_interval),
            ping_timeout: millis(timing.ping_timeout),
            max_payload,
        }
    }

    /// The packet as text, type digit included.
    #[must_use]
    pub fn encode(&self) -> String {
        let json = serde_json::to_string(self).expect("strings and numbers always serialise");
        format!("0{json}")
    }
}

/// Without the id, which is a secret.
impl fmt::Debug for OpenPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenPacket").field("upgrades", &self.upgrades).finish_non_exhaustive()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Why a request opened or found no session. One exhaustive table from error to wire answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The transport is missing, unknown or not enabled.
    UnknownTransport,
    /// No session has that id.
    UnknownSid,
    /// A session is opened by GET only.
    BadHandshakeMethod,
    /// The session speaks another transport, and the request is no upgrade to this one.
    TransportMismatch,
    /// `transport=websocket` without an upgrade, or an upgrade request that is no WebSocket handshake.
    TransportHandshake,
    /// The session was opened with another protocol revision.
    ProtocolMismatch,
    /// A middleware of the application failed, with that text, which is for the application alone.
    MiddlewareFailure(String),
    /// The application made no usable id, for the reason given, which is for the application alone.
    IdGeneration(String),
    /// The application refused; the text goes to a polling client.
    Forbidden(String),
    /// The `Origin` header names a site that is not on the list of those allowed. Roomcast's own.
    ForeignOrigin,
    /// The `EIO` parameter is missing or not 4.
    UnsupportedProtocol,
    /// The server is closing and takes no new session. Roomcast's own.
    Unavailable,
    /// One client, or all together, ask for sessions too often. Roomcast's own.
    TooManyRequests,
    /// There are as many sessions as there may be. Roomcast's own.
    Full,
}

impl HandshakeError {
    /// The number in the answer.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::UnknownTransport => 0,
            Self::UnknownSid => 1,
            Self::BadHandshakeMethod => 2,
            Self::TransportMismatch
            | Self::TransportHandshake
            | Self::ProtocolMismatch
            | Self::MiddlewareFailure(_)
            | Self::IdGeneration(_)
            | Self::Unavailable => 3,
            Self::Forbidden(_) | Self::ForeignOrigin => 4,
            Self::UnsupportedProtocol => 5,
            Self::TooManyRequests => 6,
            Self::Full => 7,
        }
    }

    /// The text in the answer.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::UnknownTransport => "Transport unknown",
            Self::UnknownSid => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::TransportMismatch
            | Self::TransportHandshake
            | Self::ProtocolMismatch
            | Self::MiddlewareFailure(_)
            | Self::IdGeneration(_)
            | Self::Unavailable => "Bad request",
            Self::Forbidden(text) if !text.is_empty() => text,
            Self::Forbidden(_) | Self::ForeignOrigin => "Forbidden",
            Self::UnsupportedProtocol => "Unsupported protocol version",
            Self::TooManyRequests => "Too many requests",
            Self::Full => "Server full",
        }
    }

    /// The HTTP status of a refused polling request.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Forbidden(_) | Self::ForeignOrigin => 403,
            Self::TooManyRequests => 429,
            Self::Unavailable | Self::Full => 503,
            _ => 400,
        }
    }

    /// The HTTP status of a refused WebSocket handshake: 400 for all that the reference refuses, and more than that where it
    /// has nothing to say.
    #[must_use]
    pub const fn upgrade_status(&self) -> u16 {
        match self {
            Self::TooManyRequests | Self::Full => self.status(),
            _ => 400,
        }
    }

    /// The body of a refused polling request.
    ///
    /// ```
    /// use roomcast_proto::engine::HandshakeError;
    ///
    /// assert_eq!(HandshakeError::UnknownSid.json(), r#"{"code":1,"message":"Session ID unknown"}"#);
    /// ```
    #[must_use]
    pub fn json(&self) -> String {
        let message = serde_json::to_string(self.message()).expect("a string always serialises");
        format!(r#"{{"code":{},"message":{message}}}"#, self.code())
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for HandshakeError {}
