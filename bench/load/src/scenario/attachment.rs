//! `attachment`: each client asks for an acknowledgement that carries back a binary attachment.
//!
//! Odd: what a client must receive is known to the byte, so it is compared as it comes and nothing is put together; a
//! number at the beginning of the attachment tells one answer from the next.

use std::time::Instant;

use crate::check::{Fault, NUMBER, write_number};
use crate::fleet::{Fleet, Inbound, Play};
use crate::frame::{Kind, push_masked, push_plain};
use crate::measure::Stop;
use crate::report::Outcome;
use crate::scenario::Run;
use crate::scenario::run::Measurable;
use crate::scenario::tally::Tally;

const REQUEST: &[u8] = br#"451-7["echo",{"_placeholder":true,"num":0}]"#;
const ANSWER: &[u8] = br#"461-7[{"_placeholder":true,"num":0}]"#;

/// The scenario.
pub(crate) fn attachment(run: &mut Run) -> Result<Outcome, Stop> {
    run.connect_all()?;
    let mut play = Attachments::new(run.params.size, run.params.clients);
    for who in 0..run.params.clients {
        play.ask(&mut run.fleet, who);
    }
    let counted = run.measure(&mut play);
    for (who, lane) in play.lanes.iter().enumerate().filter(|(_, lane)| lane.place < lane.answer.len()) {
        run.fleet
            .fault(Fault::Lost, who, || format!("the answer to {} from byte {}", lane.number, lane.place));
    }
    run.outcome("round trip", counted?, Some(play.tally.into_latency()))
}

/// One client's answer, and how much of it is there.
#[derive(Debug)]
struct Lane {
    answer: Vec<u8>,
    place: usize,
    number: u64,
    sent: Instant,
}

#[derive(Debug)]
struct Attachments {
    request: Vec<u8>,
    lanes: Vec<Lane>,
    size: usize,
    /// Where the second frame of an answer begins.
    second: usize,
    out: usize,
    tally: Tally,
}

impl Attachments {
    fn new(size: usize, clients: usize) -> Self {
        // All byte values, and a period that is none of the kernel's sizes.
        let bytes: Vec<u8> = (0..size).map(|place| (place % 251) as u8).collect();
        let (mut request, mut answer) = (Vec::new(), Vec::new());
        push_masked(&mut request, Kind::Text, REQUEST);
        push_masked(&mut request, Kind::Binary, &bytes);
        push_plain(&mut answer, Kind::Text, ANSWER);
        let second = answer.len();
        push_plain(&mut answer, Kind::Binary, &bytes);
        let lane = Lane { place: answer.len(), answer, number: 0, sent: Instant::now() };
        let lanes = (0..clients).map(|_| Lane { answer: lane.answer.clone(), ..lane }).collect();
        Self { request, lanes, size, second, out: 0, tally: Tally::new() }
    }

    fn ask(&mut self, fleet: &mut Fleet, who: usize) {
        let lane = &mut self.lanes[who];
        (lane.place, lane.number, lane.sent) = (0, lane.number + 1, Instant::now());
        let number = who as u64 * 1_000_000_000 + lane.number;
        let (ours, theirs) = (self.request.len() - self.size, lane.answer.len() - self.size);
        write_number(&mut self.request, ours, number);
        write_number(&mut lane.answer, theirs, number);
        self.out += 1;
        fleet.send(who, &self.request);
    }

    fn check(&mut self, fleet: &mut Fleet, who: usize) {
        let lane = &self.lanes[who];
        if lane.place == lane.answer.len() {
            self.out -= 1;
            self.tally.count(lane.sent.elapsed(), 1);
            if !self.tally.is_closing() {
                self.ask(fleet, who);
            }
        }
    }

    /// Bytes that are not those expected next: a heartbeat or a fault.
    #[cold]
    fn take_frames(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) {
        let second = self.second;
        let lane = &mut self.lanes[who];
        let waits = lane.place < lane.answer.len();
        let begin = match lane.place {
            _ if !waits => lane.answer.len(),
            place if place < second => 0,
            _ => second,
        };
        let whole = [&lane.answer[begin..lane.place], bytes].concat();
        lane.place = begin;
        let mut used = 0;
        loop {
            let (place, length) = (self.lanes[who].place, self.lanes[who].answer.len());
            let (message, more) = match fleet.inbound(who, &whole[used..]) {
                Inbound::Part => break,
                Inbound::Handled(more) => {
                    used += more;
                    continue;
                }
                Inbound::Text(message, more) | Inbound::Binary(message, more) => (message, more),
            };
            used += more;
            let lane = &mut self.lanes[who];
            let (end, expected) = if place < second {
                (second, ANSWER)
            } else {
                (length, lane.answer.get(length - self.size..).filter(|_| place < length).unwrap_or_default())
            };
            if place == length {
                fleet.fault(Fault::Doubled, who, || format!("{} bytes that nobody asked for", message.len()));
                continue;
            }
            if message != expected {
                let number = lane.number;
                let text = &message[..message.len().min(NUMBER * 4)];
                fleet.fault(Fault::Altered, who, || {
                    format!("instead of the answer to {number}: {}", String::from_utf8_lossy(text))
                });
            }
            self.lanes[who].place = end;
            self.check(fleet, who);
        }
        let (rest, lane) = (&whole[used..], &mut self.lanes[who]);
        if lane.answer[lane.place..].starts_with(rest) {
            lane.place += rest.len();
        } else {
            fleet.keep(who, rest);
        }
    }
}

impl Play for Attachments {
    fn bytes(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> usize {
        let lane = &mut self.lanes[who];
        if lane.answer[lane.place..].starts_with(bytes) {
            lane.place += bytes.len();
            self.check(fleet, who);
        } else {
            self.take_frames(fleet, who, bytes);
        }
        bytes.len()
    }
}

impl Measurable for Attachments {
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
