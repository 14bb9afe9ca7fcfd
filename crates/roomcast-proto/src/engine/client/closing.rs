//! The end of a session.

use super::{Flush, Output, Session, State};
use crate::engine::{CloseReason, Transport};

impl Session {
    /// This side wants to close. Where frames wait or a `POST` is under way, the end comes later: by
    /// [`Session::handle_drained`], by the answer to the `POST`, or by the heartbeat. Before the handshake there is
    /// nothing to wait for.
    ///
    /// A running upgrade is given up. JavaScript waits for it; the server cannot tell the difference.
    pub fn close(&mut self, flush: Flush) {
        match (self.state, flush) {
            (State::Closed, _) => {}
            (State::Opening, _) | (_, Flush::Discard) => self.end_here(),
            (State::Open, _) => {
                self.state = State::Closing { drained: flush == Flush::Empty };
                self.handle_probe_failed();
                self.end_if_drained();
            }
            (State::Closing { .. }, Flush::Empty) => self.handle_drained(),
            (State::Closing { .. }, Flush::Waiting) => {}
        }
    }

    /// The outbox ran empty, or was found empty after [`Output::Upgraded`].
    pub fn handle_drained(&mut self) {
        if let State::Closing { drained } = &mut self.state {
            *drained = true;
            self.end_if_drained();
        }
    }

    pub(super) fn end_if_drained(&mut self) {
        let posting = self.posting && self.transport == Transport::Polling;
        if self.state == (State::Closing { drained: true }) && !posting {
            self.end_here();
        }
    }

    fn end_here(&mut self) {
        let opened = self.state != State::Opening;
        // A second POST at the same time would be an error, and the server sees the first one break off anyway.
        let tell = opened && self.transport == Transport::Polling && !self.posting;
        self.end_with(CloseReason::ForcedClose, "closed by the client", tell);
    }

    pub(super) fn end(&mut self, reason: CloseReason, detail: &'static str) {
        self.end_with(reason, detail, false);
    }

    /// The one way to the end: nothing stays open behind it.
    fn end_with(&mut self, reason: CloseReason, detail: &'static str, tell: bool) {
        if self.is_closed() {
            return;
        }
        self.state = State::Closed;
        if self.upgrade.take().is_some() {
            self.outputs.push_back(Output::CloseProbe);
        }
        if tell {
            self.outputs.push_back(Output::PostClose);
        }
        self.outputs.push_back(Output::Closed { reason, detail });
    }
}
