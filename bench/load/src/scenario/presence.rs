//! `presence`: all clients join one of a hundred rooms at once, and leave it as soon as they are in.
//!
//! Odd: it is a storm, not a steady load: everybody asks before anybody is answered. A tenth of the clients storm once
//! before, so that a server has run the code.

use std::time::Instant;

use serde_json::json;

use crate::check::Fault;
use crate::fleet::{Fleet, Play};
use crate::frame::{Kind, push_masked};
use crate::measure::{Latency, Stop, Window};
use crate::report::Outcome;
use crate::scenario::Run;
use crate::scenario::rooms::name;

/// The scenario.
pub(crate) fn presence(run: &mut Run) -> Result<Outcome, Stop> {
    run.connect_all()?;
    let clients = run.params.clients;
    let mut storm = Storm::new(run.params.rooms, clients);
    storm.rage(&mut run.fleet, clients.div_ceil(10))?;
    storm.latency.clear();
    let window = Window::open(&run.server)?;
    storm.rage(&mut run.fleet, clients)?;
    let measured = window.close(&run.server)?;
    run.outcome("join and leave", (clients as u64, measured), Some(storm.latency))
}

/// How far a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Out,
    Joining,
    Leaving,
}

#[derive(Debug)]
struct Storm {
    /// The two requests for each room.
    joins: Vec<Vec<u8>>,
    leaves: Vec<Vec<u8>>,
    steps: Vec<Step>,
    began: Instant,
    left: usize,
    answers: u64,
    latency: Latency,
}

impl Storm {
    fn new(rooms: usize, clients: usize) -> Self {
        let request = |id: u8, event: &str, room: usize| {
            let mut bytes = Vec::new();
            push_masked(&mut bytes, Kind::Text, format!("42{id}{}", json!([event, name(room)])).as_bytes());
            bytes
        };
        Self {
            joins: (0..rooms).map(|room| request(0, "join", room)).collect(),
            leaves: (0..rooms).map(|room| request(1, "leave", room)).collect(),
            steps: vec![Step::Out; clients],
            began: Instant::now(),
            left: 0,
            answers: 0,
            latency: Latency::new(),
        }
    }

    /// So many clients join and leave.
    fn rage(&mut self, fleet: &mut Fleet, clients: usize) -> Result<(), Stop> {
        (self.left, self.began) = (clients, Instant::now());
        for who in 0..clients {
            self.steps[who] = Step::Joining;
            fleet.send(who, &self.joins[who % self.joins.len()]);
        }
        fleet.until(self, "joining and leaving", |storm| storm.answers, |storm| storm.left == 0)
    }
}

impl Play for Storm {
    fn bytes(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> usize {
        fleet.each_message(who, bytes, |fleet, message| {
            self.answers += 1;
            match (self.steps[who], message) {
                (Step::Joining, [b'4', b'3', b'0', b'[', ..]) => {
                    self.steps[who] = Step::Leaving;
                    fleet.send(who, &self.leaves[who % self.leaves.len()]);
                }
                (Step::Leaving, [b'4', b'3', b'1', b'[', ..]) => {
                    self.steps[who] = Step::Out;
                    self.left -= 1;
                    self.latency.record(self.began.elapsed(), 1);
                }
                _ => fleet.fault_in(Fault::Stray, who, message),
            }
        })
    }
}
