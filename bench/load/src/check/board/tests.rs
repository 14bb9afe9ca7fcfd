//! What the checker of rooms says of streams that are not as they should be.

use super::*;
use crate::check::Faults;
use crate::fleet::Play;

const SIZE: usize = 40;

/// A play that only checks.
struct Checked {
    board: Board,
    arrived: u64,
}

impl Play for Checked {
    fn bytes(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> usize {
        let mut used = 0;
        loop {
            let arrival = self.board.take(fleet, who, &bytes[used..]);
            self.arrived += u64::from(arrival.message.is_some());
            used += arrival.used;
            if arrival.used == 0 {
                return used;
            }
        }
    }
}

/// Client 0 has sent two messages to clients 1 and 2, in this order; client 3 has sent one to client 1.
struct Sent {
    fleet: Fleet,
    play: Checked,
    first: Vec<u8>,
    second: Vec<u8>,
    other: Vec<u8>,
}

fn sent() -> Sent {
    let mut board = Board::new(Namespaces::new(1, 1), SIZE, 3, 100);
    let mut template = Template::msg(SIZE);
    let mut send = |slot, sender, receivers: &[u32]| {
        let number = board.send(slot, sender, receivers.iter().copied());
        template.numbered(number).to_vec()
    };
    let (first, second, other) = (send(2, 0, &[1, 2]), send(0, 0, &[1, 2]), send(1, 3, &[1]));
    Sent { fleet: Fleet::unconnected(100), play: Checked { board, arrived: 0 }, first, second, other }
}

impl Sent {
    fn hand(&mut self, who: usize, bytes: &[u8]) {
        // In two pieces, so that a frame is never whole at first.
        let (one, two) = bytes.split_at(bytes.len() / 3);
        self.fleet.hand(&mut self.play, who, one);
        self.fleet.hand(&mut self.play, who, two);
    }

    fn all_but_the_first_of_client_1(&mut self) {
        let (first, second) = (self.first.clone(), self.second.clone());
        self.hand(2, &first);
        self.hand(2, &second);
        self.hand(1, &self.other.clone());
    }

    fn faults(mut self) -> Vec<(Fault, u64)> {
        self.play.board.settle(&mut self.fleet);
        counts(&self.fleet.faults)
    }
}

fn counts(faults: &Faults) -> Vec<(Fault, u64)> {
    let kinds = [Fault::Lost, Fault::Doubled, Fault::Reordered, Fault::Altered, Fault::Stray];
    kinds.into_iter().map(|kind| (kind, faults.count(kind))).filter(|(_, count)| *count > 0).collect()
}

#[test]
fn messages_of_different_senders_may_come_in_any_order() {
    let mut sent = sent();
    sent.all_but_the_first_of_client_1();
    sent.hand(1, &[sent.first.clone(), b"\x81\x012".to_vec(), sent.second.clone()].concat());
    assert!((0..3).all(|slot| sent.play.board.is_done(slot)));
    assert_eq!((sent.play.arrived, sent.fleet.pings()), (5, 1));
    assert_eq!(sent.faults(), []);
}

#[test]
fn a_lost_message_is_reported() {
    let mut sent = sent();
    sent.all_but_the_first_of_client_1();
    sent.hand(1, &sent.first.clone());
    assert_eq!(sent.faults(), [(Fault::Lost, 1)]);
}

#[test]
fn a_doubled_message_is_reported_also_when_its_slot_has_another() {
    let mut sent = sent();
    sent.all_but_the_first_of_client_1();
    sent.hand(1, &[sent.first.clone(), sent.first.clone(), sent.second.clone()].concat());
    sent.play.board.send(2, 5, std::iter::empty());
    sent.hand(1, &sent.first.clone());
    assert_eq!(sent.faults(), [(Fault::Doubled, 2)]);
}

#[test]
fn messages_of_one_sender_in_another_order_are_reported() {
    let mut sent = sent();
    sent.all_but_the_first_of_client_1();
    sent.hand(1, &[sent.second.clone(), sent.first.clone()].concat());
    assert_eq!(sent.faults(), [(Fault::Reordered, 1)]);
}

#[test]
fn an_altered_message_is_reported_and_missed() {
    let sent_once = sent();
    let header = Template::msg(SIZE).header();
    for place in header..sent_once.first.len() {
        let mut sent = sent();
        sent.all_but_the_first_of_client_1();
        let mut altered = sent.first.clone();
        altered[place] = b'#';
        sent.hand(1, &[altered, sent.second.clone()].concat());
        let faults = sent.faults();
        assert!(
            faults.contains(&(Fault::Altered, 1)) && faults.contains(&(Fault::Lost, 1)),
            "{place}: {faults:?}"
        );
    }
}

#[test]
fn a_message_for_somebody_else_is_reported() {
    let mut sent = sent();
    sent.all_but_the_first_of_client_1();
    sent.hand(1, &[sent.first.clone(), sent.second.clone()].concat());
    sent.hand(99, &sent.first.clone());
    // Neither does a sender get its own.
    sent.hand(0, &sent.first.clone());
    let never_sent = Template::msg(SIZE).numbered(9_990_001).to_vec();
    sent.hand(1, &never_sent);
    assert_eq!(sent.faults(), [(Fault::Stray, 3)]);
}

#[test]
fn a_message_is_looked_for_in_the_form_of_its_namespace() {
    // Rooms 0 and 1 are in `/` and `/n1`; clients 1 and 3 are in the second.
    let namespaces = Namespaces::new(2, 2);
    let mut fleet = Fleet::unconnected_in(namespaces.clone(), 4);
    let mut board = Board::new(namespaces, SIZE, 1, 4);
    for (sender, receiver, prefix) in [(1, 3, "/n1,"), (0, 2, ""), (3, 1, "/n1,")] {
        let number = board.send(0, sender, std::iter::once(receiver));
        let frame = Template::msg_in(prefix, SIZE).numbered(number).to_vec();
        let arrival = board.take(&mut fleet, receiver as usize, &frame);
        assert!(arrival.used == frame.len() && arrival.message.is_some() && board.is_done(0), "{prefix}");
    }
    assert_eq!(counts(&fleet.faults), []);
    let number = board.send(0, 1, std::iter::once(3));
    let elsewhere = Template::msg(SIZE).numbered(number).to_vec();
    assert!(board.take(&mut fleet, 3, &elsewhere).message.is_none());
    assert_eq!(counts(&fleet.faults), [(Fault::Altered, 1)]);
}
