//! A value as every node can read it: JSON text, with its byte strings beside it.
//!
//! Comes in: from the server, which serialised it once, or from an adapter, which read it from the wire. Goes out: to
//! sockets (after a packet header) or into an adapter's own format.
//! Odd: where a byte string was, the text has `{"_placeholder":true,"num":n}`, as in a Socket.IO binary packet, with
//! `n` the place among the attachments. The text is not parsed here: whoever made it vouches for it.

use std::{any::Any, fmt, sync::Arc};

use bytes::Bytes;
use proto::socket::{EncodeError, encode_event_array, is_reserved_event};
use serde::Serialize;

/// JSON text and its attachments; a clone shares both texts and bytes.
#[derive(Clone, Default)]
pub struct RawJson {
    text: Bytes,
    attachments: Vec<Bytes>,
    own: Option<Arc<dyn Any + Send + Sync>>,
}

impl RawJson {
    /// JSON text without attachments.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: Bytes::from(text.into()), attachments: Vec::new(), own: None }
    }

    /// An event for sockets: the array of its name and arguments. A tuple gives several arguments, `()` none, anything else
    /// is one; byte strings become attachments.
    ///
    /// # Errors
    /// [`EncodeError::ReservedEvent`] for the library's own names; [`EncodeError::Value`].
    ///
    /// ```
    /// # use roomcast_adapter::RawJson;
    /// assert_eq!(RawJson::event("hello", &("world", 1)).unwrap().text(), r#"["hello","world",1]"#);
    /// assert!(RawJson::event("disconnect", &()).is_err());
    /// ```
    pub fn event<T: Serialize + ?Sized>(name: &str, args: &T) -> Result<Self, EncodeError> {
        match is_reserved_event(name) {
            true => Err(EncodeError::ReservedEvent),
            false => Self::array(name, args),
        }
    }

    /// An event for the namespaces of servers, which have other names of their own: `connect`, `connection` and
    /// `new_namespace`.
    ///
    /// # Errors
    /// [`EncodeError::ReservedEvent`]; [`EncodeError::Value`].
    pub fn server_side_event<T: Serialize + ?Sized>(name: &str, args: &T) -> Result<Self, EncodeError> {
        // JS: socket.io/lib/namespace.ts `RESERVED_EVENTS`.
        match name {
            "connect" | "connection" | "new_namespace" => Err(EncodeError::ReservedEvent),
            name => Self::array(name, args),
        }
    }

    fn array<T: Serialize + ?Sized>(name: &str, args: &T) -> Result<Self, EncodeError> {
        let mut text = Vec::new();
        let attachments = encode_event_array(&mut text, name, args)?;
        let text = String::from_utf8(text).expect("JSON is UTF-8");
        Ok(Self::new(text).with_attachments(attachments))
    }

    /// Adds the attachments that the text's placeholders mean.
    #[must_use]
    pub fn with_attachments(mut self, attachments: Vec<Bytes>) -> Self {
        self.attachments = attachments;
        self
    }

    /// Adds what this node wants to find again when its adapter hands the value back to it, a frame made already for
    /// example. It never leaves the node, and an adapter takes no notice of it.
    #[must_use]
    pub fn with_own(mut self, own: Arc<dyn Any + Send + Sync>) -> Self {
        self.own = Some(own);
        self
    }

    /// What this node has added by [`with_own`](Self::with_own).
    #[must_use]
    pub fn own<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.own.clone()?.downcast().ok()
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.text).expect("it was made from a string")
    }

    /// The text as shared bytes, always valid UTF-8.
    #[must_use]
    pub fn text_bytes(&self) -> &Bytes {
        &self.text
    }

    /// The byte strings taken out of the text.
    #[must_use]
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }
}

/// Equal text and attachments; what a node has added for itself does not count.
impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.attachments == other.attachments
    }
}

impl Eq for RawJson {}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawJson")
            .field("text", &self.text())
            .field("attachments", &self.attachments)
            .finish_non_exhaustive()
    }
}

impl From<&serde_json::Value> for RawJson {
    fn from(value: &serde_json::Value) -> Self {
        Self::new(value.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_shares_the_text() {
        let raw = RawJson::new(r#"["e",{"_placeholder":true,"num":0}]"#)
            .with_attachments(vec![Bytes::from_static(b"\x01")]);
        let clone = raw.clone();
        assert_eq!(clone, raw);
        assert_eq!(clone.text_bytes().as_ptr(), raw.text_bytes().as_ptr());
        assert_eq!(clone.attachments(), [&b"\x01"[..]]);
        assert_eq!(RawJson::from(&serde_json::json!(["é", 1])).text(), r#"["é",1]"#);
    }
}
