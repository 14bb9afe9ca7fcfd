//! A packet as a plain record with a tree for its data: the form that most formats can write by themselves.
//!
//! In comes a packet, out goes the record, and back. The way back checks what the reference's parsers check.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::ParserError;
use crate::socket::args::Args;
use crate::socket::packet::{Body, Event, Packet, PacketType};
use crate::socket::value::Value;

/// A packet as JavaScript has it: `{type, nsp, id?, data?}`, where `type` is a number from 0 to 4.
///
/// It can be serialised into any format of serde; whether binary values survive is the format's matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlainPacket {
    /// What it is. The two binary types do not occur.
    #[serde(rename = "type", with = "type_number")]
    pub kind: PacketType,
    /// The namespace.
    #[serde(rename = "nsp")]
    pub namespace: String,
    /// The number to answer to, or that is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// In an event: an array of its name and its arguments. In an ack: an array of arguments. In a connect: an object, or
    /// nothing. In its refusal: an object or a string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl TryFrom<&Packet<'_>> for PlainPacket {
    type Error = ParserError;

    /// # Errors
    /// If a number is beyond every double.
    fn try_from(packet: &Packet<'_>) -> Result<Self, ParserError> {
        let json = |text: &Option<Cow<'_, str>>| {
            text.as_deref().map(serde_json::from_str).transpose().map_err(ParserError::new)
        };
        let (kind, id, data) = match &packet.body {
            Body::Connect(auth) => (PacketType::Connect, None, json(auth)?),
            Body::Disconnect => (PacketType::Disconnect, None, None),
            Body::ConnectError(reason) => (PacketType::ConnectError, None, json(reason)?),
            Body::Ack { id, args } => (PacketType::Ack, *id, Some(values(None, args)?)),
            Body::Event { id, event } => {
                (PacketType::Event, *id, Some(values(Some(event.name()), event.args())?))
            }
        };
        Ok(Self { kind, namespace: packet.namespace.as_ref().to_owned(), id, data })
    }
}

fn values(name: Option<&str>, args: &Args<'_>) -> Result<Value, ParserError> {
    let name = name.map(|name| Ok(name.into()));
    let args = (0..args.len()).map(|index| args.get(index).map_err(ParserError::new));
    Ok(Value::Array(name.into_iter().chain(args).collect::<Result<_, _>>()?))
}

impl TryFrom<PlainPacket> for Packet<'static> {
    type Error = ParserError;

    /// # Errors
    /// If the data is not what the type carries.
    fn try_from(plain: PlainPacket) -> Result<Self, ParserError> {
        let PlainPacket { kind, namespace, id, data } = plain;
        let json = |value: Value| Some(Cow::Owned(without_binary(&value)));
        let body = match (kind, data) {
            (PacketType::Connect, None) => Body::Connect(None),
            (PacketType::Connect, Some(auth @ Value::Object(_))) => Body::Connect(json(auth)),
            (PacketType::Disconnect, None) => Body::Disconnect,
            (PacketType::ConnectError, Some(reason @ (Value::Object(_) | Value::String(_)))) => {
                Body::ConnectError(json(reason))
            }
            (PacketType::Event, Some(Value::Array(mut data))) if !data.is_empty() => {
                let name = match data.remove(0) {
                    Value::String(name) => name,
                    Value::Number(name) => name.to_string(),
                    _ => return Err(invalid()),
                };
                Body::Event { id, event: Event::new(name, Args::from_values(&data)?) }
            }
            (PacketType::Ack, Some(Value::Array(data))) => Body::Ack { id, args: Args::from_values(&data)? },
            _ => return Err(invalid()),
        };
        Ok(Self { namespace: Cow::Owned(namespace), body })
    }
}

fn invalid() -> ParserError {
    ParserError::new("invalid payload")
}

/// Connects carry no attachments: a binary value becomes a list of numbers, which binary types can read.
fn without_binary(value: &Value) -> String {
    serde_json::to_string(value).expect("a tree whose keys are strings is JSON")
}

/// The number of a packet type.
mod type_number {
    use serde::de::{Error as _, Unexpected};
    use serde::{Deserialize, Deserializer, Serializer};

    use super::PacketType;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub(super) fn serialize<S: Serializer>(kind: &PacketType, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(kind.digit() - b'0')
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PacketType, D::Error> {
        let number = u8::deserialize(deserializer)?;
        let kind = number.checked_add(b'0').and_then(PacketType::from_digit);
        kind.filter(|kind| !kind.has_attachments()).ok_or_else(|| {
            D::Error::invalid_value(Unexpected::Unsigned(number.into()), &"a packet type from 0 to 4")
        })
    }
}
