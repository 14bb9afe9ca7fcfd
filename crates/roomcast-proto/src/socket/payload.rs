//! Looks at a packet's JSON without building anything from it.
//!
//! In comes the text after type, namespace and id; out goes where each element of the array lies. What is odd: nothing
//! here recurses, so depth costs no stack; it is bounded only for the sake of those who read the arguments later.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{self, SeqAccess};
use serde_json::value::RawValue;
use smallvec::SmallVec;

/// Where one element lies in the payload's text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

/// Most events carry a name and up to three arguments.
pub(super) type Spans = SmallVec<[Span; 4]>;

/// Finds the elements of a JSON array. `None` if the text is anything else, or invalid anywhere.
pub(super) fn split_array(text: &str) -> Option<Spans> {
    if u32::try_from(text.len()).is_err() {
        return None;
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let spans = json.deserialize_seq(SplitArray { start_of_text: text.as_ptr().addr() }).ok()?;
    json.end().ok()?;
    Some(spans)
}

/// Whether the text is one valid JSON value.
pub(super) fn is_valid(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

/// Whether arrays and objects of a valid JSON text are nested more than `bound` deep.
pub(super) fn is_deeper_than(text: &str, bound: usize) -> bool {
    // Each level takes two bytes and one opening bracket: nearly every text is through after the first question.
    text.len() / 2 > bound
        && memchr::memchr2_iter(b'[', b'{', text.as_bytes()).nth(bound).is_some()
        && exact_depth(text) > bound
}

fn exact_depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    deepest
}

fn skip_string(bytes: &mut std::str::Bytes<'_>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

struct SplitArray {
    start_of_text: usize,
}

impl<'de> de::Visitor<'de> for SplitArray {
    type Value = Spans;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Spans, A::Error> {
        let mut spans = Spans::new();
        while let Some(element) = array.next_element::<&'de RawValue>()? {
            // The element borrows from the text, so the distance of their addresses is its place in the text.
            let start = element.get().as_ptr().addr() - self.start_of_text;
            let end = start + element.get().len();
            let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end)) else {
                return Err(de::Error::custom("payload too long"));
            };
            spans.push(Span { start, end });
        }
        Ok(spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(text: &str) -> Option<Vec<&str>> {
        let spans = split_array(text)?;
        Some(spans.iter().map(|span| &text[span.start as usize..span.end as usize]).collect())
    }

    #[test]
    fn an_array_is_split_where_its_commas_are() {
        assert_eq!(elements("[]"), Some(vec![]));
        assert_eq!(elements(r#"["a"]"#), Some(vec![r#""a""#]));
        assert_eq!(
            elements(r#"[ "é,]" , {"x":[1,2]}, -1e5 ,null ]"#),
            Some(vec![r#""é,]""#, r#"{"x":[1,2]}"#, "-1e5", "null"])
        );
    }

    #[test]
    fn anything_else_is_no_array() {
        for text in ["", "{}", "1", "[", "[1", "[1,]", "[1]x", r#"["a]"#, "[01]", "[\"\n\"]", "nul"] {
            assert_eq!(elements(text), None, "{text}");
        }
    }

    #[test]
    fn brackets_inside_strings_are_not_depth() {
        let flat = format!(r#"["{}\"[[["]"#, "[{".repeat(500));
        assert!(!is_deeper_than(&flat, 1));
        let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
        assert!(is_deeper_than(&deep, 299));
        assert!(!is_deeper_than(&deep, 300));
    }
}
