//! `churn`: connect and leave, a few dozen at a time: a whole handshake, DISCONNECT, a close frame, the end of the
//! connection on both sides.

use std::time::{Duration, Instant};

use crate::fleet::{Fleet, Play};
use crate::measure::{Latency, Stop, Window};
use crate::report::Outcome;
use crate::scenario::Run;
use crate::scenario::silent::Silent;

/// How many cycles pass before it counts.
const BEFORE: usize = 200;
/// How long a turn waits at most.
const TURN: Duration = Duration::from_millis(100);

/// The scenario; the number of clients is that of the cycles.
pub(crate) fn churn(run: &mut Run) -> Result<Outcome, Stop> {
    let mut play = Churn { dialled: Vec::new(), finished: 0, latency: Latency::new() };
    cycles(run, &mut play, BEFORE)?;
    play.latency.clear();
    let window = Window::open(&run.server)?;
    cycles(run, &mut play, BEFORE + run.params.clients)?;
    let measured = window.close(&run.server)?;
    run.outcome("cycle", (run.params.clients as u64, measured), Some(play.latency))
}

/// Goes on until so many clients in all have come and left.
fn cycles(run: &mut Run, play: &mut Churn, total: usize) -> Result<(), Stop> {
    let mut patience = run.fleet.patience();
    while play.finished < total {
        while play.dialled.len() < total && play.dialled.len() - play.finished < run.params.inflight {
            play.dialled.push(Instant::now());
            run.fleet.dial()?;
        }
        run.fleet.turn(play, TURN)?;
        patience.check(play.finished as u64, || "clients come and leave".into())?;
    }
    Ok(())
}

#[derive(Debug)]
struct Churn {
    dialled: Vec<Instant>,
    finished: usize,
    latency: Latency,
}

impl Play for Churn {
    fn bytes(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> usize {
        Silent.bytes(fleet, who, bytes)
    }

    fn joined(&mut self, fleet: &mut Fleet, who: usize) {
        fleet.leave(who);
    }

    fn ended(&mut self, _fleet: &mut Fleet, who: usize) {
        self.finished += 1;
        self.latency.record(self.dialled[who].elapsed(), 1);
    }
}
