//! Events that have come in but cannot be handled yet.
//!
//! They wait while as many calls are suspended as may be, and while more answers wait in the outbox than the client has
//! read. Meanwhile acknowledgements and heartbeats go on, because they may be what the calls wait for. When too much
//! waits here, the session is not read from any more.

use std::collections::VecDeque;

use proto::socket::{Event, SlotId};

use super::Connection;

/// The most bytes of events that wait; beyond it the session is not read from.
const MAX_BYTES: usize = 1024 * 1024;
/// While more than this waits in the outbox, events wait, too: a client has to read what it asked for.
const HIGH_WATER: usize = 256 * 1024;
/// What an event counts besides its content.
const OVERHEAD: usize = 128;

#[derive(Default)]
pub(super) struct Deferred {
    events: VecDeque<(SlotId, Option<u64>, Event<'static>)>,
    bytes: usize,
}

impl Deferred {
    pub(super) fn has_room(&self) -> bool {
        self.bytes < MAX_BYTES
    }

    fn push(&mut self, slot: SlotId, id: Option<u64>, event: Event<'static>) {
        self.bytes += cost(&event);
        self.events.push_back((slot, id, event));
    }

    fn pop(&mut self) -> Option<(SlotId, Option<u64>, Event<'static>)> {
        let event = self.events.pop_front();
        match &event {
            Some((.., event)) => self.bytes -= cost(event),
            // An idle connection keeps no queue.
            None => self.events = VecDeque::new(),
        }
        event
    }
}

fn cost(event: &Event<'_>) -> usize {
    let args = event.args();
    let texts = args.iter().map(str::len).sum::<usize>();
    OVERHEAD + event.name().len() + texts + args.attachments().iter().map(|bytes| bytes.len()).sum::<usize>()
}

impl Connection {
    /// An event has come in: it is handled now, or when its turn comes.
    pub(super) fn receive_event(&mut self, slot: SlotId, id: Option<u64>, event: Event<'_>) {
        if self.deferred.events.is_empty() && self.may_call() {
            self.dispatch(slot, id, &event);
        } else {
            self.deferred.push(slot, id, event.into_owned());
        }
    }

    fn may_call(&self) -> bool {
        self.tasks.len() < self.io.config().max_handlers && self.mailbox.buffered() <= HIGH_WATER
    }

    /// Whether a deferred event could be handled now.
    pub(super) fn can_call_deferred(&self) -> bool {
        !self.deferred.events.is_empty() && self.may_call()
    }

    /// Handles deferred events for as long as there is room.
    pub(super) fn call_deferred(&mut self) {
        while self.can_call_deferred()
            && let Some((slot, id, event)) = self.deferred.pop()
        {
            self.dispatch(slot, id, &event);
        }
    }

    /// Handles them all: they came before the end that is next.
    pub(super) fn call_all_deferred(&mut self) {
        while let Some((slot, id, event)) = self.deferred.pop() {
            self.dispatch(slot, id, &event);
        }
    }
}
