//! WebSocket frames: reading a client's, heading ours.
//!
//! Comes in: bytes as read. Goes out: the next whole frame, unmasked where it lies, or how many bytes it will have. What is
//! odd: fragments are not put together; the load generator and the official clients send none.

/// Opcodes, as they stand in the first byte of an unfragmented frame.
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// What is at the front of the bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A frame: its first byte, where its payload lies, and behind which byte the next frame begins.
    Frame { first: u8, start: usize, end: usize },
    /// Not yet a whole frame; this many bytes will be, as far as can be seen.
    Partial { wanted: usize },
}

/// Reads a masked frame and unmasks its payload in place.
pub(crate) fn next(bytes: &mut [u8]) -> Next {
    let Some(&[first, second]) = bytes.first_chunk() else { return Next::Partial { wanted: 2 } };
    let (length, mask_at) = match second & 0x7f {
        126 => match bytes.get(2..4) {
            Some(&[a, b]) => (usize::from(u16::from_be_bytes([a, b])), 4),
            _ => return Next::Partial { wanted: 4 },
        },
        127 => match bytes.get(2..10).and_then(|length| length.first_chunk::<8>()) {
            Some(length) => (u64::from_be_bytes(*length) as usize, 10),
            None => return Next::Partial { wanted: 10 },
        },
        length => (usize::from(length), 2),
    };
    let start = mask_at + 4;
    let end = start + length;
    if bytes.len() < end {
        return Next::Partial { wanted: end };
    }
    let mask = [bytes[mask_at], bytes[mask_at + 1], bytes[mask_at + 2], bytes[mask_at + 3]];
    unmask(&mut bytes[start..end], mask);
    Next::Frame { first, start, end }
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let wide = u64::from_ne_bytes([mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3]]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// Writes the head of a frame that has a payload of this length.
pub(crate) fn head(out: &mut Vec<u8>, first: u8, length: usize) {
    match length {
        0..126 => out.extend([first, length as u8]),
        126..0x1_0000 => {
            out.extend([first, 126]);
            out.extend((length as u16).to_be_bytes());
        }
        _ => {
            out.extend([first, 127]);
            out.extend((length as u64).to_be_bytes());
        }
    }
}

/// Writes a whole frame from the parts of its payload.
pub(crate) fn write(out: &mut Vec<u8>, first: u8, parts: &[&[u8]]) {
    head(out, first, parts.iter().map(|part| part.len()).sum());
    for part in parts {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A frame as a client sends it.
    pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        head(&mut frame, first, payload.len());
        frame[1] |= 0x80;
        let mask = [1, 2, 3, 4];
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    #[test]
    fn a_frame_of_every_length_form_is_read_and_unmasked() {
        for length in [0, 1, 7, 8, 9, 125, 126, 65_535, 65_536] {
            let payload: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let mut bytes = masked(BINARY, &payload);
            bytes.push(TEXT);
            let Next::Frame { first: BINARY, start, end } = next(&mut bytes) else {
                panic!("no frame of {length}")
            };
            assert_eq!(bytes[start..end], payload);
            assert_eq!(end, bytes.len() - 1);
        }
    }

    #[test]
    fn a_frame_that_is_not_whole_says_what_it_wants() {
        let whole = masked(TEXT, &[7; 300]);
        let wanted = |length: usize| next(&mut whole[..length].to_vec());
        assert_eq!(wanted(1), Next::Partial { wanted: 2 });
        assert_eq!(wanted(3), Next::Partial { wanted: 4 });
        assert_eq!(wanted(307), Next::Partial { wanted: 308 });
    }
}
