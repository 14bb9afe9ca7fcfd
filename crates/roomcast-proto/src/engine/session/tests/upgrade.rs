//! A WebSocket takes over from polling, or tries to.

use super::*;

#[test]
fn a_probe_is_answered_and_pending_polls_are_sent_away_every_hundred_milliseconds() {
    let mut desk = Desk::probing();
    desk.poll();
    let noop = Output::AnswerPoll(PollAnswer::Noop);
    assert_eq!(desk.advance_to(150), [(100, noop)]);
    desk.poll();
    assert_eq!(desk.advance_to(250), [(200, noop)]);
    assert_eq!(desk.advance_to(299), [], "no poll, no answer");
}

#[test]
fn data_still_leaves_by_polling_while_a_socket_is_probing() {
    let mut desk = Desk::probing();
    desk.poll();
    assert!(desk.session.can_send());
    desk.session.handle_poll_answered();
    assert_eq!(desk.advance_to(150), []);
    assert_eq!(desk.session.transport(), Transport::Polling);
}

#[test]
fn a_socket_that_has_not_probed_sends_no_poll_away() {
    let mut desk = Desk::polling();
    desk.poll();
    desk.open_probe();
    assert_eq!(desk.advance_to(299), []);
}

#[test]
fn the_upgrade_packet_hands_over_and_a_pending_poll_ends_with_a_close_packet() {
    let mut desk = Desk::probing();
    desk.poll();
    desk.probe("5");
    assert_eq!(desk.outputs(), [Output::AnswerPoll(PollAnswer::Close), Output::Upgraded]);
    assert_eq!(desk.session.transport(), Transport::WebSocket);
    assert!(desk.session.can_send());
    assert_eq!(desk.receive("4a"), Received::Message(Message::Text("a")));
    assert_eq!(desk.due(), Some(300), "nothing of the upgrade is left");
}

#[test]
fn an_upgrade_without_a_probe_is_accepted() {
    let mut desk = Desk::polling();
    desk.open_probe();
    desk.probe("5");
    assert_eq!(desk.outputs(), [Output::Upgraded]);
}

#[test]
fn anything_else_on_a_probing_socket_closes_it_and_spares_the_session() {
    for packet in ["4a", "2", "2other", "3", "3probe", "6", "1", "0", "bAA==", "", "x"] {
        let mut desk = Desk::probing();
        desk.probe(packet);
        assert_eq!(desk.outputs(), [Output::CloseProbe], "{packet}");
        assert!(desk.session.is_open(), "{packet}");
        desk.probe("5");
        assert_eq!(desk.outputs(), [], "a closed probe cannot take over, {packet}");
        assert_eq!(desk.session.transport(), Transport::Polling);
        assert!(desk.open_probe(), "another try is welcome, {packet}");
    }
}

#[test]
fn an_upgrade_that_is_not_finished_in_time_is_given_up() {
    for mut desk in [Desk::probing(), {
        let mut silent = Desk::polling();
        silent.open_probe();
        silent
    }] {
        for millisecond in [250, 550, 850] {
            desk.advance_to(millisecond);
            desk.receive("3");
        }
        assert_eq!(desk.advance_to(1001), [(1000, Output::CloseProbe)]);
        assert!(desk.session.is_open());
    }
}

#[test]
fn a_second_socket_has_no_place() {
    let mut desk = Desk::probing();
    assert!(!desk.open_probe(), "while another one is probing");
    desk.probe("5");
    assert!(!desk.open_probe(), "after the upgrade");
    assert!(!Desk::new(Transport::WebSocket).open_probe(), "without any polling");
    assert_eq!(desk.outputs(), [Output::Upgraded]);
}

#[test]
fn a_probing_socket_that_breaks_is_forgotten() {
    let mut desk = Desk::probing();
    desk.session.handle_transport_closed(Lane::Probe, CloseReason::TransportClose, "gone");
    assert_eq!(desk.outputs(), [Output::CloseProbe]);
    assert!(desk.session.is_open());
    desk.session.handle_probe_failed();
    assert_eq!(desk.outputs(), []);
}

#[test]
fn the_end_of_the_session_closes_the_probing_socket_first() {
    let mut desk = Desk::probing();
    desk.poll();
    desk.session.close(Flush::Discard);
    let outputs = desk.outputs();
    assert_eq!(outputs[..2], [Output::CloseProbe, Output::AnswerPoll(PollAnswer::Close)]);
    assert!(closed(CloseReason::ForcedClose, &outputs));
    assert!(!desk.open_probe(), "after the end");
}

#[test]
fn a_session_that_is_to_be_closed_may_upgrade_and_ends_then() {
    for flush in [Flush::Empty, Flush::Waiting] {
        let mut desk = Desk::probing();
        desk.session.close(flush);
        desk.probe("5");
        assert_eq!(desk.outputs(), [Output::Upgraded]);
        assert!(desk.session.can_send());
        desk.session.handle_drained();
        assert!(closed(CloseReason::ForcedClose, &desk.outputs()));
    }
}
