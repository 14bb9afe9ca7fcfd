//! A client that sends faster than it may.
//!
//! In: events, acknowledgements and connects, before anything is done about them. Out: whether it is. What is odd: an
//! acknowledgement is never refused, because the server asked for it; its bytes count all the same.

use proto::socket::{Args, Event, NamespacePath, SlotId};

use super::Connection;
use super::deferred::content;
use crate::error::Cause;
use crate::handler::AckSlot;
use crate::limits::{Bucket, Refused};
use crate::session::Closing;
use crate::{Exceeded, Limits};

/// What a client has sent of late.
#[derive(Default)]
pub(super) struct Flow {
    events: Bucket,
    bytes: Bucket,
}

impl Flow {
    /// `None` if nothing is limited.
    pub(super) fn new(limits: &Limits) -> Option<Box<Self>> {
        (limits.events.is_some() || limits.bytes.is_some()).then(Box::default)
    }

    fn takes(&mut self, limits: &Limits, now: u64, events: u32, bytes: usize) -> bool {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        limits.events.is_none_or(|rate| self.events.take(rate, now, events))
            && limits.bytes.is_none_or(|rate| self.bytes.take(rate, now, bytes))
    }
}

impl Connection {
    /// Whether an event may be handled; if not, all that is to be done about it has been done.
    pub(super) fn takes_event(&mut self, slot: SlotId, id: Option<u64>, event: &Event<'_>) -> bool {
        if self.flow_takes(1, event.name().len() + content(event.args())) {
            return true;
        }
        let exceeded = self.count_refused();
        if exceeded != Exceeded::Drop
            && let Some(socket) = self.socket(slot)
        {
            if let Some(id) = id {
                AckSlot::new(socket.clone(), id).fail_by(&Cause::TooFast);
            }
            socket.report(event.name(), Cause::TooFast);
        }
        false
    }

    /// Whether a connect may be begun; if not, the client has been told.
    pub(super) fn takes_connect(&mut self, slot: SlotId, path: &NamespacePath, auth: Option<&str>) -> bool {
        if self.flow_takes(1, path.as_str().len() + auth.map_or(0, str::len)) {
            return true;
        }
        self.count_refused();
        self.protocol.remove(slot);
        self.refuse(path.as_str(), &Cause::TooFast.to_string());
        false
    }

    pub(super) fn note_ack(&mut self, args: &Args<'_>) {
        self.flow_takes(0, content(args));
    }

    fn flow_takes(&mut self, events: u32, bytes: usize) -> bool {
        let core = self.io.core();
        let now = core.gate.now();
        self.flow.as_mut().is_none_or(|flow| flow.takes(&core.config.limits, now, events, bytes))
    }

    /// Counts it, and closes the session if that is what is wanted.
    fn count_refused(&mut self) -> Exceeded {
        let core = self.io.core();
        core.gate.count(Refused::Events);
        let exceeded = core.config.limits.exceeded;
        if exceeded == Exceeded::Close && self.closing == Closing::No {
            tracing::debug!(sid = ?self.mailbox.sid(), "too many events");
            core.gate.count(Refused::Floods);
            self.closing = Closing::Yes;
        }
        exceeded
    }
}
