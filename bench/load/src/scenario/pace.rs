//! Messages sent by the clock, whatever the server does.
//!
//! In: a rate; out: which message is due, and when each was. Odd: a latency counts from the time a message was due, so
//! a server that is late is late for all that wait behind it. The kernel's waits are whole milliseconds, so the last
//! one before a message is spent looking.

use std::time::{Duration, Instant};

/// A clock that ticks at a rate.
#[derive(Debug)]
pub(super) struct Pace {
    begin: Instant,
    interval: Duration,
    next: u32,
    stopped: bool,
}

impl Pace {
    /// So many per second, from now on.
    pub(super) fn new(rate: f64) -> Self {
        let interval = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::from_secs(1));
        Self { begin: Instant::now(), interval, next: 0, stopped: false }
    }

    /// The number of the next message, if it is due now.
    pub(super) fn due(&mut self) -> Option<u64> {
        if self.stopped || Instant::now() < self.time_of(self.next) {
            return None;
        }
        self.next += 1;
        Some(u64::from(self.next - 1))
    }

    /// When a message was due.
    pub(super) fn time_of(&self, number: u32) -> Instant {
        self.begin + self.interval * number
    }

    /// How long the kernel may be waited for.
    pub(super) fn wait(&self) -> Duration {
        const STEP: Duration = Duration::from_millis(1);
        const LONG: Duration = Duration::from_millis(100);
        if self.stopped {
            return LONG;
        }
        let left = self.time_of(self.next).saturating_duration_since(Instant::now());
        let whole = u64::try_from(left.saturating_sub(STEP).as_millis()).unwrap_or(0);
        Duration::from_millis(whole).min(LONG)
    }

    /// How many have been due.
    pub(super) fn sent(&self) -> u64 {
        u64::from(self.next)
    }

    /// No more.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }
}
