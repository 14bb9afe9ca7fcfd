//! The other nodes: who has been heard of, and when.
//!
//! In: that somebody spoke, the time. Out: who is there, and who has been silent for too long.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Uid;

/// More nodes than this are not remembered; whoever fills a shared wire with names must not fill the memory.
const MAX_PEERS: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Peers(BTreeMap<Uid, Instant>);

impl Peers {
    /// Somebody spoke.
    pub(super) fn heard(&mut self, uid: &Uid, now: Instant) {
        if let Some(last) = self.0.get_mut(uid) {
            *last = now;
        } else if self.0.len() < MAX_PEERS {
            self.0.insert(uid.clone(), now);
        }
    }

    pub(super) fn remove(&mut self, uid: &Uid) -> bool {
        self.0.remove(uid).is_some()
    }

    /// Takes out one that has been silent for so long.
    pub(super) fn expire(&mut self, now: Instant, silence: Duration) -> Option<Uid> {
        let uid = self.0.iter().find(|(_, last)| now.saturating_duration_since(**last) >= silence)?.0.clone();
        self.0.remove(&uid);
        Some(uid)
    }

    /// When the next one will have been silent for so long.
    pub(super) fn next_expiry(&self, silence: Duration) -> Option<Instant> {
        Some(*self.0.values().min()? + silence)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn uids(&self) -> impl Iterator<Item = Uid> {
        self.0.keys().cloned()
    }
}
