//! Makes a [`Value`]: from JSON text with attachments, or from any serde format.
//!
//! In comes an argument's text; out goes a tree in which each placeholder is the attachment it names. Without attachments
//! no object is a placeholder, whatever it looks like.

use std::fmt;

use bytes::Bytes;
use serde::de::{
    self, Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor,
};

use super::{Map, Value};
use crate::socket::handoff;
use crate::socket::placeholders::{MARK, NUMBER};

/// Reads a type from JSON text whose placeholders stand for attachments.
pub(in crate::socket) fn read_with<T: DeserializeOwned>(
    json: &str,
    attachments: &[Bytes],
) -> Result<T, serde_json::Error> {
    let mut text = serde_json::Deserializer::from_str(json);
    let tree = Read { attachments: Some(attachments) }.deserialize(&mut text)?;
    text.end()?;
    T::deserialize(tree)
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Read { attachments: None }.deserialize(deserializer)
    }
}

#[derive(Clone, Copy)]
struct Read<'v> {
    attachments: Option<&'v [Bytes]>,
}

impl<'de> DeserializeSeed<'de> for Read<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Read<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        self.deserialize(inner)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        self.deserialize(inner)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_bytes<E>(self, slice: &[u8]) -> Result<Value, E> {
        Ok(Value::Binary(handoff::claim(slice)))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Binary(bytes.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = array.next_element_seed(self)? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = object.next_key()? {
            members.insert(key, object.next_value_seed(self)?);
        }
        let Some(attachments) = self.attachments else { return Ok(Value::Object(members)) };
        if members.get(MARK) != Some(&Value::Bool(true)) {
            return Ok(Value::Object(members));
        }
        let index =
            members.get(NUMBER).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
        match index.and_then(|index| attachments.get(index)) {
            Some(bytes) => Ok(Value::Binary(bytes.clone())),
            None => Err(de::Error::custom("illegal attachments")),
        }
    }
}
