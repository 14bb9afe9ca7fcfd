//! The 2 to 14 bytes before a payload: reading, with every rule that needs nothing but the header, and writing.
//!
//! Bytes and what is expected next come in; a [`Header`], "more bytes", or an error go out. Odd: an error is given as
//! soon as the bytes that prove it are there, so a bad frame is refused before its length, key or payload arrive.

use super::decoder::Role;
use super::error::Error;

/// The longest header: two bytes, eight of length, four of masking key.
pub const MAX_HEADER: usize = 14;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
/// The first reserved bit: on the first frame of a message, it is compressed.
pub(crate) const COMPRESSED: u8 = 0x40;
const MASKED: u8 = 0x80;
const LEN_IN_2_BYTES: u8 = 126;
const LEN_IN_8_BYTES: u8 = 127;

/// What a frame is. The protocol has no others, so the list is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpCode {
    /// Goes on with a fragmented message.
    Continuation = 0,
    /// A text message or its first fragment.
    Text = 1,
    /// A binary message or its first fragment.
    Binary = 2,
    /// The end of the connection.
    Close = 8,
    /// Asks for a pong.
    Ping = 9,
    /// Answers a ping, or comes unasked.
    Pong = 10,
}

impl OpCode {
    /// Whether this is a close, ping or pong: at most 125 bytes, never fragmented, allowed between fragments.
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    fn from_bits(bits: u8) -> Result<Self, Error> {
        match bits {
            0 => Ok(Self::Continuation),
            1 => Ok(Self::Text),
            2 => Ok(Self::Binary),
            8 => Ok(Self::Close),
            9 => Ok(Self::Ping),
            10 => Ok(Self::Pong),
            reserved => Err(Error::ReservedOpCode(reserved)),
        }
    }
}

/// What the decoder can take next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) role: Role,
    /// Whether a message is open, so that a data frame must be its continuation.
    pub(super) continuing: bool,
    /// Whether messages may be compressed.
    pub(super) compression: bool,
    /// How many more bytes the message may have.
    pub(super) room: usize,
}

/// A frame without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) fin: bool,
    pub(super) compressed: bool,
    pub(super) opcode: OpCode,
    pub(super) mask: Option<[u8; 4]>,
    pub(super) len: usize,
}

impl Header {
    /// Reads the header that most frames have: of a whole text or binary message of less than 64 KiB, masked as the role
    /// wants it. Gives kind and length of the payload, and where it begins. `None` for every other, right or wrong.
    #[inline]
    pub(super) fn of_whole_message(bytes: &[u8], role: Role) -> Option<(OpCode, usize, usize)> {
        const WHOLE_TEXT: u8 = FIN | OpCode::Text as u8;
        const WHOLE_BINARY: u8 = FIN | OpCode::Binary as u8;
        let [first, second, rest @ ..] = bytes else { return None };
        let opcode = match *first {
            WHOLE_TEXT => OpCode::Text,
            WHOLE_BINARY => OpCode::Binary,
            _ => return None,
        };
        let (masked, key) = match role {
            Role::Server => (MASKED, 4),
            Role::Client => (0, 0),
        };
        // What is masked wrongly comes out as too long.
        match second ^ masked {
            short @ 0..LEN_IN_2_BYTES => Some((opcode, usize::from(short), 2 + key)),
            LEN_IN_2_BYTES => {
                let len = u16::from_be_bytes(*rest.first_chunk()?);
                (len >= u16::from(LEN_IN_2_BYTES)).then_some((opcode, usize::from(len), 4 + key))
            }
            _ => None,
        }
    }

    /// Reads the header at the front of `bytes` and says how long it is; `None` where its end is missing.
    pub(super) fn parse(bytes: &[u8], expected: Expected) -> Result<Option<(Self, usize)>, Error> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let compressed = expected.compression && first & RESERVED == COMPRESSED;
        if first & RESERVED != 0 && !compressed {
            return Err(Error::ReservedBits);
        }
        let opcode = OpCode::from_bits(first & 0x0F)?;
        if compressed && !matches!(opcode, OpCode::Text | OpCode::Binary) {
            return Err(Error::ReservedBits);
        }
        let fin = first & FIN != 0;
        let masked = second & MASKED != 0;
        let short = second & !MASKED;
        match (expected.role, masked) {
            (Role::Server, false) => return Err(Error::Unmasked),
            (Role::Client, true) => return Err(Error::Masked),
            (Role::Server, true) | (Role::Client, false) => {}
        }
        check_kind(opcode, fin, short, expected.continuing)?;

        let Some((len, rest)) = read_len(short, rest)? else { return Ok(None) };
        let room = if opcode.is_control() { usize::MAX } else { expected.room };
        let len = usize::try_from(len).ok().filter(|&len| len <= room).ok_or(Error::TooLarge)?;

        let (mask, rest) = if masked {
            let Some((key, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
            (Some(*key), rest)
        } else {
            (None, rest)
        };
        Ok(Some((Self { fin, compressed, opcode, mask, len }, bytes.len() - rest.len())))
    }
}

/// What the first two bytes must obey.
fn check_kind(opcode: OpCode, fin: bool, short: u8, continuing: bool) -> Result<(), Error> {
    match opcode {
        OpCode::Close | OpCode::Ping | OpCode::Pong if !fin => Err(Error::FragmentedControl),
        OpCode::Close | OpCode::Ping | OpCode::Pong if short >= LEN_IN_2_BYTES => Err(Error::LongControl),
        OpCode::Close if short == 1 => Err(Error::ShortClose),
        OpCode::Continuation if !continuing => Err(Error::NothingToContinue),
        OpCode::Text | OpCode::Binary if continuing => Err(Error::Interleaved),
        _ => Ok(()),
    }
}

/// Reads the rest of the length, which must be in its shortest form. `None` where bytes are missing.
fn read_len(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, Error> {
    let (len, rest, least) = match short {
        LEN_IN_2_BYTES => match rest.split_first_chunk() {
            Some((len, rest)) => (u64::from(u16::from_be_bytes(*len)), rest, 126),
            None => return Ok(None),
        },
        LEN_IN_8_BYTES => match rest.split_first_chunk() {
            Some((len, rest)) => (u64::from_be_bytes(*len), rest, 65_536),
            None => return Ok(None),
        },
        short => (u64::from(short), rest, 0),
    };
    if len < least {
        return Err(Error::LengthNotMinimal);
    }
    // The protocol keeps the highest bit at zero.
    if len > u64::MAX / 2 {
        return Err(Error::LengthOverflow);
    }
    Ok(Some((len, rest)))
}

/// How long the header of a payload of `len` bytes is.
///
/// ```
/// assert_eq!(roomcast_proto::websocket::header_len(125, false), 2);
/// assert_eq!(roomcast_proto::websocket::header_len(126, false), 4);
/// assert_eq!(roomcast_proto::websocket::header_len(65_536, true), 14);
/// ```
pub const fn header_len(len: u64, masked: bool) -> usize {
    let base = match len {
        0..=125 => 2,
        126..=65_535 => 4,
        _ => 10,
    };
    if masked { base + 4 } else { base }
}

/// Writes a header to the start of `out` and returns its length. With a key the header says "masked"; the payload is
/// masked by the caller, with [`mask`](super::mask()).
///
/// What is written is what is asked for: that control frames are short and final is the caller's part, or that of
/// [`ControlFrame`](super::ControlFrame).
pub fn encode_header(
    out: &mut [u8; MAX_HEADER],
    opcode: OpCode,
    fin: bool,
    len: u64,
    mask: Option<[u8; 4]>,
) -> usize {
    let [first, second, rest @ ..] = out;
    *first = opcode as u8 | if fin { FIN } else { 0 };
    let (short, extended) = match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ 0..=125), _) => (len, 0),
        (_, Ok(len)) => {
            rest[..2].copy_from_slice(&len.to_be_bytes());
            (LEN_IN_2_BYTES, 2)
        }
        _ => {
            rest[..8].copy_from_slice(&len.to_be_bytes());
            (LEN_IN_8_BYTES, 8)
        }
    };
    *second = short;
    let mut end = 2 + extended;
    if let Some(key) = mask {
        *second |= MASKED;
        rest[extended..extended + 4].copy_from_slice(&key);
        end += 4;
    }
    end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SERVER: Expected =
        Expected { role: Role::Server, continuing: false, compression: false, room: usize::MAX };
    const CLIENT: Expected = Expected { role: Role::Client, ..SERVER };

    #[test]
    fn every_broken_rule_has_its_error() {
        let continuing = Expected { continuing: true, ..CLIENT };
        let small = Expected { room: 125, ..CLIENT };
        let compression = Expected { compression: true, ..CLIENT };
        let compressed = Expected { compression: true, ..continuing };
        let table: &[(&[u8], Expected, Error)] = &[
            (&[0xC1, 0], CLIENT, Error::ReservedBits),
            (&[0xA1, 0], CLIENT, Error::ReservedBits),
            (&[0x91, 0], CLIENT, Error::ReservedBits),
            (&[0xF1, 0], compression, Error::ReservedBits),
            (&[0xA1, 0], compression, Error::ReservedBits),
            (&[0x91, 0], compression, Error::ReservedBits),
            (&[0xC9, 0], compression, Error::ReservedBits),
            (&[0xC8, 0], compression, Error::ReservedBits),
            (&[0xC0, 0], compressed, Error::ReservedBits),
            (&[0xC1, 0], compressed, Error::Interleaved),
            (&[0xC3, 0], compression, Error::ReservedOpCode(3)),
            (&[0x83, 0], CLIENT, Error::ReservedOpCode(3)),
            (&[0x87, 0], CLIENT, Error::ReservedOpCode(7)),
            (&[0x8B, 0], CLIENT, Error::ReservedOpCode(11)),
            (&[0x8F, 0], CLIENT, Error::ReservedOpCode(15)),
            (&[0x81, 0x00], SERVER, Error::Unmasked),
            (&[0x81, 0x80], CLIENT, Error::Masked),
            (&[0x09, 0], CLIENT, Error::FragmentedControl),
            (&[0x89, 126], CLIENT, Error::LongControl),
            (&[0x8A, 127], CLIENT, Error::LongControl),
            (&[0x88, 1], CLIENT, Error::ShortClose),
            (&[0x80, 0], CLIENT, Error::NothingToContinue),
            (&[0x81, 0], continuing, Error::Interleaved),
            (&[0x02, 0], continuing, Error::Interleaved),
            (&[0x82, 126, 0, 125], CLIENT, Error::LengthNotMinimal),
            (&[0x82, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], CLIENT, Error::LengthNotMinimal),
            (&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], CLIENT, Error::LengthOverflow),
            (&[0x82, 126, 0, 126], small, Error::TooLarge),
            (&[0x82, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], small, Error::TooLarge),
        ];
        for (bytes, expected, error) in table {
            assert_eq!(Header::parse(bytes, *expected), Err(*error), "{bytes:x?}");
            // One byte less proves nothing yet.
            assert_eq!(Header::parse(&bytes[..bytes.len() - 1], *expected), Ok(None), "{bytes:x?}");
        }
    }

    #[test]
    fn a_control_frame_is_not_bound_by_the_room_of_the_message() {
        let full = Expected { continuing: true, room: 0, ..CLIENT };
        let (header, _) = Header::parse(&[0x89, 125], full).unwrap().unwrap();
        assert_eq!(header.len, 125);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            opcode in prop::sample::select(vec![OpCode::Text, OpCode::Binary, OpCode::Ping]),
            len in prop_oneof![0..126_usize, 126..65_536_usize, 65_536..usize::MAX / 2],
            key: Option<[u8; 4]>,
        ) {
            let len = if opcode.is_control() { len % 126 } else { len };
            let mut out = [0; MAX_HEADER];
            let end = encode_header(&mut out, opcode, true, len as u64, key);
            prop_assert_eq!(end, header_len(len as u64, key.is_some()));
            let expected = if key.is_some() { SERVER } else { CLIENT };
            let header = Header { fin: true, compressed: false, opcode, mask: key, len };
            prop_assert_eq!(Header::parse(&out[..end], expected), Ok(Some((header, end))));
            for cut in 0..end {
                prop_assert_eq!(Header::parse(&out[..cut], expected), Ok(None));
            }
        }
    }
}
