//! What all clients of a broadcast receive: one string of bytes.
//!
//! In: the numbers of the messages, then the bytes of each client; out: how many messages it has completed. Odd: a
//! client is nothing but its place in the string, and as long as what it receives is the string, no frame is parsed. At
//! the first byte that differs, the place goes back to the beginning of its frame, and the bytes are read one frame
//! after another: it may be a heartbeat, it may be a fault.

use std::collections::{BTreeSet, HashMap};

use super::faults::Fault;
use super::template::{Template, write_number};
use crate::fleet::{Fleet, Inbound};

/// The messages, and how far each client is.
#[derive(Debug)]
pub(crate) struct Script {
    template: Template,
    bytes: Vec<u8>,
    first: u64,
    places: Vec<usize>,
    /// Numbers that a client has not received though it has received later ones.
    skipped: HashMap<usize, BTreeSet<u64>>,
}

impl Script {
    /// Nothing yet, for so many clients.
    pub(crate) fn new(template: Template, clients: usize) -> Self {
        Self { template, bytes: Vec::new(), first: 0, places: vec![0; clients], skipped: HashMap::new() }
    }

    /// One more message.
    pub(crate) fn push(&mut self) {
        let number = self.first + self.messages();
        self.bytes.extend_from_slice(self.template.numbered(number));
    }

    /// How many messages the string holds.
    pub(crate) fn messages(&self) -> u64 {
        (self.bytes.len() / self.template.len()) as u64
    }

    /// The number of the first message that the string holds.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// The next messages in place of the last, as many, for clients that have all of them.
    pub(crate) fn next_burst(&mut self) {
        self.first += self.messages();
        for (index, frame) in self.bytes.chunks_exact_mut(self.template.len()).enumerate() {
            write_number(frame, self.template.number_at(), self.first + index as u64);
        }
        self.places.fill(0);
    }

    /// Whether this client has all.
    pub(crate) fn is_done(&self, who: usize) -> bool {
        self.places[who] == self.bytes.len()
    }

    /// How many whole messages of the string this client has.
    pub(crate) fn received(&self, who: usize) -> u64 {
        (self.places[who] / self.template.len()) as u64
    }

    /// Messages skipped and not made up for.
    pub(crate) fn lost(&self) -> impl Iterator<Item = (usize, u64)> {
        self.skipped.iter().flat_map(|(who, numbers)| numbers.iter().map(move |number| (*who, *number)))
    }

    /// Takes bytes for a client, as `Play::bytes` does; also says how many messages they completed.
    pub(crate) fn take(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> (usize, u64) {
        let place = self.places[who];
        if self.bytes[place..].starts_with(bytes) {
            let length = self.template.len();
            self.places[who] = place + bytes.len();
            // Dividing by a length that is not known beforehand takes longer than to compare a message.
            if place.is_multiple_of(length) && bytes.len() == length {
                return (bytes.len(), 1);
            }
            return (bytes.len(), (self.places[who] / length - place / length) as u64);
        }
        let before = self.received(who);
        self.take_frames(fleet, who, bytes);
        (bytes.len(), self.received(who) - before)
    }

    #[cold]
    fn take_frames(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) {
        let place = self.places[who];
        let begin = place - place % self.template.len();
        let whole = [&self.bytes[begin..place], bytes].concat();
        self.places[who] = begin;
        let mut used = 0;
        loop {
            match fleet.inbound(who, &whole[used..]) {
                Inbound::Part => break,
                Inbound::Handled(more) => used += more,
                Inbound::Text(message, more) => {
                    used += more;
                    if let Some((fault, what)) = self.judge(who, message) {
                        fleet.fault(fault, who, || what);
                    }
                }
                Inbound::Binary(_, more) => {
                    used += more;
                    fleet.fault(Fault::Stray, who, || "a binary message".into());
                }
            }
        }
        let rest = &whole[used..];
        if self.bytes[self.places[who]..].starts_with(rest) {
            self.places[who] += rest.len();
        } else {
            fleet.keep(who, rest);
        }
    }

    /// What is wrong with a whole message for a client that is at the beginning of one.
    fn judge(&mut self, who: usize, message: &[u8]) -> Option<(Fault, String)> {
        let length = self.template.len();
        let next = self.places[who];
        let expected = self.first + (next / length) as u64;
        let waits = next < self.bytes.len();
        if waits && message == &self.bytes[next + self.template.header()..next + length] {
            self.places[who] = next + length;
            return None;
        }
        let Some(number) = self.template.number_in(message) else {
            if waits {
                // It takes the place of the one that should be here.
                self.places[who] = next + length;
            }
            let text = String::from_utf8_lossy(&message[..message.len().min(80)]).into_owned();
            return Some((Fault::Altered, format!("instead of {expected}: {text}")));
        };
        if self.skipped.get_mut(&who).is_some_and(|skipped| skipped.remove(&number)) {
            return Some((Fault::Reordered, format!("{number} came when {expected} was due")));
        }
        if number < expected {
            return Some((Fault::Doubled, format!("{number} came when {expected} was due")));
        }
        if number >= self.first + self.messages() {
            return Some((Fault::Stray, format!("{number} was never sent")));
        }
        // Those between may still come; else they are lost.
        self.skipped.entry(who).or_default().extend(expected..number);
        self.places[who] = (number - self.first + 1) as usize * length;
        None
    }

    /// At the end of a run, everything must have come.
    pub(crate) fn settle(&self, fleet: &mut Fleet, clients: impl Iterator<Item = usize>) {
        for (who, number) in self.lost() {
            fleet.fault(Fault::Lost, who, || format!("{number}"));
        }
        for who in clients {
            for index in self.received(who)..self.messages() {
                fleet.fault(Fault::Lost, who, || format!("{}", self.first + index));
            }
        }
    }
}

#[cfg(test)]
mod tests;
