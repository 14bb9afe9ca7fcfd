//! Revision 4: text packets with `0x1E` between them.

use crate::engine::packet::{InvalidPacket, Packet};

/// The byte between two packets of a payload.
pub const SEPARATOR: u8 = 0x1E;

/// Reads the packets of a polling body, in order. An empty body holds one invalid packet.
///
/// ```
/// use roomcast_proto::engine::{Packet, decode_payload};
///
/// let packets: Vec<_> = decode_payload("2\u{1e}6").collect();
/// assert_eq!(packets, [Ok(Packet::Ping("")), Ok(Packet::Noop)]);
/// ```
pub fn decode_payload(body: &str) -> impl Iterator<Item = Result<Packet<'_>, InvalidPacket>> {
    body.split(char::from(SEPARATOR)).map(Packet::decode)
}

#[derive(Clone, Debug)]
pub(super) struct Packets<'a>(std::str::Split<'a, char>);

impl<'a> Packets<'a> {
    pub(super) fn new(body: &'a str) -> Self {
        Self(body.split(char::from(SEPARATOR)))
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, InvalidPacket>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(Packet::decode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_body_is_an_invalid_packet() {
        assert_eq!(decode_payload("").collect::<Vec<_>>(), [Err(InvalidPacket)]);
    }

    #[test]
    fn good_packets_before_a_bad_one_are_read() {
        let packets: Vec<_> = decode_payload("6\u{1e}x\u{1e}6").collect();
        assert_eq!(packets, [Ok(Packet::Noop), Err(InvalidPacket), Ok(Packet::Noop)]);
    }
}
