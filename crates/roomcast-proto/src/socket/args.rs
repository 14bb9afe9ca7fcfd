//! The arguments of an event or ack: raw JSON, read as types only when somebody asks.
//!
//! Made by the decoder from a text it has found valid; handlers take typed values out of it. What is odd: it implements
//! neither `Serialize` nor `Deserialize`, so that a handler's parameters can be told apart from it by the compiler.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::absent::Absent;
use super::data::Data;
use super::parser::ParserError;
use super::payload::{self, Spans};
use super::value::{self, Value};
use super::{encode, placeholders, surrogates};

/// Arguments as they came, borrowed from the packet's text or owning a copy of it.
#[derive(Debug, Clone)]
pub struct Args<'a> {
    text: Cow<'a, str>,
    /// Where the arguments lie in `text`.
    spans: Spans,
    attachments: Option<Arc<[Bytes]>>,
}

/// Why an argument is not what was asked for.
#[derive(Debug)]
#[non_exhaustive]
pub enum ArgError {
    /// There are fewer arguments.
    Missing {
        /// Which one was asked for, counted from 0.
        index: usize,
    },
    /// It is there, but is something else.
    Mismatch {
        /// Which one was asked for, counted from 0.
        index: usize,
        /// What the type said to it.
        source: serde_json::Error,
    },
}

impl<'a> Args<'a> {
    /// No arguments.
    #[must_use]
    pub fn empty() -> Self {
        Self { text: Cow::Borrowed(""), spans: Spans::new(), attachments: None }
    }

    /// One argument, from JSON text that came by another way than a packet.
    ///
    /// # Errors
    /// If the text is no JSON.
    pub fn one(json: &'a str) -> Result<Self, serde_json::Error> {
        let value: &serde_json::value::RawValue = serde_json::from_str(json)?;
        let text = value.get();
        let end = u32::try_from(text.len()).map_err(serde::de::Error::custom)?;
        let spans = std::iter::once(payload::Span { start: 0, end }).collect();
        Ok(Self { text: Cow::Borrowed(text), spans, attachments: None })
    }

    /// Arguments that came in another form than JSON.
    ///
    /// # Errors
    /// If their JSON text is longer than 4 GiB.
    pub fn from_values(values: &[Value]) -> Result<Args<'static>, ParserError> {
        let (mut text, mut attachments, mut spans) = (Vec::new(), Vec::new(), Spans::new());
        for value in values {
            let start = text.len();
            encode::write_json(&mut text, &mut attachments, value).map_err(ParserError::new)?;
            spans.push(payload::Span::new(start, text.len()).ok_or_else(ParserError::too_large)?);
        }
        let text = String::from_utf8(text).expect("JSON is UTF-8");
        let mut args = Args::new(text, spans);
        if !attachments.is_empty() {
            args.attach(attachments.into());
        }
        Ok(args)
    }

    /// The same arguments with the binary values that their placeholders mean.
    #[must_use]
    pub fn with_attachments(mut self, attachments: &[Bytes]) -> Self {
        self.attachments = (!attachments.is_empty()).then(|| Arc::from(attachments));
        self
    }

    /// `spans` must lie in `text`, each around one valid JSON value.
    pub(super) fn new(text: impl Into<Cow<'a, str>>, spans: Spans) -> Self {
        Self { text: text.into(), spans, attachments: None }
    }

    pub(super) fn attach(&mut self, attachments: Arc<[Bytes]>) {
        self.attachments = Some(attachments);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The JSON text of one argument, with placeholders where binary values belong.
    #[must_use]
    pub fn raw(&self, index: usize) -> Option<&str> {
        let span = self.spans.get(index)?;
        self.text.get(span.start as usize..span.end as usize)
    }

    /// The JSON texts of all arguments.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.spans.iter().map(|span| &self.text[span.start as usize..span.end as usize])
    }

    /// The binary values that came with the packet, in the order the placeholders count them.
    #[must_use]
    pub fn attachments(&self) -> &[Bytes] {
        self.attachments.as_deref().unwrap_or_default()
    }

    /// One argument as a type; binary values are found at any depth. An argument that is not there reads as `None` when
    /// an `Option` is asked for.
    ///
    /// Half a surrogate pair becomes U+FFFD. [`Value`](super::Value) and [`Binary`](super::Binary) share an attachment's
    /// memory, any other type copies it. `RawValue` is not to be had from a packet with attachments: ask for
    /// [`data`](Self::data).
    ///
    /// # Errors
    /// [`ArgError`], when there is no such argument or it is something else.
    pub fn get<T: DeserializeOwned>(&self, index: usize) -> Result<T, ArgError> {
        let Some(json) = self.raw(index) else {
            return T::deserialize(Absent).map_err(|_| ArgError::Missing { index });
        };
        read(json, self.attachments()).map_err(|source| ArgError::Mismatch { index, source })
    }

    /// All of them as one type: a tuple, an array, a `Vec`.
    ///
    /// # Errors
    /// As [`get`](Self::get) of argument 0, if they are something else or not as many.
    pub fn all<T: DeserializeOwned>(&self) -> Result<T, ArgError> {
        let text = self.iter().collect::<Vec<_>>().join(",");
        let read = read(&format!("[{text}]"), self.attachments());
        read.map_err(|source| ArgError::Mismatch { index: 0, source })
    }

    /// One argument exactly as it came, to be kept or sent on.
    #[must_use]
    pub fn data(&self, index: usize) -> Option<Data> {
        Some(Data::new(self.raw(index)?, self.attachments.as_ref()))
    }

    /// The same arguments, holding on to no text but their own.
    #[must_use]
    pub fn into_owned(self) -> Args<'static> {
        Args { text: Cow::Owned(self.text.into_owned()), spans: self.spans, attachments: self.attachments }
    }
}

/// Reads one valid JSON text as a type.
pub(super) fn read<T: DeserializeOwned>(json: &str, attachments: &[Bytes]) -> Result<T, serde_json::Error> {
    let binary = !attachments.is_empty() && placeholders::may_occur(json);
    let read =
        |json: &str| if binary { value::read_with(json, attachments) } else { serde_json::from_str(json) };
    // Lone surrogates are rare, so the text is only searched for them when something is wrong.
    read(json).or_else(|error| match surrogates::mended(json) {
        Some(mended) => read(&mended),
        None => Err(error),
    })
}

impl fmt::Display for ArgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { index } => write!(f, "argument {index} is missing"),
            Self::Mismatch { index, .. } => write!(f, "argument {index} is not of the expected type"),
        }
    }
}

impl std::error::Error for ArgError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Missing { .. } => None,
            Self::Mismatch { source, .. } => Some(source),
        }
    }
}
