//! The client's end: one session with its outbox, driven as a front would drive it.
//!
//! In: events of the network and the clock. Out: requests and socket frames. What is odd: a frame may be half posted
//! when the WebSocket takes over; the rest of its packets leave there.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use roomcast_proto::engine::client::{Config, Output, PostBody, Session, Taken};
use roomcast_proto::engine::{
    CloseReason, Flush, Frame, InvalidPacket, Lane, Message, Packet, Received, Transport, decode_payload,
};

use super::check::Log;
use super::network::{Event, Network, RequestId, Side, SocketId, Wire};
use super::scenario::{Ms, Scenario};

/// How long a client waits for its handshake.
pub(crate) const CONNECT_TIMEOUT: Ms = 5000;

pub(crate) struct Client {
    pub(crate) session: Session,
    busy: Ms,
    outbox: VecDeque<Frame>,
    /// How many packets of the first frame are posted already.
    posted: usize,
    pong: bool,
    pub(crate) poll: Option<RequestId>,
    pub(crate) post: Option<RequestId>,
    farewell: Option<RequestId>,
    pub(crate) main: Option<SocketId>,
    pub(crate) probe: Option<SocketId>,
    busy_until: Ms,
    pub(crate) opened: bool,
    probe_began: Ms,
    /// How long the upgrade took, once it is done.
    pub(crate) upgrade_took: Option<Ms>,
    pub(crate) log: Log,
    pub(crate) end: Option<(Ms, CloseReason)>,
    start: Instant,
}

impl Client {
    pub(crate) fn new(scenario: &Scenario, start: Instant) -> Self {
        let mut config = Config::default();
        config.transport = scenario.transport;
        config.upgrade = scenario.upgrade;
        config.upgrade_timeout = Duration::from_millis(scenario.client_upgrade_timeout);
        Self {
            session: Session::new(config),
            busy: scenario.busy,
            outbox: VecDeque::new(),
            posted: 0,
            pong: false,
            poll: None,
            post: None,
            farewell: None,
            main: None,
            probe: None,
            busy_until: 0,
            opened: false,
            probe_began: 0,
            upgrade_took: None,
            log: Log::default(),
            end: None,
            start,
        }
    }

    fn clock(&self, net: &Network) -> Instant {
        self.start + Duration::from_millis(net.now)
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        let connect = self.start + Duration::from_millis(CONNECT_TIMEOUT);
        let opening = (!self.opened && self.end.is_none()).then_some(connect);
        self.session.poll_timeout().into_iter().chain(opening).min()
    }

    pub(crate) fn tick(&mut self, net: &mut Network) {
        let now = self.clock(net);
        self.session.handle_timeout(now);
        if !self.opened && net.now >= CONNECT_TIMEOUT {
            self.session.close(Flush::Discard);
        }
        self.pump(net);
    }

    // Requests.

    pub(crate) fn answer(&mut self, request: RequestId, status: u16, body: &[u8], net: &mut Network) {
        if self.farewell == Some(request) {
            self.farewell = None;
            self.give_up_poll(net);
        } else if self.poll == Some(request) {
            self.poll = None;
            match status {
                200 => self.polled(std::str::from_utf8(body).expect("the server answers text"), net),
                _ => self.session.handle_poll_failed(),
            }
        } else if self.post == Some(request) {
            self.post = None;
            match status {
                200 => self.session.handle_post_answered(),
                _ => self.session.handle_post_failed(),
            }
        }
        self.pump(net);
    }

    fn polled(&mut self, body: &str, net: &mut Network) {
        for packet in decode_payload(body) {
            if self.receive(Lane::Main, packet, net) == Received::End {
                break;
            }
        }
        self.session.handle_poll_answered();
    }

    fn give_up_poll(&mut self, net: &mut Network) {
        if let Some(poll) = self.poll.take() {
            net.abort(poll);
        }
    }

    // Sockets.

    pub(crate) fn socket_opens(&mut self, socket: SocketId, net: &mut Network) {
        if self.probe == Some(socket) {
            self.session.handle_probe_opened();
            self.pump(net);
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
            Wire::Close => {
                self.session.handle_transport_closed(
                    lane,
                    CloseReason::TransportClose,
                    "the socket was closed",
                );
            }
            Wire::Broken => {
                self.session.handle_transport_closed(lane, CloseReason::TransportError, "the socket broke");
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
        let received = self.session.handle_packet(lane, packet, now);
        if let Received::Message(message) = &received {
            assert!(self.session.is_open(), "a message after the end");
            self.log.receive(message);
        }
        received
    }

    // The application.

    pub(crate) fn send(&mut self, frame: Frame, net: &mut Network) {
        if self.session.is_open() {
            self.log.send(&frame);
            self.outbox.push_back(frame);
            self.pump(net);
        }
    }

    pub(crate) fn close(&mut self, orderly: bool, net: &mut Network) {
        let flush = match (orderly, self.is_drained()) {
            (false, _) => Flush::Discard,
            (true, true) => Flush::Empty,
            (true, false) => Flush::Waiting,
        };
        self.session.close(flush);
        self.pump(net);
    }

    fn is_drained(&self) -> bool {
        self.outbox.is_empty() && !self.pong
    }

    /// All that the session wants, and all frames that may leave.
    pub(crate) fn pump(&mut self, net: &mut Network) {
        self.obey_all(net);
        self.flush(net);
        if self.is_drained() {
            self.session.handle_drained();
        }
        self.obey_all(net);
    }

    fn obey_all(&mut self, net: &mut Network) {
        while let Some(output) = self.session.poll_output() {
            assert_eq!(self.end, None, "{output:?} after the end");
            self.obey(output, net);
        }
    }

    fn obey(&mut self, output: Output, net: &mut Network) {
        match output {
            Output::Poll => {
                assert_eq!(self.poll, None, "one poll at a time");
                self.poll = Some(net.get(self.opened, false));
            }
            Output::Connect => self.main = Some(net.open_socket(false, false)),
            Output::Opened(_) => self.opened = true,
            Output::OpenProbe => {
                self.probe = Some(net.open_socket(true, false));
                self.probe_began = net.now;
            }
            Output::Probe => {
                net.write(
                    self.probe.expect("a probe is open"),
                    Side::Server,
                    Wire::Text("2probe".to_owned()),
                );
            }
            Output::Upgraded => {
                assert_eq!((self.poll, self.post), (None, None), "requests are under way");
                self.main = self.probe.take();
                self.upgrade_took = Some(net.now - self.probe_began);
                net.write(self.main.expect("a probe was open"), Side::Server, Wire::Text("5".to_owned()));
            }
            Output::CloseProbe => {
                net.close_socket(self.probe.take().expect("a probe is open"), Side::Client);
            }
            Output::Pong => self.pong = true,
            Output::PostClose => {
                assert_eq!(self.post, None, "one POST at a time");
                self.farewell = Some(net.post(b"1".to_vec(), false));
            }
            Output::Closed { reason, .. } => {
                self.end = Some((net.now, reason));
                self.outbox.clear();
                self.pong = false;
                if let Some(main) = self.main.take() {
                    net.close_socket(main, Side::Client);
                }
                if let Some(post) = self.post.take() {
                    net.abort(post);
                }
                match self.farewell {
                    // A front waits for the farewell only so long.
                    Some(request) => net.schedule(
                        net.now + CONNECT_TIMEOUT,
                        Event::Answer { request, status: 0, body: Vec::new() },
                    ),
                    None => self.give_up_poll(net),
                }
            }
            other => panic!("an output that no driver knows: {other:?}"),
        }
    }

    fn flush(&mut self, net: &mut Network) {
        if !self.session.can_send() || self.is_drained() {
            return;
        }
        match self.session.transport() {
            Transport::Polling => {
                assert_eq!(self.post, None, "one POST at a time");
                let body = self.post_body();
                self.post = Some(net.post(body, false));
                self.session.handle_post_sent();
            }
            Transport::WebSocket | Transport::WebTransport => self.write(net),
        }
    }

    fn post_body(&mut self) -> Vec<u8> {
        let mut body = PostBody::new(self.session.max_payload());
        if std::mem::take(&mut self.pong) {
            assert_eq!(body.take(&Frame::packet("3"), 0), Taken::All);
        }
        while let Some(frame) = self.outbox.front() {
            match body.take(frame, self.posted) {
                Taken::All => {
                    self.outbox.pop_front();
                    self.posted = 0;
                }
                Taken::UpTo(packet) => {
                    self.posted = packet;
                    break;
                }
            }
        }
        body.into_bytes()
    }

    fn write(&mut self, net: &mut Network) {
        let main = self.main.expect("a socket is there");
        while net.now >= self.busy_until && !self.is_drained() {
            if std::mem::take(&mut self.pong) {
                net.write(main, Side::Server, Wire::Text("3".to_owned()));
            } else if let Some(frame) = self.outbox.pop_front() {
                let rest = self.log.packets_of(&frame).into_iter().skip(std::mem::take(&mut self.posted));
                rest.for_each(|wire| net.write(main, Side::Server, wire));
            }
            self.busy_until = net.now + self.busy;
            if self.busy > 0 {
                net.schedule(self.busy_until, Event::Writable { side: Side::Client });
            }
        }
    }
}
