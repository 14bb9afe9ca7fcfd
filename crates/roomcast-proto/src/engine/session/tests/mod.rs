//! The rules of a session, one by one, on virtual time.
//!
//! In: the inputs of a driver, by hand. Out: what the session tells its driver, and when. [`Desk`] is the driver.

mod closing;
mod heartbeat;
mod polling;
mod revision3;
mod upgrade;

use std::time::{Duration, Instant};

use super::*;
use crate::engine::{Dialect, Message, Packet, decode_payload};

/// Ping interval 300 ms, ping timeout 200 ms, upgrade timeout 1 s.
const TIMING: Timing = Timing {
    ping_interval: Duration::from_millis(300),
    ping_timeout: Duration::from_millis(200),
    upgrade_timeout: Duration::from_millis(1000),
};

/// A session, the clock, and what the driver was told to do, with the millisecond it was told.
struct Desk {
    session: Session,
    start: Instant,
    now: u64,
}

impl Desk {
    pub(super) fn new(transport: Transport) -> Self {
        Self::of(Revision::V4, transport)
    }

    pub(super) fn of(revision: Revision, transport: Transport) -> Self {
        let start = Instant::now();
        Self { session: Session::with_revision(TIMING, revision, transport, start), start, now: 0 }
    }

    pub(super) fn polling() -> Self {
        Self::new(Transport::Polling)
    }

    /// A polling session whose upgrade stands before its `5`.
    pub(super) fn probing() -> Self {
        let mut desk = Self::polling();
        assert!(desk.open_probe());
        desk.probe("2probe");
        assert_eq!(desk.outputs(), [Output::ProbePong]);
        desk
    }

    pub(super) fn clock(&self) -> Instant {
        self.start + Duration::from_millis(self.now)
    }

    /// Moves the clock and fires what is due on the way. Gives the outputs with their times.
    pub(super) fn advance_to(&mut self, to: u64) -> Vec<(u64, Output)> {
        let mut told = Vec::new();
        while let Some(due) = self.due()
            && due <= to
        {
            self.now = due;
            self.session.handle_timeout(self.clock());
            told.extend(self.outputs().into_iter().map(|output| (due, output)));
        }
        self.now = to;
        told
    }

    /// The millisecond of the next deadline.
    pub(super) fn due(&self) -> Option<u64> {
        let due = self.session.poll_timeout()?.duration_since(self.start).as_millis();
        Some(u64::try_from(due).unwrap())
    }

    pub(super) fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.session.poll_output()).collect()
    }

    pub(super) fn open_probe(&mut self) -> bool {
        let now = self.clock();
        self.session.handle_probe_opened(now)
    }

    pub(super) fn receive<'a>(&mut self, packet: &'a str) -> Received<'a> {
        let now = self.clock();
        self.session.handle_packet(Lane::Main, Packet::decode_in(self.session.revision(), packet), now)
    }

    pub(super) fn probe(&mut self, packet: &str) {
        let now = self.clock();
        let received =
            self.session.handle_packet(Lane::Probe, Packet::decode_in(self.session.revision(), packet), now);
        assert_eq!(received, Received::Nothing, "a probing socket brings no message");
    }

    /// A body as a driver handles it: until the end.
    pub(super) fn post(&mut self, body: &str) -> Vec<String> {
        let now = self.clock();
        let mut messages = Vec::new();
        for packet in decode_payload(body) {
            match self.session.handle_packet(Lane::Main, packet, now) {
                Received::Message(Message::Text(text)) => messages.push(text.to_owned()),
                Received::Message(Message::Binary(bytes)) => messages.push(format!("{bytes:?}")),
                Received::Nothing => {}
                Received::End => break,
            }
        }
        messages
    }

    pub(super) fn poll(&mut self) {
        assert_eq!(self.session.handle_poll(true), Ok(()));
    }
}

pub(super) fn closed(reason: CloseReason, outputs: &[Output]) -> bool {
    matches!(outputs.last(), Some(Output::Closed { reason: last, .. }) if *last == reason)
}

pub(super) fn answers(outputs: &[Output]) -> Vec<PollAnswer> {
    outputs
        .iter()
        .filter_map(|output| if let Output::AnswerPoll(answer) = output { Some(*answer) } else { None })
        .collect()
}
