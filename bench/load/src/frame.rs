//! WebSocket frames, as small as a load generator can have them.
//!
//! In: bytes of the server; out: whole frames, and the bytes of frames to send. Odd: every frame to the server is
//! masked, as the protocol asks, with the key zero, so that masking changes nothing and a frame can be prepared once
//! and sent as it is. A fragmented message is an error here: no server under test sends one.

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text message.
    Text,
    /// A binary message.
    Binary,
    /// The end of the connection.
    Close,
    /// A ping of the WebSocket protocol, not of Engine.IO.
    Ping,
    /// The answer to it.
    Pong,
}

impl Kind {
    const fn opcode(self) -> u8 {
        match self {
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    const fn of(first: u8) -> Option<Self> {
        // The upper half is FIN without reserved bits.
        match first {
            0x81 => Some(Self::Text),
            0x82 => Some(Self::Binary),
            0x88 => Some(Self::Close),
            0x89 => Some(Self::Ping),
            0x8a => Some(Self::Pong),
            _ => None,
        }
    }
}

/// What stands at the front of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cut<'a> {
    /// A whole frame: its kind, its payload, and how many bytes it takes with its header.
    Whole(Kind, &'a [u8], usize),
    /// Not yet a whole frame.
    Part,
    /// Nothing that a server under test may send.
    Wrong,
}

/// The reserved bit that says that a message is compressed.
const COMPRESSED: u8 = 0x40;

/// Whether bytes begin with a compressed message.
pub(crate) fn is_compressed(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first & COMPRESSED != 0)
}

/// Cuts the first frame off bytes from the server.
pub(crate) fn cut(bytes: &[u8]) -> Cut<'_> {
    cut_as(0, bytes)
}

/// The same where it is a compressed message.
pub(crate) fn cut_compressed(bytes: &[u8]) -> Cut<'_> {
    cut_as(COMPRESSED, bytes)
}

fn cut_as(reserved: u8, bytes: &[u8]) -> Cut<'_> {
    let [first, second, rest @ ..] = bytes else { return Cut::Part };
    let Some(kind) = Kind::of(*first ^ reserved) else { return Cut::Wrong };
    let (length, header): (usize, usize) = match *second {
        126 => match rest.first_chunk::<2>() {
            Some(length) => (usize::from(u16::from_be_bytes(*length)), 4),
            None => return Cut::Part,
        },
        127 => match rest.first_chunk::<8>().map(|length| usize::try_from(u64::from_be_bytes(*length))) {
            Some(Ok(length)) => (length, 10),
            Some(Err(_)) => return Cut::Wrong,
            None => return Cut::Part,
        },
        short if short < 126 => (usize::from(short), 2),
        // Servers do not mask.
        _ => return Cut::Wrong,
    };
    match header.checked_add(length) {
        Some(end) if end <= bytes.len() => Cut::Whole(kind, &bytes[header..end], end),
        Some(_) => Cut::Part,
        None => Cut::Wrong,
    }
}

/// Appends a frame as a client sends it.
pub(crate) fn push_masked(out: &mut Vec<u8>, kind: Kind, payload: &[u8]) {
    push_header(out, kind, payload.len(), 0x80);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

/// Appends a frame as a server sends it.
pub(crate) fn push_plain(out: &mut Vec<u8>, kind: Kind, payload: &[u8]) {
    push_header(out, kind, payload.len(), 0);
    out.extend_from_slice(payload);
}

fn push_header(out: &mut Vec<u8>, kind: Kind, length: usize, mask: u8) {
    out.push(0x80 | kind.opcode());
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => out.push(mask | short),
        (_, Ok(middle)) => {
            out.push(mask | 126);
            out.extend_from_slice(&middle.to_be_bytes());
        }
        _ => {
            out.push(mask | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_every_header_form_is_cut_where_it_ends() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let mut bytes = Vec::new();
            push_plain(&mut bytes, Kind::Text, &vec![b'x'; length]);
            let end = bytes.len();
            bytes.extend_from_slice(b"next");
            assert_eq!(cut(&bytes), Cut::Whole(Kind::Text, &vec![b'x'; length], end));
            for part in [0, 1, 2, end / 2, end - 1] {
                assert_eq!(cut(&bytes[..part.min(end - 1)]), Cut::Part, "{part} of {end}");
            }
        }
    }

    #[test]
    fn what_no_server_may_send_is_wrong() {
        // A fragment, a reserved bit, an unknown kind, a masked frame, a length beyond memory.
        let cases: [&[u8]; 5] = [
            b"\x01\x01a",
            b"\xc1\x01a",
            b"\x83\x01a",
            b"\x81\x81\0\0\0\0a",
            &[0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255],
        ];
        for bytes in cases {
            assert_eq!(cut(bytes), Cut::Wrong, "{bytes:?}");
        }
    }

    #[test]
    fn a_compressed_frame_is_cut_by_whoever_expects_one() {
        let bytes = b"\xc1\x01a\x81\x01b";
        assert!(is_compressed(bytes) && !is_compressed(&bytes[3..]));
        assert_eq!(cut_compressed(bytes), Cut::Whole(Kind::Text, b"a", 3));
        assert_eq!(cut_compressed(&bytes[3..]), Cut::Wrong);
    }

    #[test]
    fn a_clients_frame_is_masked_with_zero() {
        let mut out = Vec::new();
        push_masked(&mut out, Kind::Text, b"40");
        assert_eq!(out, b"\x81\x82\0\0\0\x0040");
    }
}
