//! The times that rule a session.

use std::time::Duration;

/// How often a session is checked, and how long it waits for its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From the handshake, or the last pong, to the next ping. Default 25 s. JS: `pingInterval`.
    pub ping_interval: Duration,
    /// From a ping to its pong, before the session ends with `ping timeout`. Default 20 s. JS: `pingTimeout`.
    pub ping_timeout: Duration,
    /// From the opening of a probing transport to its `5` packet. Default 10 s. JS: `upgradeTimeout`.
    pub upgrade_timeout: Duration,
}

impl Timing {
    /// How often a pending poll is answered with a noop while a transport is probing, so that the client can stop
    /// polling. JS: engine.io/lib/socket.ts `maybeUpgrade`.
    pub(crate) const NOOP_INTERVAL: Duration = Duration::from_millis(100);
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_millis(25_000),
            ping_timeout: Duration::from_millis(20_000),
            upgrade_timeout: Duration::from_millis(10_000),
        }
    }
}
