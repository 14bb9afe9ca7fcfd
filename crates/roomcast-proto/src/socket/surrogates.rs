//! Mends JSON text that holds half a surrogate pair.
//!
//! JavaScript strings may hold `\ud83d` without its other half, and `JSON.stringify` writes it so; a Rust string cannot.
//! In comes valid JSON text that could not be read as the wanted type; out goes the same text with each lone half
//! replaced by U+FFFD, as browsers do when they must make UTF-8 of it. What is odd: escape and replacement are six bytes
//! both, so nothing moves.

/// The text with lone surrogate escapes replaced, or `None` if it has none.
pub(super) fn mended(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut mended: Option<String> = None;
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        at += found;
        match escape_at(bytes, at) {
            Some(0xD800..=0xDBFF) if matches!(escape_at(bytes, at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(0xD800..=0xDFFF) => {
                mended.get_or_insert_with(|| text.to_owned()).replace_range(at..at + 6, "\\ufffd");
                at += 6;
            }
            Some(_) => at += 6,
            None => at += 2,
        }
    }
    mended
}

/// The code unit of a `\uXXXX` escape that begins at `at`.
fn escape_at(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, &digit| Some(unit * 16 + char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lone_halves_are_replaced() {
        let table = [
            (r#""\ud83d""#, Some(r#""\ufffd""#)),
            (r#""\uDE00x""#, Some(r#""\ufffdx""#)),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\ud83d\n\ude00""#, Some(r#""\ufffd\n\ufffd""#)),
            (r#""\ud83d\ude00""#, None),
            (r#""\\ud83d""#, None),
            (r#""é\u00e9""#, None),
            (r#""\ud8"#, None),
            (r#"\"#, None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(mended(text).as_deref(), expected, "{text}");
        }
    }
}
