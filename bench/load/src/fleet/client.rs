//! What the fleet knows of one client.
//!
//! Odd: it is small on purpose. What it should receive is the play's, what it received is nowhere, except the beginning
//! of a frame whose end has not come.

use crate::net::Link;

/// How far a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The upgrade to a WebSocket is asked for.
    Upgrading,
    /// The Engine.IO session opens.
    Opening,
    /// The namespace is asked for.
    Connecting,
    /// It is in the namespace, or its bytes are the play's from the beginning.
    Joined,
    /// It has said farewell.
    Leaving,
    /// Its connection has ended.
    Gone,
}

/// A client.
#[derive(Debug)]
pub(super) struct Client {
    /// The connection, until it ends.
    pub(super) link: Option<Link>,
    /// How far it is.
    pub(super) phase: Phase,
    /// The beginning of a frame.
    pub(super) carry: Vec<u8>,
    /// What the connection has not taken yet.
    pub(super) out: Vec<u8>,
    /// What the server said before it ended the connection.
    pub(super) said: Box<str>,
}

impl Client {
    pub(super) fn new(link: Option<Link>) -> Self {
        Self { link, phase: Phase::Joined, carry: Vec::new(), out: Vec::new(), said: Box::default() }
    }
}
