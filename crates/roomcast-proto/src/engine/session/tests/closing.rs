//! The ways to the end, and that nothing follows it.

use super::*;
use crate::engine::InvalidPacket;

#[test]
fn a_client_that_says_goodbye_gets_its_poll_back() {
    let mut desk = Desk::polling();
    desk.poll();
    assert_eq!(desk.post("4a\u{1e}1\u{1e}4b"), ["a"]);
    let outputs = desk.outputs();
    assert_eq!(answers(&outputs), [PollAnswer::Noop]);
    assert!(closed(CloseReason::TransportClose, &outputs));
}

#[test]
fn a_close_packet_on_a_websocket_is_left_to_the_close_frame() {
    let mut desk = Desk::new(Transport::WebSocket);
    assert_eq!(desk.receive("1"), Received::Nothing);
    assert!(desk.session.is_open());
    desk.session.handle_transport_closed(Lane::Main, CloseReason::TransportClose, "websocket closed");
    assert!(closed(CloseReason::TransportClose, &desk.outputs()));
}

#[test]
fn closing_with_nothing_waiting_tells_the_pending_poll_at_once() {
    let mut desk = Desk::polling();
    desk.poll();
    desk.session.close(Flush::Empty);
    let outputs = desk.outputs();
    assert_eq!(answers(&outputs), [PollAnswer::Close]);
    assert!(closed(CloseReason::ForcedClose, &outputs));
}

#[test]
fn closing_without_a_poll_waits_for_the_next_one() {
    let mut desk = Desk::polling();
    desk.session.close(Flush::Empty);
    assert_eq!(desk.outputs(), []);
    assert!(!desk.session.is_open() && !desk.session.is_closed());
    desk.poll();
    let outputs = desk.outputs();
    assert_eq!(answers(&outputs), [PollAnswer::NoopAndClose]);
    assert_eq!(Dialect::V4.answer(PollAnswer::NoopAndClose), "6\u{1e}1");
    assert!(closed(CloseReason::ForcedClose, &outputs));
}

#[test]
fn frames_that_wait_on_polling_leave_before_the_end() {
    let mut desk = Desk::polling();
    desk.session.close(Flush::Waiting);
    assert_eq!(desk.session.handle_poll(false), Ok(()));
    assert!(desk.session.can_send());
    desk.session.handle_poll_answered();
    desk.session.handle_drained();
    assert_eq!(desk.outputs(), [], "only the next poll can carry the close packet");
    desk.poll();
    let outputs = desk.outputs();
    assert_eq!(answers(&outputs), [PollAnswer::NoopAndClose]);
    assert!(closed(CloseReason::ForcedClose, &outputs));
}

#[test]
fn frames_that_wait_on_a_websocket_leave_before_the_end() {
    let mut desk = Desk::new(Transport::WebSocket);
    desk.session.close(Flush::Waiting);
    assert_eq!(desk.outputs(), []);
    assert!(desk.session.can_send());
    desk.session.handle_drained();
    assert!(closed(CloseReason::ForcedClose, &desk.outputs()));
    assert!(!desk.session.can_send());
}

#[test]
fn running_dry_means_nothing_to_a_session_that_stays() {
    let mut desk = Desk::new(Transport::WebSocket);
    desk.session.handle_drained();
    assert_eq!(desk.outputs(), []);
    assert!(desk.session.is_open());
}

#[test]
fn discarding_ends_at_once_even_a_session_that_was_waiting_to_end() {
    for first in [None, Some(Flush::Empty), Some(Flush::Waiting)] {
        let mut desk = Desk::polling();
        if let Some(first) = first {
            desk.session.close(first);
        }
        desk.session.close(Flush::Discard);
        assert!(closed(CloseReason::ForcedClose, &desk.outputs()));
        desk.session.close(Flush::Discard);
        assert_eq!(desk.outputs(), []);
    }
}

#[test]
fn a_full_outbox_ends_the_session_with_its_own_reason() {
    let mut desk = Desk::polling();
    desk.poll();
    desk.session.close_slow_consumer();
    desk.session.close_slow_consumer();
    let outputs = desk.outputs();
    assert_eq!(answers(&outputs), [PollAnswer::Close]);
    assert!(closed(CloseReason::SlowConsumer, &outputs));
}

#[test]
fn a_session_that_is_to_be_closed_heeds_only_the_farewell_of_its_client() {
    let mut desk = Desk::polling();
    desk.session.close(Flush::Empty);
    assert_eq!(desk.post("4a\u{1e}3\u{1e}2\u{1e}x\u{1e}4b"), Vec::<String>::new());
    assert_eq!(desk.outputs(), []);
    assert_eq!(desk.receive("1"), Received::End);
    assert!(closed(CloseReason::TransportClose, &desk.outputs()));
}

#[test]
fn a_client_that_posts_but_never_polls_cannot_keep_a_closing_session() {
    let mut desk = Desk::polling();
    desk.session.close(Flush::Empty);
    let mut told = Vec::new();
    for millisecond in (0..=500).step_by(50) {
        told.extend(desk.advance_to(millisecond));
        desk.post("3\u{1e}4a");
    }
    assert_eq!(told.len(), 1, "no ping, only the end: {told:?}");
    assert_eq!(told[0].0, 500);
    assert!(closed(CloseReason::PingTimeout, &[told[0].1]));
}

#[test]
fn the_reasons_have_the_words_of_the_reference() {
    let table = [
        (CloseReason::TransportClose, "transport close"),
        (CloseReason::TransportError, "transport error"),
        (CloseReason::PingTimeout, "ping timeout"),
        (CloseReason::ParseError, "parse error"),
        (CloseReason::ForcedClose, "forced close"),
        (CloseReason::SlowConsumer, "slow consumer"),
    ];
    for (reason, text) in table {
        assert_eq!(reason.to_string(), text);
    }
}

#[test]
fn a_transport_ends_the_session_with_the_reason_it_gives() {
    for reason in [CloseReason::TransportClose, CloseReason::TransportError] {
        let mut desk = Desk::new(Transport::WebSocket);
        desk.session.handle_transport_closed(Lane::Main, reason, "gone");
        assert_eq!(desk.outputs(), [Output::Closed { reason, detail: "gone" }]);
    }
}

#[test]
fn nothing_follows_the_end() {
    let mut desk = Desk::probing();
    desk.poll();
    desk.session.close(Flush::Discard);
    desk.outputs();
    let now = desk.clock();
    for lane in [Lane::Main, Lane::Probe] {
        for packet in [Ok(Packet::Close), Ok(Packet::Upgrade), Ok(Packet::Ping("probe")), Err(InvalidPacket)]
        {
            assert_eq!(desk.session.handle_packet(lane, packet, now), Received::End);
        }
        desk.session.handle_transport_closed(lane, CloseReason::TransportClose, "late");
    }
    desk.session.handle_poll_aborted();
    desk.session.handle_post_aborted();
    desk.session.handle_post_overlap();
    desk.session.handle_drained();
    desk.session.handle_probe_failed();
    desk.session.close(Flush::Empty);
    desk.session.handle_timeout(now + Duration::from_secs(60));
    assert_eq!(desk.outputs(), []);
    assert!(!desk.session.can_send());
    assert_eq!(desk.session.poll_timeout(), None);
}
