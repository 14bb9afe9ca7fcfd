//! The answer to an event: sent once, by whoever comes first.
//!
//! What is odd: `()` answers with no arguments, but only after every handler of the event has had its chance to say
//! more, that is, when the last of them lets the slot go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use proto::socket::Head;
use serde::Serialize;
use serde_json::json;

use super::call::Trouble;
use crate::Socket;
use crate::deliver::Encoder;
use crate::error::{Cause, EmitError};
use crate::outbox::Urgency;

/// The place of one answer.
#[derive(Debug)]
pub(crate) struct AckSlot {
    socket: Socket,
    id: u64,
    sent: AtomicBool,
    /// A handler ended without a value: that is an answer, if no other comes.
    empty: AtomicBool,
    /// An [`Ack`] was handed to a handler, which answers in its own time.
    taken: AtomicBool,
}

impl AckSlot {
    pub(crate) fn new(socket: Socket, id: u64) -> Arc<Self> {
        let (sent, empty, taken) = (AtomicBool::new(false), AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { socket, id, sent, empty, taken })
    }

    /// Sends a value, unless one was sent. `Err` inside the value: the answer says so, and so does the result.
    fn send<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), Trouble> {
        let head = Head { namespace: self.socket.namespace_path(), id: Some(self.id) };
        match self.socket.encoder().ack(head, value) {
            Ok(Ok(frame)) => {
                if !self.sent.swap(true, Ordering::AcqRel) {
                    // If the socket has left, its client waits no more.
                    let _ = self.socket.push(frame, &Urgency::Reliable);
                }
                Ok(())
            }
            Ok(Err(error)) => {
                self.fail(&error);
                Err(Cause::Returned(error).into())
            }
            Err(error) => {
                let error = EmitError::from(error);
                self.fail(&json!(error.to_string()));
                Err(Cause::Emit(error).into())
            }
        }
    }

    /// Answers with what the client may know of a failed call.
    pub(crate) fn fail_by(&self, cause: &Cause) {
        let message = match cause {
            // What the panic said is for the log, not for the peer.
            Cause::Panicked(_) => "internal error".into(),
            cause => cause.to_string(),
        };
        self.fail(&message.into());
    }

    /// Answers with `{"error": ..}`.
    fn fail(&self, error: &serde_json::Value) {
        // A JSON object always serialises and is no `Err`.
        let _ = self.send(&json!({ "error": error }));
    }
}

impl Drop for AckSlot {
    fn drop(&mut self) {
        if *self.empty.get_mut() && !*self.sent.get_mut() && !*self.taken.get_mut() {
            // No arguments always serialise.
            let _ = self.send(&());
        }
    }
}

/// What a call does with what its handler returned.
pub(crate) struct Answer(pub(crate) Option<Arc<AckSlot>>);

impl Answer {
    pub(crate) fn finish<T: Serialize>(self, value: &T) -> Result<(), Trouble> {
        let is_unit = size_of::<T>() == 0 && std::any::type_name::<T>() == "()";
        match self.0 {
            Some(slot) if is_unit => {
                slot.empty.store(true, Ordering::Release);
                Ok(())
            }
            Some(slot) => slot.send(value),
            None if is_unit => Ok(()),
            // Nobody waits, but an error must not get lost.
            None => match Encoder::default().ack(Head { namespace: "/", id: Some(0) }, value) {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(Cause::Returned(error).into()),
                Err(error) => Err(Cause::Emit(error.into()).into()),
            },
        }
    }
}

/// Answers an event by hand, now or later, where returning the answer does not fit. JS: the callback that is the last
/// argument of a handler.
///
/// ```no_run
/// use roomcast::{Ack, Io, Socket};
///
/// let io = Io::new();
/// io.of("/").on("add", async |a: i64, b: i64, ack: Ack| {
///     ack.send(a + b);
/// });
/// ```
#[derive(Debug)]
pub struct Ack(Option<Arc<AckSlot>>);

impl Ack {
    pub(crate) fn new(slot: Option<Arc<AckSlot>>) -> Self {
        if let Some(slot) = &slot {
            slot.taken.store(true, Ordering::Release);
        }
        Self(slot)
    }

    /// Whether the client asked for an answer.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.is_some()
    }

    /// Sends the answer; only the first one counts. Does nothing if none was asked for.
    pub fn send<T: Serialize>(self, value: T) {
        if let Some(slot) = self.0
            && let Err(trouble) = slot.send(&value)
        {
            slot.socket.report("ack", *trouble.0);
        }
    }
}
