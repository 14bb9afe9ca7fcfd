//! The server's session alone, under random operations: rules that hold whatever a peer and a driver do.
//!
//! In: a sequence of operations in any order, also senseless ones. Out: nothing, or the shrunk sequence that breaks a
//! rule.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use roomcast_proto::engine::{
    CloseReason, Flush, Lane, Output, Packet, Received, Revision, Session, Timing, Transport,
};

#[derive(Clone, Debug)]
enum Operation {
    Packet(bool, String),
    Poll {
        outbox_is_empty: bool,
    },
    PollAnswered,
    PollAborted,
    PostOverlap,
    PostAborted,
    ProbeOpened,
    ProbeFailed,
    TransportClosed(bool),
    Close(u8),
    SlowConsumer,
    Drained,
    /// Milliseconds go by; the deadline may be met late.
    Wait(u16),
    /// Exactly to the next deadline.
    WaitForDeadline,
}

fn packet() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(vec!["1", "2", "2probe", "3", "3probe", "4", "4a", "5", "6", "0", "bAA", "b4AA", ""])
            .prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => (any::<bool>(), packet()).prop_map(|(main, packet)| Operation::Packet(main, packet)),
        5 => any::<bool>().prop_map(|outbox_is_empty| Operation::Poll { outbox_is_empty }),
        3 => Just(Operation::PollAnswered),
        1 => Just(Operation::PollAborted),
        1 => Just(Operation::PostOverlap),
        1 => Just(Operation::PostAborted),
        4 => Just(Operation::ProbeOpened),
        1 => Just(Operation::ProbeFailed),
        1 => any::<bool>().prop_map(Operation::TransportClosed),
        1 => any::<u8>().prop_map(Operation::Close),
        1 => Just(Operation::SlowConsumer),
        2 => Just(Operation::Drained),
        4 => (0..400_u16).prop_map(Operation::Wait),
        4 => Just(Operation::WaitForDeadline),
    ]
}

/// The session with what its driver knows of it.
struct Model {
    session: Session,
    now: Instant,
    poll: bool,
    probe: bool,
    ended: bool,
}

impl Model {
    fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Packet(main, text) => {
                let was_closed = self.session.is_closed();
                let lane = if *main { Lane::Main } else { Lane::Probe };
                let received = self.session.handle_packet(
                    lane,
                    Packet::decode_in(self.session.revision(), text),
                    self.now,
                );
                match received {
                    Received::Message(_) => {
                        assert!(*main && self.session.is_open(), "a message out of place")
                    }
                    Received::Nothing => assert!(!self.session.is_closed()),
                    Received::End => assert!(self.session.is_closed()),
                }
                assert!(!was_closed || received == Received::End);
            }
            Operation::Poll { outbox_is_empty } => {
                let room =
                    !self.poll && self.session.transport() == Transport::Polling && !self.session.is_closed();
                // A refused poll is answered by the driver; an accepted one is the session's from here on.
                assert_eq!(self.session.handle_poll(*outbox_is_empty).is_ok(), room);
                self.poll |= room;
            }
            Operation::PollAnswered if self.session.can_send() && self.poll => {
                self.session.handle_poll_answered();
                self.poll = false;
            }
            Operation::PollAnswered => {}
            Operation::PollAborted => {
                self.session.handle_poll_aborted();
                self.poll = false;
            }
            Operation::PostOverlap => self.session.handle_post_overlap(),
            Operation::PostAborted => self.session.handle_post_aborted(),
            Operation::ProbeOpened => {
                let room = !self.probe
                    && self.session.transport() == Transport::Polling
                    && !self.session.is_closed();
                assert_eq!(self.session.handle_probe_opened(self.now), room);
                self.probe |= room;
            }
            Operation::ProbeFailed => self.session.handle_probe_failed(),
            Operation::TransportClosed(main) => {
                let lane = if *main { Lane::Main } else { Lane::Probe };
                self.session.handle_transport_closed(lane, CloseReason::TransportClose, "gone");
            }
            Operation::Close(how) => {
                self.session.close([Flush::Empty, Flush::Waiting, Flush::Discard][usize::from(how % 3)]);
            }
            Operation::SlowConsumer => self.session.close_slow_consumer(),
            Operation::Drained => self.session.handle_drained(),
            Operation::Wait(millis) => {
                self.now += Duration::from_millis(u64::from(*millis));
                self.session.handle_timeout(self.now);
            }
            Operation::WaitForDeadline => {
                if let Some(due) = self.session.poll_timeout() {
                    self.now = due;
                    self.session.handle_timeout(due);
                }
            }
        }
        self.outputs();
        self.rules(matches!(operation, Operation::Wait(_) | Operation::WaitForDeadline));
    }

    fn outputs(&mut self) {
        while let Some(output) = self.session.poll_output() {
            assert!(!self.ended, "{output:?} after the end");
            match output {
                Output::AnswerPoll(_) => assert!(std::mem::take(&mut self.poll), "an answer to no poll"),
                Output::Upgraded | Output::CloseProbe => {
                    assert!(std::mem::take(&mut self.probe), "{output:?} without a probe");
                }
                Output::ProbePong => assert!(self.probe, "a pong for no probe"),
                Output::Ping => {
                    assert_eq!(self.session.revision(), Revision::V4);
                    assert!(!self.session.is_closed() || self.session.poll_timeout().is_none());
                }
                Output::Pong => assert_eq!(self.session.revision(), Revision::V3),
                Output::Closed { .. } => self.ended = true,
            }
        }
    }

    /// The longest wait.
    fn longest(&self) -> Duration {
        match self.session.revision() {
            Revision::V3 => TIMING.ping_interval + TIMING.ping_timeout,
            Revision::V4 => TIMING.ping_interval,
        }
    }

    fn rules(&self, timeout_was_handled: bool) {
        assert_eq!(self.session.is_closed(), self.ended, "the end is said when it comes");
        let due = self.session.poll_timeout();
        assert_eq!(due.is_none(), self.ended, "a deadline while it lives, none after");
        if timeout_was_handled {
            assert!(due.is_none_or(|due| due > self.now), "a deadline that was met is not asked for again");
        }
        assert!(due.is_none_or(|due| due <= self.now + self.longest()), "a deadline nobody would wait for");
        assert!(!self.session.can_send() || self.poll || self.session.transport() == Transport::WebSocket);
        if self.ended {
            assert!(!self.poll && !self.probe, "something is left open");
            assert!(!self.session.can_send() && !self.session.is_open());
        }
    }
}

const TIMING: Timing = Timing {
    ping_interval: Duration::from_millis(300),
    ping_timeout: Duration::from_millis(200),
    upgrade_timeout: Duration::from_millis(1000),
};

proptest! {
    // Always the same sequences: a test that fails does so for everybody.
    #![proptest_config(ProptestConfig {
        cases: 1000,
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_sequence_of_operations_breaks_a_session(
        websocket in any::<bool>(),
        revision in prop_oneof![Just(Revision::V3), Just(Revision::V4)],
        operations in proptest::collection::vec(operation(), 0..60),
    ) {
        let now = Instant::now();
        let transport = if websocket { Transport::WebSocket } else { Transport::Polling };
        let mut model = Model {
            session: Session::with_revision(TIMING, revision, transport, now),
            now,
            poll: false,
            probe: false,
            ended: false,
        };
        operations.iter().for_each(|operation| model.apply(operation));

        // Left alone, every session comes to its end by itself, and closes what is open.
        for _ in 0..100 {
            model.apply(&Operation::WaitForDeadline);
        }
        prop_assert!(model.ended, "a session without a peer goes on");
    }
}
