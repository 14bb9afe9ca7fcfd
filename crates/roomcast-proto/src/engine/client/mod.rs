//! What every packet, answer and deadline means for one session, on the client's side.
//!
//! In: packets (with the lane they came on), the fate of requests and sockets, the time, and the wish to close. Out:
//! [`Output`]s for the driver. As on the server's side it holds no message: frames wait in the driver's outbox, and
//! the session says when they may leave; [`PostBody`] packs them for polling. What is odd: a running upgrade holds back
//! every write from the answered probe until the WebSocket has taken over, so that no message can overtake another.
//!
//! JS: engine.io-client/lib/socket.ts, transports/polling.ts.

mod closing;
mod handshake;
mod polling;
mod post;
mod receive;
mod upgrade;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use self::upgrade::Upgrade;
use super::{CloseReason, Transport};

pub use self::handshake::Handshake;
pub use self::post::{PostBody, Taken};
pub use super::session::{Flush, Lane, Received};

/// How a client opens its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The transport to begin with. Default polling, which gets through every proxy. JS: the first of `transports`.
    pub transport: Transport,
    /// Whether a polling session goes over to a WebSocket if the server offers it. Default true. JS: `upgrade`.
    pub upgrade: bool,
    /// From the opening of the probing socket until it has taken over; then polling goes on. Default 10 s. JavaScript
    /// waits without end, and its session stands still if the probe dies late.
    pub upgrade_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self { transport: Transport::Polling, upgrade: true, upgrade_timeout: Duration::from_secs(10) }
    }
}

/// What the driver has to do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Send a poll (`GET`), with the id of the session once there is one.
    Poll,
    /// Open the WebSocket that is the transport of the session.
    Connect,
    /// The session is open; tell the application.
    Opened(Handshake),
    /// Open a WebSocket with the id of the session, on [`Lane::Probe`].
    OpenProbe,
    /// Send `2probe` on the probing socket.
    Probe,
    /// The probing socket is the main transport now: send `5` on it, then what waits in the outbox. If nothing waits,
    /// call [`Session::handle_drained`].
    Upgraded,
    /// Close the probing socket, if it is not gone yet; the session goes on without it.
    CloseProbe,
    /// Send the answer to the heartbeat (`3`) on the main transport, ahead of what waits.
    Pong,
    /// Post `1`, the last request; its answer does not matter. A pending poll may be given up after that answer, not
    /// before: the server takes an aborted poll for an error.
    PostClose,
    /// The session has ended: close its transport, tell the application. Nothing follows.
    Closed {
        /// Why.
        reason: CloseReason,
        /// More about it, for logs and the details of the disconnect event.
        detail: &'static str,
    },
}

/// One Engine.IO session, client side.
#[derive(Debug)]
pub struct Session {
    config: Config,
    state: State,
    transport: Transport,
    /// A poll is under way.
    polling: bool,
    /// A `POST` is under way.
    posting: bool,
    /// How long the server may be silent, and when that is over; known from the handshake on.
    silence: Duration,
    deadline: Option<Instant>,
    max_payload: Option<u64>,
    upgrade: Option<Upgrade>,
    outputs: VecDeque<Output>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The open packet has not come yet.
    Opening,
    Open,
    /// To be closed as soon as the outbox is empty and the last `POST` is answered.
    Closing {
        drained: bool,
    },
    Closed,
}

impl Session {
    /// A session that is to be opened: the first [`Output`] says how. The wait for the handshake has no deadline here;
    /// whoever connects bounds it, by [`Session::close`]. JS: the Manager's `timeout`.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let mut session = Self {
            config,
            state: State::Opening,
            transport: config.transport,
            polling: false,
            posting: false,
            silence: Duration::ZERO,
            deadline: None,
            max_payload: None,
            upgrade: None,
            outputs: VecDeque::new(),
        };
        match config.transport {
            Transport::Polling => session.poll(),
            Transport::WebSocket | Transport::WebTransport => session.outputs.push_back(Output::Connect),
        }
        session
    }

    /// The transport that packets travel on.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Whether the handshake is done and no end is decided: messages go through.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether the end has come.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether frames may leave the outbox now: on polling, whether a `POST` may be sent.
    #[must_use]
    pub fn can_send(&self) -> bool {
        match (self.state, self.transport) {
            (State::Opening | State::Closed, _) => false,
            (_, Transport::Polling) => !self.posting && !self.is_pausing(),
            (_, Transport::WebSocket | Transport::WebTransport) => true,
        }
    }

    /// The most bytes that the server takes in one `POST`, for [`PostBody::new`]; `None` if it did not say.
    #[must_use]
    pub fn max_payload(&self) -> Option<u64> {
        self.max_payload
    }

    /// What to do next; call until `None` after every input.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        if output.is_none() && self.outputs.capacity() > 0 {
            // An idle session keeps no queue.
            self.outputs = VecDeque::new();
        }
        output
    }

    /// When [`Session::handle_timeout`] has to be called next; `None` before the handshake and after the end.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.is_closed() {
            return None;
        }
        let upgrade = self.upgrade.as_ref().map(Upgrade::deadline);
        self.deadline.into_iter().chain(upgrade).min()
    }

    /// The time has come that [`Session::poll_timeout`] named. Calling it early does no harm; after a long sleep of
    /// the machine call it before anything is sent. JS: `_hasPingExpired`.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            self.end(CloseReason::PingTimeout, "no ping in time");
        }
        if self.upgrade.as_ref().is_some_and(|upgrade| now >= upgrade.deadline()) {
            self.handle_probe_failed();
        }
    }
}
