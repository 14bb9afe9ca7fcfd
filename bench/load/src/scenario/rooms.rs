//! `rooms`: random members of random rooms write into their rooms, so many at a time in all.
//!
//! Odd: each message that has reached everybody is replaced at once by one of another sender.

use fastrand::Rng;
use serde_json::json;

use crate::check::{Board, Template};
use crate::fleet::{Fleet, Play};
use crate::measure::Stop;
use crate::report::Outcome;
use crate::scenario::Run;
use crate::scenario::ask::Ask;
use crate::scenario::run::Measurable;
use crate::scenario::tally::Tally;

/// The scenario.
pub(crate) fn rooms(run: &mut Run) -> Result<Outcome, Stop> {
    run.connect_all()?;
    let (clients, rooms) = (run.params.clients, run.params.rooms);
    let members = (0..rooms).map(|room| (room..clients).step_by(rooms).map(small).collect()).collect();
    Ask::all(&mut run.fleet, (0..clients).map(|who| (who, json!(["join", name(who % rooms)]))))?;
    Writers::new(run, members, Senders::Members).perform(run)
}

/// A room's name by its number.
pub(super) fn name(room: usize) -> String {
    format!("room{room}")
}

/// Client numbers take half the memory so.
pub(super) fn small(who: usize) -> u32 {
    u32::try_from(who).expect("a process has no four billion connections")
}

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Senders {
    /// A random member of the room.
    Members,
    /// Any client but those with smaller numbers than this.
    From(usize),
}

/// Messages into random rooms, each replaced when all have it.
#[derive(Debug)]
pub(super) struct Writers {
    board: Board,
    /// The request for each room.
    requests: Vec<Template>,
    members: Vec<Vec<u32>>,
    senders: Senders,
    random: Rng,
    clients: usize,
    inflight: usize,
    out: usize,
    tally: Tally,
}

impl Writers {
    /// Rooms with these members.
    pub(super) fn new(run: &Run, members: Vec<Vec<u32>>, senders: Senders) -> Self {
        let Run { params, fleet, .. } = run;
        let namespaces = fleet.namespaces();
        let request = |room| {
            // All members of a room are in the namespace of the client with its number.
            let before = format!(r#"42{}["room","{}","#, namespaces.prefix(room), name(room));
            Template::request(&before, params.size, "]")
        };
        Self {
            board: Board::new(namespaces.clone(), params.size, params.inflight, params.clients),
            requests: (0..members.len()).map(request).collect(),
            members,
            senders,
            random: Rng::with_seed(7),
            clients: params.clients,
            inflight: params.inflight,
            out: 0,
            tally: Tally::new(),
        }
    }

    /// Runs it.
    pub(super) fn perform(mut self, run: &mut Run) -> Result<Outcome, Stop> {
        for slot in 0..self.inflight {
            self.send(&mut run.fleet, slot);
        }
        let counted = run.measure(&mut self);
        self.board.settle(&mut run.fleet);
        run.outcome("delivery", counted?, Some(self.tally.into_latency()))
    }

    fn send(&mut self, fleet: &mut Fleet, slot: usize) {
        let room = self.random.usize(..self.members.len());
        let members = &self.members[room];
        let sender = match self.senders {
            Senders::Members => members[self.random.usize(..members.len())],
            Senders::From(first) => small(self.random.usize(first..self.clients)),
        };
        let receivers = members.iter().copied().filter(|who| *who != sender);
        let number = self.board.send(slot, sender as usize, receivers);
        self.out += 1;
        fleet.send(sender as usize, self.requests[room].numbered(number));
    }
}

impl Play for Writers {
    fn bytes(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> usize {
        let mut used = 0;
        while used < bytes.len() {
            let arrival = self.board.take(fleet, who, &bytes[used..]);
            if arrival.used == 0 {
                break;
            }
            used += arrival.used;
            let Some((slot, sent)) = arrival.message else { continue };
            self.tally.count(sent.elapsed(), 1);
            if self.board.is_done(slot) {
                self.out -= 1;
                if !self.tally.is_closing() {
                    self.send(fleet, slot);
                }
            }
        }
        used
    }
}

impl Measurable for Writers {
    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn tally_mut(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn is_quiet(&self) -> bool {
        self.out == 0
    }
}
