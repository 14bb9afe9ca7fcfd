//! Waiting for an outbox to have room, or to be empty; whom to wake.
//!
//! In: who waits. Out: whom to wake, once what they wait for has come or never will. What is odd: an emit that waits goes
//! on when half of the bounds are free, and takes no more than that half: the other is left to emits that do not wait,
//! which would otherwise find the outbox full and close it.

use std::sync::Arc;

use proto::engine::Frame;
use tokio::sync::futures::OwnedNotified;
use tokio::sync::{Notify, oneshot};

use super::{Departures, Outbox, Pushed, Urgency};

/// Who waits; mostly nobody.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// For half of the bounds.
    half: Option<Arc<Notify>>,
    /// For the outbox to be empty.
    empty: Option<Arc<Notify>>,
}

/// To be told outside the lock.
#[derive(Debug)]
#[must_use = "who waits is woken by `wake`"]
pub(crate) struct Wakers {
    room: [Option<Arc<Notify>>; 2],
    /// Whose frames have left, and whose never will.
    departures: [Vec<oneshot::Sender<()>>; 2],
}

impl Wakers {
    #[cold]
    pub(crate) fn wake(self) {
        self.room.iter().flatten().for_each(|notify| notify.notify_waiters());
        let [left, lost] = self.departures;
        // Who does not wait any more need not be told.
        left.into_iter().for_each(|told| _ = told.send(()));
        drop(lost);
    }
}

impl Outbox {
    /// Queues a frame if at most half of the bounds are in use with it, or nothing waits; else gives it back with
    /// something to wait for before the next try.
    pub(crate) fn push_or_wait(
        &mut self,
        frame: Frame,
        urgency: &Urgency,
    ) -> Result<Pushed, (Frame, OwnedNotified)> {
        let replaces = match urgency {
            Urgency::Latest(key) => self.marks().is_some_and(|marks| marks.position(key).is_some()),
            _ => false,
        };
        if self.closed || self.packets == 0 || replaces || self.is_half_free(frame.cost(), 1) {
            return Ok(self.push(frame, urgency));
        }
        let room = &mut self.extras().room;
        Err((frame, room.half.get_or_insert_default().clone().notified_owned()))
    }

    /// Something to wait for, unless the outbox is empty or closed.
    pub(crate) fn wait_until_empty(&mut self) -> Option<OwnedNotified> {
        if self.closed || self.packets == 0 {
            return None;
        }
        let room = &mut self.extras().room;
        Some(room.empty.get_or_insert_default().clone().notified_owned())
    }

    /// Whoever waits for what is so now. To be asked after everything that makes room.
    #[inline]
    pub(crate) fn wakers(&mut self) -> Option<Box<Wakers>> {
        if self.extras.is_none() { None } else { self.satisfied() }
    }

    #[cold]
    fn satisfied(&mut self) -> Option<Box<Wakers>> {
        let half = self.closed || self.is_half_free(0, 0);
        let empty = self.closed || self.packets == 0;
        let room = &mut self.extras.as_mut()?.room;
        let room = [room.half.take_if(|_| half), room.empty.take_if(|_| empty)];
        self.wakers_of(room)
    }

    fn wakers_of(&mut self, room: [Option<Arc<Notify>>; 2]) -> Option<Box<Wakers>> {
        let departures = self.departures().map(Departures::take_told).unwrap_or_default();
        let nobody = room.iter().all(Option::is_none) && departures.iter().all(Vec::is_empty);
        (!nobody).then(|| Box::new(Wakers { room, departures }))
    }

    /// Everybody who waits, to look again.
    pub(crate) fn all_wakers(&mut self) -> Option<Box<Wakers>> {
        let room = &mut self.extras.as_mut()?.room;
        let room = [room.half.take(), room.empty.take()];
        self.wakers_of(room)
    }

    fn is_half_free(&self, cost: usize, packets: u32) -> bool {
        self.bytes.saturating_add(cost) <= self.limits.bytes / 2
            && self.packets + packets <= self.limits.packets / 2
    }
}
