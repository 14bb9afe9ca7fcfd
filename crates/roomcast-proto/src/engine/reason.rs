//! Why a session ended.

use std::fmt;

/// Why a session ended. Its text is the one that the JavaScript server gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer closed the transport, or asked for the end by a close packet.
    TransportClose,
    /// The transport failed: an aborted or doubled poll, a message over the limit, a heartbeat in the wrong direction.
    TransportError,
    /// No pong in time.
    PingTimeout,
    /// The peer sent what is no engine packet.
    ParseError,
    /// This side closed the session.
    ForcedClose,
    /// The peer reads slower than it is written to: its outbox was full. Roomcast's own; JavaScript buffers without bound.
    SlowConsumer,
}

impl CloseReason {
    /// The text that handlers and logs see.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ForcedClose => "forced close",
            Self::SlowConsumer => "slow consumer",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
