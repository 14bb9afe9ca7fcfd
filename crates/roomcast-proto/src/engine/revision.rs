//! Which revision of the protocol a client speaks, and how it wants binary messages.
//!
//! In: the query of a request. Out: what its packets look like. What is odd: anything that is not revision 4 is
//! revision 3, also a request that names none, because the oldest clients name none.

/// A revision of the Engine.IO protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Revision {
    /// The clients of Socket.IO 2.x: the client pings, payloads give the length of each packet.
    V3,
    /// The clients of Socket.IO 3.x and 4.x.
    #[default]
    V4,
}

impl Revision {
    /// The revision that the `EIO` query parameter of a request stands for. JS: engine.io/lib/server.ts
    /// `computeProtocolRevision`.
    ///
    /// ```
    /// use roomcast_proto::engine::Revision;
    ///
    /// assert_eq!(Revision::of_query(Some("4")), Revision::V4);
    /// assert_eq!(Revision::of_query(Some("5")), Revision::V3);
    /// assert_eq!(Revision::of_query(None), Revision::V3);
    /// ```
    #[must_use]
    pub fn of_query(eio: Option<&str>) -> Self {
        if eio == Some("4") { Self::V4 } else { Self::V3 }
    }

    /// Its number. JS: `conn.protocol`.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::V3 => 3,
            Self::V4 => 4,
        }
    }
}

/// How a client writes and reads packets: its revision and, in revision 3, what it makes of binary messages. A request
/// that opens a session or brings a WebSocket decides it for what comes over that transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Revision 3, binary messages as bytes.
    V3,
    /// Revision 3, binary messages as base64 text, for clients that can take nothing else. JS: `b64=1`.
    V3Base64,
    /// Revision 4.
    #[default]
    V4,
}

impl Dialect {
    /// The dialect of a client that speaks `revision` and, if `base64`, takes no bytes.
    #[must_use]
    pub const fn new(revision: Revision, base64: bool) -> Self {
        match (revision, base64) {
            (Revision::V3, false) => Self::V3,
            (Revision::V3, true) => Self::V3Base64,
            (Revision::V4, _) => Self::V4,
        }
    }

    /// The revision.
    #[must_use]
    pub const fn revision(self) -> Revision {
        match self {
            Self::V3 | Self::V3Base64 => Revision::V3,
            Self::V4 => Revision::V4,
        }
    }
}
