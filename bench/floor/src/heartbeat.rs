//! When the next sweep of pings is due, and who has missed too many.
//!
//! Comes in: the two options. Goes out: how long to wait, whether to sweep. What is odd: all clients are pinged in one
//! sweep, so there is one deadline in the whole program; a client is given up after as many sweeps as the time limit has.

use std::time::{Duration, Instant};

/// The one deadline.
pub(crate) struct Heartbeat {
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    next: Instant,
}

impl Heartbeat {
    pub(crate) fn new(interval: Duration, timeout: Duration) -> Self {
        let interval = interval.max(Duration::from_millis(1));
        Self { interval, timeout, next: Instant::now() + interval }
    }

    /// How long until the next sweep.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        self.next.saturating_duration_since(now)
    }

    /// Whether a sweep is due; if so, the next one is set.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let due = now >= self.next;
        if due {
            self.next = now + self.interval;
        }
        due
    }

    /// How many pings may stay without an answer.
    pub(crate) fn patience(&self) -> u16 {
        let sweeps = self.timeout.as_secs_f64() / self.interval.as_secs_f64();
        (sweeps.ceil() as u16).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_is_due_once_per_interval() {
        let mut heartbeat = Heartbeat::new(Duration::from_secs(25), Duration::from_secs(20));
        let start = heartbeat.next;
        assert!(!heartbeat.is_due(start - Duration::from_millis(1)));
        assert!(heartbeat.is_due(start));
        assert!(!heartbeat.is_due(start));
        assert_eq!(heartbeat.wait(start), Duration::from_secs(25));
    }

    #[test]
    fn patience_is_the_time_limit_in_sweeps() {
        let patience = |interval, timeout| {
            Heartbeat::new(Duration::from_secs(interval), Duration::from_secs(timeout)).patience()
        };
        assert_eq!(patience(25, 20), 1);
        assert_eq!(patience(1, 20), 20);
    }
}
