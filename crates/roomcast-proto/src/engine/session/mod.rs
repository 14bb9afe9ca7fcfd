//! What every packet, request and deadline means for one session, on the server's side.
//!
//! In: packets (with the lane they came on), the coming and going of polls and sockets, the time, and the wish to
//! close. Out: [`Output`]s for the driver. It holds no message and no byte: frames wait in the driver's outbox, and
//! the session says when they may leave. What is odd: a polling session that is to be closed waits for the next poll,
//! because there is no other way to tell the client.
//!
//! JS: engine.io/lib/socket.ts.

mod closing;
mod heartbeat;
mod polling;
mod receive;
mod upgrade;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use smallvec::SmallVec;

use self::heartbeat::Heartbeat;
use self::upgrade::Probe;
use super::{CloseReason, Revision, Timing, Transport};

pub(in crate::engine) use self::heartbeat::later;
pub use self::polling::{Overlap, PollAnswer};
pub use self::receive::Received;

/// The socket a packet came on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// The transport of the session.
    Main,
    /// A WebSocket, or WebTransport, that wants to take over from polling.
    Probe,
}

/// Whether frames wait in the outbox when the session is told to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// Nothing waits.
    Empty,
    /// Frames wait and shall be delivered first.
    Waiting,
    /// Whatever waits is dropped.
    Discard,
}

/// What the driver has to do, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send the heartbeat on the main transport, ahead of what waits.
    Ping,
    /// Answer the client's heartbeat on the main transport, ahead of what waits. One answer is enough for all that were
    /// not answered yet.
    Pong,
    /// Answer the probe on the probing socket.
    ProbePong,
    /// The probing socket is the main transport now. What waits in the outbox leaves on it; if nothing waits, call
    /// [`Session::handle_drained`], for the session may be waiting for that.
    Upgraded,
    /// Close the probing socket, if it is not gone yet; the session goes on without it.
    CloseProbe,
    /// Answer the pending poll.
    AnswerPoll(PollAnswer),
    /// The session has ended: close its transport, tell the application. Nothing follows.
    Closed {
        /// Why.
        reason: CloseReason,
        /// More about it, for logs and the `description` of the disconnect event.
        detail: &'static str,
    },
}

/// One Engine.IO session, server side.
#[derive(Debug)]
pub struct Session {
    timing: Arc<Timing>,
    revision: Revision,
    state: State,
    transport: Transport,
    /// A poll waits for packets.
    poll_pending: bool,
    heartbeat: Heartbeat,
    probe: Option<Box<Probe>>,
    /// Mostly one.
    outputs: SmallVec<[Output; 1]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// To be closed as soon as the outbox is empty (and, on polling, a poll is there to say so).
    Closing,
    Closed,
}

impl Session {
    /// A session of revision 4 that a handshake on `transport` has just opened. All sessions of a server may share one
    /// timing.
    #[must_use]
    pub fn new(timing: impl Into<Arc<Timing>>, transport: Transport, now: Instant) -> Self {
        Self::with_revision(timing, Revision::V4, transport, now)
    }

    /// A session of any revision. It decides which side pings, and nothing else here.
    #[must_use]
    pub fn with_revision(
        timing: impl Into<Arc<Timing>>,
        revision: Revision,
        transport: Transport,
        now: Instant,
    ) -> Self {
        let timing = timing.into();
        Self {
            revision,
            state: State::Open,
            transport,
            poll_pending: false,
            heartbeat: Heartbeat::new(revision, &timing, now),
            probe: None,
            outputs: SmallVec::new(),
            timing,
        }
    }

    /// The revision that its client speaks.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The transport that packets travel on.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Whether messages still go through: no end is decided.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether the end has come.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether frames may leave the outbox now: on polling, whether a poll waits for them.
    #[must_use]
    pub fn can_send(&self) -> bool {
        match (self.state, self.transport) {
            (State::Closed, _) => false,
            (_, Transport::Polling) => self.poll_pending,
            (_, Transport::WebSocket | Transport::WebTransport) => true,
        }
    }

    /// What to do next; call until `None` after every input.
    pub fn poll_output(&mut self) -> Option<Output> {
        if self.outputs.is_empty() {
            // An idle session keeps no queue.
            self.outputs = SmallVec::new();
            return None;
        }
        Some(self.outputs.remove(0))
    }

    /// An answer that serves for all that came before it: who asks without end fills no queue.
    fn push_once(&mut self, output: Output) {
        if self.outputs.last() != Some(&output) {
            self.outputs.push(output);
        }
    }

    /// When [`Session::handle_timeout`] has to be called next, `None` after the end.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.is_closed() {
            return None;
        }
        let probe = self.probe.as_ref().map(|probe| probe.deadline());
        Some(probe.map_or(self.heartbeat.deadline(), |probe| probe.min(self.heartbeat.deadline())))
    }

    /// The time has come that [`Session::poll_timeout`] named. Calling it early does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !self.is_closed() {
            self.check_probe(now);
            self.check_heartbeat(now);
        }
    }
}
