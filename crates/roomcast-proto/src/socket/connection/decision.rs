//! What a [`Connection`](super::Connection) makes of a message.

use std::borrow::Cow;
use std::fmt;

use super::super::args::Args;
use super::super::decode::DecodeError;
use super::super::namespace::NamespacePath;
use super::super::packet::Event;
use super::super::parser::ParserError;
use super::SlotId;

/// What the server has to do about a message.
#[derive(Debug)]
#[non_exhaustive]
pub enum Decision<'a> {
    /// The client asks for a namespace. The server answers, after the batch, with `accept` or `remove`.
    Connect {
        /// Stands for this connect, and for the socket it may become.
        slot: SlotId,
        /// The namespace asked for; whether there is one of that name is the server's to know.
        namespace: NamespacePath,
        /// The raw JSON object the client sent along; of revision 3, its query as one.
        auth: Option<Cow<'a, str>>,
    },
    /// The client asks for a namespace it cannot have; to be answered with a connect error.
    Refuse {
        /// The namespace asked for, as it stood in the packet.
        namespace: Cow<'a, str>,
        /// Why not.
        reason: RefuseReason,
    },
    /// An event for a socket's handlers.
    Event {
        /// The socket.
        slot: SlotId,
        /// The number to answer to, if an answer is wanted.
        id: Option<u64>,
        /// Name and arguments.
        event: Event<'a>,
    },
    /// An answer to an event the server sent. It may be to none: the server knows what it asked.
    Ack {
        /// The socket.
        slot: SlotId,
        /// The number of that event.
        id: u64,
        /// The answer.
        args: Args<'a>,
    },
    /// The client has left the namespace; the slot is gone.
    Disconnect {
        /// The socket.
        slot: SlotId,
    },
    /// Nothing: the packet is incomplete, or reaches nobody.
    Nothing,
}

/// Why a connection refuses a namespace by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefuseReason {
    /// The client is in as many namespaces as it may be.
    TooManyNamespaces,
    /// The path is longer than [`MAX_NAMESPACE_LEN`](super::MAX_NAMESPACE_LEN).
    NameTooLong,
    /// Another parser than the default one let pass what no namespace can be named.
    InvalidName,
}

/// Why the engine session must be closed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// A message is no packet.
    Decode(DecodeError),
    /// Another parser than the default one says that a message is no packet.
    Parser(ParserError),
    /// A packet for a namespace the client is not in, or not yet.
    NotJoined,
    /// A connect to a namespace the client is in or has asked for.
    AlreadyJoined,
    /// Only servers refuse.
    ConnectErrorFromClient,
}

impl Violation {
    /// Whether the sockets of the connection see it as an `error` before they see the disconnect, as in the reference:
    /// what cannot be read they see, what comes out of turn they do not.
    #[must_use]
    pub fn raises_error(&self) -> bool {
        matches!(self, Self::Decode(_) | Self::Parser(_))
    }
}

impl From<DecodeError> for Violation {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<ParserError> for Violation {
    fn from(error: ParserError) -> Self {
        Self::Parser(error)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(error) => error.fmt(f),
            Self::Parser(error) => error.fmt(f),
            Self::NotJoined => f.write_str("packet for a namespace that is not joined"),
            Self::AlreadyJoined => f.write_str("second connect to one namespace"),
            Self::ConnectErrorFromClient => f.write_str("connect error from a client"),
        }
    }
}

impl std::error::Error for Violation {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Decode(error) => Some(error),
            Self::Parser(error) => Some(error),
            Self::NotJoined | Self::AlreadyJoined | Self::ConnectErrorFromClient => None,
        }
    }
}

impl fmt::Display for RefuseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyNamespaces => "too many namespaces",
            Self::NameTooLong => "namespace too long",
            // What the reference says of a namespace it does not have.
            Self::InvalidName => "Invalid namespace",
        })
    }
}
