//! Events that have come in but cannot be handled yet.
//!
//! They wait while as many calls are suspended as may be, and while more answers wait in the outbox than the client has
//! read. Meanwhile acknowledgements and heartbeats go on, because they may be what the calls wait for. When too much
//! waits here, the session is not read from any more.

use std::collections::VecDeque;

use proto::socket::{Args, Event, SlotId};

use super::Connection;
use crate::Reason;

/// The most bytes of events that wait; beyond it the session is not read from.
const MAX_BYTES: usize = 1024 * 1024;
/// While more than this waits in the outbox, events wait, too: a client has to read what it asked for.
const HIGH_WATER: usize = 256 * 1024;
/// What an event counts besides its content.
const OVERHEAD: usize = 128;

/// Mostly nothing.
#[derive(Default)]
pub(super) struct Deferred(Option<Box<Waiting>>);

#[derive(Default)]
struct Waiting {
    queue: VecDeque<Turn>,
    bytes: usize,
}

/// What waits for its turn.
enum Turn {
    Event(SlotId, Option<u64>, Event<'static>),
    /// The client has left the namespace, behind these events.
    Leave(SlotId),
}

impl Deferred {
    pub(super) fn has_room(&self) -> bool {
        self.0.as_ref().is_none_or(|waiting| waiting.bytes < MAX_BYTES)
    }

    fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn push(&mut self, turn: Turn) {
        let waiting = self.0.get_or_insert_default();
        waiting.bytes += turn.cost();
        waiting.queue.push_back(turn);
    }

    fn pop(&mut self) -> Option<Turn> {
        let waiting = self.0.as_mut()?;
        let turn = waiting.queue.pop_front()?;
        waiting.bytes -= turn.cost();
        if waiting.queue.is_empty() {
            // An idle connection keeps no queue.
            self.0 = None;
        }
        Some(turn)
    }
}

impl Turn {
    fn cost(&self) -> usize {
        match self {
            Self::Event(.., event) => cost(event),
            Self::Leave(_) => OVERHEAD,
        }
    }
}

fn cost(event: &Event<'_>) -> usize {
    OVERHEAD + event.name().len() + content(event.args())
}

/// The bytes of arguments, attachments included.
pub(super) fn content(args: &Args<'_>) -> usize {
    let texts = args.iter().map(str::len).sum::<usize>();
    texts + args.attachments().iter().map(|bytes| bytes.len()).sum::<usize>()
}

impl Connection {
    /// An event has come in: it is handled now, or when its turn comes.
    pub(super) fn receive_event(&mut self, slot: SlotId, id: Option<u64>, event: Event<'_>) {
        if self.deferred.is_empty() && self.may_call() {
            self.dispatch(slot, id, &event);
        } else {
            self.deferred.push(Turn::Event(slot, id, event.into_owned()));
        }
    }

    /// The client has left a namespace: now, or when the events before that have been handled.
    pub(super) fn receive_leave(&mut self, slot: SlotId) {
        if self.deferred.is_empty() {
            self.leave(slot, Reason::ClientNamespaceDisconnect);
        } else {
            self.deferred.push(Turn::Leave(slot));
        }
    }

    fn may_call(&self) -> bool {
        self.has_free_call() && self.mailbox.buffered().bytes <= HIGH_WATER
    }

    /// Whether another call may be suspended.
    pub(super) fn has_free_call(&self) -> bool {
        self.tasks.len() < self.io.config().max_handlers
    }

    /// Whether what is deferred could go on now.
    pub(super) fn can_call_deferred(&self) -> bool {
        !self.deferred.is_empty() && self.may_call()
    }

    /// Goes on with what is deferred for as long as there is room.
    pub(super) fn call_deferred(&mut self) {
        while self.can_call_deferred() {
            self.take_turn();
        }
    }

    /// Handles all of it, at the end of the session: it came before that, and no more can come.
    pub(super) fn call_all_deferred(&mut self) {
        while !self.deferred.is_empty() {
            self.take_turn();
        }
    }

    fn take_turn(&mut self) {
        match self.deferred.pop() {
            Some(Turn::Event(slot, id, event)) => self.dispatch(slot, id, &event),
            Some(Turn::Leave(slot)) => self.leave(slot, Reason::ClientNamespaceDisconnect),
            None => {}
        }
    }
}
