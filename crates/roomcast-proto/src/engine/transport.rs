//! The ways bytes travel.

/// One way bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// HTTP long-polling: a `GET` that waits for packets, and a `POST` for each batch the other way.
    Polling,
    /// One WebSocket message for each packet.
    WebSocket,
    /// A stream of a WebTransport session, over HTTP/3.
    WebTransport,
}

impl Transport {
    /// Its name in the `transport` query parameter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
            Self::WebTransport => "webtransport",
        }
    }

    /// The transport with that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "polling" => Some(Self::Polling),
            "websocket" => Some(Self::WebSocket),
            "webtransport" => Some(Self::WebTransport),
            _ => None,
        }
    }
}
