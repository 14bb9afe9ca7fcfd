//! Many nodes over a wire that delays, loses and repeats, on virtual time: every question ends, and nothing is left.
//!
//! The seed of a failing run is printed by proptest.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use roomcast_adapter::adapter::{AckGather, AckSink, RawJson};
use roomcast_adapter::cluster::{Deed, Envelope, Message, Node, NodeConfig, Uid};
use roomcast_adapter::{RequestError, Target};

const TIMEOUT: Duration = Duration::from_secs(5);

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// A node asks the sockets of the others, or the others themselves, or their clients.
    Fetch(usize),
    Servers(usize),
    Clients(usize),
    /// An envelope arrives, chosen from those on their way.
    Deliver(usize),
    /// The same, but it stays on its way as well.
    Repeat(usize),
    Lose(usize),
    /// So many milliseconds pass.
    Wait(u64),
    /// A node leaves with a goodbye, or without.
    Close(usize),
    Vanish(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..4usize).prop_map(Step::Fetch),
        2 => (0..4usize).prop_map(Step::Servers),
        2 => (0..4usize).prop_map(Step::Clients),
        12 => any::<usize>().prop_map(Step::Deliver),
        1 => any::<usize>().prop_map(Step::Repeat),
        1 => any::<usize>().prop_map(Step::Lose),
        3 => (0..6_000u64).prop_map(Step::Wait),
        1 => (0..4usize).prop_map(Step::Close),
        1 => (0..4usize).prop_map(Step::Vanish),
    ]
}

#[derive(Default)]
struct Sink(Mutex<AckGather>);

impl AckSink for Sink {
    fn expect_nodes(&self, nodes: usize) {
        self.0.lock().expect("no thread has failed").expect_nodes(nodes);
    }

    fn node_counted(&self, clients: usize) {
        self.0.lock().expect("no thread has failed").node_counted(clients);
    }

    fn answered(&self, answer: RawJson) {
        self.0.lock().expect("no thread has failed").answered(answer);
    }

    fn lost(&self) {
        self.0.lock().expect("no thread has failed").lost();
    }
}

/// How many answers came, and how many nodes were missed.
type Outcome = Result<usize, (usize, usize)>;

struct World {
    now: Instant,
    nodes: Vec<Option<Node>>,
    /// To whom, what.
    wire: Vec<(usize, Envelope)>,
    asked: usize,
    outcomes: Vec<Outcome>,
    sinks: Vec<Arc<Sink>>,
    waiting: Vec<Waiting>,
}

type Waiting = Box<dyn FnMut() -> Option<Outcome>>;

impl World {
    fn new(count: usize) -> Self {
        let now = Instant::now();
        let mut nodes: Vec<Node> = (0..count).map(|_| Node::new("/", NodeConfig::default(), now)).collect();
        let uids: Vec<Uid> = nodes.iter().map(|node| node.uid().clone()).collect();
        nodes.iter_mut().for_each(|node| uids.iter().for_each(|uid| node.discover(uid, now)));
        Self {
            now,
            nodes: nodes.into_iter().map(Some).collect(),
            wire: Vec::new(),
            asked: 0,
            outcomes: Vec::new(),
            sinks: Vec::new(),
            waiting: Vec::new(),
        }
    }

    fn publish(&mut self, from: usize, envelope: &Envelope) {
        let others = (0..self.nodes.len()).filter(|&to| to != from);
        self.wire.extend(others.map(|to| (to, envelope.clone())));
    }

    fn perform(&mut self, at: usize, deeds: Vec<Deed>) {
        for deed in deeds {
            match deed {
                Deed::Publish(envelope) => self.publish(at, &envelope),
                Deed::Serve { from, message } => self.serve(at, &from, message),
                Deed::Fetched(reply, result) => _ = reply.send(result),
                Deed::Answered(reply, result) => _ = reply.send(result),
                Deed::Counted(sink, clients) => sink.node_counted(clients),
                Deed::Acknowledged(sink, answer) => sink.answered(answer),
                Deed::Lost(sink) => sink.lost(),
                Deed::Over(sink) => drop(sink),
                _ => {}
            }
        }
    }

    /// Every node has two clients, which answer at once.
    fn serve(&mut self, at: usize, from: &Uid, message: Message) {
        let replies = match message {
            Message::FetchSockets { id, .. } => {
                vec![Message::FetchSocketsResponse { id, sockets: Vec::new() }]
            }
            Message::ServerSideEmit { id: Some(id), .. } => {
                vec![Message::ServerSideEmitResponse { id, answer: RawJson::new("1") }]
            }
            Message::Broadcast { ask: Some(ask), .. } => {
                let answer = || Message::BroadcastAck { id: ask.id.clone(), answer: RawJson::new("1") };
                vec![Message::BroadcastClientCount { id: ask.id.clone(), clients: 2 }, answer(), answer()]
            }
            _ => Vec::new(),
        };
        let Some(node) = &self.nodes[at] else { return };
        let to = self.nodes.iter().position(|node| node.as_ref().is_some_and(|node| node.uid() == from));
        let Some(to) = to else { return };
        self.wire.extend(replies.into_iter().map(|reply| (to, node.envelope(reply))));
    }

    fn take(&mut self, choice: usize, keep: bool) {
        if self.wire.is_empty() {
            return;
        }
        let at = choice % self.wire.len();
        // A broadcast twice is one to the clients twice, and an answer of a client has no name of its own: these a wire may
        // not repeat; everything else it may.
        let once =
            matches!(self.wire[at].1.message, Message::BroadcastAck { .. } | Message::Broadcast { .. });
        let keep = keep && !once;
        let (to, envelope) = if keep { self.wire[at].clone() } else { self.wire.remove(at) };
        let mut deeds = Vec::new();
        if let Some(node) = &mut self.nodes[to] {
            node.handle(envelope, self.now, &mut deeds);
        }
        self.perform(to, deeds);
    }

    /// Time passes as it does for a driver: to each timeout, and no further.
    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let next = |node: &Node| node.next_timeout();
            let due = self.nodes.iter().flatten().filter_map(next).min().filter(|due| *due <= end);
            let Some(due) = due else { break };
            self.now = self.now.max(due);
            for at in 0..self.nodes.len() {
                let mut deeds = Vec::new();
                if let Some(node) = &mut self.nodes[at] {
                    node.handle_timeout(self.now, &mut deeds);
                }
                self.perform(at, deeds);
            }
        }
        self.now = end;
    }

    fn apply(&mut self, step: Step) {
        let count = self.nodes.len();
        match step {
            Step::Fetch(at) => self.fetch(at % count),
            Step::Servers(at) => self.servers(at % count),
            Step::Clients(at) => self.clients(at % count),
            Step::Deliver(choice) => self.take(choice, false),
            Step::Repeat(choice) => self.take(choice, true),
            Step::Lose(choice) if !self.wire.is_empty() => {
                let at = choice % self.wire.len();
                self.wire.remove(at);
            }
            Step::Lose(_) => {}
            Step::Wait(millis) => self.wait(Duration::from_millis(millis)),
            Step::Close(at) => {
                let mut deeds = Vec::new();
                if let Some(mut node) = self.nodes[at % count].take() {
                    node.close(&mut deeds);
                }
                self.perform(at % count, deeds);
            }
            Step::Vanish(at) => self.nodes[at % count] = None,
        }
        self.look();
    }

    fn fetch(&mut self, at: usize) {
        let now = self.now;
        let Some(node) = &mut self.nodes[at] else { return };
        let asked = node.fetch(Target::all(), TIMEOUT, now).expect("it is open");
        let Some((_, envelope, mut replies)) = asked else { return };
        self.asked += 1;
        self.waiting.push(Box::new(move || match replies.try_recv() {
            Ok(result) => result.map(|result| outcome(result.map(|sockets| sockets.len()))),
            // Whoever asked has vanished.
            Err(_) => Some(Ok(0)),
        }));
        self.publish(at, &envelope);
    }

    fn servers(&mut self, at: usize) {
        let now = self.now;
        let Some(node) = &mut self.nodes[at] else { return };
        let asked = node.ask_servers(RawJson::new(r#"["q"]"#), TIMEOUT, now).expect("it is open");
        let Some((_, envelope, mut replies)) = asked else { return };
        self.asked += 1;
        self.waiting.push(Box::new(move || match replies.try_recv() {
            Ok(result) => result.map(|result| outcome(result.map(|answers| answers.len()))),
            Err(_) => Some(Ok(0)),
        }));
        self.publish(at, &envelope);
    }

    fn clients(&mut self, at: usize) {
        let now = self.now;
        let Some(node) = &mut self.nodes[at] else { return };
        let sink = Arc::new(Sink::default());
        let event = RawJson::new(r#"["q"]"#);
        let asked = node.ask_sockets(Target::all(), event, TIMEOUT, sink.clone(), now).expect("it is open");
        let (_, envelope, nodes) = asked;
        sink.expect_nodes(nodes);
        sink.node_counted(0);
        self.sinks.push(sink);
        self.publish(at, &envelope);
    }

    fn look(&mut self) {
        let outcomes = &mut self.outcomes;
        self.waiting.retain_mut(|waiting| match waiting() {
            Some(outcome) => {
                outcomes.push(outcome);
                false
            }
            None => true,
        });
    }
}

fn outcome<T>(result: Result<usize, RequestError<T>>) -> Outcome {
    match result {
        Ok(answers) => Ok(answers),
        Err(RequestError::Timeout { missing, partial }) => Err((missing, partial.len())),
        Err(_) => Err((0, 0)),
    }
}

proptest! {
    #[test]
    fn every_question_ends_in_time_and_nothing_is_left(
        count in 1..5usize,
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let mut world = World::new(count);
        for step in steps {
            world.apply(step);
        }
        // Whatever has not arrived by now is lost; then the longest wait passes.
        world.wire.clear();
        world.wait(TIMEOUT);
        world.look();
        prop_assert!(world.waiting.is_empty());
        prop_assert_eq!(world.outcomes.len(), world.asked);
        for outcome in &world.outcomes {
            match *outcome {
                Ok(answers) => prop_assert!(answers < count),
                Err((missing, answers)) => prop_assert!(missing > 0 && missing + answers < count),
            }
        }
        for sink in &world.sinks {
            // The node has let it go, however the question ended.
            prop_assert_eq!(Arc::strong_count(sink), 1);
            let gather = sink.0.lock().expect("no thread has failed");
            prop_assert!(gather.received() + gather.missing() <= 2 * (count - 1), "no answer counts twice");
        }
        // Without a word from anybody, everybody is alone again.
        world.wire.clear();
        for _ in 0..3 {
            world.wait(Duration::from_secs(10));
            world.wire.clear();
        }
        for node in world.nodes.iter().flatten() {
            prop_assert_eq!(node.count(), 1);
        }
    }
}
