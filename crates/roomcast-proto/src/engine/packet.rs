//! One engine packet: a type digit and data, or a bare binary message.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

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
    /// Reads a packet from its text form. `b` and base64 is a binary message on every transport.
    ///
    /// # Errors
    /// [`InvalidPacket`] where the text is empty, the type unknown, or the base64 broken.
    pub fn decode(text: &'a str) -> Result<Self, InvalidPacket> {
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
            b'b' => {
                let bytes = LENIENT_BASE64.decode(&text[1..]).map_err(|_| InvalidPacket)?;
                Ok(Self::Message(Message::Binary(Bytes::from(bytes))))
            }
            _ => Err(InvalidPacket),
        }
    }
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
}
