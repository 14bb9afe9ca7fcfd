//! Looks into a `Result` that is being serialised, which an ack handler may have returned.
//!
//! In comes a value known to be a `Result`; out goes its inside: `Ok(v)` is written as the arguments of the ack, `Err(e)`
//! is handed back unwritten. What is odd: a serializer that accepts nothing but the two variants of `Result`, because
//! serde is the only way to look into a type nobody has named.

use bytes::Bytes;
use serde::Serialize;
use serde::ser::{Error as _, Impossible, Serializer};

use super::encode::write_ack_arguments;

/// Takes a `Result` apart.
pub(super) struct ResultSerializer<'v> {
    pub(super) out: &'v mut Vec<u8>,
    pub(super) attachments: &'v mut Vec<Bytes>,
}

type Refused = Impossible<Option<serde_json::Value>, serde_json::Error>;

fn refuse<T>() -> Result<T, serde_json::Error> {
    Err(serde_json::Error::custom("a Result did not serialise as a Result"))
}

macro_rules! refuse_scalars {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(self, _: $type) -> Result<Self::Ok, Self::Error> { refuse() })*
    };
}

impl Serializer for ResultSerializer<'_> {
    /// The error, if it is one.
    type Ok = Option<serde_json::Value>;
    type Error = serde_json::Error;
    type SerializeSeq = Refused;
    type SerializeTuple = Refused;
    type SerializeTupleStruct = Refused;
    type SerializeTupleVariant = Refused;
    type SerializeMap = Refused;
    type SerializeStruct = Refused;
    type SerializeStructVariant = Refused;

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Self::Ok, Self::Error> {
        match variant {
            "Ok" => write_ack_arguments(self.out, self.attachments, value).map(|()| None),
            "Err" => serde_json::to_value(value).map(Some),
            _ => refuse(),
        }
    }

    refuse_scalars! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32,
        serialize_f64: f64, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8],
        serialize_unit_struct: &'static str,
    }

    fn serialize_none(self) -> Result<Self::Ok, Self::Error> {
        refuse()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Self::Ok, Self::Error> {
        refuse()
    }

    fn serialize_unit(self) -> Result<Self::Ok, Self::Error> {
        refuse()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<Self::Ok, Self::Error> {
        refuse()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<Self::Ok, Self::Error> {
        refuse()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Refused, Self::Error> {
        refuse()
    }

    fn serialize_tuple(self, _: usize) -> Result<Refused, Self::Error> {
        refuse()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Refused, Self::Error> {
        refuse()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Refused, Self::Error> {
        refuse()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Refused, Self::Error> {
        refuse()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Refused, Self::Error> {
        refuse()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Refused, Self::Error> {
        refuse()
    }
}
