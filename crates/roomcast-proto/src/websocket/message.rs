//! The message that is being assembled: what came of it so far, and for text, proof that it is UTF-8 so far.
//!
//! Unmasked pieces come in, cut anywhere; text or bytes go out at the end. Odd: a piece of text may end inside a
//! character; its bytes wait in [`Cut`], and are refused as soon as no byte can complete them.

use super::error::Error;
use super::header::OpCode;

/// Below this, growing step by step saves no memory worth it.
const LEAST_CAPACITY: usize = 256;

/// A message without its end.
#[derive(Debug)]
pub(super) struct Message {
    content: Content,
    /// Data frames so far, the present one included.
    pub(super) fragments: u32,
}

#[derive(Debug)]
enum Content {
    Text {
        text: String,
        cut: Cut,
    },
    Binary(Vec<u8>),
    /// It is inflated once it is whole.
    Compressed {
        bytes: Vec<u8>,
        opcode: OpCode,
    },
}

/// What a finished message is.
#[derive(Debug)]
pub(super) enum Finished<'a> {
    Text(&'a str),
    Binary(Vec<u8>),
}

impl Message {
    pub(super) fn text() -> Self {
        Self { content: Content::Text { text: String::new(), cut: Cut::default() }, fragments: 1 }
    }

    /// A message of that kind; what is not text is binary.
    pub(super) fn of(opcode: OpCode) -> Self {
        match opcode {
            OpCode::Text => Self::text(),
            _ => Self::binary(),
        }
    }

    /// One that is compressed, and of that kind once it is inflated.
    pub(super) fn compressed(opcode: OpCode) -> Self {
        Self { content: Content::Compressed { bytes: Vec::new(), opcode }, fragments: 1 }
    }

    /// What has to be inflated, and to what, if this message is compressed.
    pub(super) fn take_compressed(&mut self) -> Option<(Vec<u8>, OpCode)> {
        match &mut self.content {
            Content::Compressed { bytes, opcode } => Some((std::mem::take(bytes), *opcode)),
            Content::Text { .. } | Content::Binary(_) => None,
        }
    }

    pub(super) fn binary() -> Self {
        Self { content: Content::Binary(Vec::new()), fragments: 1 }
    }

    /// How many bytes are here.
    pub(super) fn len(&self) -> usize {
        match &self.content {
            Content::Text { text, cut } => text.len() + cut.as_bytes().len(),
            Content::Binary(bytes) | Content::Compressed { bytes, .. } => bytes.len(),
        }
    }

    /// Adds bytes. The message cannot become longer than `most`, so no more is ever allocated.
    pub(super) fn push(&mut self, piece: &[u8], most: usize) -> Result<(), Error> {
        match &mut self.content {
            Content::Text { text, cut } => {
                let needed = text.len() + cut.as_bytes().len() + piece.len();
                text.reserve_exact(growth(text.len(), text.capacity(), needed, most));
                push_text(text, cut, piece)
            }
            Content::Binary(bytes) | Content::Compressed { bytes, .. } => {
                let needed = bytes.len() + piece.len();
                bytes.reserve_exact(growth(bytes.len(), bytes.capacity(), needed, most));
                bytes.extend_from_slice(piece);
                Ok(())
            }
        }
    }

    /// The last byte was added. Binary content leaves; text stays here to be lent.
    pub(super) fn finish(&mut self) -> Result<Finished<'_>, Error> {
        match &mut self.content {
            Content::Text { cut, .. } if !cut.as_bytes().is_empty() => Err(Error::InvalidUtf8),
            Content::Text { text, .. } => Ok(Finished::Text(text)),
            Content::Binary(bytes) | Content::Compressed { bytes, .. } => {
                Ok(Finished::Binary(std::mem::take(bytes)))
            }
        }
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        match &self.content {
            Content::Text { text, .. } => text.capacity(),
            Content::Binary(bytes) | Content::Compressed { bytes, .. } => bytes.capacity(),
        }
    }
}

/// How much to reserve: twice what has arrived, so that a header alone costs the peer's bandwidth and not our memory,
/// but nothing beyond the end of the message where that is known.
fn growth(len: usize, capacity: usize, needed: usize, most: usize) -> usize {
    if needed <= capacity {
        return 0;
    }
    let target = needed.saturating_mul(2).max(LEAST_CAPACITY).min(most).max(needed);
    target - len
}

fn push_text(text: &mut String, cut: &mut Cut, mut piece: &[u8]) -> Result<(), Error> {
    while !cut.as_bytes().is_empty() {
        let Some((&byte, rest)) = piece.split_first() else { return Ok(()) };
        piece = rest;
        cut.push(byte);
        match std::str::from_utf8(cut.as_bytes()) {
            Ok(character) => {
                text.push_str(character);
                *cut = Cut::default();
            }
            Err(error) if error.error_len().is_some() => return Err(Error::InvalidUtf8),
            Err(_) => {}
        }
    }
    let (whole, tail) = piece.split_at(piece.len() - unfinished(piece));
    text.push_str(simdutf8::basic::from_utf8(whole).map_err(|_| Error::InvalidUtf8)?);
    for &byte in tail {
        cut.push(byte);
    }
    match std::str::from_utf8(tail) {
        // The first bytes of a character can already be wrong together, as in a surrogate.
        Err(error) if error.error_len().is_some() => Err(Error::InvalidUtf8),
        _ => Ok(()),
    }
}

/// How many bytes at the end are the beginning of a character that needs more.
fn unfinished(bytes: &[u8]) -> usize {
    for (seen, &byte) in (1..=3).zip(bytes.iter().rev()) {
        let needed = match byte {
            0x80..=0xBF => continue,
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF7 => 4,
            _ => 1,
        };
        return if needed > seen { seen } else { 0 };
    }
    0
}

/// The first bytes, at most three, of a character whose last has not come.
#[derive(Debug, Default)]
struct Cut {
    bytes: [u8; 4],
    len: u8,
}

impl Cut {
    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// With the fourth byte a character is complete or wrong, and the caller takes it out; so there is never a fifth.
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(usize::from(self.len)) {
            *place = byte;
            self.len += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where a byte-by-byte reading fails: the earliest place that any reading can.
    fn first_wrong_byte(bytes: &[u8]) -> Option<usize> {
        (1..=bytes.len())
            .find(|&end| std::str::from_utf8(&bytes[..end]).is_err_and(|error| error.error_len().is_some()))
    }

    fn nearly_text() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            any::<char>().prop_map(|character| character.to_string().into_bytes()),
            "[a-z]{0,40}".prop_map(String::into_bytes),
            prop::sample::select(vec![
                &b"\xed\xa0\x80"[..],    // a surrogate
                b"\xf4\x90\x80\x80",     // beyond the last character
                b"\xc0\x80",             // longer than needed
                b"\xf0\x80\x80\x80",     // longer than needed
                b"\xe2\x82",             // the end is missing
                b"\xf8\x88\x80\x80\x80", // five bytes
                b"\x80",
                b"\xff",
            ])
            .prop_map(<[u8]>::to_vec),
        ];
        prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn text_fails_in_the_piece_with_the_first_wrong_byte(
            bytes in nearly_text(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let wrong = first_wrong_byte(&bytes);

            let mut message = Message::text();
            for piece in cuts.windows(2) {
                let (start, end) = (piece[0], piece[1]);
                let pushed = message.push(&bytes[start..end], bytes.len());
                if wrong.is_some_and(|wrong| wrong <= end) {
                    prop_assert_eq!(pushed, Err(Error::InvalidUtf8));
                    return Ok(());
                }
                prop_assert_eq!(pushed, Ok(()));
                prop_assert_eq!(message.len(), end);
                prop_assert!(message.capacity() <= (2 * end).max(LEAST_CAPACITY).min(bytes.len()));
            }
            match (message.finish(), std::str::from_utf8(&bytes)) {
                (Ok(Finished::Text(text)), Ok(expected)) => prop_assert_eq!(text, expected),
                (Err(Error::InvalidUtf8), Err(_)) => {}
                (finished, expected) => prop_assert!(false, "{finished:?} is not {expected:?}"),
            }
        }
    }

    #[test]
    fn many_small_pieces_are_not_copied_again_and_again() {
        let mut message = Message::binary();
        let mut capacities = vec![0];
        for _ in 0..10_000 {
            message.push(&[0; 64], usize::MAX).unwrap();
            if capacities.last() != Some(&message.capacity()) {
                capacities.push(message.capacity());
            }
        }
        assert!(capacities.len() < 15, "{capacities:?}");
    }
}
