//! Just enough of WebSocket for a client: whole text frames in, masked text frames out.
//!
//! What is odd: the mask is nought, so that text goes out as it is; the server unmasks it all the same.

use crate::failure::{Failure, Outcome};

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const MASKED: u8 = 0x80;
const LEN_IN_2_BYTES: u8 = 126;

/// The first text of `input` and the bytes of its frame; `None` while the frame is incomplete.
pub(crate) fn decode(input: &[u8]) -> Outcome<Option<(&[u8], usize)>> {
    let [first, second, rest @ ..] = input else { return Ok(None) };
    match *first {
        TEXT => {}
        CLOSE => return Err(Failure("the server closed the WebSocket".into())),
        other => return Err(Failure(format!("a frame that begins with {other:#x}"))),
    }
    let (start, length) = match (*second, rest) {
        (length @ ..LEN_IN_2_BYTES, _) => (2, usize::from(length)),
        (LEN_IN_2_BYTES, [high, low, ..]) => (4, usize::from(u16::from_be_bytes([*high, *low]))),
        (LEN_IN_2_BYTES, _) => return Ok(None),
        (other, _) => return Err(Failure(format!("a frame of a length {other:#x}"))),
    };
    Ok(input.get(start..start + length).map(|text| (text, start + length)))
}

/// Appends a text.
///
/// # Panics
/// If it is longer than 65,535 bytes.
pub(crate) fn encode(out: &mut Vec<u8>, text: &str) {
    out.push(TEXT);
    match u8::try_from(text.len()) {
        Ok(length @ ..LEN_IN_2_BYTES) => out.push(MASKED | length),
        _ => {
            let length = u16::try_from(text.len()).expect("clients say little");
            out.push(MASKED | LEN_IN_2_BYTES);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a server would send it.
    fn unmasked(text: &str) -> Vec<u8> {
        let mut frame = Vec::new();
        encode(&mut frame, text);
        let mask = frame.len() - text.len() - 4;
        frame.drain(mask..mask + 4);
        frame[1] &= !MASKED;
        frame
    }

    #[test]
    fn a_frame_is_read_when_it_is_whole_and_leaves_the_next() {
        for length in [0, 1, 125, 126, 65_535] {
            let text = "x".repeat(length);
            let frame = unmasked(&text);
            for cut in 0..frame.len().min(8) {
                assert_eq!(decode(&frame[..cut]), Ok(None));
            }
            assert_eq!(decode(&frame[..frame.len() - 1]), Ok(None));
            let more = [&frame[..], b"more"].concat();
            assert_eq!(decode(&more), Ok(Some((text.as_bytes(), frame.len()))));
        }
    }

    #[test]
    fn everything_but_whole_texts_of_a_server_is_refused() {
        for bytes in [&[0x88, 0][..], &[0x82, 0], &[0x01, 0], &[0x81, 0x80], &[0x81, 127]] {
            assert!(decode(bytes).is_err(), "{bytes:x?}");
        }
    }
}
