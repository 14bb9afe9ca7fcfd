//! The end of a session.

use super::{Flush, Output, PollAnswer, Session, State};
use crate::engine::{CloseReason, Transport};

impl Session {
    /// This side wants to close. Where frames wait, or a polling client has to poll first to be told, the end comes
    /// later: by [`Session::handle_drained`], by the next poll, or by the heartbeat.
    pub fn close(&mut self, flush: Flush) {
        if self.is_closed() {
            return;
        }
        let can_tell = self.transport != Transport::Polling || self.poll_pending;
        match flush {
            Flush::Empty if can_tell => self.end(CloseReason::ForcedClose, "closed by the server"),
            Flush::Discard => self.end(CloseReason::ForcedClose, "closed by the server"),
            Flush::Empty | Flush::Waiting => self.state = State::Closing,
        }
    }

    /// The peer reads too slowly: its outbox is full. What waits is dropped.
    pub fn close_slow_consumer(&mut self) {
        if !self.is_closed() {
            self.end(CloseReason::SlowConsumer, "the outbox is full");
        }
    }

    /// The outbox ran empty, or was found empty after [`Output::Upgraded`]. Comes after
    /// [`Session::handle_poll_answered`] where a poll took the last frames.
    pub fn handle_drained(&mut self) {
        if self.state == State::Closing && (self.transport != Transport::Polling || self.poll_pending) {
            self.end(CloseReason::ForcedClose, "closed by the server");
        }
    }

    /// The one way to the end: nothing stays open behind it.
    pub(super) fn end(&mut self, reason: CloseReason, detail: &'static str) {
        if self.is_closed() {
            return;
        }
        self.state = State::Closed;
        if self.probe.take().is_some() {
            self.outputs.push(Output::CloseProbe);
        }
        if self.poll_pending {
            self.answer_poll(PollAnswer::Close);
        }
        self.outputs.push(Output::Closed { reason, detail });
    }
}
