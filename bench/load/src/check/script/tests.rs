//! What the checker of broadcasts says of streams that are not as they should be.

use super::*;
use crate::check::Faults;
use crate::fleet::Play;
use crate::frame::{Kind, push_plain};

const SIZE: usize = 40;
const PING: &[u8] = b"\x81\x012";

impl Play for Script {
    fn bytes(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> usize {
        self.take(fleet, who, bytes).0
    }
}

/// A script of four messages for two clients, of which only the second is looked at.
fn script() -> Script {
    let mut script = Script::new(Template::msg(SIZE), 2);
    (0..4).for_each(|_| script.push());
    script
}

fn frame(number: u64) -> Vec<u8> {
    Template::msg(SIZE).numbered(number).to_vec()
}

fn frames(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| frame(*number)).collect()
}

/// What the checker says when these bytes have come, in whatever pieces, and the client has had its time.
fn faults_of(bytes: &[u8]) -> Vec<(Fault, u64)> {
    let faults_in = |piece| {
        let (mut fleet, mut script) = (Fleet::unconnected(2), script());
        for piece in bytes.chunks(piece) {
            fleet.hand(&mut script, 1, piece);
        }
        script.settle(&mut fleet, 1..2);
        counts(&fleet.faults)
    };
    let at_once = faults_in(bytes.len().max(1));
    for piece in 1..bytes.len() {
        assert_eq!(faults_in(piece), at_once, "in pieces of {piece}");
    }
    at_once
}

fn counts(faults: &Faults) -> Vec<(Fault, u64)> {
    let kinds = [Fault::Lost, Fault::Doubled, Fault::Reordered, Fault::Altered, Fault::Stray];
    kinds.into_iter().map(|kind| (kind, faults.count(kind))).filter(|(_, count)| *count > 0).collect()
}

#[test]
fn what_is_as_it_should_be_has_no_fault() {
    assert_eq!(faults_of(&frames(&[0, 1, 2, 3])), []);
}

#[test]
fn a_heartbeat_may_stand_between_any_two_messages() {
    let bytes = [PING, &frame(0), PING, PING, &frames(&[1, 2]), PING, &frame(3), PING].concat();
    assert_eq!(faults_of(&bytes), []);
}

#[test]
fn a_lost_message_is_reported_wherever_it_was() {
    assert_eq!(faults_of(&frames(&[1, 2, 3])), [(Fault::Lost, 1)]);
    assert_eq!(faults_of(&frames(&[0, 3])), [(Fault::Lost, 2)]);
    assert_eq!(faults_of(&frames(&[0, 1, 2])), [(Fault::Lost, 1)]);
    assert_eq!(faults_of(b""), [(Fault::Lost, 4)]);
    let half = &frames(&[0, 1, 2, 3])[..frame(0).len() * 7 / 2];
    assert_eq!(faults_of(half), [(Fault::Lost, 1)]);
}

#[test]
fn a_doubled_message_is_reported() {
    assert_eq!(faults_of(&frames(&[0, 0, 1, 2, 3])), [(Fault::Doubled, 1)]);
    assert_eq!(faults_of(&frames(&[0, 1, 2, 3, 3])), [(Fault::Doubled, 1)]);
    assert_eq!(faults_of(&frames(&[0, 1, 2, 3, 0])), [(Fault::Doubled, 1)]);
}

#[test]
fn reordered_messages_are_reported_and_not_lost() {
    assert_eq!(faults_of(&frames(&[1, 0, 2, 3])), [(Fault::Reordered, 1)]);
    assert_eq!(faults_of(&frames(&[3, 2, 1, 0])), [(Fault::Reordered, 3)]);
}

#[test]
fn an_altered_message_is_reported_wherever_the_byte_is() {
    let whole = frames(&[0, 1, 2, 3]);
    let (length, header) = (frame(0).len(), script().template.header());
    for place in header..length {
        let mut bytes = whole.clone();
        bytes[length + place] = b'#';
        assert_eq!(faults_of(&bytes), [(Fault::Altered, 1)], "at {place}");
    }
}

#[test]
fn a_message_that_was_never_sent_is_reported() {
    assert_eq!(faults_of(&frames(&[0, 1, 2, 3, 4])), [(Fault::Stray, 1)]);
    let mut binary = frames(&[0, 1, 2, 3]);
    push_plain(&mut binary, Kind::Binary, b"\0");
    assert_eq!(faults_of(&binary), [(Fault::Stray, 1)]);
}

#[test]
fn a_message_of_the_last_burst_is_doubled_in_the_next() {
    let (mut fleet, mut script) = (Fleet::unconnected(2), script());
    fleet.hand(&mut script, 1, &frames(&[0, 1, 2, 3]));
    assert!(script.is_done(1) && !script.is_done(0));
    script.next_burst();
    fleet.hand(&mut script, 1, &frames(&[4, 3, 5, 6, 7]));
    assert!(script.is_done(1));
    script.settle(&mut fleet, 1..2);
    assert_eq!(counts(&fleet.faults), [(Fault::Doubled, 1)]);
}
