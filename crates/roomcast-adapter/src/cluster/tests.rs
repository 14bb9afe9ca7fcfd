//! Nodes without a wire: envelopes are handed over by hand, and time is a number.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::*;
use crate::adapter::{AckGather, AckSink, RawJson, RemoteSocketData};
use crate::{PublishError, RequestError, Target};

const SECOND: Duration = Duration::from_secs(1);

fn node(now: Instant) -> Node {
    Node::new("/", NodeConfig::default(), now)
}

/// What a node does with an envelope.
fn hand(to: &mut Node, envelope: Envelope, now: Instant) -> Vec<Deed> {
    let mut deeds = Vec::new();
    to.handle(envelope, now, &mut deeds);
    deeds
}

fn timeout(node: &mut Node, now: Instant) -> Vec<Deed> {
    let mut deeds = Vec::new();
    node.handle_timeout(now, &mut deeds);
    deeds
}

/// Two that know each other, and one that both know.
fn three(now: Instant) -> [Node; 3] {
    let mut nodes = [node(now), node(now), node(now)];
    let uids: Vec<Uid> = nodes.iter().map(|node| node.uid().clone()).collect();
    for node in &mut nodes {
        uids.iter().for_each(|uid| node.discover(uid, now));
    }
    nodes
}

fn socket(id: &str) -> RemoteSocketData {
    RemoteSocketData {
        id: id.to_owned(),
        handshake: serde_json::Value::Null,
        rooms: Vec::new(),
        data: serde_json::Value::Null,
    }
}

#[derive(Default)]
struct Sink(Mutex<AckGather>);

impl AckSink for Sink {
    fn expect_nodes(&self, nodes: usize) {
        self.0.lock().unwrap().expect_nodes(nodes);
    }

    fn node_counted(&self, clients: usize) {
        self.0.lock().unwrap().node_counted(clients);
    }

    fn answered(&self, answer: RawJson) {
        self.0.lock().unwrap().answered(answer);
    }

    fn lost(&self) {
        self.0.lock().unwrap().lost();
    }
}

fn carry_out(deeds: Vec<Deed>) {
    for deed in deeds {
        match deed {
            Deed::Fetched(reply, result) => _ = reply.send(result),
            Deed::Answered(reply, result) => _ = reply.send(result),
            Deed::Counted(sink, clients) => sink.node_counted(clients),
            Deed::Acknowledged(sink, answer) => sink.answered(answer),
            Deed::Lost(sink) => sink.lost(),
            Deed::Over(sink) => drop(sink),
            Deed::Publish(_) | Deed::Serve { .. } => {}
        }
    }
}

#[test]
fn the_kinds_have_the_numbers_of_the_javascript_adapters() {
    let id = RequestId::random;
    let event = || RawJson::new(r#"["e"]"#);
    let all = Target::all;
    let kinds = [
        Message::InitialHeartbeat,
        Message::Heartbeat,
        Message::Broadcast { target: all(), event: event(), ask: None },
        Message::SocketsJoin { target: all(), rooms: Vec::new() },
        Message::SocketsLeave { target: all(), rooms: Vec::new() },
        Message::DisconnectSockets { target: all(), how: crate::adapter::Disconnect::Namespace },
        Message::FetchSockets { target: all(), id: id() },
        Message::FetchSocketsResponse { id: id(), sockets: Vec::new() },
        Message::ServerSideEmit { event: event(), id: None },
        Message::ServerSideEmitResponse { id: id(), answer: event() },
        Message::BroadcastClientCount { id: id(), clients: 0 },
        Message::BroadcastAck { id: id(), answer: event() },
        Message::AdapterClose,
    ];
    assert!(kinds.iter().map(Message::number).eq(1..=13));
    assert_eq!((id().as_str().len(), Uid::random().as_str().len()), (16, 16));
    assert_ne!(Uid::random(), Uid::random());
}

#[test]
fn a_new_node_is_greeted_and_both_know_each_other() {
    let now = Instant::now();
    let (mut old, mut new) = (node(now), node(now));
    let hello = new.publish(Message::InitialHeartbeat, now).unwrap();
    let deeds = hand(&mut old, hello, now);
    let [Deed::Publish(answer)] = &deeds[..] else { panic!("it answers") };
    assert_eq!(answer.message, Message::Heartbeat);
    assert!(hand(&mut new, answer.clone(), now).is_empty());
    assert_eq!((old.count(), new.count()), (2, 2));
}

#[test]
fn its_own_envelopes_those_of_other_namespaces_and_emitters_make_no_node() {
    let now = Instant::now();
    let mut one = node(now);
    let own = one.envelope(Message::InitialHeartbeat);
    assert!(hand(&mut one, own, now).is_empty());
    let foreign = Node::new("/other", NodeConfig::default(), now).envelope(Message::InitialHeartbeat);
    assert!(hand(&mut one, foreign, now).is_empty());
    let event = Message::Broadcast { target: Target::all(), event: RawJson::new(r#"["e"]"#), ask: None };
    let emitted = Envelope { uid: "emitter".into(), namespace: "/".into(), message: event };
    assert!(matches!(hand(&mut one, emitted, now)[..], [Deed::Serve { .. }]), "but it is served");
    assert_eq!(one.count(), 1);
}

#[test]
fn a_node_speaks_after_five_seconds_of_silence_and_is_gone_after_ten() {
    let start = Instant::now();
    let [mut one, mut two, _] = three(start);
    assert_eq!(one.next_timeout(), Some(start + 5 * SECOND));
    // Whatever it says to all counts as speaking.
    one.publish(Message::ServerSideEmit { event: RawJson::new(r#"["e"]"#), id: None }, start + 3 * SECOND)
        .unwrap();
    assert_eq!(one.next_timeout(), Some(start + 8 * SECOND));
    assert!(timeout(&mut one, start + 5 * SECOND).is_empty());
    let deeds = timeout(&mut one, start + 8 * SECOND);
    let [Deed::Publish(heartbeat)] = &deeds[..] else { panic!("it speaks") };
    assert_eq!(heartbeat.message, Message::Heartbeat);
    assert!(hand(&mut two, heartbeat.clone(), start + 8 * SECOND).is_empty());
    // The third one has never spoken.
    timeout(&mut two, start + 10 * SECOND);
    assert_eq!(two.count(), 2);
    timeout(&mut two, start + 18 * SECOND);
    assert_eq!(two.count(), 1);
}

#[test]
fn sockets_are_fetched_from_every_node_and_what_is_missing_is_counted() {
    let now = Instant::now();
    let [mut one, two, three] = three(now);
    for missing in [0, 1] {
        let (id, _, mut replies) = one.fetch(Target::all(), SECOND, now).unwrap().unwrap();
        let response = |node: &Node, name| {
            node.envelope(Message::FetchSocketsResponse { id: id.clone(), sockets: vec![socket(name)] })
        };
        carry_out(hand(&mut one, response(&two, "a"), now));
        // Twice is once.
        carry_out(hand(&mut one, response(&two, "a"), now));
        assert!(replies.try_recv().unwrap().is_none());
        match missing {
            0 => {
                carry_out(hand(&mut one, response(&three, "b"), now));
                let sockets = replies.try_recv().unwrap().unwrap().unwrap();
                assert_eq!(sockets, [socket("a"), socket("b")]);
            }
            _ => {
                assert_eq!(one.next_timeout(), Some(now + SECOND));
                carry_out(timeout(&mut one, now + SECOND));
                let Some(Err(RequestError::Timeout { missing: 1, partial })) = replies.try_recv().unwrap()
                else {
                    panic!("one is missing")
                };
                assert_eq!(partial, [socket("a")]);
            }
        }
    }
}

#[test]
fn a_question_to_the_servers_does_not_wait_for_one_that_leaves() {
    let now = Instant::now();
    let [mut one, two, three] = three(now);
    let (id, envelope, mut replies) =
        one.ask_servers(RawJson::new(r#"["q"]"#), SECOND, now).unwrap().unwrap();
    assert_eq!(envelope.message.number(), 9);
    let answer = Message::ServerSideEmitResponse { id, answer: RawJson::new("2") };
    carry_out(hand(&mut one, two.envelope(answer), now));
    carry_out(hand(&mut one, three.envelope(Message::AdapterClose), now));
    assert_eq!(replies.try_recv().unwrap().unwrap().unwrap(), [RawJson::new("2")]);
    assert_eq!(one.count(), 2);
}

#[test]
fn counted_acknowledgements_end_when_a_node_leaves_with_its_clients() {
    let now = Instant::now();
    let [mut one, two, three] = three(now);
    let sink = Arc::new(Sink::default());
    let ask = one.ask_sockets(Target::all(), RawJson::new(r#"["q"]"#), SECOND, sink.clone(), now);
    let (id, _, nodes) = ask.unwrap();
    assert_eq!(nodes, 3);
    sink.expect_nodes(nodes);
    sink.node_counted(0);
    let count = |clients| Message::BroadcastClientCount { id: id.clone(), clients };
    let ack = |text: &str| Message::BroadcastAck { id: id.clone(), answer: RawJson::new(text) };
    carry_out(hand(&mut one, two.envelope(count(2)), now));
    carry_out(hand(&mut one, two.envelope(ack("1")), now));
    carry_out(hand(&mut one, three.envelope(count(1)), now));
    // What a node says that was not asked does not count.
    carry_out(hand(&mut one, node(now).envelope(ack("9")), now));
    assert!(!sink.0.lock().unwrap().is_complete());
    carry_out(hand(&mut one, three.envelope(ack("3")), now));
    carry_out(hand(&mut one, two.envelope(Message::AdapterClose), now));
    let gather = std::mem::take(&mut *sink.0.lock().unwrap());
    assert!(gather.is_complete() && gather.missing() == 1);
    assert_eq!(gather.into_answers(), [RawJson::new("1"), RawJson::new("3")]);
    assert_eq!(Arc::strong_count(&sink), 1, "the sink is let go");
}

#[test]
fn a_closed_node_says_goodbye_once_and_tells_whoever_waits() {
    let now = Instant::now();
    let [mut one, mut two, _] = three(now);
    let (_, _, mut replies) = one.fetch(Target::all(), SECOND, now).unwrap().unwrap();
    let mut deeds = Vec::new();
    one.close(&mut deeds);
    one.close(&mut deeds);
    let goodbyes = deeds.iter().filter(|deed| matches!(deed, Deed::Publish(_))).count();
    assert_eq!(goodbyes, 1);
    let Deed::Publish(goodbye) = &deeds[0] else { panic!("it says goodbye") };
    assert!(hand(&mut two, goodbye.clone(), now).is_empty());
    assert_eq!(two.count(), 2);
    carry_out(deeds);
    assert!(matches!(replies.try_recv().unwrap(), Some(Err(RequestError::Timeout { missing: 2, .. }))));
    assert!(matches!(one.publish(Message::Heartbeat, now), Err(PublishError::Closed)));
    assert_eq!(one.next_timeout(), None);
}

#[test]
fn a_sink_whose_time_is_over_is_handed_out_to_be_dropped() {
    let now = Instant::now();
    let [mut one, ..] = three(now);
    let sink = Arc::new(Sink::default());
    one.ask_sockets(Target::all(), RawJson::new(r#"["q"]"#), SECOND, sink.clone(), now).unwrap();
    let deeds = timeout(&mut one, now + SECOND);
    assert!(matches!(&deeds[..], [Deed::Over(_)]));
    assert_eq!(Arc::strong_count(&sink), 2, "its end may be anybody's code");
    drop(deeds);
    assert_eq!(Arc::strong_count(&sink), 1);
}

#[test]
fn alone_there_is_nobody_to_ask() {
    let now = Instant::now();
    let mut one = node(now);
    assert!(one.fetch(Target::all(), SECOND, now).unwrap().is_none());
    let sink = Arc::new(Sink::default());
    let (_, _, nodes) = one.ask_sockets(Target::all(), RawJson::new(r#"["q"]"#), SECOND, sink, now).unwrap();
    assert_eq!(nodes, 1);
}

#[test]
fn a_question_too_many_is_refused_and_the_others_wait_on() {
    let now = Instant::now();
    let [mut one, ..] = three(now);
    let mut fetch = || one.fetch(Target::all(), 60 * SECOND, now);
    let mut waiting: Vec<_> = (0..65_536).map(|_| fetch().unwrap().unwrap()).collect();
    assert!(matches!(fetch(), Err(PublishError::Full)));
    assert!(matches!(one.ask_servers(RawJson::new("[]"), SECOND, now), Err(PublishError::Full)));
    let asked = one.ask_sockets(Target::all(), RawJson::new("[]"), SECOND, Arc::new(Sink::default()), now);
    assert!(matches!(asked, Err(PublishError::Full)));
    // One that nobody awaits any more makes room.
    let (id, _, mut replies) = waiting.pop().unwrap();
    assert!(replies.try_recv().unwrap().is_none());
    one.forget(&id);
    assert!(one.fetch(Target::all(), SECOND, now).is_ok());
}

#[test]
fn a_node_too_many_is_not_remembered() {
    let now = Instant::now();
    let mut node = node(now);
    let known = Uid::random();
    node.discover(&known, now);
    for _ in 0..10_100 {
        node.discover(&Uid::random(), now);
    }
    assert_eq!(node.count(), 1 + 10_000);
    // Who is known is heard on, and the silence of the others makes room.
    node.discover(&known, now + 9 * SECOND);
    timeout(&mut node, now + 10 * SECOND);
    assert_eq!(node.count(), 2);
}
