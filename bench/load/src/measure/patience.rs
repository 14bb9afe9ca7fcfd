//! When a run ends before its time.
//!
//! In: how far the work is, again and again; out: an error when it has not moved for too long. Nothing that waits for a
//! server waits without one of these.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

/// Why a run ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Nothing moved for too long; what was awaited.
    Stalled(String),
    /// The server ended a connection that it should have kept.
    Closed(String),
    /// The system failed, or the server's process has gone.
    Io(io::Error),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stalled(what) => write!(f, "stalled: {what}"),
            Self::Closed(which) => write!(f, "closed by the server: {which}"),
            Self::Io(error) => write!(f, "failed: {error}"),
        }
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Waits for progress, but not forever.
#[derive(Debug)]
pub(crate) struct Patience {
    limit: Duration,
    seen: u64,
    since: Instant,
}

impl Patience {
    /// For so long without progress.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, seen: 0, since: Instant::now() }
    }

    /// Says how far the work is; `awaited` says what it waits for.
    ///
    /// # Errors
    /// When it was as far as that all the time.
    pub(crate) fn check(&mut self, progress: u64, awaited: impl FnOnce() -> String) -> Result<(), Stop> {
        if progress != self.seen {
            self.seen = progress;
            self.since = Instant::now();
        } else if self.since.elapsed() > self.limit {
            return Err(Stop::Stalled(format!("{} (at {progress}, for {:?})", awaited(), self.limit)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_without_progress_and_only_then() {
        let mut patience = Patience::new(Duration::ZERO);
        for progress in 1..100 {
            assert!(patience.check(progress, String::new).is_ok());
        }
        // The clock has moved at the latest at the second look.
        while Instant::now() == patience.since {}
        let stop = patience.check(99, || "message 7".into());
        assert!(matches!(stop, Err(Stop::Stalled(what)) if what.starts_with("message 7")));
    }
}
