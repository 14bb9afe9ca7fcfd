//! Pings and the wait for their pongs; in revision 3 the wait for the client's pings.
//!
//! What is odd: in revision 4 the first packet after a ping that is not its pong gives the peer the whole wait once more, so that a
//! long upload in front of the pong is no timeout. JS: engine.io/lib/socket.ts `resetPingTimeout`, since 6.6.10.

use std::time::{Duration, Instant};

use super::{Output, Received, Session};
use crate::engine::{CloseReason, Packet, Revision, Timing};

/// The part of the wait for a pong that a late ping may take away from it: one of so many.
const FORGIVEN: u32 = 8;

/// The time `wait` after `now`. A wait beyond thirty years is as good as none and must not overflow the clock.
pub(in crate::engine) fn later(now: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_hours(30 * 365 * 24);
    now + wait.min(FAR)
}

/// The one deadline of a session that is left alone.
#[derive(Clone, Copy, Debug)]
pub(super) enum Heartbeat {
    /// The next ping is due at that time.
    Resting(Instant),
    /// A ping is out.
    Waiting {
        /// The pong is too late after that time.
        deadline: Instant,
        /// Another packet has prolonged the wait already.
        prolonged: bool,
    },
    /// Revision 3: the client's next ping is too late after that time. No other packet stands for it.
    Listening(Instant),
}

impl Heartbeat {
    pub(super) fn new(revision: Revision, timing: &Timing, now: Instant) -> Self {
        match revision {
            Revision::V3 => Self::listening(timing, now),
            Revision::V4 => Self::Resting(later(now, timing.ping_interval)),
        }
    }

    fn listening(timing: &Timing, now: Instant) -> Self {
        Self::Listening(later(now, timing.ping_interval.saturating_add(timing.ping_timeout)))
    }

    pub(super) fn deadline(self) -> Instant {
        match self {
            Self::Resting(at) => at,
            Self::Waiting { deadline, .. } | Self::Listening(deadline) => deadline,
        }
    }
}

impl Session {
    /// A ping or a pong. Each revision has one that a client may send; the other is an error.
    pub(super) fn receive_heartbeat<'a>(&mut self, packet: &Packet<'_>, now: Instant) -> Received<'a> {
        match (self.revision, packet) {
            // A pong, asked for or not, starts the interval anew.
            (Revision::V4, Packet::Pong(_)) => {
                self.heartbeat = Heartbeat::Resting(later(now, self.timing.ping_interval));
            }
            (Revision::V3, Packet::Ping(_)) => {
                self.heartbeat = Heartbeat::listening(&self.timing, now);
                self.push_once(Output::Pong);
            }
            _ => {
                self.end(CloseReason::TransportError, "invalid heartbeat direction");
                return Received::End;
            }
        }
        Received::Nothing
    }

    /// Any other packet is a sign of life too.
    pub(super) fn prolong_heartbeat(&mut self, now: Instant) {
        if let Heartbeat::Waiting { deadline, prolonged } = &mut self.heartbeat
            && !*prolonged
        {
            *deadline = later(now, self.timing.ping_timeout);
            *prolonged = true;
        }
    }

    /// This side is too busy to read, so that a pong, or a ping of revision 3, would wait unread: the wait begins anew.
    pub fn extend_heartbeat(&mut self, now: Instant) {
        match &mut self.heartbeat {
            Heartbeat::Resting(_) => {}
            Heartbeat::Waiting { deadline, .. } => *deadline = later(now, self.timing.ping_timeout),
            Heartbeat::Listening(_) => self.heartbeat = Heartbeat::listening(&self.timing, now),
        }
    }

    /// The wait counts from when the ping was due: a little lateness of this side does not add up. Much of it does, or the
    /// peer would pay for it.
    fn pong_deadline(&self, due: Instant, now: Instant) -> Instant {
        let wait = self.timing.ping_timeout;
        later(due, wait).max(later(now, wait - wait / FORGIVEN))
    }

    pub(super) fn check_heartbeat(&mut self, now: Instant) {
        if now < self.heartbeat.deadline() {
            return;
        }
        match self.heartbeat {
            Heartbeat::Resting(due) => {
                // A session that is to be closed pings no more, and its end is near. JS: `sendPacket` when closing.
                if self.is_open() {
                    self.outputs.push(Output::Ping);
                }
                let deadline = self.pong_deadline(due, now);
                self.heartbeat = Heartbeat::Waiting { deadline, prolonged: false };
            }
            Heartbeat::Waiting { .. } => self.end(CloseReason::PingTimeout, "no pong in time"),
            Heartbeat::Listening(_) => self.end(CloseReason::PingTimeout, "no ping in time"),
        }
    }
}
