//! `fanout`: one client sends a burst to all, itself included, and the next burst when everybody has the last.
//!
//! Odd: with one message in flight a burst is one message; with more they leave in one write, so a server has the
//! chance to batch.

use std::time::Instant;

use crate::check::{Script, Template};
use crate::fleet::{Fleet, Play};
use crate::measure::Stop;
use crate::report::Outcome;
use crate::scenario::Run;
use crate::scenario::run::Measurable;
use crate::scenario::silent::Silent;
use crate::scenario::tally::Tally;

/// The scenario.
pub(crate) fn fanout(run: &mut Run) -> Result<Outcome, Stop> {
    run.connect_all()?;
    let request = Template::request(r#"42["broadcast","#, run.params.size, "]");
    Fanout::new(run, request, 0..run.params.clients).perform(run)
}

/// Bursts from one to many.
#[derive(Debug)]
pub(super) struct Fanout {
    script: Script,
    request: Template,
    burst: Vec<u8>,
    inflight: u64,
    receivers: std::ops::Range<usize>,
    /// How many receivers have the whole burst.
    done: usize,
    sent: Instant,
    tally: Tally,
}

impl Fanout {
    /// Requests of this form, which reach these clients; the first of them sends.
    pub(super) fn new(run: &Run, request: Template, receivers: std::ops::Range<usize>) -> Self {
        let mut script = Script::new(Template::msg(run.params.size), run.params.clients);
        for _ in 0..run.params.inflight {
            script.push();
        }
        Self {
            script,
            request,
            burst: Vec::new(),
            inflight: run.params.inflight as u64,
            receivers,
            done: 0,
            sent: Instant::now(),
            tally: Tally::new(),
        }
    }

    /// Runs it.
    pub(super) fn perform(mut self, run: &mut Run) -> Result<Outcome, Stop> {
        self.send(&mut run.fleet);
        let counted = run.measure(&mut self);
        self.script.settle(&mut run.fleet, self.receivers.clone());
        run.outcome("delivery", counted?, Some(self.tally.into_latency()))
    }

    fn send(&mut self, fleet: &mut Fleet) {
        self.burst.clear();
        for index in 0..self.inflight {
            self.burst.extend_from_slice(self.request.numbered(self.script.first() + index));
        }
        self.done = 0;
        self.sent = Instant::now();
        fleet.send(self.receivers.start, &self.burst);
    }
}

impl Play for Fanout {
    fn bytes(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> usize {
        if !self.receivers.contains(&who) {
            return Silent.bytes(fleet, who, bytes);
        }
        let (used, completed) = self.script.take(fleet, who, bytes);
        if completed > 0 {
            self.tally.count(self.sent.elapsed(), completed);
            if self.script.is_done(who) {
                self.done += 1;
                if self.done == self.receivers.len() && !self.tally.is_closing() {
                    self.script.next_burst();
                    self.send(fleet);
                }
            }
        }
        used
    }
}

impl Measurable for Fanout {
    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn tally_mut(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn is_quiet(&self) -> bool {
        self.done == self.receivers.len()
    }
}
