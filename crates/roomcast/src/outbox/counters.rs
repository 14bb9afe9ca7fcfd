//! What was dropped, replaced, closed or made to wait, counted.
//!
//! In: outcomes of pushes, except the usual one. Out: a snapshot for metrics. What is odd: nothing is counted when all
//! goes well, so that a delivery pays nothing for it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Pushed;

/// What backpressure has done so far, on this node. It only ever grows; take the difference of two for a rate.
///
/// What is dropped or replaced is counted where the event came from that needed the room.
///
/// ```
/// # let io = roomcast::Io::new();
/// let counters = io.counters();
/// println!("{} clients were too slow", counters.closed_slow);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Volatile events that a busy client did not get.
    pub dropped_volatile: u64,
    /// Events that waited and were dropped for newer ones.
    pub dropped_oldest: u64,
    /// Events that were dropped because there was no room, and no older event to make some.
    pub dropped_full: u64,
    /// Events that waited and were replaced by a newer one of their key.
    pub replaced: u64,
    /// Of a server: sessions that were closed with the reason `slow consumer`. Of a namespace: its sockets among them.
    pub closed_slow: u64,
    /// Calls of [`Socket::emit_wait`](crate::Socket::emit_wait) that had to wait for room.
    pub waited: u64,
}

/// The counters themselves.
#[derive(Debug, Default)]
pub(crate) struct Counting {
    dropped_volatile: AtomicU64,
    dropped_oldest: AtomicU64,
    dropped_full: AtomicU64,
    replaced: AtomicU64,
    closed_slow: AtomicU64,
    waited: AtomicU64,
}

impl Counting {
    pub(crate) fn count(&self, pushed: Pushed) {
        match pushed {
            Pushed::AtOnce | Pushed::Queued | Pushed::Overflow | Pushed::Closed => {}
            Pushed::DroppedOlder(older) => add(&self.dropped_oldest, u64::from(older)),
            Pushed::Replaced(older) => {
                add(&self.replaced, 1);
                add(&self.dropped_oldest, u64::from(older));
            }
            Pushed::DroppedVolatile => add(&self.dropped_volatile, 1),
            Pushed::DroppedFull => add(&self.dropped_full, 1),
        }
    }

    pub(crate) fn count_closed_slow(&self) {
        add(&self.closed_slow, 1);
    }

    pub(crate) fn count_waited(&self) {
        add(&self.waited, 1);
    }

    pub(crate) fn snapshot(&self) -> Counters {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            dropped_volatile: load(&self.dropped_volatile),
            dropped_oldest: load(&self.dropped_oldest),
            dropped_full: load(&self.dropped_full),
            replaced: load(&self.replaced),
            closed_slow: load(&self.closed_slow),
            waited: load(&self.waited),
        }
    }
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}
