//! `echo`: each client asks for an acknowledgement that carries what the event carried, so many at a time.
//!
//! Odd: an acknowledgement names the request it answers, so one may overtake another; that is counted and no fault. The
//! number in a payload tells a new request from an old one with the same id.

use std::time::Instant;

use serde_json::json;

use crate::check::{Fault, Template};
use crate::fleet::{Fleet, Play};
use crate::measure::Stop;
use crate::report::Outcome;
use crate::scenario::Run;
use crate::scenario::run::Measurable;
use crate::scenario::tally::Tally;

/// The scenario.
pub(crate) fn echo(run: &mut Run) -> Result<Outcome, Stop> {
    run.connect_all()?;
    let (clients, inflight) = (run.params.clients, run.params.inflight.min(IDS));
    let mut play = Echo::new(run.params.size, clients, inflight);
    for who in 0..clients {
        for lane in 0..inflight {
            play.ask(who, lane);
        }
        play.send(&mut run.fleet, who);
    }
    let counted = run.measure(&mut play);
    for (place, request) in play.asked.iter().enumerate().filter(|(_, request)| request.waits) {
        let who = place / inflight;
        run.fleet.fault(Fault::Lost, who, || format!("the answer to {}", request.number));
    }
    let mut outcome = run.outcome("round trip", counted?, Some(play.tally.into_latency()))?;
    outcome.more.insert("overtakings".into(), json!(play.overtakings));
    Ok(outcome)
}

/// The ids are three digits, from 100 on.
const IDS: usize = 900;

/// A request on its way, or the last one that was.
#[derive(Clone, Copy, Debug)]
struct Request {
    number: u64,
    sent: Instant,
    waits: bool,
}

/// Requests and their answers.
#[derive(Debug)]
struct Echo {
    /// The request and the answer for each id.
    requests: Vec<Template>,
    answers: Vec<Template>,
    /// By client and id.
    asked: Vec<Request>,
    inflight: usize,
    next: u64,
    burst: Vec<u8>,
    waiting: usize,
    overtakings: u64,
    tally: Tally,
}

impl Echo {
    fn new(size: usize, clients: usize, inflight: usize) -> Self {
        let ids = 100..100 + inflight;
        let idle = Request { number: 0, sent: Instant::now(), waits: false };
        Self {
            requests: ids
                .clone()
                .map(|id| Template::request(&format!(r#"42{id}["echo","#), size, "]"))
                .collect(),
            answers: ids.map(|id| Template::expected(&format!("43{id}["), size, "]")).collect(),
            asked: vec![idle; clients * inflight],
            inflight,
            next: 1,
            burst: Vec::new(),
            waiting: 0,
            overtakings: 0,
            tally: Tally::new(),
        }
    }

    /// Puts a request behind those that leave next.
    fn ask(&mut self, who: usize, lane: usize) {
        let number = self.next;
        self.next += 1;
        self.asked[who * self.inflight + lane] = Request { number, sent: Instant::now(), waits: true };
        self.waiting += 1;
        self.burst.extend_from_slice(self.requests[lane].numbered(number));
    }

    fn send(&mut self, fleet: &mut Fleet, who: usize) {
        if !self.burst.is_empty() {
            fleet.send(who, &self.burst);
            self.burst.clear();
        }
    }

    /// Takes an answer; says which request it answers, if it is as it should be.
    fn judge(&mut self, who: usize, message: &[u8]) -> Result<usize, (Fault, String)> {
        let text = || String::from_utf8_lossy(&message[..message.len().min(80)]).into_owned();
        let id = message.get(2..5).and_then(|id| str::from_utf8(id).ok()?.parse::<usize>().ok());
        let lane = id.and_then(|id| id.checked_sub(100)).filter(|lane| *lane < self.inflight);
        let number = lane.and_then(|lane| self.answers[lane].number_in(message));
        let Some((lane, number)) = lane.zip(number) else { return Err((Fault::Altered, text())) };
        let own = &mut self.asked[who * self.inflight..][..self.inflight];
        let request = &mut own[lane];
        if number != request.number || !request.waits {
            let fault = if number <= request.number { Fault::Doubled } else { Fault::Stray };
            return Err((fault, text()));
        }
        request.waits = false;
        let overtaken = own.iter().any(|other| other.waits && other.number < number);
        self.overtakings += u64::from(overtaken);
        Ok(lane)
    }
}

impl Play for Echo {
    fn bytes(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> usize {
        let now = Instant::now();
        let used = fleet.each_message(who, bytes, |fleet, message| match self.judge(who, message) {
            Ok(lane) => {
                self.waiting -= 1;
                let sent = self.asked[who * self.inflight + lane].sent;
                self.tally.count(now.saturating_duration_since(sent), 1);
                if !self.tally.is_closing() {
                    self.ask(who, lane);
                }
            }
            Err((fault, what)) => fleet.fault(fault, who, || what),
        });
        self.send(fleet, who);
        used
    }
}

impl Measurable for Echo {
    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn tally_mut(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn is_quiet(&self) -> bool {
        self.waiting == 0
    }
}
