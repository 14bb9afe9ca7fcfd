//! `idle`: what memory a client costs that does nothing but be there.
//!
//! Odd: a hundred clients come and leave before, so that what the server makes once is not counted; and the server
//! settles before it is looked at, because some give memory back late.

use std::time::Duration;

use crate::measure::{Stop, Window};
use crate::report::Outcome;
use crate::scenario::Run;
use crate::scenario::silent::Silent;

const BEFORE: usize = 100;
/// Between two looks at the server's memory.
const LOOK: Duration = Duration::from_millis(250);
/// How many looks there are at most until it has settled.
const LOOKS: usize = 20;

/// The scenario.
pub(crate) fn idle(run: &mut Run) -> Result<Outcome, Stop> {
    run.fleet.grow(&mut Silent, BEFORE, run.params.inflight)?;
    for who in 0..BEFORE {
        run.fleet.leave(who);
    }
    let mut patience = run.fleet.patience();
    while run.fleet.gone() < BEFORE {
        run.fleet.turn(&mut Silent, LOOK)?;
        patience.check(run.fleet.gone() as u64, || "the first clients leave".into())?;
    }
    run.rss_before_kib = settled(run)?;
    run.fleet.grow(&mut Silent, run.params.clients, run.params.inflight)?;
    let window = Window::open(&run.server)?;
    settled(run)?;
    let measured = window.close(&run.server)?;
    run.outcome("client", (run.params.clients as u64, measured), None)
}

/// The server's memory when it has stopped to change.
fn settled(run: &mut Run) -> Result<u64, Stop> {
    let mut before = run.server.rss_kib()?;
    let mut same = 0;
    for _ in 0..LOOKS {
        run.fleet.linger(&mut Silent, LOOK)?;
        let now = run.server.rss_kib()?;
        same = if now.abs_diff(before) * 1_000 <= before { same + 1 } else { 0 };
        before = now;
        if same == 3 {
            break;
        }
    }
    Ok(before)
}
