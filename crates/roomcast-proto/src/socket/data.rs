//! One argument kept exactly as it came, and lists of such arguments.
//!
//! Made from [`Args`]; serialised, it becomes the same JSON again without being read in between. What is odd: it must
//! not implement `Deserialize`, because handlers tell it apart from their typed parameters by that.

use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};

use super::args::{self, ArgError, Args};
use super::placeholders;
use super::value::Value;
use super::verbatim;

/// One argument: its JSON text and the attachments its placeholders name.
#[derive(Debug, Clone)]
pub struct Data {
    /// Valid JSON without white space around it.
    json: Box<str>,
    attachments: Option<Arc<[Bytes]>>,
}

impl Data {
    /// `json` must be one valid JSON value, as the decoder finds them.
    pub(super) fn new(json: &str, attachments: Option<&Arc<[Bytes]>>) -> Self {
        let attachments = attachments.filter(|_| placeholders::may_occur(json)).cloned();
        Self { json: json.into(), attachments }
    }

    /// The JSON text, with placeholders where binary values belong.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.json
    }

    /// The argument as a type, as [`Args::get`] reads it.
    ///
    /// # Errors
    /// [`ArgError::Mismatch`] when it is something else.
    pub fn get<T: DeserializeOwned>(&self) -> Result<T, ArgError> {
        self.read().map_err(|source| ArgError::Mismatch { index: 0, source })
    }

    fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        args::read(self.raw(), self.attachments.as_deref().unwrap_or_default())
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Attachments get new numbers in the packet they leave with, and a binary format cannot hold JSON text.
        if self.attachments.is_some() || !serializer.is_human_readable() {
            return self.read::<Value>().map_err(S::Error::custom)?.serialize(serializer);
        }
        verbatim::serialize(&self.json, serializer)
    }
}

/// Several arguments, each as it came: emitted, they are several arguments again.
#[derive(Debug, Clone, Default)]
pub struct Arguments(pub Vec<Data>);

impl From<&Args<'_>> for Arguments {
    fn from(args: &Args<'_>) -> Self {
        (0..args.len()).filter_map(|index| args.data(index)).collect()
    }
}

impl FromIterator<Data> for Arguments {
    fn from_iter<I: IntoIterator<Item = Data>>(arguments: I) -> Self {
        Self(arguments.into_iter().collect())
    }
}

impl Serialize for Arguments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}
