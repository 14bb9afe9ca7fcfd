//! The official alternative to the default parser: each packet is one binary message, a MessagePack map.
//!
//! ```text
//!   Packet --> write.rs: JSON to MessagePack, one pass --> {type, data, id?, nsp}
//!   {type, data, id?, nsp, ..} --> packet.rs: which is what --> json.rs: MessagePack to JSON, one pass --> Packet
//! ```
//!
//! What is odd: inside of the house values are JSON text, so both directions go from one text to another and build no tree
//! between. What MessagePack can say and JSON cannot becomes what the default parser would have made of it: a date its ISO
//! text, not-a-number `null`, `undefined` nothing in an object and `null` elsewhere.

mod cursor;
mod date;
mod json;
mod packet;
mod write;

use bytes::Bytes;

use super::{Encoded, PacketDecoder, Parser, ParserError};
use crate::socket::decode::{DEEPEST_READABLE, Limits};
use crate::socket::packet::Packet;

/// Packets as MessagePack. JS: `socket.io-msgpack-parser`, and the bundle `socket.io.msgpack.min.js`.
///
/// Binary values are part of the message, so [`Limits::max_attachments`] does not apply; there may be ten thousand in a
/// packet. A packet that came in takes up to 13 times its size while it is handled: that is a list of `nil`.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessagePack;

/// How many binary values a packet may hold, each of which costs memory beside its bytes.
const MAX_BINARIES: usize = 10_000;

impl Parser for MessagePack {
    fn encode(&self, packet: &Packet<'_>) -> Result<Encoded, ParserError> {
        write::packet(packet).map(Encoded::binary)
    }

    fn decoder(&self, limits: Limits) -> Box<dyn PacketDecoder> {
        let max_depth = limits.max_depth.min(DEEPEST_READABLE);
        Box::new(MessagePackDecoder { max_depth, max_binaries: limits.max_attachments.max(MAX_BINARIES) })
    }
}

struct MessagePackDecoder {
    max_depth: usize,
    max_binaries: usize,
}

impl PacketDecoder for MessagePackDecoder {
    fn binary(&mut self, message: Bytes) -> Result<Option<Packet<'static>>, ParserError> {
        packet::read(&message, self.max_depth, self.max_binaries).map(Some)
    }
}
