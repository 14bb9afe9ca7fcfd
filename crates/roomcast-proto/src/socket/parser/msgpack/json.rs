//! MessagePack to JSON text with placeholders, in one pass.
//!
//! In come bytes from a peer; out go text, where its values lie, and the binary values. Depth and the number of binary
//! values are bounded; text is never longer than a constant times the input. What is odd: a small binary value of a large
//! message is copied, because sharing it would keep the whole message.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::Number;

use super::cursor::{Cursor, Malformed, Token};
use super::date;
use crate::socket::decode::DecodeError;
use crate::socket::parser::ParserError;
use crate::socket::placeholders::MARK;
use crate::socket::scan;

/// A binary value that is a smaller part of its message than this is copied.
const SHARED_FROM: usize = 4;

/// Where JSON text is written.
pub(super) struct ToJson<'a> {
    message: &'a Bytes,
    pub(super) cursor: Cursor<'a>,
    pub(super) text: String,
    binaries: Option<Binaries>,
    /// An object looks like a placeholder.
    mistakable: bool,
}

#[derive(Default)]
struct Binaries {
    values: Vec<Bytes>,
    max: usize,
}

impl<'a> ToJson<'a> {
    /// Begins at `cursor`, which is in `message`. Binary values become placeholders.
    pub(super) fn new(message: &'a Bytes, cursor: Cursor<'a>, max_binaries: usize) -> Self {
        let text = String::with_capacity(cursor.left() + cursor.left() / 2);
        let binaries = Some(Binaries { values: Vec::new(), max: max_binaries });
        Self { message, cursor, text, binaries, mistakable: false }
    }

    /// The same for what has no attachments: binary values become lists of numbers, which binary types can read.
    pub(super) fn without_attachments(message: &'a Bytes, cursor: Cursor<'a>) -> Self {
        Self { binaries: None, ..Self::new(message, cursor, 0) }
    }

    /// The text and the binary values.
    pub(super) fn finish(self) -> Result<(String, Vec<Bytes>), ParserError> {
        let binaries = self.binaries.unwrap_or_default().values;
        if self.mistakable && !binaries.is_empty() {
            return Err(ParserError::new(DecodeError::IllegalAttachments));
        }
        Ok((self.text, binaries))
    }

    /// Writes the next value, in which `depth` arrays and maps may lie in each other.
    pub(super) fn value(&mut self, depth: usize) -> Result<(), ParserError> {
        match self.cursor.next()? {
            Token::Nil | Token::Undefined => self.text.push_str("null"),
            Token::Bool(value) => self.text.push_str(if value { "true" } else { "false" }),
            Token::Unsigned(number) => self.text.push_str(itoa::Buffer::new().format(number)),
            Token::Negative(number) => self.text.push_str(itoa::Buffer::new().format(number)),
            Token::Float(number) => self.float(number),
            Token::Str(bytes) => self.string(&lossy(bytes)),
            Token::Bin(bytes) => self.binary(bytes, depth)?,
            Token::Date(millis) => match date::iso(millis) {
                Some(text) => self.string(&text),
                None => self.text.push_str("null"),
            },
            Token::Ext(kind, data) => {
                // JS: notepack.io/lib/decode.js
                let depth = inside(depth)?;
                self.text.push('[');
                self.text.push_str(itoa::Buffer::new().format(kind));
                self.text.push(',');
                self.binary(data, depth)?;
                self.text.push(']');
            }
            Token::Array(length) => {
                let depth = inside(depth)?;
                self.text.push('[');
                for index in 0..length {
                    if index > 0 {
                        self.text.push(',');
                    }
                    self.value(depth)?;
                }
                self.text.push(']');
            }
            Token::Map(length) => self.map(length, inside(depth)?)?,
        }
        Ok(())
    }

    fn map(&mut self, length: u32, depth: usize) -> Result<(), ParserError> {
        self.text.push('{');
        let mut first = true;
        for _ in 0..length {
            let key = self.cursor.next()?;
            if self.cursor.at_undefined() {
                self.cursor.next()?;
                continue;
            }
            if !std::mem::take(&mut first) {
                self.text.push(',');
            }
            self.key(key)?;
            self.text.push(':');
            self.value(depth)?;
        }
        self.text.push('}');
        Ok(())
    }

    /// JavaScript makes a text of every key.
    fn key(&mut self, key: Token<'_>) -> Result<(), ParserError> {
        match key {
            Token::Str(bytes) | Token::Bin(bytes) => {
                self.mistakable |= bytes == MARK.as_bytes();
                self.string(&lossy(bytes));
            }
            Token::Unsigned(number) => self.quoted(|text| text.push_str(itoa::Buffer::new().format(number))),
            Token::Negative(number) => self.quoted(|text| text.push_str(itoa::Buffer::new().format(number))),
            Token::Float(number) => self.quoted(|text| write_float(text, number)),
            Token::Bool(value) => self.string(if value { "true" } else { "false" }),
            Token::Nil => self.string("null"),
            _ => return Err(Malformed.into()),
        }
        Ok(())
    }

    fn float(&mut self, number: f64) {
        write_float(&mut self.text, number);
    }

    fn quoted(&mut self, write: impl FnOnce(&mut String)) {
        self.text.push('"');
        write(&mut self.text);
        self.text.push('"');
    }

    fn string(&mut self, text: &str) {
        if scan::plain_end(text.as_bytes(), 0) == text.len() {
            self.quoted(|out| out.push_str(text));
        } else {
            self.text.push_str(&serde_json::to_string(text).expect("any text is JSON"));
        }
    }

    fn binary(&mut self, bytes: &'a [u8], depth: usize) -> Result<(), ParserError> {
        // What stands for it is a level of its own.
        inside(depth)?;
        let Some(binaries) = &mut self.binaries else {
            self.text.push('[');
            for (index, byte) in bytes.iter().enumerate() {
                if index > 0 {
                    self.text.push(',');
                }
                self.text.push_str(itoa::Buffer::new().format(*byte));
            }
            self.text.push(']');
            return Ok(());
        };
        if binaries.values.len() >= binaries.max {
            return Err(ParserError::new(DecodeError::TooManyAttachments));
        }
        self.text.push_str(r#"{"_placeholder":true,"num":"#);
        self.text.push_str(itoa::Buffer::new().format(binaries.values.len()));
        self.text.push('}');
        binaries.values.push(match bytes.len().saturating_mul(SHARED_FROM) < self.message.len() {
            true => Bytes::copy_from_slice(bytes),
            false => self.message.slice_ref(bytes),
        });
        Ok(())
    }
}

/// A level less.
pub(super) fn inside(depth: usize) -> Result<usize, ParserError> {
    depth.checked_sub(1).ok_or_else(|| ParserError::new(DecodeError::TooDeep))
}

/// What is no UTF-8 has U+FFFD in its place.
pub(super) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

fn write_float(text: &mut String, number: f64) {
    match Number::from_f64(number) {
        Some(number) => write!(text, "{number}").expect("a string takes all"),
        // As in JavaScript.
        None => text.push_str("null"),
    }
}
