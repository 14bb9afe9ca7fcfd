//! One Socket.IO packet, borrowed from the text it came in.
//!
//! Made by the [`Decoder`](super::Decoder), taken apart by a [`Connection`](super::Connection) or a client. What is
//! odd: binary events and acks are no variants of their own in [`Body`]; an [`Args`] knows its attachments.

use std::borrow::Cow;

use super::args::Args;

/// The first character of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PacketType {
    /// `0`: join a namespace, or the server's yes to it.
    Connect,
    /// `1`: leave a namespace.
    Disconnect,
    /// `2`: an event with arguments.
    Event,
    /// `3`: the answer to an event that carried an id.
    Ack,
    /// `4`: the server's no to a connect.
    ConnectError,
    /// `5`: an event some of whose arguments follow as binary messages.
    BinaryEvent,
    /// `6`: an answer some of whose arguments follow as binary messages.
    BinaryAck,
}

impl PacketType {
    /// The type a packet's first byte stands for.
    #[must_use]
    pub const fn from_digit(digit: u8) -> Option<Self> {
        Some(match digit {
            b'0' => Self::Connect,
            b'1' => Self::Disconnect,
            b'2' => Self::Event,
            b'3' => Self::Ack,
            b'4' => Self::ConnectError,
            b'5' => Self::BinaryEvent,
            b'6' => Self::BinaryAck,
            _ => return None,
        })
    }

    /// The byte a packet of this type begins with.
    #[must_use]
    pub const fn digit(self) -> u8 {
        b'0' + self as u8
    }

    /// Whether attachments follow the text.
    #[must_use]
    pub const fn has_attachments(self) -> bool {
        matches!(self, Self::BinaryEvent | Self::BinaryAck)
    }
}

/// One complete packet.
#[derive(Debug, Clone)]
pub struct Packet<'a> {
    /// The namespace it belongs to; always begins with `/`.
    pub namespace: Cow<'a, str>,
    /// What it says.
    pub body: Body<'a>,
}

/// What a packet says.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Body<'a> {
    /// The raw JSON object that came along: a client's `auth`, or a server's `{"sid":..}`.
    Connect(Option<Cow<'a, str>>),
    /// The peer leaves the namespace.
    Disconnect,
    /// An event; with an id the sender wants an answer.
    Event {
        /// The number to answer to.
        id: Option<u64>,
        /// Name and arguments.
        event: Event<'a>,
    },
    /// The answer to an event. Without an id it answers nothing and is to be ignored.
    Ack {
        /// The number of the event that is answered.
        id: Option<u64>,
        /// What the other side's handler gave.
        args: Args<'a>,
    },
    /// The raw JSON string or object that says why a connect was refused.
    ConnectError(Option<Cow<'a, str>>),
}

/// An event's name and arguments.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    name: Option<Cow<'a, str>>,
    args: Args<'a>,
}

impl<'a> Event<'a> {
    /// An event. Whether its name is allowed is looked at by whoever writes or receives it.
    #[must_use]
    pub fn new(name: impl Into<Cow<'a, str>>, args: Args<'a>) -> Self {
        Self { name: Some(name.into()), args }
    }

    /// `42` without a payload: the reference accepts it, and it reaches nobody.
    pub(super) fn nameless() -> Self {
        Self { name: None, args: Args::empty() }
    }

    /// The event's name. A number used as a name gives its JSON text; a nameless event gives `""`, but so does an event
    /// named `""`: see [`is_nameless`](Self::is_nameless).
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Whether the packet had no payload at all, so no handler can be meant.
    #[must_use]
    pub fn is_nameless(&self) -> bool {
        self.name.is_none()
    }

    /// The arguments after the name.
    #[must_use]
    pub fn args(&self) -> &Args<'a> {
        &self.args
    }

    pub(super) fn args_mut(&mut self) -> &mut Args<'a> {
        &mut self.args
    }

    /// Name and arguments, taken apart.
    #[must_use]
    pub fn into_parts(self) -> (Cow<'a, str>, Args<'a>) {
        (self.name.unwrap_or_default(), self.args)
    }

    /// The same event, holding on to no text but its own.
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        Event { name: self.name.map(|name| Cow::Owned(name.into_owned())), args: self.args.into_owned() }
    }
}

/// Whether a name is kept for the library's own use: such an event is refused in both directions.
///
/// `error` is not among them, as in the reference.
#[must_use]
pub fn is_reserved_event(name: &str) -> bool {
    // JS: socket.io-parser RESERVED_EVENTS, socket.io/lib/socket-types.ts
    matches!(
        name,
        "connect" | "connect_error" | "disconnect" | "disconnecting" | "newListener" | "removeListener"
    )
}
