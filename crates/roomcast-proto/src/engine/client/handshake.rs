//! The open packet as a client takes it.
//!
//! Servers of other makes and ages leave fields out, so only the id and the heartbeat are asked for.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::engine::Transport;

/// What the server has told of the new session.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Handshake {
    /// The secret id, to be sent with every further request. It is the server's text: escape it.
    pub sid: String,
    /// Whether a WebSocket may take over.
    pub can_upgrade: bool,
    /// From one ping of the server to the next.
    pub ping_interval: Duration,
    /// How late a ping may be.
    pub ping_timeout: Duration,
    /// The most bytes that the server takes in one polling body, if it said so.
    pub max_payload: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    sid: String,
    #[serde(default)]
    upgrades: Vec<String>,
    ping_interval: u64,
    ping_timeout: u64,
    #[serde(default)]
    max_payload: Option<u64>,
}

impl Handshake {
    /// Reads the JSON of an open packet.
    pub(super) fn decode(json: &str) -> Option<Self> {
        let wire: Wire = serde_json::from_str(json).ok()?;
        Some(Self {
            sid: wire.sid,
            can_upgrade: wire.upgrades.iter().any(|name| name == Transport::WebSocket.name()),
            ping_interval: Duration::from_millis(wire.ping_interval),
            ping_timeout: Duration::from_millis(wire.ping_timeout),
            // JavaScript takes 0 for no limit as well.
            max_payload: wire.max_payload.filter(|limit| *limit > 0),
        })
    }
}

/// Without the id, which is a secret.
impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("can_upgrade", &self.can_upgrade)
            .field("ping_interval", &self.ping_interval)
            .field("ping_timeout", &self.ping_timeout)
            .field("max_payload", &self.max_payload)
            .finish_non_exhaustive()
    }
}
