//! The map that is a packet: which of its members is what, and whether they fit together.
//!
//! In comes a message; out goes a packet. What is odd: what the data means depends on the type, which may come behind it;
//! so a first look only notes where things are.

use std::borrow::Cow;

use bytes::Bytes;

use super::cursor::{Cursor, Malformed, Token};
use super::json::{ToJson, inside, lossy};
use crate::socket::args::Args;
use crate::socket::packet::{Body, Event, Packet};
use crate::socket::parser::ParserError;
use crate::socket::payload::{Span, Spans};

/// Whole numbers up to here are exact in JavaScript.
const MAX_SAFE: f64 = 9_007_199_254_740_992.0;

/// What the first look found.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<Token<'a>>,
    namespace: Option<Token<'a>>,
    id: Option<Token<'a>>,
    /// In front of the value.
    data: Option<Cursor<'a>>,
}

/// Reads a packet. JS: socket.io-msgpack-parser `Decoder.add`, `checkPacket`.
pub(super) fn read(
    message: &Bytes,
    max_depth: usize,
    max_binaries: usize,
) -> Result<Packet<'static>, ParserError> {
    let fields = Fields::find(message)?;
    let kind = fields.kind.and_then(integer).ok_or_else(|| ParserError::new("invalid packet type"))?;
    let Some(Token::Str(namespace)) = fields.namespace else {
        return Err(ParserError::new("invalid namespace"));
    };
    let id = match fields.id {
        None => None,
        Some(token) => Some(integer(token).ok_or_else(|| ParserError::new("invalid packet id"))?),
    };
    let reader = Data { message, max_depth, max_binaries };
    let body = match (kind, fields.data) {
        (0, None) => Body::Connect(None),
        (0, Some(auth)) => Body::Connect(Some(Cow::Owned(reader.object(auth)?))),
        (1, None) => Body::Disconnect,
        (2, Some(data)) => Body::Event { id, event: reader.event(data)? },
        (3, Some(data)) => Body::Ack { id, args: reader.args(data)? },
        (4, Some(reason)) => Body::ConnectError(Some(Cow::Owned(reader.reason(reason)?))),
        (1..=4, _) => return Err(invalid_payload()),
        _ => return Err(ParserError::new("invalid packet type")),
    };
    let namespace = match namespace {
        b"/" => Cow::Borrowed("/"),
        other => Cow::Owned(lossy(other).into_owned()),
    };
    Ok(Packet { namespace, body })
}

impl<'a> Fields<'a> {
    fn find(message: &'a [u8]) -> Result<Self, ParserError> {
        let mut cursor = Cursor::new(message);
        // JS: of anything but an object every member is undefined.
        let Token::Map(length) = cursor.next()? else { return Err(ParserError::new("invalid packet type")) };
        let mut fields = Self::default();
        for _ in 0..length {
            let key = match cursor.next()? {
                Token::Str(key) => key,
                Token::Array(_) | Token::Map(_) => return Err(Malformed.into()),
                _ => b"",
            };
            let value = cursor.clone();
            let is_absent = cursor.at_undefined();
            cursor.skip()?;
            let token = || value.clone().next().ok().filter(|_| !is_absent);
            match key {
                b"type" => fields.kind = token(),
                b"nsp" => fields.namespace = token(),
                b"id" => fields.id = token(),
                b"data" => fields.data = (!is_absent).then_some(value),
                _ => {}
            }
        }
        if cursor.at_end() { Ok(fields) } else { Err(ParserError::new("trailing bytes")) }
    }
}

/// Reads what the type has made known.
struct Data<'a> {
    message: &'a Bytes,
    max_depth: usize,
    max_binaries: usize,
}

impl<'a> Data<'a> {
    fn object(&self, at: Cursor<'a>) -> Result<String, ParserError> {
        match at.clone().next()? {
            Token::Map(_) => self.json(at),
            _ => Err(invalid_payload()),
        }
    }

    fn reason(&self, at: Cursor<'a>) -> Result<String, ParserError> {
        match at.clone().next()? {
            Token::Map(_) | Token::Str(_) => self.json(at),
            _ => Err(invalid_payload()),
        }
    }

    fn json(&self, at: Cursor<'a>) -> Result<String, ParserError> {
        let mut json = ToJson::without_attachments(self.message, at);
        json.value(self.max_depth)?;
        Ok(json.finish()?.0)
    }

    fn event(&self, mut at: Cursor<'a>) -> Result<Event<'static>, ParserError> {
        let Token::Array(length) = at.next()? else { return Err(invalid_payload()) };
        let arguments = length.checked_sub(1).ok_or_else(invalid_payload)?;
        let name = match at.next()? {
            Token::Str(name) => lossy(name).into_owned(),
            Token::Unsigned(name) => name.to_string(),
            Token::Negative(name) => name.to_string(),
            Token::Float(name) if name.is_finite() => name.to_string(),
            _ => return Err(invalid_payload()),
        };
        Ok(Event::new(name, self.arguments(arguments, at)?))
    }

    fn args(&self, mut at: Cursor<'a>) -> Result<Args<'static>, ParserError> {
        match at.next()? {
            Token::Array(length) => self.arguments(length, at),
            _ => Err(invalid_payload()),
        }
    }

    fn arguments(&self, count: u32, at: Cursor<'a>) -> Result<Args<'static>, ParserError> {
        let depth = inside(self.max_depth)?;
        let mut json = ToJson::new(self.message, at, self.max_binaries);
        let mut spans = Spans::new();
        for _ in 0..count {
            let start = json.text.len();
            json.value(depth)?;
            spans.push(Span::new(start, json.text.len()).ok_or_else(ParserError::too_large)?);
        }
        let (text, binaries) = json.finish()?;
        let mut args = Args::new(text, spans);
        if !binaries.is_empty() {
            args.attach(binaries.into());
        }
        Ok(args)
    }
}

fn invalid_payload() -> ParserError {
    ParserError::new("invalid payload")
}

/// A number that JavaScript calls an integer. Negative ones answer to nothing that this side could have asked.
fn integer(token: Token<'_>) -> Option<u64> {
    match token {
        Token::Unsigned(number) => Some(number),
        Token::Float(number) if number.fract() == 0.0 && (0.0..=MAX_SAFE).contains(&number) => {
            Some(number as u64)
        }
        _ => None,
    }
}

impl From<Malformed> for ParserError {
    fn from(_: Malformed) -> Self {
        Self::new("Could not parse")
    }
}
