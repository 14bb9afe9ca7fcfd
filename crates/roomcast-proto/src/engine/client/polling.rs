//! The requests of a polling session: one poll and one `POST` at a time.

use super::{Output, Session, State};
use crate::engine::{CloseReason, Transport};

impl Session {
    /// The answer to the poll came, and all its packets were handled.
    pub fn handle_poll_answered(&mut self) {
        self.polling = false;
        self.go_on_polling();
    }

    /// A `POST` with frames from the outbox is under way.
    pub fn handle_post_sent(&mut self) {
        self.posting = true;
    }

    /// The `POST` was answered with 200.
    pub fn handle_post_answered(&mut self) {
        self.posting = false;
        self.go_on_polling();
        self.end_if_drained();
    }

    /// A poll failed: no answer, or one that is not 200.
    pub fn handle_poll_failed(&mut self) {
        self.request_failed("poll error");
    }

    /// A `POST` failed: no answer, or one that is not 200.
    pub fn handle_post_failed(&mut self) {
        self.request_failed("post error");
    }

    /// Once a WebSocket has taken over, the fate of an old request concerns nobody.
    fn request_failed(&mut self, detail: &'static str) {
        if self.transport == Transport::Polling {
            self.end(CloseReason::TransportError, detail);
        }
    }

    pub(super) fn poll(&mut self) {
        self.polling = true;
        self.outputs.push_back(Output::Poll);
    }

    /// Polls again, unless an upgrade waits for the requests to end: then it goes on.
    pub(super) fn go_on_polling(&mut self) {
        if self.transport != Transport::Polling || self.state == State::Closed {
            return;
        }
        if self.is_pausing() {
            if !self.polling && !self.posting {
                self.take_over();
            }
        } else if !self.polling {
            self.poll();
        }
    }
}
