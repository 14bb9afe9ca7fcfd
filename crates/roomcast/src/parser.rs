//! Packets in another form than the protocol's own. JS: the `parser` option.
//!
//! A [`Parser`] of your own writes and reads them. A server has one for all its clients:
//! [`IoBuilder::parser`](crate::IoBuilder::parser).

pub use proto::socket::parser::{Encoded, PacketDecoder, Parser, ParserError, PlainPacket};
pub use proto::socket::{Body, Event, Limits, Packet, PacketType, read_event_array};
