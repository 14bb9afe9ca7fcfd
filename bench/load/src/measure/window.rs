//! The window in which work counts.
//!
//! In: its two edges; out: what the server and the load took between them. Latencies are counted beside it, in
//! nanoseconds, and reported in microseconds.

use std::io;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use nix::sys::time::TimeValLike as _;
use nix::time::ClockId;
use serde::Serialize;

use super::server::{Server, Taken};

/// An open window.
#[derive(Debug)]
pub(crate) struct Window {
    began: Instant,
    server: Taken,
    load_ns: u64,
}

/// What happened in a window.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    /// How long it was open.
    pub(crate) time: Duration,
    /// The server's time on processors, in nanoseconds.
    pub(crate) server_ns: u64,
    /// The share of it in user mode, 0 to 1.
    pub(crate) user_share: f64,
    /// The load's own time on its processor, in nanoseconds.
    pub(crate) load_ns: u64,
}

impl Window {
    /// Opens it.
    ///
    /// # Errors
    /// When the server's process has ended.
    pub(crate) fn open(server: &Server) -> io::Result<Self> {
        Ok(Self { server: server.taken()?, load_ns: own_ns()?, began: Instant::now() })
    }

    /// How long it has been open.
    pub(crate) fn open_for(&self) -> Duration {
        self.began.elapsed()
    }

    /// Closes it.
    ///
    /// # Errors
    /// When the server's process has ended.
    pub(crate) fn close(&self, server: &Server) -> io::Result<Measured> {
        let (time, load_ns, now) = (self.began.elapsed(), own_ns()?, server.taken()?);
        let user = (now.user_ticks - self.server.user_ticks) as f64;
        let system = (now.system_ticks - self.server.system_ticks) as f64;
        Ok(Measured {
            time,
            server_ns: now.cpu_ns - self.server.cpu_ns,
            user_share: if user + system > 0.0 { user / (user + system) } else { 0.0 },
            load_ns: load_ns - self.load_ns,
        })
    }
}

fn own_ns() -> io::Result<u64> {
    let taken = ClockId::CLOCK_PROCESS_CPUTIME_ID.now()?;
    u64::try_from(taken.num_nanoseconds()).map_err(io::Error::other)
}

/// Latencies, from a nanosecond up to an hour, three digits exact.
#[derive(Debug)]
pub(crate) struct Latency(Histogram<u64>);

/// Percentiles in microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Percentiles {
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

impl Latency {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_bounds(1, 3_600_000_000_000, 3).expect("the bounds are in order"))
    }

    /// Counts `times` messages that took as long as this.
    pub(crate) fn record(&mut self, took: Duration, times: u64) {
        self.0.saturating_record_n(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), times);
    }

    /// Forgets all, at the end of the warm-up.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The percentiles, if anything was counted.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        let at = |quantile| self.0.value_at_quantile(quantile) as f64 / 1_000.0;
        (!self.0.is_empty()).then(|| Percentiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: self.0.max() as f64 / 1_000.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_in_microseconds() {
        let mut latency = Latency::new();
        assert!(latency.percentiles().is_none());
        latency.record(Duration::from_micros(10), 99);
        latency.record(Duration::from_millis(5), 1);
        let seen = latency.percentiles().unwrap();
        assert!((seen.p50 - 10.0).abs() < 0.1 && (seen.p99 - 10.0).abs() < 0.1, "{seen:?}");
        assert!((seen.p999 - 5_000.0).abs() < 10.0 && (seen.max - 5_000.0).abs() < 10.0, "{seen:?}");
    }
}
