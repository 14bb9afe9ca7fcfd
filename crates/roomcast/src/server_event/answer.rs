//! The one answer of this node to another one's event.

use std::sync::Arc;

use parking_lot::Mutex;
use proto::socket::{AckOutcome, Head, encode_ack};
use roomcast_adapter::{RawJson, adapter};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{Cause, EmitError};
use crate::handler::{AnswerSlot, Asker, Trouble};

/// The place of the answer.
pub(crate) type ServerAckSlot = AnswerSlot<AskingNode>;

pub(crate) struct AskingNode(Mutex<Option<adapter::Answer>>);

impl ServerAckSlot {
    pub(super) fn new(answer: adapter::Answer) -> Arc<Self> {
        Self::of(AskingNode(Mutex::new(Some(answer))))
    }
}

impl Asker for AskingNode {
    type Answer = RawJson;

    /// The value as the one argument that goes to the other node: of a tuple the first.
    fn write<T: Serialize + ?Sized>(_: Option<&Self>, value: &T) -> Result<RawJson, Trouble> {
        let mut out = Vec::new();
        let attachments = match encode_ack(&mut out, Head { namespace: "/", id: None }, value) {
            Ok(AckOutcome::Encoded(attachments)) => attachments,
            Ok(AckOutcome::Failed(error)) => return Err(Cause::Returned(error).into()),
            Err(error) => return Err(Cause::Emit(error.into()).into()),
        };
        let text = std::str::from_utf8(&out).expect("packets are UTF-8");
        let array = text.find('[').map_or("[]", |open| &text[open..]);
        let arguments: Vec<&RawValue> =
            serde_json::from_str(array).map_err(|error| Cause::Emit(EmitError::Arguments(error)))?;
        let first = arguments.first().map_or("null", |first| first.get());
        Ok(RawJson::new(first).with_attachments(attachments))
    }

    fn send(&self, value: RawJson) {
        // The adapter is foreign code: no lock is held while it is called.
        let answer = self.0.lock().take();
        if let Some(answer) = answer {
            answer(value);
        }
    }

    fn reason(cause: &Cause) -> Value {
        cause.to_string().into()
    }
}

/// Answers another node's event by hand, now or later. JS: the callback that is the last argument of a listener.
pub struct ServerAck(Option<Arc<ServerAckSlot>>);

impl ServerAck {
    pub(super) fn new(slot: Option<Arc<ServerAckSlot>>) -> Self {
        if let Some(slot) = &slot {
            slot.take();
        }
        Self(slot)
    }

    /// Whether the other node asked for an answer.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.is_some()
    }

    /// Sends the answer; only the first one of this node counts, and of a tuple its first value. Does nothing if none was
    /// asked for.
    pub fn send<T: Serialize>(self, value: T) {
        if let Some(slot) = self.0 {
            // The answer says what went wrong.
            let _ = slot.send(&value);
        }
    }
}

impl std::fmt::Debug for ServerAck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerAck").field("is_requested", &self.is_requested()).finish()
    }
}
