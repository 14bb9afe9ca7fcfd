//! Revision 3: each packet behind its length, as text or as bytes.
//!
//! Text is `<length>:<packet>`, the length in UTF-16 code units, as JavaScript counts; binary messages are `b4` and base64
//! in it. Bytes are, per packet, 0 for text or 1 for binary, the decimal digits of its length as the bytes 0 to 9, 255, and
//! the packet, text in UTF-8 and counted in bytes. What is odd: which of the two a body is, only its content type says.
//!
//! JS: engine.io/lib/parser-v3/index.ts `decodePayload`, `decodePayloadAsBinary`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::engine::frame::{Attachment, Frame};
use crate::engine::packet::{InvalidPacket, MESSAGE, Packet};
use crate::engine::revision::Revision;

/// Ends the length of a packet among bytes.
const END_OF_LENGTH: u8 = 255;
const TEXT: u8 = 0;
const BINARY: u8 = 1;

/// What is read of a body so far.
#[derive(Clone, Debug)]
pub(super) struct TextPackets<'a> {
    rest: &'a str,
    /// Not even the first packet is read: an empty body is an error, an empty rest is the end.
    fresh: bool,
}

impl<'a> TextPackets<'a> {
    pub(super) fn new(body: &'a str) -> Self {
        Self { rest: body, fresh: true }
    }

    /// The next packet; `None` for one of length 0, which stands for nothing.
    fn read(&mut self) -> Result<Option<Packet<'a>>, InvalidPacket> {
        let (length, rest) = self.rest.split_once(':').ok_or(InvalidPacket)?;
        let length = read_length(length.bytes().map(|digit| digit.wrapping_sub(b'0')))?;
        let end = utf16_index(rest, length).ok_or(InvalidPacket)?;
        let (packet, rest) = rest.split_at(end);
        self.rest = rest;
        if packet.is_empty() {
            return Ok(None);
        }
        Packet::decode_in(Revision::V3, packet).map(Some)
    }
}

impl<'a> Iterator for TextPackets<'a> {
    type Item = Result<Packet<'a>, InvalidPacket>;

    fn next(&mut self) -> Option<Self::Item> {
        while std::mem::take(&mut self.fresh) || !self.rest.is_empty() {
            match self.read() {
                Ok(Some(packet)) => return Some(Ok(packet)),
                Ok(None) => {}
                Err(InvalidPacket) => {
                    self.rest = "";
                    return Some(Err(InvalidPacket));
                }
            }
        }
        None
    }
}

#[derive(Clone, Debug)]
pub(super) struct BinaryPackets<'a> {
    rest: &'a [u8],
}

impl<'a> BinaryPackets<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    fn read(&mut self) -> Result<Packet<'a>, InvalidPacket> {
        let (kind, rest) = self.rest.split_first().ok_or(InvalidPacket)?;
        let end = rest.iter().position(|&byte| byte == END_OF_LENGTH).ok_or(InvalidPacket)?;
        let length = read_length(rest[..end].iter().copied())?;
        let (packet, rest) = rest[end + 1..].split_at_checked(length).ok_or(InvalidPacket)?;
        self.rest = rest;
        match *kind {
            TEXT => {
                let text = std::str::from_utf8(packet).map_err(|_| InvalidPacket)?;
                Packet::decode_in(Revision::V3, text)
            }
            // Copied, because a message must not hold the whole body.
            BINARY => Packet::decode_binary(Revision::V3, Bytes::copy_from_slice(packet)),
            _ => Err(InvalidPacket),
        }
    }
}

impl<'a> Iterator for BinaryPackets<'a> {
    type Item = Result<Packet<'a>, InvalidPacket>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let packet = self.read();
        if packet.is_err() {
            self.rest = &[];
        }
        Some(packet)
    }
}

/// A length from its digits. At least one, and no more than a machine can hold.
fn read_length(digits: impl Iterator<Item = u8>) -> Result<usize, InvalidPacket> {
    let mut length = None;
    for digit in digits {
        if digit > 9 {
            return Err(InvalidPacket);
        }
        let shifted = length.unwrap_or(0_usize).checked_mul(10);
        length = Some(shifted.and_then(|l| l.checked_add(usize::from(digit))).ok_or(InvalidPacket)?);
    }
    length.ok_or(InvalidPacket)
}

/// Where in `text` so many UTF-16 code units end; `None` where it has fewer, or one of them is half a character.
fn utf16_index(text: &str, units: usize) -> Option<usize> {
    // Mostly each unit is a byte.
    if text.as_bytes().get(..units).is_some_and(<[u8]>::is_ascii) {
        return Some(units);
    }
    let (mut left, mut end) = (units, 0);
    for character in text.chars() {
        if left == 0 {
            break;
        }
        left = left.checked_sub(character.len_utf16())?;
        end += character.len_utf8();
    }
    (left == 0).then_some(end)
}

/// How many UTF-16 code units UTF-8 text has.
fn utf16_length(text: &[u8]) -> usize {
    // Each character has one byte that is no continuation; those of four bytes are two units.
    let units = |byte: u8| usize::from(byte & 0xC0 != 0x80) + usize::from(byte >= 0xF0);
    text.iter().map(|&byte| units(byte)).sum()
}

/// Appends the packets of a frame to a body of text.
pub(super) fn write_text(frame: &Frame, body: &mut Vec<u8>) {
    let text = frame.text_packet();
    if !text.is_empty() {
        write_text_length(utf16_length(text), body);
        body.extend_from_slice(text);
    }
    for data in frame.attachments().iter().map(Attachment::data) {
        let encoded = data.len().div_ceil(3) * 4;
        write_text_length("b4".len() + encoded, body);
        body.extend_from_slice(b"b4");
        let start = body.len();
        body.resize(start + encoded, 0);
        STANDARD.encode_slice(data, &mut body[start..]).expect("the room was just made");
    }
}

fn write_text_length(length: usize, body: &mut Vec<u8>) {
    body.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    body.push(b':');
}

/// Appends the packets of a frame to a body of bytes.
pub(super) fn write_binary(frame: &Frame, body: &mut Vec<u8>) {
    let text = frame.text_packet();
    if !text.is_empty() {
        write_binary_head(TEXT, text.len(), body);
        body.extend_from_slice(text);
    }
    for data in frame.attachments().iter().map(Attachment::data) {
        write_binary_head(BINARY, data.len() + 1, body);
        body.push(MESSAGE);
        body.extend_from_slice(data);
    }
}

fn write_binary_head(kind: u8, length: usize, body: &mut Vec<u8>) {
    body.push(kind);
    body.extend(itoa::Buffer::new().format(length).bytes().map(|digit| digit - b'0'));
    body.push(END_OF_LENGTH);
}

#[cfg(test)]
mod tests;
