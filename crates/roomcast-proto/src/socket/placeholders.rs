//! The objects that stand in the JSON text for binary values: `{"_placeholder":true,"num":0}`.
//!
//! In comes an argument's text and how many attachments were announced; out goes whether each placeholder names one of
//! them. A number that is none was a remote crash in several implementations (CVE-2022-2421), so this is decided before
//! anybody reads the argument. What is odd: keys may come in any order, so only the end of an object tells what it was.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::surrogates;

/// The key that marks a placeholder.
pub(super) const MARK: &str = "_placeholder";
/// The key that says which attachment is meant.
pub(super) const NUMBER: &str = "num";

/// Whether each placeholder in a valid JSON text names one of `count` attachments.
pub(super) fn are_legal(json: &str, count: usize) -> bool {
    if !may_occur(json) {
        return true;
    }
    let check = |json: &str| {
        let mut text = serde_json::Deserializer::from_str(json);
        Check { count }.deserialize(&mut text).is_ok()
    };
    check(json) || surrogates::mended(json).is_some_and(|mended| check(&mended))
}

/// Whether the text could hold a placeholder; an escape could hide its key.
pub(super) fn may_occur(json: &str) -> bool {
    memchr::memmem::find(json.as_bytes(), MARK.as_bytes()).is_some()
        || memchr::memmem::find(json.as_bytes(), b"\\u").is_some()
}

#[derive(Clone, Copy)]
struct Check {
    count: usize,
}

/// As much of a value as its parent object must know.
enum Seen {
    True,
    Index(usize),
    Other,
}

impl<'de> DeserializeSeed<'de> for Check {
    type Value = Seen;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Seen, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Check {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON with legal attachments")
    }

    fn visit_unit<E>(self) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Seen, E> {
        Ok(if value { Seen::True } else { Seen::Other })
    }

    fn visit_u64<E>(self, value: u64) -> Result<Seen, E> {
        Ok(usize::try_from(value).map_or(Seen::Other, Seen::Index))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Seen, A::Error> {
        while array.next_element_seed(self)?.is_some() {}
        Ok(Seen::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Seen, A::Error> {
        let (mut mark, mut number) = (Seen::Other, Seen::Other);
        while let Some(Key(key)) = object.next_key()? {
            let seen = object.next_value_seed(self)?;
            match &*key {
                MARK => mark = seen,
                NUMBER => number = seen,
                _ => {}
            }
        }
        match (mark, number) {
            (Seen::True, Seen::Index(index)) if index < self.count => Ok(Seen::Other),
            (Seen::True, _) => Err(de::Error::custom("illegal attachments")),
            _ => Ok(Seen::Other),
        }
    }
}

/// An object's key, borrowed where the text holds it without escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_must_name_an_announced_attachment() {
        let table = [
            (r#"{"_placeholder":true,"num":0}"#, true),
            (r#"{"num":1,"x":[{}],"_placeholder":true}"#, true),
            (r#"[{"a":{"_placeholder":true,"num":1}},"\ud83d"]"#, true),
            (r#"{"_placeholder":false,"num":9}"#, true),
            (r#"{"_placeholder":"true","num":9}"#, true),
            (r#"{"_placeholder":true,"num":2}"#, false),
            (r#"{"_placeholder":true,"num":-1}"#, false),
            (r#"{"_placeholder":true,"num":0.5}"#, false),
            (r#"{"_placeholder":true,"num":"0"}"#, false),
            (r#"{"_placeholder":true,"num":"splice"}"#, false),
            (r#"{"_placeholder":true,"num":18446744073709551616}"#, false),
            (r#"{"_placeholder":true}"#, false),
            (r#"{"\u005fplaceholder":true,"num":7}"#, false),
            (r#"{"_placeholder":true,"num":7,"k":"\ud83d"}"#, false),
            (r#"{"_placeholder":true,"num":7,"num":0}"#, true),
        ];
        for (json, legal) in table {
            assert_eq!(are_legal(json, 2), legal, "{json}");
        }
    }
}
