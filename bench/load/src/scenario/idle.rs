//! `idle`: what memory a client costs that does nothing but be there.
//!
//! Odd: a hundred clients come before, get a broadcast and leave, so that what the server makes once, such as the buffers
//! of its threads, is not counted as if it were the clients'; and the server settles before it is looked at, because
//! some give memory back late.

use std::time::Duration;

use crate::check::{Script, Template};
use crate::fleet::{Fleet, Play};
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
    Greeting::all(run)?;
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

/// A broadcast to the clients that come before.
#[derive(Debug)]
struct Greeting {
    script: Script,
    /// How many have it.
    done: u64,
}

impl Greeting {
    fn all(run: &mut Run) -> Result<(), Stop> {
        let size = run.params.size;
        let mut greeting = Self { script: Script::new(Template::msg(size), BEFORE), done: 0 };
        greeting.script.push();
        run.fleet.send(0, Template::request(r#"42["broadcast","#, size, "]").numbered(0));
        let all = BEFORE as u64;
        run.fleet.until(&mut greeting, "a first broadcast", |play| play.done, |play| play.done == all)
    }
}

impl Play for Greeting {
    fn bytes(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> usize {
        let (used, completed) = self.script.take(fleet, who, bytes);
        self.done += completed;
        used
    }
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
