//! The one answer of this node to another one's event.
//!
//! What is odd: as for clients, `()` is an answer only after every listener has had its chance to say more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use proto::socket::{AckOutcome, Head, encode_ack};
use roomcast_adapter::RawJson;
use roomcast_adapter::adapter::Answer;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::{Cause, EmitError};
use crate::handler::Trouble;

/// The place of the answer.
pub(crate) struct AnswerSlot {
    answer: Mutex<Option<Answer>>,
    /// A listener ended without a value: that is an answer, if no other comes.
    empty: AtomicBool,
    /// A [`ServerAck`] was handed to a listener, which answers in its own time.
    taken: AtomicBool,
}

impl AnswerSlot {
    pub(super) fn new(answer: Answer) -> Arc<Self> {
        let (empty, taken) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { answer: Mutex::new(Some(answer)), empty, taken })
    }

    fn give(&self, value: RawJson) {
        // The adapter is foreign code: no lock is held while it is called.
        let answer = self.answer.lock().take();
        if let Some(answer) = answer {
            answer(value);
        }
    }

    /// Says that a call has failed; what a panic said is for the log.
    pub(super) fn fail_by(&self, cause: &Cause) {
        let message = match cause {
            Cause::Panicked(_) => "internal error".to_owned(),
            cause => cause.to_string(),
        };
        self.give(RawJson::from(&serde_json::json!({ "error": message })));
    }
}

impl Drop for AnswerSlot {
    fn drop(&mut self) {
        if *self.empty.get_mut() && !*self.taken.get_mut() {
            self.give(RawJson::new("null"));
        }
    }
}

/// What a call does with what its listener returned.
pub(super) fn finish<T: Serialize>(slot: Option<Arc<AnswerSlot>>, value: &T) -> Result<(), Trouble> {
    if size_of::<T>() == 0 && std::any::type_name::<T>() == "()" {
        if let Some(slot) = slot {
            slot.empty.store(true, Ordering::Release);
        }
        return Ok(());
    }
    // Also where nobody waits: an error must not get lost.
    match first_argument(value) {
        Ok(Ok(value)) => {
            if let Some(slot) = slot {
                slot.give(value);
            }
            Ok(())
        }
        Ok(Err(error)) => Err(Cause::Returned(error).into()),
        Err(error) => Err(Cause::Emit(error).into()),
    }
}

/// The value as the one argument that goes to the other node: of a tuple the first. Or what its `Err` holds.
fn first_argument<T: Serialize>(value: &T) -> Result<Result<RawJson, serde_json::Value>, EmitError> {
    let mut out = Vec::new();
    let attachments = match encode_ack(&mut out, Head { namespace: "/", id: None }, value)? {
        AckOutcome::Failed(error) => return Ok(Err(error)),
        AckOutcome::Encoded(attachments) => attachments,
    };
    let text = std::str::from_utf8(&out).expect("packets are UTF-8");
    let array = text.find('[').map_or("[]", |open| &text[open..]);
    let arguments: Vec<&RawValue> = serde_json::from_str(array).map_err(EmitError::Arguments)?;
    let first = arguments.first().map_or("null", |first| first.get());
    Ok(Ok(RawJson::new(first).with_attachments(attachments)))
}

/// Answers another node's event by hand, now or later. JS: the callback that is the last argument of a listener.
pub struct ServerAck(Option<Arc<AnswerSlot>>);

impl ServerAck {
    pub(super) fn new(slot: Option<Arc<AnswerSlot>>) -> Self {
        if let Some(slot) = &slot {
            slot.taken.store(true, Ordering::Release);
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
        let Some(slot) = self.0 else { return };
        match first_argument(&value) {
            Ok(Ok(value)) => slot.give(value),
            Ok(Err(error)) => slot.fail_by(&Cause::Returned(error)),
            Err(error) => slot.fail_by(&Cause::Emit(error)),
        }
    }
}

impl std::fmt::Debug for ServerAck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerAck").field("is_requested", &self.is_requested()).finish()
    }
}
