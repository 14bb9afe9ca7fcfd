//! The network between the two ends: requests, sockets, and all that can happen to them.
//!
//! In: what the ends send. Out: [`Event`]s in the order of their time. A request travels on a connection of its own; a
//! socket keeps the order of what it carries. What is odd: whether something arrives is decided when it would arrive,
//! so that a cut takes with it what was still on its way.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::random::Random;
use super::scenario::{Fault, Ms, Scenario};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Client,
    Server,
}

pub(crate) type RequestId = usize;
pub(crate) type SocketId = usize;

/// What a socket carries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wire {
    Text(String),
    Binary(Vec<u8>),
    /// The socket was closed in good order.
    Close,
    /// The socket broke.
    Broken,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// A poll arrives. Without an id it is a handshake.
    Get { request: RequestId, with_sid: bool },
    /// The head of a `POST` arrives.
    PostBegins { request: RequestId },
    /// Its body is complete.
    PostEnds { request: RequestId, body: Vec<u8> },
    /// The client gave up the request, or its connection broke.
    Aborted { request: RequestId },
    /// An answer arrives at the client; status 0: there is none, the connection broke.
    Answer { request: RequestId, status: u16, body: Vec<u8> },
    /// A WebSocket handshake arrives at the server.
    SocketArrives { socket: SocketId, with_sid: bool },
    /// The handshake is complete for the client.
    SocketOpens { socket: SocketId },
    /// A socket brings something.
    Data { socket: SocketId, to: Side, wire: Wire },
    /// A socket takes the next frame.
    Writable { side: Side },
    /// An application sends.
    Send { side: Side },
    /// Somebody closes.
    Close,
    /// Something breaks.
    Fault,
}

#[derive(Debug, Default)]
pub(crate) struct Request {
    /// Whether it is none of the client under test.
    pub(crate) stray: bool,
    pub(crate) at_server: bool,
    pub(crate) answered: bool,
    /// The server was told that the client is gone.
    pub(crate) aborted: bool,
    given_up: bool,
    cut: bool,
    last: Ms,
}

#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) client_open: bool,
    pub(crate) server_open: bool,
    pub(crate) stray: bool,
    cut: bool,
    last: BTreeMap<Side, Ms>,
}

#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) now: Ms,
    pub(crate) random: Random,
    pub(crate) requests: Vec<Request>,
    pub(crate) sockets: Vec<Socket>,
    latency: std::ops::Range<Ms>,
    queue: BinaryHeap<Reverse<(Ms, usize, Event)>>,
    scheduled: usize,
    deaf: Option<Option<Side>>,
}

impl Network {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            now: 0,
            random: Random::new(scenario.seed ^ 0xABCD),
            requests: Vec::new(),
            sockets: Vec::new(),
            latency: scenario.latency.clone(),
            queue: BinaryHeap::new(),
            scheduled: 0,
            deaf: None,
        }
    }

    pub(crate) fn schedule(&mut self, at: Ms, event: Event) {
        self.scheduled += 1;
        self.queue.push(Reverse((at, self.scheduled, event)));
    }

    pub(crate) fn next_at(&self) -> Option<Ms> {
        self.queue.peek().map(|Reverse((at, _, _))| *at)
    }

    /// The next event of this moment, if it really arrives.
    pub(crate) fn next(&mut self) -> Option<Event> {
        while self.next_at().is_some_and(|at| at <= self.now) {
            let Reverse((_, _, event)) = self.queue.pop()?;
            if self.arrives(&event) {
                return Some(event);
            }
        }
        None
    }

    fn arrives(&mut self, event: &Event) -> bool {
        let to = match event {
            Event::Writable { .. } | Event::Send { .. } | Event::Close | Event::Fault => return true,
            Event::Answer { request, status: 0, .. } => return !self.requests[*request].given_up,
            Event::Answer { request, .. } => {
                let Request { given_up, cut, .. } = self.requests[*request];
                return !given_up && !cut && !self.is_deaf(Side::Client);
            }
            Event::Get { request, .. } | Event::PostBegins { request } | Event::PostEnds { request, .. } => {
                let deaf = self.is_deaf(Side::Server);
                let request = &mut self.requests[*request];
                let arrives = !request.given_up && !request.cut && !request.answered && !deaf;
                request.at_server |= arrives;
                return arrives;
            }
            Event::Aborted { request } => {
                let deaf = self.is_deaf(Side::Server);
                let request = &mut self.requests[*request];
                request.aborted = request.at_server && !request.answered && !deaf;
                return request.aborted;
            }
            Event::SocketArrives { .. } => Side::Server,
            Event::SocketOpens { .. } => Side::Client,
            Event::Data { to, wire: Wire::Broken, .. } => return self.is_open(event, *to),
            Event::Data { to, .. } => *to,
        };
        let whole = match event {
            Event::Data { socket, .. } => !self.sockets[*socket].cut && self.is_open(event, to),
            Event::SocketArrives { socket, .. } => !self.sockets[*socket].cut,
            Event::SocketOpens { socket } => !self.sockets[*socket].cut && self.sockets[*socket].client_open,
            _ => true,
        };
        whole && !self.is_deaf(to)
    }

    fn is_open(&self, event: &Event, side: Side) -> bool {
        let Event::Data { socket, .. } = event else { return true };
        match side {
            Side::Client => self.sockets[*socket].client_open,
            Side::Server => self.sockets[*socket].server_open,
        }
    }

    fn is_deaf(&self, side: Side) -> bool {
        self.deaf.is_some_and(|deaf| deaf.is_none_or(|deaf| deaf == side))
    }

    fn hop(&mut self) -> Ms {
        let latency = self.latency.clone();
        self.now + self.random.within(latency)
    }

    // Requests.

    pub(crate) fn get(&mut self, with_sid: bool, stray: bool) -> RequestId {
        let request = self.requests.len();
        let last = self.hop();
        self.requests.push(Request { stray, last, ..Request::default() });
        self.schedule(last, Event::Get { request, with_sid });
        request
    }

    pub(crate) fn post(&mut self, body: Vec<u8>, stray: bool) -> RequestId {
        let request = self.requests.len();
        let head = self.hop();
        let last = self.hop().max(head);
        self.requests.push(Request { stray, last, ..Request::default() });
        self.schedule(head, Event::PostBegins { request });
        self.schedule(last, Event::PostEnds { request, body });
        request
    }

    pub(crate) fn answer(&mut self, request: RequestId, status: u16, body: Vec<u8>) {
        assert!(self.requests[request].at_server, "an answer to a request that never came");
        assert!(!self.requests[request].answered, "a second answer to request {request}");
        assert!(!self.requests[request].aborted, "an answer to a request that is gone");
        self.requests[request].answered = true;
        let at = self.hop();
        self.schedule(at, Event::Answer { request, status, body });
    }

    /// The client gives up a request. The server learns of it, if the request came so far.
    pub(crate) fn abort(&mut self, request: RequestId) {
        if !std::mem::replace(&mut self.requests[request].given_up, true) {
            let at = self.hop().max(self.requests[request].last);
            self.schedule(at, Event::Aborted { request });
        }
    }

    // Sockets.

    pub(crate) fn open_socket(&mut self, with_sid: bool, stray: bool) -> SocketId {
        let socket = self.sockets.len();
        let at = self.hop();
        self.sockets.push(Socket {
            client_open: true,
            server_open: false,
            stray,
            cut: false,
            last: BTreeMap::from([(Side::Server, at)]),
        });
        self.schedule(at, Event::SocketArrives { socket, with_sid });
        socket
    }

    /// The server completes the WebSocket handshake.
    pub(crate) fn accept(&mut self, socket: SocketId) {
        self.sockets[socket].server_open = true;
        let at = self.hop();
        self.sockets[socket].last.insert(Side::Client, at);
        self.schedule(at, Event::SocketOpens { socket });
    }

    pub(crate) fn write(&mut self, socket: SocketId, to: Side, wire: Wire) {
        let hop = self.hop();
        let last = self.sockets[socket].last.entry(to).or_default();
        let at = hop.max(*last);
        *last = at;
        self.schedule(at, Event::Data { socket, to, wire });
    }

    /// One side closes; it hears nothing more from it.
    pub(crate) fn close_socket(&mut self, socket: SocketId, by: Side) {
        let (open, to) = match by {
            Side::Client => (&mut self.sockets[socket].client_open, Side::Server),
            Side::Server => (&mut self.sockets[socket].server_open, Side::Client),
        };
        if std::mem::replace(open, false) {
            self.write(socket, to, Wire::Close);
        }
    }

    // What breaks.

    pub(crate) fn apply(&mut self, fault: Fault) {
        match fault {
            Fault::Cut => {
                self.cut_sockets(true);
                self.cut_requests(true);
            }
            Fault::HalfOpen => {
                self.cut_sockets(false);
                self.cut_requests(false);
            }
            Fault::Silence => self.deaf = Some(None),
            Fault::SilenceUp => self.deaf = Some(Some(Side::Server)),
            Fault::SilenceDown => self.deaf = Some(Some(Side::Client)),
            Fault::CutSockets => self.cut_sockets(true),
            Fault::CutRequests => self.cut_requests(true),
            Fault::StrayPoll => _ = self.get(true, true),
            Fault::StrayPost => _ = self.post(b"6".to_vec(), true),
            Fault::StrayProbe | Fault::StrayHalfUpgrade | Fault::StrayGarbage => {
                let socket = self.open_socket(true, true);
                let text = match fault {
                    Fault::StrayHalfUpgrade => "2probe",
                    Fault::StrayGarbage => "4stray",
                    _ => return,
                };
                self.write(socket, Side::Server, Wire::Text(text.to_owned()));
            }
        }
    }

    fn cut_sockets(&mut self, told: bool) {
        for socket in 0..self.sockets.len() {
            self.sockets[socket].cut = true;
            for to in [Side::Client, Side::Server] {
                if told {
                    let at = self.hop();
                    self.schedule(at, Event::Data { socket, to, wire: Wire::Broken });
                }
            }
        }
    }

    /// What is on its way is lost. Each end learns of it on its own, or never.
    fn cut_requests(&mut self, told: bool) {
        for request in 0..self.requests.len() {
            if !std::mem::replace(&mut self.requests[request].cut, true) && told {
                let at = self.hop();
                self.schedule(at, Event::Aborted { request });
                let at = self.hop();
                self.schedule(at, Event::Answer { request, status: 0, body: Vec::new() });
            }
        }
    }
}
