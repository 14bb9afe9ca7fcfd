//! Pings, pongs, and the patience between them.

use super::*;

#[test]
fn a_ping_goes_out_every_interval_after_the_opening_or_the_last_pong() {
    let mut desk = Desk::new(Transport::WebSocket);
    assert_eq!(desk.advance_to(350), [(300, Output::Ping)]);
    assert_eq!(desk.receive("3"), Received::Nothing);
    assert_eq!(desk.advance_to(700), [(650, Output::Ping)]);
}

#[test]
fn a_missing_pong_ends_the_session_and_a_pending_poll_is_told() {
    let mut desk = Desk::polling();
    desk.poll();
    let told = desk.advance_to(10_000);
    let (times, outputs): (Vec<_>, Vec<_>) = told.into_iter().unzip();
    assert_eq!(times, [300, 500, 500]);
    assert_eq!(outputs[..2], [Output::Ping, Output::AnswerPoll(PollAnswer::Close)]);
    assert!(closed(CloseReason::PingTimeout, &outputs));
    assert_eq!(desk.session.poll_timeout(), None);
}

#[test]
fn a_ping_a_little_late_is_awaited_as_if_it_were_in_time_and_one_much_too_late_for_nearly_the_whole_wait() {
    for (late, deadline) in [(0, 500), (5, 500), (25, 500), (30, 505), (1_000, 1_475)] {
        let mut desk = Desk::new(Transport::WebSocket);
        desk.now = 300 + late;
        desk.session.handle_timeout(desk.clock());
        assert_eq!(desk.outputs(), [Output::Ping]);
        assert_eq!(desk.due(), Some(deadline), "{late} ms late");
    }
}

#[test]
fn only_the_first_packet_after_a_ping_prolongs_the_wait() {
    for packet in ["4a", "6", "5", "0", "1", "bAA=="] {
        let mut desk = Desk::new(Transport::WebSocket);
        desk.advance_to(400);
        desk.receive(packet);
        assert_eq!(desk.due(), Some(600), "{packet}");
        desk.advance_to(500);
        desk.receive(packet);
        assert_eq!(desk.due(), Some(600), "{packet}");
    }
}

#[test]
fn a_side_that_is_too_busy_to_read_begins_the_wait_anew_and_no_ping_is_brought_forward() {
    let mut desk = Desk::new(Transport::WebSocket);
    desk.session.extend_heartbeat(desk.clock());
    assert_eq!(desk.due(), Some(300), "no ping is out yet");
    desk.advance_to(450);
    desk.session.extend_heartbeat(desk.clock());
    assert_eq!(desk.due(), Some(650));
    desk.advance_to(650);
    assert!(desk.session.is_closed());
}

#[test]
fn each_ping_may_be_prolonged_anew() {
    let mut desk = Desk::new(Transport::WebSocket);
    desk.advance_to(400);
    desk.receive("4a");
    desk.receive("3");
    assert_eq!(desk.advance_to(800), [(700, Output::Ping)]);
    desk.receive("4b");
    assert_eq!(desk.due(), Some(1000));
}

#[test]
fn packets_without_a_ping_outside_change_no_deadline() {
    let mut desk = Desk::new(Transport::WebSocket);
    desk.advance_to(200);
    desk.receive("4a");
    assert_eq!(desk.due(), Some(300));
}

#[test]
fn a_pong_nobody_asked_for_starts_the_interval_anew() {
    let mut desk = Desk::new(Transport::WebSocket);
    desk.advance_to(180);
    desk.receive("3");
    assert_eq!(desk.advance_to(490), [(480, Output::Ping)]);
}

#[test]
fn a_ping_from_the_client_is_the_wrong_direction() {
    for packet in ["2", "2probe"] {
        let mut desk = Desk::new(Transport::WebSocket);
        assert_eq!(desk.receive(packet), Received::End);
        assert!(closed(CloseReason::TransportError, &desk.outputs()));
    }
}

#[test]
fn the_wait_for_a_pong_survives_the_upgrade() {
    let mut desk = Desk::probing();
    desk.advance_to(350);
    desk.probe("5");
    assert_eq!(desk.outputs(), [Output::Upgraded]);
    assert_eq!(desk.due(), Some(500));
    desk.receive("3");
    assert_eq!(desk.due(), Some(650));
}

#[test]
fn packets_on_a_probing_socket_are_no_sign_of_life() {
    let mut desk = Desk::probing();
    desk.advance_to(340);
    desk.probe("2probe");
    desk.outputs();
    assert!(closed(
        CloseReason::PingTimeout,
        &desk.advance_to(500).into_iter().map(|(_, output)| output).collect::<Vec<_>>()
    ));
}

#[test]
fn times_without_measure_do_not_overflow_the_clock() {
    let timing =
        Timing { ping_interval: Duration::MAX, ping_timeout: Duration::MAX, upgrade_timeout: Duration::MAX };
    let start = Instant::now();
    let mut session = Session::new(timing, Transport::Polling, start);
    assert!(session.handle_probe_opened(start));
    session.handle_timeout(session.poll_timeout().unwrap());
    assert_eq!(session.handle_packet(Lane::Main, Ok(Packet::Pong("")), start), Received::Nothing);
    assert!(session.is_open());
}
