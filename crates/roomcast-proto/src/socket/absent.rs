//! What a type reads when the argument it stands for was not sent.
//!
//! JavaScript hands `undefined` to a handler for arguments that did not come; in Rust that is `None`. Every type other
//! than `Option` refuses it. What is odd: `()` and types that read anything refuse it too, so that arity still counts.

use serde::de::{self, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};

/// Reads as `None`, or not at all.
pub(super) struct Absent;

impl<'de> Deserializer<'de> for Absent {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("argument is missing"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
