//! `latency`: how long a message takes that is sent by the clock: echoes of fifty clients by turns, or broadcasts to
//! many.

use std::time::Instant;

use serde_json::json;

use crate::check::{Fault, Script, Template};
use crate::fleet::{Fleet, Play};
use crate::measure::Stop;
use crate::report::Outcome;
use crate::scenario::Run;
use crate::scenario::pace::Pace;
use crate::scenario::run::Measurable;
use crate::scenario::tally::Tally;

/// The scenario.
pub(crate) fn latency(run: &mut Run) -> Result<Outcome, Stop> {
    run.connect_all()?;
    let mut outcome = if run.params.broadcast { broadcasts(run)? } else { echoes(run)? };
    outcome.more.insert("rate".into(), json!(run.params.rate));
    Ok(outcome)
}

fn broadcasts(run: &mut Run) -> Result<Outcome, Stop> {
    let clients = run.params.clients;
    let mut play = Broadcasts::new(run, clients);
    let counted = run.measure(&mut play);
    play.script.settle(&mut run.fleet, 0..clients);
    run.outcome("delivery", counted?, Some(play.tally.into_latency()))
}

fn echoes(run: &mut Run) -> Result<Outcome, Stop> {
    let mut play = Echoes {
        request: Template::request(r#"427["echo","#, run.params.size, "]"),
        answer: Template::expected("437[", run.params.size, "]"),
        waits: Vec::new(),
        clients: run.params.clients,
        pace: Pace::new(run.params.rate),
        tally: Tally::new(),
    };
    let counted = run.measure(&mut play);
    for (number, _) in play.waits.iter().enumerate().filter(|(_, waits)| **waits) {
        run.fleet.fault(Fault::Lost, number % play.clients, || format!("the answer to {number}"));
    }
    run.outcome("round trip", counted?, Some(play.tally.into_latency()))
}

/// Broadcasts by the clock; the first client sends.
#[derive(Debug)]
pub(super) struct Broadcasts {
    /// What all receive.
    pub(super) script: Script,
    request: Template,
    pace: Pace,
    /// Those with smaller numbers count for units and latency.
    counted: usize,
    /// How many of the counted have all that was sent.
    done: usize,
    /// How long each delivery took from when it was due.
    pub(super) tally: Tally,
}

impl Broadcasts {
    /// At the rate of the run.
    pub(super) fn new(run: &Run, counted: usize) -> Self {
        Self {
            script: Script::new(Template::msg(run.params.size), run.params.clients),
            request: Template::request(r#"42["broadcast","#, run.params.size, "]"),
            pace: Pace::new(run.params.rate),
            counted,
            done: counted,
            tally: Tally::new(),
        }
    }
}

impl Play for Broadcasts {
    fn bytes(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> usize {
        let before = self.script.received(who);
        let (used, completed) = self.script.take(fleet, who, bytes);
        if completed > 0 && who < self.counted {
            let now = Instant::now();
            for number in before..before + completed {
                let due = self.pace.time_of(u32::try_from(number).unwrap_or(u32::MAX));
                self.tally.count(now.saturating_duration_since(due), 1);
            }
            self.done += usize::from(self.script.is_done(who));
        }
        used
    }

    fn pulse(&mut self, fleet: &mut Fleet) -> std::time::Duration {
        while let Some(number) = self.pace.due() {
            self.script.push();
            self.done = 0;
            fleet.send(0, self.request.numbered(number));
        }
        self.pace.wait()
    }
}

impl Measurable for Broadcasts {
    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn tally_mut(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn window_closes(&mut self) {
        self.pace.stop();
    }

    fn is_quiet(&self) -> bool {
        self.done == self.counted
    }
}

/// Echoes by the clock.
#[derive(Debug)]
struct Echoes {
    request: Template,
    answer: Template,
    /// Whether the request with this number waits for its answer.
    waits: Vec<bool>,
    clients: usize,
    pace: Pace,
    tally: Tally,
}

impl Echoes {
    fn judge(&mut self, who: usize, message: &[u8]) -> Result<(), Fault> {
        let number = self.answer.number_in(message).ok_or(Fault::Altered)?;
        let place = usize::try_from(number).map_err(|_| Fault::Stray)?;
        let waits = self.waits.get_mut(place).filter(|_| place % self.clients == who).ok_or(Fault::Stray)?;
        if !std::mem::replace(waits, false) {
            return Err(Fault::Doubled);
        }
        let due = self.pace.time_of(u32::try_from(number).unwrap_or(u32::MAX));
        self.tally.count(due.elapsed(), 1);
        Ok(())
    }
}

impl Play for Echoes {
    fn bytes(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> usize {
        fleet.each_message(who, bytes, |fleet, message| {
            if let Err(fault) = self.judge(who, message) {
                fleet.fault_in(fault, who, message);
            }
        })
    }

    fn pulse(&mut self, fleet: &mut Fleet) -> std::time::Duration {
        while let Some(number) = self.pace.due() {
            self.waits.push(true);
            let who = (self.waits.len() - 1) % self.clients;
            fleet.send(who, self.request.numbered(number));
        }
        self.pace.wait()
    }
}

impl Measurable for Echoes {
    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn tally_mut(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn window_closes(&mut self) {
        self.pace.stop();
    }

    fn is_quiet(&self) -> bool {
        self.tally.units() == self.pace.sent()
    }
}
