//! From a play to a connection, and the farewell.
//!
//! In: whole frames; out: bytes, at once if the connection takes them, else when it does.

use super::Fleet;
use super::client::Phase;
use crate::frame::{self, Kind};

impl Fleet {
    /// Sends bytes, or keeps them until the connection takes them. To a client that has gone it does nothing.
    pub(crate) fn send(&mut self, who: usize, bytes: &[u8]) {
        let client = &mut self.clients[who];
        let Some(link) = &mut client.link else { return };
        if client.out.is_empty() {
            match link.write(bytes) {
                Ok(written) if written == bytes.len() => {}
                Ok(written) => client.out.extend_from_slice(&bytes[written..]),
                // Reading finds the same error, and says it.
                Err(_) => {}
            }
        } else {
            client.out.extend_from_slice(bytes);
        }
    }

    pub(super) fn flush(&mut self, who: usize) {
        let client = &mut self.clients[who];
        let Some(link) = &mut client.link else { return };
        // Also without bytes: TLS may have its own to send.
        if let Ok(written) = link.write(&client.out) {
            client.out.drain(..written);
        }
    }

    /// Leaves the namespace and the connection: DISCONNECT, a close frame, the end.
    pub(crate) fn leave(&mut self, who: usize) {
        let mut bytes = Vec::new();
        let farewell = format!("41{}", self.namespaces.prefix(who));
        frame::push_masked(&mut bytes, Kind::Text, farewell.as_bytes());
        frame::push_masked(&mut bytes, Kind::Close, &1000_u16.to_be_bytes());
        self.send(who, &bytes);
        let client = &mut self.clients[who];
        match client.phase {
            Phase::Leaving | Phase::Gone => return,
            Phase::Joined => self.joined -= 1,
            _ => {}
        }
        self.away += 1;
        client.phase = Phase::Leaving;
        // The half that stays open shows when the server has ended it.
        if let Some(link) = &mut client.link {
            link.finish();
        }
    }
}
