//! The one answer to an event, given by whoever comes first. How it travels is the business of whoever asked.
//!
//! In: what a call returned or gave by hand, or why it failed. Out: one answer. What is odd: `()` answers with no
//! arguments, but only after every handler of the event has had its chance to say more, that is, when the last of them
//! lets the slot go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use serde_json::{Value, json};

use super::call::Trouble;
use crate::error::Cause;

/// Who waits for an answer: a client, or another node.
pub(crate) trait Asker {
    /// An answer that is written but not sent.
    type Answer;

    /// Writes an answer, also where nobody asks for it. An `Err` inside of the value is an error.
    fn write<T: Serialize + ?Sized>(asker: Option<&Self>, value: &T) -> Result<Self::Answer, Trouble>;

    /// Sends it. Called once at the most.
    fn send(&self, answer: Self::Answer);

    /// What it may know of a call that failed.
    fn reason(cause: &Cause) -> Value;
}

/// The place of one answer.
#[derive(Debug)]
pub(crate) struct AnswerSlot<A: Asker> {
    asker: A,
    sent: AtomicBool,
    /// A handler ended without a value: that is an answer, if no other comes.
    empty: AtomicBool,
    /// It was handed to a handler, which answers in its own time.
    taken: AtomicBool,
}

impl<A: Asker> AnswerSlot<A> {
    pub(crate) fn of(asker: A) -> Arc<Self> {
        let (sent, empty, taken) = (AtomicBool::new(false), AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { asker, sent, empty, taken })
    }

    pub(crate) fn asker(&self) -> &A {
        &self.asker
    }

    /// From now on it is answered by hand.
    pub(crate) fn take(&self) {
        self.taken.store(true, Ordering::Release);
    }

    /// Answers with a value, unless it was answered; where that is an error, the answer says so, and so does the result.
    pub(crate) fn send<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), Trouble> {
        let answer = A::write(Some(&self.asker), value).inspect_err(|Trouble(cause)| self.fail_by(cause))?;
        self.give(answer);
        Ok(())
    }

    /// Answers with what the asker may know of a failed call: `{"error": ..}`.
    pub(crate) fn fail_by(&self, cause: &Cause) {
        let reason = match cause {
            // What the panic said is for the log, not for the peer.
            Cause::Panicked(_) => "internal error".into(),
            cause => A::reason(cause),
        };
        self.send_plain(&json!({ "error": reason }));
    }

    /// What always serialises and is no `Err`; so only a parser of the program's can refuse it, and then nobody can be told.
    fn send_plain<T: Serialize>(&self, value: &T) {
        match A::write(Some(&self.asker), value) {
            Ok(answer) => self.give(answer),
            Err(Trouble(cause)) => tracing::warn!(%cause, "an answer cannot be written"),
        }
    }

    fn give(&self, answer: A::Answer) {
        if !self.sent.swap(true, Ordering::AcqRel) {
            self.asker.send(answer);
        }
    }
}

impl<A: Asker> Drop for AnswerSlot<A> {
    fn drop(&mut self) {
        if *self.empty.get_mut() && !*self.sent.get_mut() && !*self.taken.get_mut() {
            self.send_plain(&());
        }
    }
}

/// What a call does with what its handler returned.
pub(crate) fn finish<A: Asker, T: Serialize>(
    slot: Option<Arc<AnswerSlot<A>>>,
    value: &T,
) -> Result<(), Trouble> {
    let is_unit = size_of::<T>() == 0 && std::any::type_name::<T>() == "()";
    match slot {
        Some(slot) if is_unit => {
            slot.empty.store(true, Ordering::Release);
            Ok(())
        }
        Some(slot) => slot.send(value),
        None if is_unit => Ok(()),
        // Nobody waits, but an error must not get lost.
        None => A::write(None, value).map(drop),
    }
}
