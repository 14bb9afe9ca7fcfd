//! `heartbeat`: a ping of the server and the pong of each client, again and again; the server is told to ping each
//! second.

use std::time::Duration;

use crate::fleet::{Fleet, Play};
use crate::measure::Stop;
use crate::report::Outcome;
use crate::scenario::Run;
use crate::scenario::run::Measurable;
use crate::scenario::silent::Silent;
use crate::scenario::tally::Tally;

/// The scenario.
pub(crate) fn heartbeat(run: &mut Run) -> Result<Outcome, Stop> {
    run.connect_all()?;
    let mut play = Heartbeat { pings: run.fleet.pings(), tally: Tally::new() };
    let counted = run.measure(&mut play)?;
    run.outcome("ping and pong", counted, None)
}

#[derive(Debug)]
struct Heartbeat {
    pings: u64,
    tally: Tally,
}

impl Play for Heartbeat {
    fn bytes(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> usize {
        let used = Silent.bytes(fleet, who, bytes);
        // How long one takes is not known here.
        self.tally.count(Duration::ZERO, fleet.pings() - self.pings);
        self.pings = fleet.pings();
        used
    }
}

impl Measurable for Heartbeat {
    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn tally_mut(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn is_quiet(&self) -> bool {
        true
    }
}
