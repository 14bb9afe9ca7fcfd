//! The polls of a polling session: one GET and one POST at a time.

use super::{CloseReason, Output, Session, State};
use crate::engine::Transport;

/// What a pending poll is answered with when no frame is to be sent. How it is written:
/// [`Dialect::answer`](crate::engine::Dialect::answer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollAnswer {
    /// A noop: poll again, or do not.
    Noop,
    /// A close packet: the session has ended.
    Close,
    /// Both: the poll came after the session was told to close.
    NoopAndClose,
}

/// A request has no place: another of its kind was under way, and the session has ended by that, or the session takes
/// no polls any more, because it has ended or was upgraded. The request is answered 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap;

impl Session {
    /// A poll came in. It now waits for packets; after this the driver answers it at once if frames wait.
    ///
    /// # Errors
    /// [`Overlap`] where another poll is waiting, or the session does not poll any more.
    pub fn handle_poll(&mut self, outbox_is_empty: bool) -> Result<(), Overlap> {
        if self.is_closed() || self.transport != Transport::Polling {
            return Err(Overlap);
        }
        if self.poll_pending {
            self.end(CloseReason::TransportError, "overlap from client");
            return Err(Overlap);
        }
        self.poll_pending = true;
        if self.state == State::Closing && outbox_is_empty {
            self.answer_poll(PollAnswer::NoopAndClose);
            self.end(CloseReason::ForcedClose, "closed by the server");
        }
        Ok(())
    }

    /// The pending poll was answered with frames from the outbox.
    pub fn handle_poll_answered(&mut self) {
        self.poll_pending = false;
    }

    /// The client gave up the pending poll: it is gone. JS: "poll connection closed prematurely".
    pub fn handle_poll_aborted(&mut self) {
        if self.poll_pending {
            self.poll_pending = false;
            self.end(CloseReason::TransportError, "poll connection closed prematurely");
        }
    }

    /// A second POST came while one was under way.
    pub fn handle_post_overlap(&mut self) {
        self.end_polling("data request overlap from client");
    }

    /// A POST was given up inside its body.
    pub fn handle_post_aborted(&mut self) {
        self.end_polling("data request connection closed prematurely");
    }

    /// Once a WebSocket has taken over, nothing that befalls an old request concerns the session.
    fn end_polling(&mut self, detail: &'static str) {
        if self.transport == Transport::Polling {
            self.end(CloseReason::TransportError, detail);
        }
    }

    pub(super) fn answer_poll(&mut self, answer: PollAnswer) {
        self.poll_pending = false;
        self.outputs.push(Output::AnswerPoll(answer));
    }
}
