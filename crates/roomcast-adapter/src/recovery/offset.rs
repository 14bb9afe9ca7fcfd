//! Where an event stands in the log of its namespace, as a number and as the text that clients keep.
//!
//! In: positions. Out: texts of one length, which sort as the positions do, and positions again. What is odd: the length
//! never changes, so that the text can be written into a frame that is encoded already; and the text names the log that it
//! belongs to, so that one that is left over from another process is not taken for one of this.

/// Characters of an offset.
pub const OFFSET_LEN: usize = LOG_LEN + POSITION_LEN;

const LOG_LEN: usize = 4;
const POSITION_LEN: usize = 8;

/// In the order of their bytes, so that offsets sort.
const ALPHABET: &[u8; 64] = b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

/// How many events were recorded before and with this one: 0 is before the first.
///
/// Eight characters hold 2^48 of them: at a million events per second that is nine years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

/// Writes and reads the offsets of one log.
///
/// ```
/// use roomcast_adapter::recovery::{Offsets, Position};
/// let offsets = Offsets::new(0x00C0_FFEE);
/// let text = offsets.write(Position(7));
/// let text = std::str::from_utf8(&text).unwrap();
/// assert_eq!(offsets.read(text), Some(Position(7)));
/// assert_eq!(Offsets::new(42).read(text), None);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Offsets {
    log: [u8; LOG_LEN],
}

impl Offsets {
    /// Those of the log with that number, of which 24 bits count. It should be random: a log is made anew with every
    /// process.
    #[must_use]
    pub fn new(log: u32) -> Self {
        let mut text = [0; LOG_LEN];
        write(u64::from(log), &mut text);
        Self { log: text }
    }

    /// The offset of a position.
    #[must_use]
    pub fn write(&self, position: Position) -> [u8; OFFSET_LEN] {
        let mut text = [0; OFFSET_LEN];
        text[..LOG_LEN].copy_from_slice(&self.log);
        write(position.0, &mut text[LOG_LEN..]);
        text
    }

    /// The position of an offset; `None` if this log has never given it out in that form.
    #[must_use]
    pub fn read(&self, offset: &str) -> Option<Position> {
        let position = offset.as_bytes().strip_prefix(&self.log)?;
        if position.len() != POSITION_LEN {
            return None;
        }
        position.iter().try_fold(0, |value, byte| Some(value << 6 | digit(*byte)?)).map(Position)
    }
}

/// The last bits of a value, the highest first.
fn write(mut value: u64, text: &mut [u8]) {
    for byte in text.iter_mut().rev() {
        *byte = ALPHABET[(value & 63) as usize];
        value >>= 6;
    }
}

fn digit(byte: u8) -> Option<u64> {
    ALPHABET.binary_search(&byte).ok().map(|digit| digit as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_offset_of_this_log_is_none() {
        let offsets = Offsets::new(1);
        let good = offsets.write(Position(1));
        let good = std::str::from_utf8(&good).unwrap();
        assert_eq!(offsets.read(good), Some(Position(1)));
        for bad in [
            "",
            "---0",
            "---0-------",
            "---0--------0",
            "---0-------+",
            "---1-------0",
            "tick",
            "---0-------ä",
        ] {
            assert_eq!(offsets.read(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn offsets_read_back_and_sort_as_their_positions_do(log: u32, a in 0..1_u64 << 48, b in 0..1_u64 << 48) {
            let offsets = Offsets::new(log);
            let [first, second] = [a, b].map(|n| offsets.write(Position(n)));
            prop_assert_eq!(offsets.read(std::str::from_utf8(&first).unwrap()), Some(Position(a)));
            prop_assert_eq!(first.cmp(&second), a.cmp(&b));
            // Nothing that JSON would have to escape.
            prop_assert!(first.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')));
        }

        #[test]
        fn no_text_that_a_client_sends_panics(text: String) {
            let _ = Offsets::new(7).read(&text);
        }
    }
}
