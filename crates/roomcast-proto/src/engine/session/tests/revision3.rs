//! Revision 3: the client pings, and all else is as ever.

use super::*;

fn desk(transport: Transport) -> Desk {
    Desk::of(Revision::V3, transport)
}

#[test]
fn a_ping_is_answered_and_no_ping_is_sent() {
    for transport in [Transport::Polling, Transport::WebSocket] {
        let mut desk = desk(transport);
        assert_eq!(desk.advance_to(300), []);
        assert_eq!(desk.receive("2"), Received::Nothing);
        assert_eq!(desk.outputs(), [Output::Pong]);
        assert_eq!(desk.advance_to(790), []);
        assert_eq!(desk.due(), Some(800));
        // On the main transport a probe is a ping like any other.
        assert_eq!(desk.receive("2probe"), Received::Nothing);
        assert_eq!(desk.outputs(), [Output::Pong]);
        assert_eq!(desk.due(), Some(1290));
    }
}

#[test]
fn pings_that_come_together_are_answered_once() {
    let mut desk = desk(Transport::Polling);
    (0..1000).for_each(|_| assert_eq!(desk.receive("2"), Received::Nothing));
    assert_eq!(desk.outputs(), [Output::Pong]);
    assert_eq!(desk.receive("2"), Received::Nothing);
    assert_eq!(desk.outputs(), [Output::Pong]);
}

#[test]
fn without_a_ping_the_session_ends_after_interval_and_timeout() {
    let mut desk = desk(Transport::Polling);
    desk.poll();
    let (times, outputs): (Vec<_>, Vec<_>) = desk.advance_to(10_000).into_iter().unzip();
    assert_eq!(times, [500, 500]);
    assert_eq!(answers(&outputs), [PollAnswer::Close]);
    assert!(closed(CloseReason::PingTimeout, &outputs));
}

#[test]
fn no_other_packet_stands_for_a_ping() {
    for packet in ["4a", "6", "5", "0", "b4AA=="] {
        let mut desk = desk(Transport::WebSocket);
        desk.advance_to(400);
        assert_ne!(desk.receive(packet), Received::End, "{packet}");
        assert_eq!(desk.due(), Some(500), "{packet}");
    }
}

#[test]
fn a_pong_from_the_client_is_the_wrong_direction() {
    for packet in ["3", "3probe"] {
        let mut desk = desk(Transport::WebSocket);
        assert_eq!(desk.receive(packet), Received::End);
        assert!(closed(CloseReason::TransportError, &desk.outputs()));
    }
}

#[test]
fn a_side_that_is_too_busy_to_read_begins_the_wait_anew() {
    let mut desk = desk(Transport::WebSocket);
    desk.advance_to(450);
    desk.session.extend_heartbeat(desk.clock());
    assert_eq!(desk.due(), Some(950));
}

#[test]
fn the_upgrade_is_that_of_revision_4_and_the_wait_survives_it() {
    let mut desk = desk(Transport::Polling);
    assert!(desk.open_probe());
    desk.probe("2probe");
    assert_eq!(desk.outputs(), [Output::ProbePong]);
    desk.poll();
    assert_eq!(desk.advance_to(350), [(100, Output::AnswerPoll(PollAnswer::Noop))]);
    desk.probe("5");
    assert_eq!(desk.outputs(), [Output::Upgraded]);
    // The reference forgets it here, and keeps a client that has gone for ever.
    assert_eq!(desk.due(), Some(500));
    desk.receive("2");
    assert_eq!(desk.outputs(), [Output::Pong]);
    assert_eq!(desk.due(), Some(850));
}

#[test]
fn a_session_that_is_to_be_closed_answers_no_ping() {
    let mut desk = desk(Transport::Polling);
    desk.session.close(Flush::Empty);
    assert_eq!(desk.receive("2"), Received::Nothing);
    assert_eq!(desk.outputs(), []);
    desk.poll();
    let outputs = desk.outputs();
    assert_eq!(answers(&outputs), [PollAnswer::NoopAndClose]);
    assert_eq!(Dialect::V3.answer(PollAnswer::NoopAndClose), "1:61:1");
    assert!(closed(CloseReason::ForcedClose, &outputs));
}

#[test]
fn times_without_measure_do_not_overflow_the_clock() {
    let timing =
        Timing { ping_interval: Duration::MAX, ping_timeout: Duration::MAX, upgrade_timeout: Duration::MAX };
    let start = Instant::now();
    let mut session = Session::with_revision(timing, Revision::V3, Transport::Polling, start);
    assert_eq!(session.handle_packet(Lane::Main, Ok(Packet::Ping("")), start), Received::Nothing);
    assert!(session.poll_timeout().is_some());
}
