//! The untyped argument: JSON, with binary values anywhere in it.
//!
//! `read.rs` makes it from JSON text and attachments, or from any serde format; `deserializer.rs` makes typed values of
//! it, which is how a handler's types meet binary values; `access.rs` is for people. What is odd: unlike JSON it knows
//! bytes, and like JavaScript it keeps the order of keys.

mod access;
mod deserializer;
mod read;

use bytes::Bytes;
use indexmap::IndexMap;
use serde::{Serialize, Serializer};
use serde_json::Number;

pub(super) use read::read_with;

use super::handoff;

/// An object's members, in the order they came.
pub type Map = IndexMap<String, Value>;

/// Any argument.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Value>),
    /// An object.
    Object(Map),
    /// A binary value: an attachment on the wire.
    Binary(Bytes),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(elements) => serializer.collect_seq(elements),
            Self::Object(members) => serializer.collect_map(members),
            Self::Binary(bytes) => handoff::lend(bytes, |slice| serializer.serialize_bytes(slice)),
        }
    }
}
