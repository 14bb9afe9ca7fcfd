//! Writes text that is known to be JSON as it is.
//!
//! In comes valid JSON text; out goes what `serde_json`'s `RawValue` of that text would write, whatever the serializer. What
//! is odd: a `RawValue` can only be had by reading the text once more, which every relayed message would pay for. So the
//! text is shown to serializers as a `RawValue` shows itself, under a name that `serde_json` does not promise to keep; once
//! per process it is asked whether it still knows the name, and a real `RawValue` serves where it does not.

use std::sync::LazyLock;

use serde::ser::{Error as _, SerializeStruct as _};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

const NAME: &str = "$serde_json::private::RawValue";

static NAME_IS_KNOWN: LazyLock<bool> =
    LazyLock::new(|| serde_json::to_string(&Verbatim("[1]")).is_ok_and(|json| json == "[1]"));

/// Serialises valid JSON text as a `RawValue` would be.
#[inline]
pub(super) fn serialize<S: Serializer>(json: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if *NAME_IS_KNOWN { Verbatim(json).serialize(serializer) } else { serialize_parsed(json, serializer) }
}

#[cold]
fn serialize_parsed<S: Serializer>(json: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serde_json::from_str::<&RawValue>(json).map_err(S::Error::custom)?.serialize(serializer)
}

struct Verbatim<'a>(&'a str);

impl Serialize for Verbatim<'_> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut shown = serializer.serialize_struct(NAME, 1)?;
        shown.serialize_field(NAME, self.0)?;
        shown.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Shown<'a>(&'a str);

    impl Serialize for Shown<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serialize(self.0, serializer)
        }
    }

    struct Parsed<'a>(&'a str);

    impl Serialize for Parsed<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serialize_parsed(self.0, serializer)
        }
    }

    #[test]
    fn serde_json_still_knows_the_name() {
        assert!(*NAME_IS_KNOWN, "correct but slow: see the head of this file");
    }

    #[test]
    fn both_ways_write_the_same() {
        for text in ["null", "[ 1 , 2]", r#"{"b":1,"a":1e400}"#, r#""\ud83d""#, "1.50"] {
            let (shown, parsed) = (Shown(text), Parsed(text));
            assert_eq!(serde_json::to_string(&shown).unwrap(), text);
            assert_eq!(serde_json::to_string(&parsed).unwrap(), text);
            assert_eq!(
                serde_json::to_string_pretty(&[&shown]).unwrap(),
                serde_json::to_string_pretty(&[&parsed]).unwrap()
            );
            assert_eq!(serde_json::to_value(&shown).ok(), serde_json::to_value(&parsed).ok(), "{text}");
        }
    }
}
