//! `connect`: whole handshakes, a few dozen at a time: TCP, upgrade, OPEN, CONNECT, the reply to it.

use std::time::Instant;

use crate::fleet::{Fleet, Play};
use crate::measure::{Latency, Stop, Window};
use crate::report::Outcome;
use crate::scenario::Run;
use crate::scenario::silent::Silent;

/// How many connect before it counts.
const BEFORE: usize = 200;

/// The scenario.
pub(crate) fn connect(run: &mut Run) -> Result<Outcome, Stop> {
    run.fleet.grow(&mut Silent, BEFORE, run.params.inflight)?;
    let mut play = Connect { dialled: vec![Instant::now(); BEFORE], latency: Latency::new() };
    let window = Window::open(&run.server)?;
    run.fleet.grow(&mut play, BEFORE + run.params.clients, run.params.inflight)?;
    let measured = window.close(&run.server)?;
    run.outcome("handshake", (run.params.clients as u64, measured), Some(play.latency))
}

/// Notes how long each handshake takes.
#[derive(Debug)]
struct Connect {
    dialled: Vec<Instant>,
    latency: Latency,
}

impl Play for Connect {
    fn bytes(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> usize {
        Silent.bytes(fleet, who, bytes)
    }

    fn dialled(&mut self, _who: usize) {
        self.dialled.push(Instant::now());
    }

    fn joined(&mut self, _fleet: &mut Fleet, who: usize) {
        self.latency.record(self.dialled[who].elapsed(), 1);
    }
}
