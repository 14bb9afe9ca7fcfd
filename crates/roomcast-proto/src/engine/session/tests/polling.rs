//! Polls and posts: one of each at a time, and what ends them.

use super::*;

#[test]
fn a_poll_lets_frames_leave_until_it_is_answered() {
    let mut desk = Desk::polling();
    assert!(!desk.session.can_send());
    desk.poll();
    assert!(desk.session.can_send());
    desk.session.handle_poll_answered();
    assert!(!desk.session.can_send());
    assert_eq!(desk.outputs(), []);
}

#[test]
fn a_second_poll_ends_the_session_and_the_first_is_told() {
    let mut desk = Desk::polling();
    desk.poll();
    assert_eq!(desk.session.handle_poll(true), Err(Overlap));
    let outputs = desk.outputs();
    assert_eq!(answers(&outputs), [PollAnswer::Close]);
    assert!(closed(CloseReason::TransportError, &outputs));
}

#[test]
fn an_aborted_poll_ends_the_session() {
    let mut desk = Desk::polling();
    desk.poll();
    desk.session.handle_poll_aborted();
    let outputs = desk.outputs();
    assert_eq!(answers(&outputs), []);
    assert!(closed(CloseReason::TransportError, &outputs));
}

#[test]
fn a_poll_that_was_answered_may_break_off() {
    let mut desk = Desk::polling();
    desk.poll();
    desk.session.handle_poll_answered();
    desk.session.handle_poll_aborted();
    assert_eq!(desk.outputs(), []);
}

#[test]
fn a_poll_after_the_end_or_after_an_upgrade_is_refused_and_harmless() {
    let mut ended = Desk::polling();
    ended.session.close(Flush::Discard);
    ended.outputs();
    assert_eq!(ended.session.handle_poll(true), Err(Overlap));
    assert_eq!(ended.outputs(), []);

    let mut upgraded = Desk::probing();
    upgraded.probe("5");
    upgraded.outputs();
    assert_eq!(upgraded.session.handle_poll(true), Err(Overlap));
    assert_eq!(upgraded.outputs(), []);
    assert!(upgraded.session.is_open());
}

#[test]
fn overlapping_and_aborted_posts_end_the_session() {
    for input in [Session::handle_post_overlap, Session::handle_post_aborted] {
        let mut desk = Desk::polling();
        desk.poll();
        input(&mut desk.session);
        let outputs = desk.outputs();
        assert_eq!(answers(&outputs), [PollAnswer::Close]);
        assert!(closed(CloseReason::TransportError, &outputs));
    }
}

#[test]
fn an_old_post_cannot_hurt_an_upgraded_session() {
    for input in [Session::handle_post_overlap, Session::handle_post_aborted, Session::handle_poll_aborted] {
        let mut desk = Desk::probing();
        desk.probe("5");
        desk.outputs();
        input(&mut desk.session);
        assert_eq!(desk.outputs(), []);
        assert!(desk.session.is_open());
    }
}

#[test]
fn packets_before_a_bad_one_are_heard_and_the_rest_is_not() {
    let mut desk = Desk::polling();
    assert_eq!(desk.post("4a\u{1e}bAQID\u{1e}4b\u{1e}x\u{1e}4c"), ["a", r#"b"\x01\x02\x03""#, "b"]);
    assert!(closed(CloseReason::ParseError, &desk.outputs()));
}

#[test]
fn what_is_no_packet_is_a_parse_error_on_every_transport() {
    for transport in [Transport::Polling, Transport::WebSocket] {
        for text in ["", "abc", "7", "é", "b***"] {
            let mut desk = Desk::new(transport);
            assert_eq!(desk.receive(text), Received::End, "{text}");
            assert!(closed(CloseReason::ParseError, &desk.outputs()), "{text}");
            assert_eq!(desk.receive("4late"), Received::End);
            assert_eq!(desk.outputs(), []);
        }
    }
}
