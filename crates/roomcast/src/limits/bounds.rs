//! The bounds themselves, apart from the options that only tune.

use std::time::Duration;

use super::Rate;

/// What becomes of an event that comes faster than [`Limits::events`] or [`Limits::bytes`] allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exceeded {
    /// It is not handled; the error hook hears of it with [`Cause::TooFast`](crate::Cause::TooFast), and an acknowledgement
    /// that was asked for becomes `{"error": "too many events"}`. A connect to a namespace is answered by the
    /// `connect_error` `too many events`.
    #[default]
    Reject,
    /// It is not handled, and only counted. A connect is answered all the same: its client would wait for ever.
    Drop,
    /// It is rejected, and the session closed.
    Close,
}

/// What clients may take from a server, in all, by address and by session. Roomcast's own.
///
/// Each bound says its default, what it is in [`Limits::internet`], and what it may cost in memory at worst. Bounds on what
/// one message and one client may hold are options of [`IoBuilder`](crate::IoBuilder) by themselves: `max_payload`,
/// `max_outbox`, `max_attachments`, `max_depth`, `max_namespaces`, `max_rooms`, `max_handlers`. What is refused is counted
/// in [`Refusals`](crate::Refusals).
///
/// By default nothing is limited that a correct client could run into, so that a server behaves as the reference does. A
/// server that strangers reach wants more:
///
/// ```
/// use roomcast::{Io, Limits, Rate};
///
/// let limits = Limits::internet().sessions(5_000).events(Rate::per_second(50).burst(200));
/// let io = Io::builder().limits(limits).max_outbox(1 << 20).build();
/// # assert_eq!(io.refusals().sessions, 0);
/// ```
///
/// An address is the client's, also behind the proxies that were named by
/// [`IoBuilder::trusted_proxies`](crate::IoBuilder::trusted_proxies). Of an IPv6 address its first 64 bits count, because
/// that is what one customer gets. Behind a proxy that was not named all clients have one address: name it before you limit
/// anything by address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(crate) connections: usize,
    pub(crate) connections_per_address: Option<u32>,
    pub(crate) sessions: usize,
    pub(crate) sessions_per_address: Option<u32>,
    pub(crate) handshakes: Option<Rate>,
    pub(crate) handshakes_per_address: Option<Rate>,
    pub(crate) events: Option<Rate>,
    pub(crate) bytes: Option<Rate>,
    pub(crate) exceeded: Exceeded,
    pub(crate) payload_packets: usize,
    pub(crate) attachment_bytes: Option<usize>,
    pub(crate) attachment_timeout: Duration,
    pub(crate) head_bytes: usize,
    pub(crate) head_lines: usize,
    pub(crate) head_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) tls_timeout: Duration,
}

/// A million and a bit: two gigabytes of idle sessions.
const MILLION: usize = 1 << 20;

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: MILLION,
            connections_per_address: None,
            sessions: MILLION,
            sessions_per_address: None,
            handshakes: None,
            handshakes_per_address: None,
            events: None,
            bytes: None,
            exceeded: Exceeded::Reject,
            payload_packets: 65_536,
            attachment_bytes: None,
            attachment_timeout: Duration::from_secs(30),
            head_bytes: 16 * 1024,
            head_lines: 100,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(45),
            tls_timeout: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bounds for a server of ordinary size that strangers reach: 20,000 sessions, 256 of one address, 20 handshakes per
    /// second of one address, 200 events per second of one session, and so on; each bound says its own. Every one can be
    /// changed afterwards. `SECURITY.md` does the sums.
    #[must_use]
    pub fn internet() -> Self {
        Self {
            connections: 40_000,
            connections_per_address: Some(512),
            sessions: 20_000,
            sessions_per_address: Some(256),
            handshakes: Some(Rate::per_second(1_000).burst(5_000)),
            handshakes_per_address: Some(Rate::per_second(20).burst(200)),
            events: Some(Rate::per_second(200).burst(1_000)),
            bytes: Some(Rate::per_second(256 * 1024).burst(4 * 1024 * 1024)),
            payload_packets: 4_096,
            attachment_bytes: Some(2_000_000),
            head_timeout: Duration::from_secs(15),
            ..Self::default()
        }
    }

    /// The most TCP connections that the server's own listeners hold at a time, whatever they carry; those beyond are closed
    /// before their first byte. Default 1,048,576, where the operating system mostly allows fewer; `internet` 40,000. A
    /// connection that is none of a session holds [`Limits::head_bytes`] and about 6 KiB at worst, 25 KiB more with TLS; one
    /// that sends a polling body the double of `max_payload` and 64 KiB.
    #[must_use]
    pub fn connections(mut self, count: usize) -> Self {
        self.connections = count;
        self
    }

    /// The most TCP connections of one address at a time; those beyond are closed before their first byte. Those of trusted
    /// proxies are not limited by this. Default `None`: any number; `internet` 512, because many people may share an
    /// address. While it is set, each address takes about 70 bytes, and each connection 40.
    #[must_use]
    pub fn connections_per_address(mut self, count: impl Into<Option<u32>>) -> Self {
        self.connections_per_address = count.into();
        self
    }

    /// The most sessions at a time; a handshake beyond is answered 503 with the code 7, `Server full`. Default 1,048,576;
    /// `internet` 20,000. An idle session takes 2 KiB and what its request said, [`Limits::head_bytes`] at most; one that
    /// does not read what it is sent `max_outbox` and about 2 MB more. See `SECURITY.md`.
    #[must_use]
    pub fn sessions(mut self, count: usize) -> Self {
        self.sessions = count;
        self
    }

    /// The most sessions of one address at a time; a handshake beyond is answered 429 with the code 6,
    /// `Too many requests`. Default `None`: any number; `internet` 256. While it is set, each address takes about 70 bytes,
    /// and each session 50.
    #[must_use]
    pub fn sessions_per_address(mut self, count: impl Into<Option<u32>>) -> Self {
        self.sessions_per_address = count.into();
        self
    }

    /// How many sessions may be opened per second; a handshake beyond is answered 429 with the code 6,
    /// `Too many requests`. Default `None`: any number; `internet` 1,000, and 5,000 at once.
    #[must_use]
    pub fn handshakes(mut self, rate: impl Into<Option<Rate>>) -> Self {
        self.handshakes = rate.into();
        self
    }

    /// The same for the sessions of one address. Default `None`: any number; `internet` 20, and 200 at once. While it is set,
    /// an address is remembered until its burst is over; 65,536 of them at most, 5 MB, besides those that are connected.
    #[must_use]
    pub fn handshakes_per_address(mut self, rate: impl Into<Option<Rate>>) -> Self {
        self.handshakes_per_address = rate.into();
        self
    }

    /// How many events and connects one session may send per second, over all its namespaces. Default `None`: any number;
    /// `internet` 200, and 1,000 at once. What happens to one beyond: [`Limits::exceeded`]. While this or
    /// [`Limits::bytes`] is set, a session takes 32 bytes more.
    #[must_use]
    pub fn events(mut self, rate: impl Into<Option<Rate>>) -> Self {
        self.events = rate.into();
        self
    }

    /// How many bytes of events, acknowledgements and connects one session may send per second, attachments included.
    /// Default `None`: any number; `internet` 262,144, and 4 MiB at once. A larger event passes after a pause. What happens
    /// to one beyond: [`Limits::exceeded`].
    #[must_use]
    pub fn bytes(mut self, rate: impl Into<Option<Rate>>) -> Self {
        self.bytes = rate.into();
        self
    }

    /// What becomes of an event that comes too fast. Default: [`Exceeded::Reject`].
    #[must_use]
    pub fn exceeded(mut self, exceeded: Exceeded) -> Self {
        self.exceeded = exceeded;
        self
    }

    /// The most packets in one polling body; a session that sends more is closed. Default 65,536; `internet` 4,096.
    /// Events that cannot be handled at once take about 200 bytes each, so that one body may hold 13 MB at worst.
    #[must_use]
    pub fn payload_packets(mut self, count: usize) -> Self {
        self.payload_packets = count.max(1);
        self
    }

    /// The most bytes of all attachments of one packet together; a session that sends more is closed. Default `None`:
    /// `max_attachments` times `max_payload`, 10 MB; `internet` 2 MB. That is also what a session may hold of an incomplete packet.
    #[must_use]
    pub fn attachment_bytes(mut self, bytes: impl Into<Option<usize>>) -> Self {
        self.attachment_bytes = bytes.into();
        self
    }

    /// How long a packet may wait for its next attachment before its session is closed. Default 30 s.
    #[must_use]
    pub fn attachment_timeout(mut self, timeout: Duration) -> Self {
        self.attachment_timeout = timeout;
        self
    }

    /// The most bytes of the head of a request to the server's own listeners: its first line and its headers. Beyond it the
    /// answer is 431. Default 16 KiB, as with Node.js.
    #[must_use]
    pub fn head_bytes(mut self, bytes: usize) -> Self {
        self.head_bytes = bytes;
        self
    }

    /// The most headers of a request to the server's own listeners. Beyond it the answer is 431. Default 100.
    #[must_use]
    pub fn head_lines(mut self, count: usize) -> Self {
        self.head_lines = count;
        self
    }

    /// How long a connection may take for the whole head of a request, and how long it may idle between two requests; then
    /// it is closed. Default 30 s; `internet` 15 s. Of the server's own listeners.
    #[must_use]
    pub fn head_timeout(mut self, timeout: Duration) -> Self {
        self.head_timeout = timeout;
        self
    }

    /// How long the body of a polling request may take; then it is answered 408, and its session closed. Default 60 s: after
    /// that time the heartbeat would have ended it.
    #[must_use]
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }

    /// For how long a peer may take not one byte of an answer; then its connection is closed. Default 45 s. Of the server's
    /// own listeners. A WebSocket that takes nothing is ended by the heartbeat, after `ping_interval` and `ping_timeout` at
    /// most, with the reason `slow consumer`.
    #[must_use]
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
        self
    }

    /// How long a TLS handshake may take, and the end of a connection. Default 10 s.
    #[must_use]
    pub fn tls_timeout(mut self, timeout: Duration) -> Self {
        self.tls_timeout = timeout;
        self
    }

    /// Whether anything is counted by address.
    pub(crate) fn know_addresses(&self) -> bool {
        self.connections_per_address.is_some()
            || self.sessions_per_address.is_some()
            || self.handshakes_per_address.is_some()
    }
}
