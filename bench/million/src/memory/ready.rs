//! Which clients have something to do: the numbers of those that the server wrote to or left.
//!
//! In: numbers, from any thread. Out: all of them at once, for the clients' thread, which sleeps while there are none.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

#[derive(Debug, Default)]
pub(super) struct Ready {
    waiting: Mutex<Vec<u32>>,
    came: Condvar,
    served: AtomicU32,
}

impl Ready {
    pub(super) fn push(&self, client: u32) {
        let mut waiting = self.waiting.lock();
        waiting.push(client);
        let first = waiting.len() == 1;
        drop(waiting);
        if first {
            self.came.notify_one();
        }
    }

    /// One more connection is served.
    pub(super) fn begin(&self) {
        self.served.fetch_add(1, Ordering::Relaxed);
    }

    /// The server has let go of a client.
    pub(super) fn end(&self, client: u32) {
        self.served.fetch_sub(1, Ordering::Relaxed);
        self.push(client);
    }

    /// Connections that are served now.
    pub(super) fn served(&self) -> u32 {
        self.served.load(Ordering::Relaxed)
    }

    /// Puts all that came into `batch`, which has to be empty; waits for the first until `deadline`.
    pub(super) fn take(&self, batch: &mut Vec<u32>, deadline: Instant) {
        let mut waiting = self.waiting.lock();
        while waiting.is_empty() {
            if self.came.wait_until(&mut waiting, deadline).timed_out() {
                return;
            }
        }
        std::mem::swap(&mut *waiting, batch);
    }

    /// Bytes of heap.
    pub(super) fn heap(&self) -> usize {
        self.waiting.lock().capacity() * size_of::<u32>()
    }
}
