//! JSON text with placeholders to MessagePack, in one pass.
//!
//! In comes a packet; out go the bytes of one message. What is odd: the head of an array or map says how many values follow,
//! which JSON does not. So one byte is left for it, which is enough for fifteen; where there are more, the longer heads are
//! put in at the end, all at once, so that nothing is moved twice.

use std::fmt;

use bytes::Bytes;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::socket::args::Args;
use crate::socket::packet::{Body, Packet};
use crate::socket::parser::ParserError;
use crate::socket::placeholders::{MARK, NUMBER};
use crate::socket::surrogates;

/// The most values or members that a head of one byte can tell.
const MAX_FIXED: u32 = 15;
const FIXED_ARRAY: u8 = 0x90;
const FIXED_MAP: u8 = 0x80;

/// A packet as one message. JS: socket.io-msgpack-parser `Encoder.encode`.
pub(super) fn packet(packet: &Packet<'_>) -> Result<Vec<u8>, ParserError> {
    let mut writer = Writer { out: Vec::with_capacity(size_hint(packet)), large: Vec::new() };
    let (kind, id) = match &packet.body {
        Body::Connect(_) => (0, None),
        Body::Disconnect => (1, None),
        Body::Event { id, .. } => (2, *id),
        Body::Ack { id, .. } => (3, *id),
        Body::ConnectError(_) => (4, None),
    };
    let has_data = !matches!(packet.body, Body::Disconnect | Body::Connect(None) | Body::ConnectError(None));
    writer.out.push(FIXED_MAP | (2 + u8::from(has_data) + u8::from(id.is_some())));
    writer.out.extend_from_slice(b"\xA4type");
    writer.out.push(kind);
    if has_data {
        writer.out.extend_from_slice(b"\xA4data");
    }
    match &packet.body {
        Body::Connect(Some(json)) | Body::ConnectError(Some(json)) => writer.json(json, &[])?,
        Body::Event { event, .. } => writer.arguments(Some(event.name()), event.args())?,
        Body::Ack { args, .. } => writer.arguments(None, args)?,
        Body::Connect(None) | Body::Disconnect | Body::ConnectError(None) => {}
    }
    if let Some(id) = id {
        writer.out.extend_from_slice(b"\xA2id");
        writer.unsigned(id);
    }
    writer.out.extend_from_slice(b"\xA3nsp");
    writer.string(&packet.namespace)?;
    Ok(writer.finish())
}

/// Mostly enough: MessagePack is shorter than JSON.
fn size_hint(packet: &Packet<'_>) -> usize {
    /// The keys and heads of a packet.
    const AROUND: usize = 48;
    let arguments = |args: &Args<'_>| {
        let binaries = args.attachments().iter().map(Bytes::len);
        args.iter().map(str::len).chain(binaries).sum::<usize>()
    };
    let data = match &packet.body {
        Body::Connect(json) | Body::ConnectError(json) => json.as_deref().map_or(0, str::len),
        Body::Event { event, .. } => event.name().len() + arguments(event.args()),
        Body::Ack { args, .. } => arguments(args),
        Body::Disconnect => 0,
    };
    AROUND + packet.namespace.len() + data
}

struct Writer {
    out: Vec<u8>,
    /// The heads that need more than the byte left for them, in the order of their ends.
    large: Vec<Head>,
}

struct Head {
    at: usize,
    fixed: u8,
    length: u32,
}

impl Writer {
    fn arguments(&mut self, name: Option<&str>, args: &Args<'_>) -> Result<(), ParserError> {
        let length = args.len() + usize::from(name.is_some());
        let at = self.open();
        if let Some(name) = name {
            self.string(name)?;
        }
        for json in args.iter() {
            self.json(json, args.attachments())?;
        }
        self.close(at, FIXED_ARRAY, u32::try_from(length).map_err(|_| ParserError::too_large())?);
        Ok(())
    }

    /// One value.
    fn json(&mut self, json: &str, attachments: &[Bytes]) -> Result<(), ParserError> {
        let (start, large) = (self.out.len(), self.large.len());
        let mut write = |json: &str| {
            let mut text = serde_json::Deserializer::from_str(json);
            Value { writer: self, attachments }.deserialize(&mut text).map(drop)
        };
        let error = match write(json) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        self.out.truncate(start);
        self.large.truncate(large);
        match surrogates::mended(json) {
            Some(mended) => self.json(&mended, attachments),
            None => Err(ParserError::new(error)),
        }
    }

    /// Leaves a byte for a head.
    fn open(&mut self) -> usize {
        self.out.push(0);
        self.out.len() - 1
    }

    fn close(&mut self, at: usize, fixed: u8, length: u32) {
        if length <= MAX_FIXED {
            self.out[at] = fixed | length as u8;
        } else {
            self.large.push(Head { at, fixed, length });
        }
    }

    /// Puts the long heads in.
    fn finish(mut self) -> Vec<u8> {
        if self.large.is_empty() {
            return self.out;
        }
        self.large.sort_unstable_by_key(|head| head.at);
        let mut out = Vec::with_capacity(self.out.len() + self.large.len() * size_of::<u32>());
        let mut from = 0;
        for Head { at, fixed, length } in self.large {
            out.extend_from_slice(&self.out[from..at]);
            let of_16_bits = if fixed == FIXED_MAP { 0xDE } else { 0xDC };
            match u16::try_from(length) {
                Ok(length) => {
                    out.push(of_16_bits);
                    out.extend_from_slice(&length.to_be_bytes());
                }
                Err(_) => {
                    out.push(of_16_bits + 1);
                    out.extend_from_slice(&length.to_be_bytes());
                }
            }
            from = at + 1;
        }
        out.extend_from_slice(&self.out[from..]);
        out
    }

    fn unsigned(&mut self, number: u64) {
        if number < 0x80 {
            self.out.push(number as u8);
        } else if let Ok(number) = u8::try_from(number) {
            self.out.extend_from_slice(&[0xCC, number]);
        } else if let Ok(number) = u16::try_from(number) {
            self.with_head(0xCD, number.to_be_bytes());
        } else if let Ok(number) = u32::try_from(number) {
            self.with_head(0xCE, number.to_be_bytes());
        } else {
            self.with_head(0xCF, number.to_be_bytes());
        }
    }

    fn signed(&mut self, number: i64) {
        if let Ok(number) = u64::try_from(number) {
            self.unsigned(number);
        } else if let Ok(number) = i8::try_from(number) {
            if number < -0x20 {
                self.out.push(0xD0);
            }
            self.out.push(number.cast_unsigned());
        } else if let Ok(number) = i16::try_from(number) {
            self.with_head(0xD1, number.to_be_bytes());
        } else if let Ok(number) = i32::try_from(number) {
            self.with_head(0xD2, number.to_be_bytes());
        } else {
            self.with_head(0xD3, number.to_be_bytes());
        }
    }

    fn string(&mut self, text: &str) -> Result<(), ParserError> {
        match u8::try_from(text.len()) {
            Ok(length) if length < 0x20 => self.out.push(0xA0 | length),
            _ => self.length(0xD9, text.len())?,
        }
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn binary(&mut self, bytes: &[u8]) -> Result<(), ParserError> {
        self.length(0xC4, bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// A head with a length of one, two or four bytes.
    fn length(&mut self, of_8_bits: u8, length: usize) -> Result<(), ParserError> {
        if let Ok(length) = u8::try_from(length) {
            self.out.extend_from_slice(&[of_8_bits, length]);
        } else if let Ok(length) = u16::try_from(length) {
            self.with_head(of_8_bits + 1, length.to_be_bytes());
        } else {
            let length = u32::try_from(length).map_err(|_| ParserError::too_large())?;
            self.with_head(of_8_bits + 2, length.to_be_bytes());
        }
        Ok(())
    }

    fn with_head<const N: usize>(&mut self, head: u8, bytes: [u8; N]) {
        self.out.push(head);
        self.out.extend_from_slice(&bytes);
    }
}

/// Writes a value while it is read.
struct Value<'w> {
    writer: &'w mut Writer,
    attachments: &'w [Bytes],
}

/// As much of a value as its parent object must know, to see whether it is a placeholder.
#[derive(Clone, Copy)]
enum Seen {
    True,
    Index(usize),
    Other,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Seen;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Seen, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Seen, E> {
        self.writer.out.push(0xC0);
        Ok(Seen::Other)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Seen, E> {
        self.writer.out.push(0xC2 | u8::from(value));
        Ok(if value { Seen::True } else { Seen::Other })
    }

    fn visit_u64<E>(self, number: u64) -> Result<Seen, E> {
        self.writer.unsigned(number);
        Ok(usize::try_from(number).map_or(Seen::Other, Seen::Index))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Seen, E> {
        self.writer.signed(number);
        Ok(Seen::Other)
    }

    fn visit_f64<E>(self, number: f64) -> Result<Seen, E> {
        self.writer.with_head(0xCB, number.to_be_bytes());
        Ok(Seen::Other)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Seen, E> {
        self.writer.string(text).map_err(E::custom)?;
        Ok(Seen::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Seen, A::Error> {
        let Self { writer, attachments } = self;
        let (at, mut length) = (writer.open(), 0_u32);
        while array.next_element_seed(Value { writer, attachments })?.is_some() {
            length = length.checked_add(1).ok_or_else(|| de::Error::custom(ParserError::too_large()))?;
        }
        writer.close(at, FIXED_ARRAY, length);
        Ok(Seen::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Seen, A::Error> {
        let Self { writer, attachments } = self;
        let large = writer.large.len();
        let (at, mut length) = (writer.open(), 0_u32);
        let (mut mark, mut number) = (Seen::Other, Seen::Other);
        while let Some(key) = object.next_key_seed(Key(writer))? {
            let seen = object.next_value_seed(Value { writer, attachments })?;
            match key {
                Member::Mark => mark = seen,
                Member::Number => number = seen,
                Member::Other => {}
            }
            length = length.checked_add(1).ok_or_else(|| de::Error::custom(ParserError::too_large()))?;
        }
        let (Seen::True, Seen::Index(index), true) = (mark, number, !attachments.is_empty()) else {
            writer.close(at, FIXED_MAP, length);
            return Ok(Seen::Other);
        };
        let bytes = attachments.get(index).ok_or_else(|| de::Error::custom("illegal attachments"))?;
        writer.out.truncate(at);
        writer.large.truncate(large);
        writer.binary(bytes).map_err(de::Error::custom)?;
        Ok(Seen::Other)
    }
}

/// Writes an object's key.
struct Key<'w>(&'w mut Writer);

/// The keys of a placeholder, and all others.
enum Member {
    Mark,
    Number,
    Other,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Member;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Member, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Member, E> {
        self.0.string(key).map_err(E::custom)?;
        Ok(match key {
            MARK => Member::Mark,
            NUMBER => Member::Number,
            _ => Member::Other,
        })
    }
}
