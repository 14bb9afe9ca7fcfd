//! The rules of the client's side, one by one, on virtual time.

use bytes::Bytes;

use super::*;
use crate::engine::{Frame, Message, Packet};

/// Ping interval 300 ms, ping timeout 200 ms.
const OPEN: &str =
    r#"0{"sid":"abc","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":100}"#;

struct Desk {
    session: Session,
    start: Instant,
    now: u64,
}

impl Desk {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { upgrade_timeout: Duration::from_millis(1000), ..Config::default() };
        change(&mut config);
        Self { session: Session::new(config), start: Instant::now(), now: 0 }
    }

    /// An open polling session without an upgrade. The second poll is under way.
    fn polling() -> Self {
        let mut desk = Self::new(|config| config.upgrade = false);
        desk.receive(OPEN);
        desk.session.handle_poll_answered();
        desk.outputs();
        desk
    }

    fn websocket() -> Self {
        let mut desk = Self::new(|config| config.transport = Transport::WebSocket);
        desk.receive(OPEN);
        desk.outputs();
        desk
    }

    /// An open polling session that has sent its probe. A poll is under way.
    fn probing() -> Self {
        let mut desk = Self::new(|_| {});
        desk.receive(OPEN);
        desk.session.handle_poll_answered();
        desk.session.handle_probe_opened();
        assert_eq!(desk.outputs().last(), Some(&Output::Probe));
        desk
    }

    fn clock(&self) -> Instant {
        self.start + Duration::from_millis(self.now)
    }

    fn advance_to(&mut self, to: u64) -> Vec<Output> {
        self.now = to;
        self.session.handle_timeout(self.clock());
        self.outputs()
    }

    fn due(&self) -> Option<u128> {
        Some(self.session.poll_timeout()?.duration_since(self.start).as_millis())
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.session.poll_output()).collect()
    }

    fn receive<'a>(&mut self, packet: &'a str) -> Received<'a> {
        self.session.handle_packet(Lane::Main, Packet::decode(packet), self.clock())
    }

    fn receive_on_probe(&mut self, packet: &str) {
        let received = self.session.handle_packet(Lane::Probe, Packet::decode(packet), self.clock());
        assert_eq!(received, Received::Nothing);
    }
}

fn closed(reason: CloseReason, outputs: &[Output]) -> bool {
    matches!(outputs.last(), Some(Output::Closed { reason: last, .. }) if *last == reason)
}

#[test]
fn polling_opens_with_a_poll_and_goes_on_with_the_next() {
    let mut desk = Desk::new(|config| config.upgrade = false);
    assert_eq!(desk.outputs(), [Output::Poll]);
    assert!(!desk.session.can_send());
    assert_eq!(desk.receive(OPEN), Received::Nothing);
    let outputs = desk.outputs();
    assert!(matches!(&outputs[..], [Output::Opened(handshake)] if handshake.sid == "abc"));
    assert!(desk.session.is_open() && desk.session.can_send());
    assert_eq!(desk.session.max_payload(), Some(100));
    desk.session.handle_poll_answered();
    assert_eq!(desk.outputs(), [Output::Poll]);
}

#[test]
fn a_websocket_opens_with_itself() {
    let mut desk = Desk::new(|config| config.transport = Transport::WebSocket);
    assert_eq!(desk.outputs(), [Output::Connect]);
    desk.receive(OPEN);
    assert!(matches!(&desk.outputs()[..], [Output::Opened(_)]), "no upgrade from a WebSocket");
}

#[test]
fn a_server_may_leave_out_what_is_not_needed() {
    let mut desk = Desk::new(|_| {});
    desk.receive(r#"0{"sid":"abc","pingInterval":300,"pingTimeout":200,"other":1}"#);
    assert!(desk.session.is_open());
    assert_eq!(desk.session.max_payload(), None);
    assert!(!desk.outputs().contains(&Output::OpenProbe));
}

#[test]
fn what_is_no_handshake_fails_the_session() {
    for packet in ["0", "0{}", r#"0{"sid":1}"#, "4a", "6", "2", "", "é"] {
        let mut desk = Desk::new(|_| {});
        assert_eq!(desk.receive(packet), Received::End, "{packet}");
        assert!(closed(CloseReason::TransportError, &desk.outputs()), "{packet}");
    }
}

#[test]
fn a_handshake_without_measure_does_not_overflow_the_clock() {
    let mut desk = Desk::new(|_| {});
    desk.receive(r#"0{"sid":"a","pingInterval":18446744073709551615,"pingTimeout":18446744073709551615}"#);
    desk.receive("2");
    assert!(desk.session.is_open());
}

#[test]
fn the_handshake_hides_its_secret_from_logs() {
    let mut desk = Desk::new(|_| {});
    desk.receive(OPEN);
    assert!(!format!("{:?}", desk.outputs()).contains("abc"));
}

// Heartbeat: HB-02.

#[test]
fn pings_are_answered_and_nothing_else_moves_the_deadline() {
    let mut desk = Desk::websocket();
    assert_eq!(desk.due(), Some(500));
    desk.advance_to(300);
    desk.receive("4a");
    assert_eq!(desk.due(), Some(500));
    desk.receive("2");
    assert_eq!(desk.outputs(), [Output::Pong]);
    assert_eq!(desk.due(), Some(800));
    assert_eq!(desk.advance_to(799), []);
    assert!(closed(CloseReason::PingTimeout, &desk.advance_to(800)));
    assert_eq!(desk.due(), None);
}

// Requests.

#[test]
fn one_post_at_a_time() {
    let mut desk = Desk::polling();
    desk.session.handle_post_sent();
    assert!(!desk.session.can_send());
    desk.session.handle_post_answered();
    assert!(desk.session.can_send());
    assert_eq!(desk.outputs(), []);
}

#[test]
fn failed_requests_are_transport_errors() {
    for input in [Session::handle_poll_failed, Session::handle_post_failed] {
        let mut desk = Desk::polling();
        input(&mut desk.session);
        assert!(closed(CloseReason::TransportError, &desk.outputs()));
    }
}

#[test]
fn a_close_packet_ends_a_polling_session_only() {
    let mut desk = Desk::polling();
    assert_eq!(desk.receive("1"), Received::End);
    assert!(closed(CloseReason::TransportClose, &desk.outputs()));
    assert_eq!(desk.receive("4a"), Received::End);

    let mut desk = Desk::websocket();
    assert_eq!(desk.receive("1"), Received::Nothing);
    assert_eq!(desk.receive("4a"), Received::Message(Message::Text("a")));
    desk.session.handle_transport_closed(Lane::Main, CloseReason::TransportClose, "gone");
    assert!(closed(CloseReason::TransportClose, &desk.outputs()));
}

// Closing: CLE-05.

#[test]
fn closing_polling_posts_the_close_packet() {
    let mut desk = Desk::polling();
    desk.session.close(Flush::Empty);
    let outputs = desk.outputs();
    assert_eq!(outputs[0], Output::PostClose);
    assert!(closed(CloseReason::ForcedClose, &outputs));
}

#[test]
fn closing_waits_for_frames_and_for_the_running_post() {
    let mut desk = Desk::polling();
    desk.session.close(Flush::Waiting);
    assert!(desk.session.can_send());
    desk.session.handle_post_sent();
    desk.session.handle_drained();
    assert_eq!(desk.outputs(), []);
    desk.session.handle_post_answered();
    let outputs = desk.outputs();
    assert_eq!(outputs[0], Output::PostClose);
    assert!(closed(CloseReason::ForcedClose, &outputs));
}

#[test]
fn a_client_that_closes_still_answers_pings_but_takes_no_messages() {
    let mut desk = Desk::websocket();
    desk.session.close(Flush::Waiting);
    assert_eq!(desk.receive("4a"), Received::Nothing);
    desk.receive("2");
    assert_eq!(desk.outputs(), [Output::Pong]);
    desk.session.handle_drained();
    assert!(closed(CloseReason::ForcedClose, &desk.outputs()));
}

#[test]
fn closing_before_the_handshake_has_nobody_to_tell() {
    for flush in [Flush::Empty, Flush::Waiting, Flush::Discard] {
        let mut desk = Desk::new(|_| {});
        desk.session.close(flush);
        let outputs = desk.outputs();
        assert_eq!(outputs.len(), 2, "the first poll and the end: {outputs:?}");
        assert!(closed(CloseReason::ForcedClose, &outputs));
    }
}

#[test]
fn discarding_does_not_overlap_the_running_post() {
    let mut desk = Desk::polling();
    desk.session.handle_post_sent();
    desk.session.close(Flush::Discard);
    let outputs = desk.outputs();
    assert_eq!(outputs.len(), 1);
    assert!(closed(CloseReason::ForcedClose, &outputs));
}

// Upgrade: CLE-02, B1.6.

#[test]
fn the_websocket_takes_over_when_both_requests_have_ended() {
    for poll_first in [true, false] {
        let mut desk = Desk::probing();
        desk.session.handle_post_sent();
        desk.receive_on_probe("3probe");
        assert!(!desk.session.can_send());
        assert_eq!(desk.outputs(), [], "two requests are under way");
        match poll_first {
            true => desk.session.handle_poll_answered(),
            false => desk.session.handle_post_answered(),
        }
        assert_eq!(desk.outputs(), [], "one request is under way");
        match poll_first {
            true => desk.session.handle_post_answered(),
            false => desk.session.handle_poll_answered(),
        }
        assert_eq!(desk.outputs(), [Output::Upgraded]);
        assert_eq!(desk.session.transport(), Transport::WebSocket);
        assert!(desk.session.can_send());
    }
}

#[test]
fn no_post_starts_in_the_pause_or_the_upgrade_might_never_come() {
    let mut desk = Desk::probing();
    assert!(desk.session.can_send());
    desk.receive_on_probe("3probe");
    assert!(!desk.session.can_send());
    desk.receive("4a");
    desk.session.handle_poll_answered();
    assert_eq!(desk.outputs(), [Output::Upgraded]);
}

#[test]
fn a_probe_that_is_answered_wrongly_is_given_up() {
    for packet in ["3", "2probe", "4a", "6", ""] {
        let mut desk = Desk::probing();
        desk.receive_on_probe(packet);
        assert_eq!(desk.outputs(), [Output::CloseProbe], "{packet}");
        assert!(desk.session.is_open() && desk.session.can_send());
    }
}

#[test]
fn polling_goes_on_when_the_probe_dies_in_the_pause() {
    let mut desk = Desk::probing();
    desk.session.handle_post_sent();
    desk.receive_on_probe("3probe");
    desk.session.handle_poll_answered();
    assert_eq!(desk.outputs(), []);
    desk.session.handle_transport_closed(Lane::Probe, CloseReason::TransportClose, "gone");
    assert_eq!(desk.outputs(), [Output::CloseProbe, Output::Poll]);
    desk.session.handle_post_answered();
    assert!(desk.session.can_send());
}

#[test]
fn an_upgrade_has_a_deadline() {
    let mut desk = Desk::new(|config| config.upgrade_timeout = Duration::from_millis(100));
    desk.receive(OPEN);
    assert_eq!(desk.outputs().last(), Some(&Output::OpenProbe));
    assert_eq!(desk.due(), Some(100));
    assert_eq!(desk.advance_to(100), [Output::CloseProbe]);
    assert_eq!(desk.due(), Some(500));
}

#[test]
fn closing_gives_up_an_upgrade_that_has_not_taken_over() {
    let mut desk = Desk::probing();
    desk.session.handle_post_sent();
    desk.receive_on_probe("3probe");
    desk.session.close(Flush::Waiting);
    assert_eq!(desk.outputs(), [Output::CloseProbe]);
    desk.session.handle_post_answered();
    assert!(desk.session.can_send(), "what waits leaves by polling");
    desk.session.handle_drained();
    assert!(closed(CloseReason::ForcedClose, &desk.outputs()));
}

// Batches: CLE-01.

fn body(limit: u64, frames: &[Frame]) -> (usize, usize) {
    let mut body = PostBody::new(Some(limit));
    let whole = frames.iter().take_while(|frame| body.take(frame, 0) == Taken::All).count();
    (whole, body.into_bytes().len())
}

#[test]
fn a_body_holds_as_many_packets_as_the_server_takes() {
    let text = |length: usize, letter: &str| Frame::text(&letter.repeat(length));
    let table = [
        // 99 and its digit.
        (vec![text(99, "a")], (1, 100)),
        // Three digits and two separators make it 100.
        (vec![text(30, "a"), text(30, "a"), text(35, "a")], (3, 100)),
        (vec![text(30, "a"), text(30, "a"), text(36, "a")], (2, 63)),
        // Bytes count, not characters.
        (vec![text(33, "€")], (1, 100)),
        (vec![text(33, "€"), text(0, "")], (1, 100)),
        // A packet that is too large goes alone.
        (vec![text(100, "a"), text(1, "a")], (1, 101)),
        // Base64 counts as it is: 1 + 96, then no room for 1 + 4.
        (vec![Frame::binary(Bytes::from(vec![7; 72])), Frame::binary(Bytes::from(vec![7]))], (1, 97)),
    ];
    for (frames, expected) in table {
        assert_eq!(body(100, &frames), expected, "{frames:?}");
    }
}

#[test]
fn a_packet_and_its_attachments_may_part() {
    let frame = Frame::encode(&mut Vec::new(), |out| {
        out.extend_from_slice(b"52-[\"a\"]");
        Ok::<_, ()>(vec![Bytes::from(vec![1; 3]), Bytes::from(vec![2; 30])])
    })
    .unwrap();
    let mut first = PostBody::new(Some(20));
    assert_eq!(first.take(&frame, 0), Taken::UpTo(2));
    assert_eq!(first.into_bytes(), b"452-[\"a\"]\x1ebAQEB");
    let mut second = PostBody::new(Some(20));
    assert_eq!(second.take(&frame, 2), Taken::All);
    assert_eq!(second.into_bytes().len(), 41);
    let mut whole = PostBody::new(None);
    let mut payload = Vec::new();
    assert_eq!(whole.take(&frame, 0), Taken::All);
    frame.write_payload(&mut payload);
    assert_eq!(whole.into_bytes(), payload);
}
