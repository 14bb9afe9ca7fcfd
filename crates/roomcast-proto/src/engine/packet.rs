//! One engine packet: a type digit and data, or a binary message, which is bare in revision 4 and behind a type byte in
//! revision 3.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::{Buf, Bytes};

use super::revision::Revision;

/// The type of a message as a byte, which precedes binary messages in revision 3.
pub(super) const MESSAGE: u8 = 4;

/// What the application sends and gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// UTF-8 text.
    Text(&'a str),
    /// Bytes.
    Binary(Bytes),
}

/// One engine packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0`: the handshake, with its JSON.
    Open(&'a str),
    /// `1`: the end of the session.
    Close,
    /// `2`: the server's heartbeat; `2probe` tests a new transport.
    Ping(&'a str),
    /// `3`: its answer.
    Pong(&'a str),
    /// `4`, or a binary message.
    Message(Message<'a>),
    /// `5`: the probed transport takes over.
    Upgrade,
    /// `6`: nothing; it ends a pending poll.
    Noop,
}

/// What is no engine packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPacket;

/// Missing padding and loose trailing bits are accepted, as JavaScript's `Buffer` does.
const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

impl<'a> Packet<'a> {
    /// Reads a packet of revision 4 from its text form. `b` and base64 is a binary message on every transport.
    ///
    /// # Errors
    /// [`InvalidPacket`] where the text is empty, the type unknown, or the base64 broken.
    pub fn decode(text: &'a str) -> Result<Self, InvalidPacket> {
        Self::decode_in(Revision::V4, text)
    }

    /// Reads a packet from its text form. In revision 3 a binary message is `b4` and base64.
    ///
    /// # Errors
    /// [`InvalidPacket`] where the text is empty, the type unknown, or the base64 broken.
    #[inline]
    pub fn decode_in(revision: Revision, text: &'a str) -> Result<Self, InvalidPacket> {
        let first = *text.as_bytes().first().ok_or(InvalidPacket)?;
        // The first byte is ASCII in every arm that slices, so 1 is a character boundary.
        match first {
            b'4' => Ok(Self::Message(Message::Text(&text[1..]))),
            b'2' => Ok(Self::Ping(&text[1..])),
            b'3' => Ok(Self::Pong(&text[1..])),
            b'0' => Ok(Self::Open(&text[1..])),
            b'1' => Ok(Self::Close),
            b'5' => Ok(Self::Upgrade),
            b'6' => Ok(Self::Noop),
            b'b' => decode_base64(revision, &text[1..]),
            _ => Err(InvalidPacket),
        }
    }

    /// Reads a packet from its binary form: the message itself, in revision 3 behind the byte 4.
    ///
    /// # Errors
    /// [`InvalidPacket`] where that byte is missing or another. (The reference answers a binary ping and ignores unknown
    /// types; no client sends any.)
    pub fn decode_binary(revision: Revision, mut bytes: Bytes) -> Result<Self, InvalidPacket> {
        if revision == Revision::V3 {
            if bytes.first() != Some(&MESSAGE) {
                return Err(InvalidPacket);
            }
            bytes.advance(1);
        }
        Ok(Self::Message(Message::Binary(bytes)))
    }
}

fn decode_base64<'a>(revision: Revision, text: &str) -> Result<Packet<'a>, InvalidPacket> {
    let text = match revision {
        Revision::V3 => text.strip_prefix('4').ok_or(InvalidPacket)?,
        Revision::V4 => text,
    };
    let bytes = LENIENT_BASE64.decode(text).map_err(|_| InvalidPacket)?;
    Ok(Packet::Message(Message::Binary(Bytes::from(bytes))))
}

impl fmt::Display for InvalidPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an engine packet")
    }
}

impl std::error::Error for InvalidPacket {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_read() {
        let table = [
            (r#"0{"sid":"x"}"#, Ok(Packet::Open(r#"{"sid":"x"}"#))),
            ("1", Ok(Packet::Close)),
            ("2", Ok(Packet::Ping(""))),
            ("2probe", Ok(Packet::Ping("probe"))),
            ("3", Ok(Packet::Pong(""))),
            ("4", Ok(Packet::Message(Message::Text("")))),
            ("4hé", Ok(Packet::Message(Message::Text("hé")))),
            ("5", Ok(Packet::Upgrade)),
            ("6", Ok(Packet::Noop)),
            ("bAQIDBA==", Ok(Packet::Message(Message::Binary(Bytes::from_static(&[1, 2, 3, 4]))))),
            // Padding may be missing.
            ("bAQIDBA", Ok(Packet::Message(Message::Binary(Bytes::from_static(&[1, 2, 3, 4]))))),
            ("b", Ok(Packet::Message(Message::Binary(Bytes::new())))),
            ("", Err(InvalidPacket)),
            ("7", Err(InvalidPacket)),
            ("abc", Err(InvalidPacket)),
            ("é", Err(InvalidPacket)),
            ("b***", Err(InvalidPacket)),
        ];
        for (text, packet) in table {
            assert_eq!(Packet::decode(text), packet, "{text}");
        }
    }

    #[test]
    fn in_revision_3_binary_messages_have_their_type_in_front() {
        let message = |bytes: &'static [u8]| Ok(Packet::Message(Message::Binary(Bytes::from_static(bytes))));
        assert_eq!(Packet::decode_in(Revision::V3, "b4AQIDBA=="), message(&[1, 2, 3, 4]));
        for text in ["b", "bAQID", "b3AQID", "b4*"] {
            assert_eq!(Packet::decode_in(Revision::V3, text), Err(InvalidPacket), "{text}");
        }
        let binary = |revision, bytes| Packet::decode_binary(revision, Bytes::from_static(bytes));
        assert_eq!(binary(Revision::V3, &[4, 1, 2]), message(&[1, 2]));
        assert_eq!(binary(Revision::V3, &[4]), message(&[]));
        assert_eq!(binary(Revision::V4, &[4, 1, 2]), message(&[4, 1, 2]));
        assert_eq!(binary(Revision::V4, &[]), message(&[]));
        assert_eq!(binary(Revision::V3, &[]), Err(InvalidPacket));
        assert_eq!(binary(Revision::V3, &[2]), Err(InvalidPacket));
    }
}
