//! Goes once over JSON text and says whether it is valid, where its values end and whether it is nested too deeply.
//!
//! In comes text that is UTF-8; out go positions in it. It takes and refuses exactly what `serde_json` does, which tests
//! and a fuzz target compare. It is by hand because every message goes through it: counted in instructions, `serde_json`
//! and a second pass for the depth need twice as many for small packets, 2.5 times as many for long strings, and as many
//! for bare numbers. What is odd: nothing recurses; a bit per level remembers whether it is an object.

/// Why a text is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is no JSON.
    Invalid,
    /// It is nested too deeply; what follows the bracket that is too much was not looked at.
    TooDeep,
}

/// The deepest nesting that can be followed.
pub(super) const MAX_DEPTH: usize = u128::BITS as usize;

/// A place in a text, moving to its end.
pub(super) struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    /// Whether a string had an escape.
    escaped: bool,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text: text.as_bytes(), at: 0, escaped: false }
    }

    /// How many bytes are behind.
    #[inline]
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Whether a string so far had an escape.
    #[inline]
    pub(super) fn escaped(&self) -> bool {
        self.escaped
    }

    /// Whether nothing is left.
    #[inline]
    pub(super) fn at_end(&self) -> bool {
        self.at == self.text.len()
    }

    /// The next byte; at the end a zero, which JSON has nowhere.
    #[inline]
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    /// Goes over a byte that must be next.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.take(byte) { Ok(()) } else { Err(Fault::Invalid) }
    }

    /// Goes over a byte if it is next.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == byte;
        self.at += usize::from(is_next);
        is_next
    }

    /// Goes over white space.
    #[inline]
    pub(super) fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\t' | b'\r') {
            self.at += 1;
        }
    }

    /// Goes over a value, whose first byte is next. At most `max_depth` arrays and objects, and at most [`MAX_DEPTH`], may
    /// lie in each other.
    #[inline]
    pub(super) fn value(&mut self, max_depth: usize) -> Result<(), Fault> {
        match self.peek() {
            b'"' => self.string(),
            b'[' | b'{' => self.nested(max_depth.min(MAX_DEPTH)),
            _ => self.scalar(),
        }
    }

    /// Goes over an array or object.
    fn nested(&mut self, max_depth: usize) -> Result<(), Fault> {
        // The lowest bit is the innermost level; an object is a one.
        let (mut levels, mut depth) = (0_u128, 0);
        loop {
            match self.peek() {
                b'"' => self.string()?,
                open @ (b'[' | b'{') => {
                    if depth == max_depth {
                        return Err(Fault::TooDeep);
                    }
                    depth += 1;
                    levels = levels << 1 | u128::from(open == b'{');
                    self.at += 1;
                    self.space();
                    match (open, self.peek()) {
                        // Empty: it is closed below.
                        (b'[', b']') | (b'{', b'}') => {}
                        (b'[', _) => continue,
                        _ => {
                            self.key()?;
                            continue;
                        }
                    }
                }
                _ => self.scalar()?,
            }
            loop {
                self.space();
                let in_object = levels & 1 == 1;
                match (self.peek(), in_object) {
                    (b',', _) => {
                        self.at += 1;
                        self.space();
                        if in_object {
                            self.key()?;
                        }
                        break;
                    }
                    (b']', false) | (b'}', true) => {
                        self.at += 1;
                        levels >>= 1;
                        depth -= 1;
                        if depth == 0 {
                            return Ok(());
                        }
                    }
                    _ => return Err(Fault::Invalid),
                }
            }
        }
    }

    /// Goes over a key and its colon, to the first byte of the value.
    #[inline]
    fn key(&mut self) -> Result<(), Fault> {
        if self.peek() != b'"' {
            return Err(Fault::Invalid);
        }
        self.string()?;
        self.space();
        self.expect(b':')?;
        self.space();
        Ok(())
    }

    /// Goes over a string, whose opening quote is next.
    #[inline]
    fn string(&mut self) -> Result<(), Fault> {
        self.at = plain_end(self.text, self.at + 1);
        while self.peek() != b'"' {
            self.escaped = true;
            let behind = escape_end(self.text, self.at).ok_or(Fault::Invalid)?;
            self.at = plain_end(self.text, behind);
        }
        self.at += 1;
        Ok(())
    }

    /// Goes over a number, `true`, `false` or `null`.
    #[inline]
    fn scalar(&mut self) -> Result<(), Fault> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = match rest {
            [b'-' | b'0'..=b'9', ..] => number_end(self.text, self.at),
            [b't', b'r', b'u', b'e', ..] | [b'n', b'u', b'l', b'l', ..] => Some(self.at + 4),
            [b'f', b'a', b'l', b's', b'e', ..] => Some(self.at + 5),
            _ => None,
        };
        self.at = end.ok_or(Fault::Invalid)?;
        Ok(())
    }
}

/// Where the escape at `at` ends. Half a surrogate pair is taken: JavaScript strings may hold it.
fn escape_end(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at..)? {
        [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Some(at + 2),
        [b'\\', b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) => {
            Some(at + 6)
        }
        // A control character, or the end of the text.
        _ => None,
    }
}

/// Where the number at `at` ends.
fn number_end(text: &[u8], mut at: usize) -> Option<usize> {
    at += usize::from(text.get(at) == Some(&b'-'));
    // Behind a leading zero no digit may stand; whoever looks for a comma or bracket there will not find it.
    at = if text.get(at) == Some(&b'0') { at + 1 } else { digits_end(text, at)? };
    if text.get(at) == Some(&b'.') {
        at = digits_end(text, at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        at += usize::from(matches!(text.get(at), Some(b'+' | b'-')));
        at = digits_end(text, at)?;
    }
    Some(at)
}

/// Where the digits at `at` end; there must be one.
#[inline]
fn digits_end(text: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    while let Some(b'0'..=b'9') = text.get(end) {
        end += 1;
    }
    (end > at).then_some(end)
}

/// Where in a string's text, from `at` on, the first byte is that cannot stand for itself: a quote, a backslash, a control
/// character; else the end of the text.
#[inline]
pub(super) fn plain_end(text: &[u8], at: usize) -> usize {
    let mut rest = text.get(at..).unwrap_or_default();
    // Most strings end within sixteen bytes; for the others the compiler makes blocks of vectors.
    for _ in 0..2 {
        let Some((word, behind)) = rest.split_first_chunk() else { return plain_end_in_tail(text, rest) };
        if let Some(place) = first_special(u64::from_le_bytes(*word)) {
            return text.len() - rest.len() + place;
        }
        rest = behind;
    }
    while let Some((block, behind)) = rest.split_first_chunk::<32>() {
        let (words, _) = block.as_chunks();
        if words.iter().fold(0, |found, &word| found | special_bytes(u64::from_le_bytes(word))) != 0 {
            break;
        }
        rest = behind;
    }
    while let Some((word, behind)) = rest.split_first_chunk() {
        if let Some(place) = first_special(u64::from_le_bytes(*word)) {
            return text.len() - rest.len() + place;
        }
        rest = behind;
    }
    plain_end_in_tail(text, rest)
}

/// The same for less than eight bytes at the end of a text.
#[inline]
fn plain_end_in_tail(text: &[u8], tail: &[u8]) -> usize {
    let start = text.len() - tail.len();
    let place = match text.last_chunk() {
        _ if tail.is_empty() => 0,
        // Read with bytes before it, which are then shifted out; zeros come in at the other end, and are found as control
        // characters where the text ends.
        Some(word) => first_special(u64::from_le_bytes(*word) >> (8 * (8 - tail.len()))).unwrap_or(8),
        None => tail.iter().position(|&byte| is_special(byte)).unwrap_or(tail.len()),
    };
    start + place
}

#[inline]
fn is_special(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

/// The place of the first byte, counted from the lowest, that cannot stand for itself in a string.
#[inline]
fn first_special(word: u64) -> Option<usize> {
    let special = special_bytes(word);
    (special != 0).then(|| (special.trailing_zeros() / 8) as usize)
}

/// The highest bit of each byte that cannot stand for itself in a string. Bytes above such a one may be marked wrongly,
/// bytes below it never are.
#[inline]
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const fn all(byte: u8) -> u64 {
        ONES * byte as u64
    }
    // A subtraction borrows out of a byte that is too small, which sets its highest bit; bytes beyond ASCII have that bit
    // from the beginning and are no candidates. With its second bit turned, a quote comes directly behind the control
    // characters.
    let control_or_quote = (word ^ all(0x02)).wrapping_sub(all(0x21));
    let backslash = (word ^ all(b'\\')).wrapping_sub(ONES);
    (control_or_quote | backslash) & !word & all(0x80)
}
