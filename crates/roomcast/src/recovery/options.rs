//! What can be set, and what it costs.

use std::time::Duration;

use roomcast_adapter::recovery::{LogBounds, SessionBounds};

/// The options of connection state recovery. JS: `connectionStateRecovery`.
///
/// ```
/// use std::time::Duration;
/// use roomcast::{ConnectionStateRecovery, Io, Socket};
///
/// let recovery = ConnectionStateRecovery::default().max_disconnection_duration(Duration::from_secs(60));
/// let io = Io::builder().connection_state_recovery(recovery).build();
/// io.on_connect(async |socket: Socket| {
///     if socket.recovered() {
///         // Its id, its rooms and its data are the old ones, and the client has what it missed.
///     }
/// });
/// ```
///
/// # Memory
/// At worst `max_bytes` for each namespace that has, or has lately lost, a client, and `max_session_bytes` for the server;
/// by default 8 MiB and 64 MiB. What the application keeps for its sockets ([`Socket::insert`](crate::Socket::insert)) comes
/// on top of it, for `max_sessions` sockets at worst. A message is kept as the frame that everybody got, not copied.
///
/// What a client has missed goes into its outbox at once, so it may be half of what may wait there at most: see
/// [`OutboxLimits`](crate::OutboxLimits), by default 8 MiB and 50,000 packets.
///
/// Whatever does not fit any more goes, the oldest first. A client that would have needed it begins anew, with
/// [`Socket::recovered`](crate::Socket::recovered) `false`, as one that stays away for too long does.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct ConnectionStateRecovery {
    duration: Duration,
    pub(super) skip_middlewares: bool,
    max_packets: usize,
    max_bytes: usize,
    max_sessions: usize,
    max_session_bytes: usize,
}

/// Two minutes; middlewares are skipped; 10,000 packets and 8 MiB for each namespace; 100,000 sessions and 64 MiB.
impl Default for ConnectionStateRecovery {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(120),
            skip_middlewares: true,
            max_packets: 10_000,
            max_bytes: 8 << 20,
            max_sessions: 100_000,
            max_session_bytes: 64 << 20,
        }
    }
}

impl ConnectionStateRecovery {
    /// For how long a client may be away, default two minutes. JS: `maxDisconnectionDuration`.
    pub fn max_disconnection_duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// Whether the namespace's middlewares are skipped for a client that is recovered, default `true`. They always run for one
    /// that begins anew. JS: `skipMiddlewares`.
    pub fn skip_middlewares(mut self, skip: bool) -> Self {
        self.skip_middlewares = skip;
        self
    }

    /// The most packets that are kept for each namespace, default 10,000. Roomcast's own.
    pub fn max_packets(mut self, packets: usize) -> Self {
        self.max_packets = packets;
        self
    }

    /// The most bytes that these take, default 8 MiB. A packet counts with its bytes on a WebSocket, the names of the rooms
    /// that it was for, and about 200 bytes. One that alone is larger is not kept. Roomcast's own.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The most clients that may be away, over all namespaces, default 100,000. Roomcast's own.
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.max_sessions = sessions;
        self
    }

    /// The most bytes that these take, default 64 MiB. Each counts with about 400 bytes and the names of its rooms.
    /// Roomcast's own.
    pub fn max_session_bytes(mut self, bytes: usize) -> Self {
        self.max_session_bytes = bytes;
        self
    }

    pub(super) fn duration(&self) -> Duration {
        self.duration
    }

    /// `unnoticed`: how long the loss of a connection may go unnoticed. What was sent meanwhile is missed as well.
    pub(super) fn log_bounds(&self, unnoticed: Duration) -> LogBounds {
        let age = self.duration.saturating_add(unnoticed);
        LogBounds { packets: self.max_packets, bytes: self.max_bytes, age }
    }

    pub(super) fn session_bounds(&self) -> SessionBounds {
        SessionBounds { sessions: self.max_sessions, bytes: self.max_session_bytes, age: self.duration }
    }
}
