//! Other ways to write packets than the default one. JS: the `parser` option.
//!
//! ```text
//!   Packet --> Parser::encode --> Encoded: engine messages, one unit
//!   engine messages --> PacketDecoder, one for each connection --> Packet
//! ```
//!
//! A packet's values are in the form in which the house keeps them: JSON text with placeholders, and the binary values
//! beside it ([`Args`](super::Args)). Whoever would rather have a tree takes [`PlainPacket`]. What is odd: an encoder is
//! shown values that have been JSON already, so that all parsers agree on what a value is.

mod msgpack;
mod plain;

use std::fmt;

use bytes::Bytes;

pub use msgpack::MessagePack;
pub use plain::PlainPacket;

use super::decode::Limits;
use super::packet::Packet;

/// Writes and reads packets in a form of its own, which both sides must use. JS: an object with `Encoder` and `Decoder`.
///
/// One parser serves a whole server: an encoder without memory, and a decoder for each connection. What the encoder
/// writes, the decoder must read, because listeners for outgoing events see what was written.
///
/// # Examples
/// Packets as plain JSON objects in text messages, which is the example of the Socket.IO documentation:
/// ```
/// use roomcast_proto::socket::Limits;
/// use roomcast_proto::socket::Packet;
/// use roomcast_proto::socket::parser::{Encoded, PacketDecoder, Parser, ParserError, PlainPacket};
///
/// struct PlainJson;
///
/// impl Parser for PlainJson {
///     fn encode(&self, packet: &Packet<'_>) -> Result<Encoded, ParserError> {
///         let plain = PlainPacket::try_from(packet)?;
///         Ok(Encoded::text(serde_json::to_string(&plain).map_err(ParserError::new)?))
///     }
///
///     fn decoder(&self, _: Limits) -> Box<dyn PacketDecoder> {
///         // Messages have a bounded size, and serde_json goes no deeper than 128 levels.
///         Box::new(PlainJson)
///     }
/// }
///
/// impl PacketDecoder for PlainJson {
///     fn text<'a>(&mut self, message: &'a str) -> Result<Option<Packet<'a>>, ParserError> {
///         let plain: PlainPacket = serde_json::from_str(message).map_err(ParserError::new)?;
///         Ok(Some(plain.try_into()?))
///     }
/// }
///
/// let packet = PlainJson.decoder(Limits::default()).text(r#"{"type":2,"nsp":"/","data":["a",1]}"#)?;
/// let text = PlainJson.encode(&packet.expect("one message is one packet"))?;
/// assert_eq!(text, Encoded::text(r#"{"type":2,"nsp":"/","data":["a",1]}"#));
/// # Ok::<_, ParserError>(())
/// ```
pub trait Parser: Send + Sync + 'static {
    /// Writes a packet. A broadcast is written once, however many receive it.
    ///
    /// # Errors
    /// If the packet cannot be written; it is then not sent, and whoever emitted it is told.
    fn encode(&self, packet: &Packet<'_>) -> Result<Encoded, ParserError>;

    /// A decoder for one connection. What a peer may make it hold is bounded by `limits`; a single message has the size
    /// that the server allows.
    fn decoder(&self, limits: Limits) -> Box<dyn PacketDecoder>;
}

/// Reads the packets of one connection, message by message. JS: a `Decoder`.
///
/// An error closes the connection: its sockets' error hook is told before.
pub trait PacketDecoder: Send + 'static {
    /// Reads a text message: the next packet, or `None` if more messages belong to it.
    ///
    /// # Errors
    /// If the message is no part of a packet; unless a parser says otherwise, text never is.
    fn text<'a>(&mut self, message: &'a str) -> Result<Option<Packet<'a>>, ParserError> {
        let _ = message;
        Err(ParserError::new("text message"))
    }

    /// Reads a binary message: the next packet, or `None` if more messages belong to it.
    ///
    /// # Errors
    /// If the message is no part of a packet; unless a parser says otherwise, binary never is.
    fn binary(&mut self, message: Bytes) -> Result<Option<Packet<'static>>, ParserError> {
        let _ = message;
        Err(ParserError::new("binary message"))
    }

    /// How many bytes it holds of a packet that is not complete, `None` if it waits for no more messages, which is the
    /// default. The server closes the connection if that is more than [`Limits::max_attachment_bytes`], or if the rest
    /// takes too long.
    fn waiting(&self) -> Option<usize> {
        None
    }
}

/// A packet as engine messages, which nothing can come between: a text, or binary messages, or both, text first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    text: Option<String>,
    binaries: Vec<Bytes>,
}

impl Encoded {
    /// One text message.
    #[must_use]
    pub fn text(message: impl Into<String>) -> Self {
        Self { text: Some(message.into()), binaries: Vec::new() }
    }

    /// One binary message.
    #[must_use]
    pub fn binary(message: impl Into<Bytes>) -> Self {
        Self { text: None, binaries: vec![message.into()] }
    }

    /// Adds a binary message behind what is there.
    #[must_use]
    pub fn and_binary(mut self, message: impl Into<Bytes>) -> Self {
        self.binaries.push(message.into());
        self
    }

    /// The text, and what follows it.
    #[must_use]
    pub fn into_parts(self) -> (Option<String>, Vec<Bytes>) {
        (self.text, self.binaries)
    }
}

/// Why a parser cannot write or read a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParserError(Box<Reason>);

/// Behind a thin pointer: the error is part of others, which are returned for every packet and hardly ever occur.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reason(Box<str>);

impl ParserError {
    /// An error of that text, which may be another error.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self(Box::new(Reason(reason.to_string().into())))
    }

    pub(super) fn too_large() -> Self {
        Self::new("packet too large")
    }
}

impl fmt::Display for ParserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.0)
    }
}

impl std::error::Error for ParserError {}
