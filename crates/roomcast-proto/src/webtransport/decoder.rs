//! Bytes of a stream to packets.
//!
//! The bytes that were read come in, cut anywhere; one packet at a time goes out. Odd: a packet that lies whole in the input
//! stays there and is lent; only an incomplete one is copied. And bytes that are no UTF-8 are replaced, not refused, as a
//! browser's text decoder does.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::websocket::{Event, Payload, Step};

const BINARY: u8 = 0x80;
/// The longest header: a byte, and eight of length.
const MAX_HEADER: usize = 9;

/// Reads the stream of one session.
#[derive(Debug)]
pub struct Decoder {
    max_packet: usize,
    /// Of a packet that is not complete: its header and what came of it. Empty while there is none.
    partial: Vec<u8>,
    /// The text of the last event, where it is not lent from the input.
    text: String,
    failed: Option<Error>,
}

/// Why a stream cannot go on; it is always the peer's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A text packet without a byte: there is none without a type.
    Empty,
    /// A packet is longer than the limit, or than a number can be in JavaScript.
    TooLarge,
}

/// What stands in front of a packet.
#[derive(Clone, Copy, Debug)]
struct Header {
    binary: bool,
    /// Of the header and of the packet behind it.
    len: usize,
    packet: usize,
}

impl Decoder {
    /// A decoder at the beginning of a stream, for packets of at most so many bytes.
    #[must_use]
    pub fn new(max_packet: usize) -> Self {
        Self { max_packet, partial: Vec::new(), text: String::new(), failed: None }
    }

    /// Consumes bytes from the front of `input` and gives at most one packet.
    ///
    /// Call it again with the rest until there is none; then all input is consumed.
    ///
    /// # Errors
    /// What the peer did wrong, as soon as it is certain. The same again on every later call.
    pub fn decode<'a>(&'a mut self, input: &'a [u8]) -> Result<Step<'a>, Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.text = String::new();
        let found = if self.partial.is_empty() { self.whole(input) } else { self.rest(input) };
        match found {
            Err(error) => {
                self.failed = Some(error);
                self.partial = Vec::new();
                Err(error)
            }
            Ok((consumed, None)) => Ok(Step { consumed, event: None }),
            Ok((consumed, Some(Found::Input { binary, start }))) => {
                let event = packet(binary, &input[start..consumed], &mut self.text);
                Ok(Step { consumed, event: Some(event) })
            }
            Ok((consumed, Some(Found::Partial { binary, start }))) => {
                let mut bytes = std::mem::take(&mut self.partial);
                let event = match binary {
                    true => Event::Binary(Payload::Owned(Bytes::from(bytes).slice(start..))),
                    false => {
                        bytes.drain(..start);
                        self.text = text(bytes);
                        Event::Text(&self.text)
                    }
                };
                Ok(Step { consumed, event: Some(event) })
            }
        }
    }

    /// With nothing kept: a packet that lies whole in the input, or the beginning of one, which is kept.
    fn whole(&mut self, input: &[u8]) -> Result<(usize, Option<Found>), Error> {
        let Some(header) = Header::parse(input, self.max_packet)? else {
            self.partial.extend_from_slice(input);
            return Ok((input.len(), None));
        };
        let Header { binary, len, packet } = header;
        if input.len() - len >= packet {
            return Ok((len + packet, Some(Found::Input { binary, start: len })));
        }
        self.keep(input, len + packet);
        Ok((input.len(), None))
    }

    /// Goes on with the packet that was kept.
    fn rest(&mut self, input: &[u8]) -> Result<(usize, Option<Found>), Error> {
        let mut at = 0;
        let header = loop {
            match Header::parse(&self.partial, self.max_packet)? {
                Some(header) => break header,
                None => match input.get(at) {
                    Some(&byte) => self.partial.push(byte),
                    None => return Ok((at, None)),
                },
            }
            at += 1;
        };
        let Header { binary, len, packet } = header;
        let missing = len + packet - self.partial.len();
        let piece = &input[at..input.len().min(at + missing)];
        self.keep(piece, len + packet);
        let found = (piece.len() == missing).then_some(Found::Partial { binary, start: len });
        Ok((at + piece.len(), found))
    }

    /// Memory grows with what arrives, to twice of it at most and never beyond the end of the packet: a header alone costs
    /// nothing.
    fn keep(&mut self, piece: &[u8], all: usize) {
        let needed = self.partial.len() + piece.len();
        if needed > self.partial.capacity() {
            let target = needed.saturating_mul(2).min(all).max(needed);
            self.partial.reserve_exact(target - self.partial.len());
        }
        self.partial.extend_from_slice(piece);
    }
}

/// Where a packet is, and where in it the content begins.
#[derive(Clone, Copy, Debug)]
enum Found {
    Input { binary: bool, start: usize },
    Partial { binary: bool, start: usize },
}

impl Header {
    /// `None` where its end is missing.
    fn parse(bytes: &[u8], max_packet: usize) -> Result<Option<Self>, Error> {
        /// The largest length that JavaScript counts exactly.
        const MAX_SAFE: u64 = (1 << 53) - 1;
        let [first, rest @ ..] = bytes else { return Ok(None) };
        let (len, packet) = match first & !BINARY {
            126 => match rest.first_chunk() {
                Some(bytes) => (3, u64::from(u16::from_be_bytes(*bytes))),
                None => return Ok(None),
            },
            127 => match rest.first_chunk() {
                Some(bytes) => (MAX_HEADER, u64::from_be_bytes(*bytes)),
                None => return Ok(None),
            },
            short => (1, u64::from(short)),
        };
        let binary = first & BINARY != 0;
        // The reference refuses a binary one as well, which its own client sends for an attachment without a byte.
        if packet == 0 && !binary {
            return Err(Error::Empty);
        }
        let packet = usize::try_from(packet.min(MAX_SAFE + 1)).map_err(|_| Error::TooLarge)?;
        if packet > max_packet || packet as u64 > MAX_SAFE {
            return Err(Error::TooLarge);
        }
        Ok(Some(Self { binary, len, packet }))
    }
}

fn packet<'a>(binary: bool, bytes: &'a [u8], text: &'a mut String) -> Event<'a> {
    if binary {
        return Event::Binary(Payload::Borrowed(bytes));
    }
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => Event::Text(text),
        Cow::Owned(replaced) => {
            *text = replaced;
            Event::Text(text)
        }
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a packet without a byte",
            Self::TooLarge => "packet too large",
        })
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 100_000;

    type Packet = (bool, Vec<u8>);

    fn encoded(packets: &[Packet]) -> Vec<u8> {
        let mut wire = Vec::new();
        for (binary, bytes) in packets {
            let bit = if *binary { BINARY } else { 0 };
            match bytes.len() {
                short @ 0..=125 => wire.push(bit | short as u8),
                middle @ 126..=65_535 => {
                    wire.push(bit | 126);
                    wire.extend((middle as u16).to_be_bytes());
                }
                long => {
                    wire.push(bit | 127);
                    wire.extend((long as u64).to_be_bytes());
                }
            }
            wire.extend(bytes);
        }
        wire
    }

    fn read(wire: &[u8], piece: usize) -> Result<Vec<Packet>, Error> {
        let mut decoder = Decoder::new(LIMIT);
        let mut seen = Vec::new();
        for mut input in wire.chunks(piece) {
            loop {
                let step = decoder.decode(input)?;
                input = &input[step.consumed..];
                match step.event {
                    None => break,
                    Some(Event::Text(text)) => seen.push((false, text.as_bytes().to_vec())),
                    Some(Event::Binary(payload)) => seen.push((true, payload.to_vec())),
                    Some(other) => panic!("{other:?}"),
                }
            }
            assert!(input.is_empty());
        }
        Ok(seen)
    }

    #[test]
    fn the_examples_of_the_reference_are_read() {
        let table: &[(&[u8], bool, &[u8])] = &[
            (&[0x04, 0x34, 0x68, 0x65, 0x79], false, b"4hey"),
            (&[0x01, 0x33], false, b"3"),
            (&[0x83, 0xAA, 0xBB, 0xCC], true, &[0xAA, 0xBB, 0xCC]),
            (&[0x80], true, b""),
            (&[0xFE, 0, 0], true, b""),
            // What is no UTF-8 is replaced.
            (&[0x02, 0x34, 0xFF], false, "4\u{FFFD}".as_bytes()),
        ];
        for (wire, binary, packet) in table {
            for piece in [1, 2, 100] {
                assert_eq!(read(wire, piece), Ok(vec![(*binary, packet.to_vec())]), "{wire:x?}");
            }
        }
        for (length, header) in
            [(300, &[0x7E, 0x01, 0x2C][..]), (70_000, &[0x7F, 0, 0, 0, 0, 0, 1, 0x11, 0x70])]
        {
            let wire = [header, &vec![b'x'; length]].concat();
            assert!(read(&wire, 999) == Ok(vec![(false, vec![b'x'; length])]));
        }
    }

    #[test]
    fn what_is_wrong_is_refused_by_its_header() {
        let table: &[(&[u8], Error)] = &[
            (&[0], Error::Empty),
            (&[126, 0, 0], Error::Empty),
            (&[127, 0, 0, 0, 0, 0, 1, 0x86, 0xA1], Error::TooLarge),
            (&[127, 0, 0x20, 0, 0, 0, 0, 0, 0], Error::TooLarge),
            (&[127, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], Error::TooLarge),
        ];
        for (wire, error) in table {
            assert_eq!(read(wire, 1), Err(*error), "{wire:x?}");
            let good = [&encoded(&[(false, b"4a".to_vec())]), *wire].concat();
            assert_eq!(read(&good, 100), Err(*error));
            assert_eq!(read(&wire[..wire.len() - 1], 1), Ok(vec![]));
        }
        let mut decoder = Decoder::new(LIMIT);
        assert_eq!(decoder.decode(&[0]), Err(Error::Empty));
        assert_eq!(decoder.decode(b"\x024a"), Err(Error::Empty));
    }

    #[test]
    fn a_header_costs_nothing_and_a_complete_packet_leaves_nothing() {
        let mut decoder = Decoder::new(LIMIT);
        let wire = encoded(&[(true, vec![7; LIMIT])]);
        assert_eq!(decoder.decode(&wire[..20]).unwrap().event, None);
        assert!(decoder.partial.capacity() <= 40);
        assert!(decoder.decode(&wire[20..]).unwrap().event.is_some());
        assert_eq!(decoder.decode(&[]).unwrap().event, None);
        assert_eq!((decoder.partial.capacity(), decoder.text.capacity()), (0, 0));
    }

    proptest! {
        #[test]
        fn packets_come_back_however_the_stream_is_cut(
            packets in prop::collection::vec(
                prop_oneof![
                    "[ -~]{1,300}".prop_map(|text| (false, text.into_bytes())),
                    prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| (true, bytes)),
                    (65_530..65_600_usize).prop_map(|length| (true, vec![7; length])),
                ],
                0..6,
            ),
            piece in 1..2000_usize,
        ) {
            prop_assert_eq!(read(&encoded(&packets), piece), Ok(packets));
        }
    }
}
