//! What a scenario counts: units of work, and how long each took.
//!
//! In: what has arrived. Out: the counts of the window. What is odd: it also knows whether the end has come, because that is
//! when a scenario sends nothing new.

use std::time::Duration;

use crate::measure::Latency;

/// The counts of one scenario.
#[derive(Debug)]
pub(crate) struct Tally {
    units: u64,
    latency: Latency,
    closing: bool,
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self { units: 0, latency: Latency::new(), closing: false }
    }

    /// So many units are done, each of which took as long as this.
    pub(crate) fn count(&mut self, took: Duration, units: u64) {
        self.units += units;
        self.latency.record(took, units);
    }

    /// How many units are done since the beginning.
    pub(crate) fn units(&self) -> u64 {
        self.units
    }

    /// What was counted for latency is forgotten.
    pub(crate) fn open(&mut self) {
        self.latency.clear();
    }

    /// From now on, nothing new is sent.
    pub(crate) fn close(&mut self) {
        self.closing = true;
    }

    /// Whether nothing new is sent.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    /// How long the units of the window took.
    pub(crate) fn into_latency(self) -> Latency {
        self.latency
    }
}
