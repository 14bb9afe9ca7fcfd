//! Pings and the wait for their pongs.
//!
//! What is odd: the first packet after a ping that is not its pong gives the peer the whole wait once more, so that a
//! long upload in front of the pong is no timeout. JS: engine.io/lib/socket.ts `resetPingTimeout`, since 6.6.10.

use std::time::{Duration, Instant};

use super::{Output, Session};
use crate::engine::{CloseReason, Timing};

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
}

impl Heartbeat {
    pub(super) fn new(timing: &Timing, now: Instant) -> Self {
        Self::Resting(later(now, timing.ping_interval))
    }

    pub(super) fn deadline(self) -> Instant {
        match self {
            Self::Resting(at) => at,
            Self::Waiting { deadline, .. } => deadline,
        }
    }
}

impl Session {
    /// A pong, asked for or not, starts the interval anew.
    pub(super) fn handle_pong(&mut self, now: Instant) {
        self.heartbeat = Heartbeat::Resting(later(now, self.timing.ping_interval));
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

    /// This side is too busy to read, so that a pong would wait unread: the wait begins anew.
    pub fn extend_heartbeat(&mut self, now: Instant) {
        if let Heartbeat::Waiting { deadline, .. } = &mut self.heartbeat {
            *deadline = later(now, self.timing.ping_timeout);
        }
    }

    pub(super) fn check_heartbeat(&mut self, now: Instant) {
        if now < self.heartbeat.deadline() {
            return;
        }
        match self.heartbeat {
            Heartbeat::Resting(_) => {
                // A session that is to be closed pings no more, and its end is near. JS: `sendPacket` when closing.
                if self.is_open() {
                    self.outputs.push(Output::Ping);
                }
                let deadline = later(now, self.timing.ping_timeout);
                self.heartbeat = Heartbeat::Waiting { deadline, prolonged: false };
            }
            Heartbeat::Waiting { .. } => self.end(CloseReason::PingTimeout, "no pong in time"),
        }
    }
}
