//! Why a socket left.

use std::fmt;

use proto::engine::CloseReason;
use serde::{Serialize, Serializer};

/// Why a socket left its namespace. Its text is the reference's. What happened in detail says [`ReasonDetail`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The client closed the connection.
    TransportClose,
    /// The connection broke.
    TransportError,
    /// The client did not answer a ping in time.
    PingTimeout,
    /// The client sent what is no engine packet.
    ParseError,
    /// The client broke the protocol, or the session was closed by hand.
    ForcedClose,
    /// The same, where the close had to wait for the outbox or for a poll.
    ForcedServerClose,
    /// [`Io::close`](crate::Io::close).
    ServerShuttingDown,
    /// The client left the namespace.
    ClientNamespaceDisconnect,
    /// The server disconnected the socket.
    ServerNamespaceDisconnect,
    /// The client read more slowly than it was sent to, and its outbox was full. Roomcast's own.
    SlowConsumer,
}

impl Reason {
    /// The text that the JavaScript server gives.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TransportClose => CloseReason::TransportClose.as_str(),
            Self::TransportError => CloseReason::TransportError.as_str(),
            Self::PingTimeout => CloseReason::PingTimeout.as_str(),
            Self::ParseError => CloseReason::ParseError.as_str(),
            Self::ForcedClose => CloseReason::ForcedClose.as_str(),
            Self::ForcedServerClose => "forced server close",
            Self::ServerShuttingDown => "server shutting down",
            Self::ClientNamespaceDisconnect => "client namespace disconnect",
            Self::ServerNamespaceDisconnect => "server namespace disconnect",
            Self::SlowConsumer => CloseReason::SlowConsumer.as_str(),
        }
    }

    /// Whether the client may come back and be recovered. JS: socket.io/lib/socket.ts `RECOVERABLE_DISCONNECT_REASONS`
    pub(crate) fn is_recoverable(self) -> bool {
        match self {
            Self::TransportClose
            | Self::TransportError
            | Self::PingTimeout
            | Self::ForcedClose
            | Self::ForcedServerClose
            | Self::ServerShuttingDown
            | Self::SlowConsumer => true,
            Self::ParseError | Self::ClientNamespaceDisconnect | Self::ServerNamespaceDisconnect => false,
        }
    }

    /// What the end of the session means for its sockets.
    pub(crate) fn of_session(reason: CloseReason, deferred: bool) -> Self {
        match reason {
            CloseReason::TransportClose => Self::TransportClose,
            CloseReason::TransportError => Self::TransportError,
            CloseReason::PingTimeout => Self::PingTimeout,
            CloseReason::ParseError => Self::ParseError,
            CloseReason::SlowConsumer => Self::SlowConsumer,
            CloseReason::ForcedClose if deferred => Self::ForcedServerClose,
            // Also what a later version of the protocol crate may add: this side ended it.
            _ => Self::ForcedClose,
        }
    }
}

/// What happened in detail when a socket left, for logs: a parameter of handlers of `disconnecting` and `disconnect`, as
/// [`Reason`] is. JS: the `description` of these events.
///
/// It is there if the whole session has ended, and says what its transport has met: `too many packets in one payload`. Its
/// texts are Roomcast's own and may change; what a program decides by is the reason.
///
/// ```
/// # use roomcast::{Io, Reason, ReasonDetail};
/// # let io = Io::new();
/// io.on_disconnect(async |reason: Reason, ReasonDetail(detail): ReasonDetail| {
///     println!("{reason}: {}", detail.unwrap_or("only this namespace"));
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonDetail(pub Option<&'static str>);

/// How a socket leaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parting {
    pub(crate) reason: Reason,
    pub(crate) detail: Option<&'static str>,
}

impl From<Reason> for Parting {
    fn from(reason: Reason) -> Self {
        Self { reason, detail: None }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
