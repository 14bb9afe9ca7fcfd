//! How much may wait for one client, and what happens when more would.
//!
//! In: what the program asks for, per server or per socket. Out: the numbers that an outbox decides by. What is odd: the
//! bounds are on what waits, not on one message: a single packet larger than all of them passes an empty outbox.

/// What happens when more would wait for a client than its [`OutboxLimits`] allow.
///
/// Whatever the policy, these are never dropped: heartbeats, the answers to connects, acknowledgements, disconnects, and
/// events that ask for an acknowledgement. If one of them finds no room, the client is closed with the reason
/// `slow consumer`. Packets that are being written are not dropped either, and the attachments of a binary packet
/// always share its fate.
///
/// JS: none; the reference buffers without bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// The client is closed with the reason `slow consumer`. Costs nothing per message.
    #[default]
    Close,
    /// Volatile events make room, the oldest first; if that is not enough, the client is closed. With this policy a
    /// volatile event may wait while there is room, instead of being dropped whenever the client is busy.
    DropVolatile,
    /// Events with a key make room, the oldest first; if that is not enough, the client is closed. See
    /// [`Modified::latest`](crate::Modified::latest): with every policy, a newer event takes the place of a waiting one
    /// of the same key.
    KeepLatest,
    /// Events make room, the oldest first. An event that finds no room even so is dropped itself.
    DropOldest,
}

/// How much may wait for one client, over all its namespaces, and what happens when more would.
///
/// ```
/// use roomcast::{Io, OutboxLimits, Overflow, Socket};
///
/// // For every client ...
/// let io = Io::builder().max_outbox(1 << 20).max_outbox_packets(10_000).overflow(Overflow::DropOldest).build();
/// // ... and for one.
/// io.on("watch", async |socket: Socket| {
///     socket.set_outbox_limits(OutboxLimits::default().bytes(64 << 10).overflow(Overflow::DropVolatile));
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxLimits {
    pub(super) bytes: usize,
    pub(super) packets: u32,
    pub(super) overflow: Overflow,
}

/// 16 MiB, 100,000 packets, [`Overflow::Close`].
impl Default for OutboxLimits {
    fn default() -> Self {
        Self { bytes: 16 * 1024 * 1024, packets: 100_000, overflow: Overflow::Close }
    }
}

impl OutboxLimits {
    /// The most bytes that may wait, default 16 MiB. Every packet counts with its bytes on a WebSocket and 64 more. Less
    /// is memory saved for clients that read slowly, more is patience with them.
    #[must_use]
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// The most packets that may wait, default 100,000; at least one may. The attachments of a packet belong to it.
    #[must_use]
    pub fn packets(mut self, packets: u32) -> Self {
        self.packets = packets;
        self
    }

    /// Whether so much is at most half of what may wait.
    pub(crate) fn half_hold(&self, bytes: usize, packets: usize) -> bool {
        bytes <= self.bytes / 2 && packets <= self.packets as usize / 2
    }

    /// What happens when more would wait, default [`Overflow::Close`].
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }
}

/// What waits for one client. See [`Socket::buffered`](crate::Socket::buffered).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Buffered {
    /// Bytes on a WebSocket, and 64 more for each packet.
    pub bytes: usize,
    /// Packets; one with attachments is one.
    pub packets: usize,
}
