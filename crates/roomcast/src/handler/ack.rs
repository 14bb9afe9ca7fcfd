//! The answer to a client's event: its acknowledgement.

use std::sync::Arc;

use proto::engine::Frame;
use proto::socket::Head;
use serde::Serialize;
use serde_json::Value;

use super::answer::{AnswerSlot, Asker};
use super::call::Trouble;
use crate::Socket;
use crate::deliver::Encoder;
use crate::error::Cause;
use crate::outbox::Urgency;

/// The place of one acknowledgement.
pub(crate) type AckSlot = AnswerSlot<AskingClient>;

#[derive(Debug)]
pub(crate) struct AskingClient {
    socket: Socket,
    id: u64,
}

impl AckSlot {
    pub(crate) fn new(socket: Socket, id: u64) -> Arc<Self> {
        Self::of(AskingClient { socket, id })
    }
}

impl Asker for AskingClient {
    type Answer = Frame;

    fn write<T: Serialize + ?Sized>(asker: Option<&Self>, value: &T) -> Result<Frame, Trouble> {
        let written = match asker {
            Some(Self { socket, id }) => {
                socket.encoder().ack(Head { namespace: socket.namespace_path(), id: Some(*id) }, value)
            }
            None => Encoder::default().ack(Head { namespace: "/", id: Some(0) }, value),
        };
        match written {
            Ok(Ok(frame)) => Ok(frame),
            Ok(Err(error)) => Err(Cause::Returned(error).into()),
            Err(error) => Err(Cause::Emit(error.into()).into()),
        }
    }

    fn send(&self, frame: Frame) {
        // If the socket has left, its client waits no more.
        let _ = self.socket.push(frame, &Urgency::Reliable);
    }

    fn reason(cause: &Cause) -> Value {
        match cause {
            Cause::Returned(error) => error.clone(),
            cause => cause.to_string().into(),
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
            slot.take();
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
            slot.asker().socket.report("ack", *trouble.0);
        }
    }
}
