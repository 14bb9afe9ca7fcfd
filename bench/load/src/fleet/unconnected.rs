//! A fleet for tests: clients without connections, to whom bytes are handed.

use std::time::Duration;

use super::client::Client;
use super::{Fleet, Namespaces, Play};
use crate::net::Dialer;

impl Fleet {
    /// So many clients, all in one namespace.
    pub(crate) fn unconnected(clients: usize) -> Self {
        Self::unconnected_in(Namespaces::new(1, 1), clients)
    }

    /// So many clients, all in their namespaces.
    pub(crate) fn unconnected_in(namespaces: Namespaces, clients: usize) -> Self {
        let dialer = Dialer::new(1, false).unwrap();
        let mut fleet = Self::new(dialer, namespaces, Duration::ZERO).unwrap();
        fleet.clients.extend((0..clients).map(|_| Client::new(None)));
        fleet
    }

    /// Bytes as if a read had brought them.
    pub(crate) fn hand(&mut self, play: &mut impl Play, who: usize, bytes: &[u8]) {
        self.feed(play, who, bytes);
    }
}
