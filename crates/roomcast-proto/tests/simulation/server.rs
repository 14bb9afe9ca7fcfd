//! The server's end: one session with its outbox, driven as a front would drive it.
//!
//! In: events of the network and the clock. Out: answers and socket frames. Everything that the session leaves to its
//! driver is here: the outbox, which request is held, which socket is which lane.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use roomcast_proto::Sid;
use roomcast_proto::engine::{
    CloseReason, Dialect, Flush, Frame, InvalidPacket, Lane, Message, OpenPacket, Output, Packet, Received,
    Session, Transport, decode_payload,
};

use super::check::Log;
use super::network::{Network, RequestId, Side, SocketId, Wire};
use super::scenario::{Ms, Scenario};

pub(crate) struct Server {
    scenario: Scenario,
    pub(crate) session: Option<Session>,
    outbox: VecDeque<Frame>,
    pub(crate) poll: Option<RequestId>,
    pub(crate) post: Option<RequestId>,
    pub(crate) main: Option<SocketId>,
    pub(crate) probe: Option<SocketId>,
    /// The main socket takes no frame before that time.
    busy_until: Ms,
    pub(crate) log: Log,
    pub(crate) upgraded: bool,
    pub(crate) probe_failed: bool,
    /// A poll that is not the client's was answered with messages.
    pub(crate) robbed: bool,
    pub(crate) end: Option<(Ms, CloseReason)>,
    start: Instant,
}

impl Server {
    pub(crate) fn new(scenario: &Scenario, start: Instant) -> Self {
        Self {
            scenario: scenario.clone(),
            session: None,
            outbox: VecDeque::new(),
            poll: None,
            post: None,
            main: None,
            probe: None,
            busy_until: 0,
            log: Log::default(),
            upgraded: false,
            probe_failed: false,
            robbed: false,
            end: None,
            start,
        }
    }

    fn clock(&self, net: &Network) -> Instant {
        self.start + Duration::from_millis(net.now)
    }

    /// The session, while it lives.
    fn live(&mut self) -> Option<&mut Session> {
        self.session.as_mut().filter(|session| !session.is_closed())
    }

    fn open(&mut self, transport: Transport, net: &Network) -> String {
        assert!(self.session.is_none(), "one client, one session");
        let now = self.clock(net);
        self.session = Some(Session::new(self.scenario.timing, transport, now));
        let upgrades: &[&str] = if transport == Transport::Polling { &["websocket"] } else { &[] };
        let sid = Sid::from_random([7; 15]);
        OpenPacket::new(sid, upgrades, &self.scenario.timing, self.scenario.max_payload).encode()
    }

    // Requests.

    pub(crate) fn get(&mut self, request: RequestId, with_sid: bool, net: &mut Network) {
        if !with_sid {
            let body = self.open(Transport::Polling, net).into_bytes();
            return net.answer(request, 200, body);
        }
        let empty = self.outbox.is_empty();
        let held = self.poll;
        let Some(session) = self.live() else { return net.answer(request, 400, Vec::new()) };
        match session.handle_poll(empty) {
            Ok(()) => {
                assert_eq!(held, None, "one poll at a time");
                self.poll = Some(request);
            }
            Err(_) => net.answer(request, 400, Vec::new()),
        }
        self.pump(net);
    }

    pub(crate) fn post_begins(&mut self, request: RequestId, net: &mut Network) {
        let overlap = self.post.is_some();
        let Some(session) = self.live().filter(|session| session.transport() == Transport::Polling) else {
            return net.answer(request, 400, Vec::new());
        };
        if overlap {
            session.handle_post_overlap();
            net.answer(request, 400, Vec::new());
        } else {
            self.post = Some(request);
        }
        self.pump(net);
    }

    pub(crate) fn post_ends(&mut self, request: RequestId, body: &[u8], net: &mut Network) {
        if self.post != Some(request) {
            return;
        }
        self.post = None;
        let body = std::str::from_utf8(body).expect("the client posts text");
        assert!(
            body.len() as u64 <= self.scenario.max_payload || !body.contains('\u{1e}'),
            "a body of several packets is within the limit"
        );
        let polling = self.live().is_some_and(|session| session.transport() == Transport::Polling);
        for packet in decode_payload(body) {
            if !polling || self.receive(Lane::Main, packet, net) == Received::End {
                break;
            }
        }
        net.answer(request, 200, b"ok".to_vec());
        self.pump(net);
    }

    pub(crate) fn aborted(&mut self, request: RequestId, net: &mut Network) {
        if self.poll == Some(request) {
            self.poll = None;
            if let Some(session) = &mut self.session {
                session.handle_poll_aborted();
            }
        } else if self.post == Some(request) {
            self.post = None;
            if let Some(session) = &mut self.session {
                session.handle_post_aborted();
            }
        }
        self.pump(net);
    }

    // Sockets.

    pub(crate) fn socket_arrives(&mut self, socket: SocketId, with_sid: bool, net: &mut Network) {
        net.accept(socket);
        if !with_sid {
            let open = self.open(Transport::WebSocket, net);
            self.main = Some(socket);
            return net.write(socket, Side::Client, Wire::Text(open));
        }
        let now = self.clock(net);
        if self.live().is_some_and(|session| session.handle_probe_opened(now)) {
            assert_eq!(self.probe, None, "one probe at a time");
            self.probe = Some(socket);
        } else {
            net.close_socket(socket, Side::Server);
        }
    }

    pub(crate) fn data(&mut self, socket: SocketId, wire: Wire, net: &mut Network) {
        let lane = match socket {
            _ if self.main == Some(socket) => Lane::Main,
            _ if self.probe == Some(socket) => Lane::Probe,
            _ => return,
        };
        match wire {
            Wire::Text(text) => _ = self.receive(lane, Packet::decode(&text), net),
            Wire::Binary(bytes) => {
                _ = self.receive(lane, Ok(Packet::Message(Message::Binary(Bytes::from(bytes)))), net);
            }
            Wire::Close | Wire::Broken => {
                let reason = match wire {
                    Wire::Close => CloseReason::TransportClose,
                    _ => CloseReason::TransportError,
                };
                if let Some(session) = &mut self.session {
                    session.handle_transport_closed(lane, reason, "the socket is gone");
                }
            }
        }
        self.pump(net);
    }

    fn receive<'a>(
        &mut self,
        lane: Lane,
        packet: Result<Packet<'a>, InvalidPacket>,
        net: &mut Network,
    ) -> Received<'a> {
        let now = self.clock(net);
        let Some(session) = &mut self.session else { return Received::End };
        let received = session.handle_packet(lane, packet, now);
        if let Received::Message(message) = &received {
            assert!(session.is_open(), "a message after the end");
            self.log.receive(message);
        }
        received
    }

    // The application and the clock.

    pub(crate) fn send(&mut self, frame: Frame, net: &mut Network) {
        if self.session.as_ref().is_some_and(Session::is_open) {
            self.log.send(&frame);
            self.outbox.push_back(frame);
            self.pump(net);
        }
    }

    pub(crate) fn close(&mut self, orderly: bool, net: &mut Network) {
        let flush = match (orderly, self.outbox.is_empty()) {
            (false, _) => Flush::Discard,
            (true, true) => Flush::Empty,
            (true, false) => Flush::Waiting,
        };
        if let Some(session) = &mut self.session {
            session.close(flush);
        }
        self.pump(net);
    }

    pub(crate) fn overflow(&mut self, net: &mut Network) {
        if let Some(session) = &mut self.session {
            session.close_slow_consumer();
        }
        self.pump(net);
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.session.as_ref()?.poll_timeout()
    }

    pub(crate) fn tick(&mut self, net: &mut Network) {
        let now = self.clock(net);
        if let Some(session) = &mut self.session {
            session.handle_timeout(now);
        }
        self.pump(net);
    }

    /// All that the session wants, and all frames that may leave.
    pub(crate) fn pump(&mut self, net: &mut Network) {
        while let Some(output) = self.session.as_mut().and_then(Session::poll_output) {
            self.obey(output, net);
        }
        self.flush(net);
        if let Some(session) = &mut self.session
            && self.outbox.is_empty()
        {
            session.handle_drained();
        }
        while let Some(output) = self.session.as_mut().and_then(Session::poll_output) {
            self.obey(output, net);
        }
    }

    fn obey(&mut self, output: Output, net: &mut Network) {
        assert_eq!(self.end, None, "{output:?} after the end");
        match output {
            Output::Ping => self.outbox.push_front(Frame::ping()),
            Output::Pong => panic!("a server of revision 4 answers no heartbeat"),
            Output::ProbePong => {
                let probe = self.probe.expect("a probe is open");
                net.write(probe, Side::Client, Wire::Text("3probe".to_owned()));
            }
            Output::Upgraded => {
                self.main = self.probe.take();
                self.upgraded = true;
            }
            Output::CloseProbe => {
                let probe = self.probe.take().expect("a probe is open");
                net.close_socket(probe, Side::Server);
                self.probe_failed = true;
            }
            Output::AnswerPoll(answer) => {
                let poll = self.poll.take().expect("a poll is held");
                net.answer(poll, 200, Dialect::V4.answer(answer).as_bytes().to_vec());
            }
            Output::Closed { reason, .. } => {
                self.end = Some((net.now, reason));
                self.outbox.clear();
                if let Some(main) = self.main.take() {
                    net.close_socket(main, Side::Server);
                }
                if let Some(post) = self.post.take() {
                    net.answer(post, 400, Vec::new());
                }
            }
        }
    }

    fn flush(&mut self, net: &mut Network) {
        let Some(session) = &mut self.session else { return };
        if !session.can_send() || self.outbox.is_empty() {
            return;
        }
        if session.transport() == Transport::Polling {
            let poll = self.poll.take().expect("a poll is held");
            let mut body = Vec::new();
            self.outbox.drain(..).for_each(|frame| frame.write_payload(&mut body));
            self.robbed |= net.requests[poll].stray;
            net.answer(poll, 200, body);
            session.handle_poll_answered();
            return;
        }
        let main = self.main.expect("a socket is there");
        while net.now >= self.busy_until
            && let Some(frame) = self.outbox.pop_front()
        {
            self.log.packets_of(&frame).into_iter().for_each(|wire| net.write(main, Side::Client, wire));
            self.busy_until = net.now + self.scenario.busy;
            if self.scenario.busy > 0 {
                net.schedule(self.busy_until, super::network::Event::Writable { side: Side::Server });
            }
        }
    }
}
