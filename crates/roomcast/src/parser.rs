//! Packets in another form than the protocol's own. JS: the `parser` option.
//!
//! [`MessagePack`] is the official alternative; any other is a [`Parser`] of your own. A server has one for all its clients:
//! [`IoBuilder::parser`](crate::IoBuilder::parser).
//!
//! The names of events are looked at whatever the parser is: the library's own end the connection. So do a message that
//! the parser refuses, a panic in it, and a packet that stays incomplete.

pub use proto::socket::parser::{Encoded, MessagePack, PacketDecoder, Parser, ParserError, PlainPacket};
pub use proto::socket::{Body, Event, Limits, Packet, PacketType, read_event_array};
