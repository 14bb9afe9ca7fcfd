//! The sessions of one server, by their secret id.

use std::sync::Arc;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use parking_lot::RwLock;
use proto::Sid;

use super::mailbox::{Command, Mailbox};

/// Handshakes on several cores shall not wait for each other.
const SHARDS: usize = 16;

/// Ids are made by this server, mostly from random bytes, so peers cannot choose where they fall.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    shards: [RwLock<HashMap<Sid, Arc<Mailbox>>>; SHARDS],
}

impl Registry {
    fn shard(&self, sid: Sid) -> &RwLock<HashMap<Sid, Arc<Mailbox>>> {
        &self.shards[usize::from(sid.as_bytes()[0]) % SHARDS]
    }

    /// `false` if there is a session of that id, which then stays.
    pub(crate) fn insert(&self, mailbox: Arc<Mailbox>) -> bool {
        match self.shard(mailbox.sid()).write().entry(mailbox.sid()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(vacant) => {
                vacant.insert(mailbox);
                true
            }
        }
    }

    pub(crate) fn find(&self, sid: Sid) -> Option<Arc<Mailbox>> {
        self.shard(sid).read().get(&sid).cloned()
    }

    /// `false` if it was not there.
    pub(crate) fn remove(&self, sid: Sid) -> bool {
        let mut shard = self.shard(sid).write();
        let removed = shard.remove(&sid).is_some();
        if shard.len() * 4 < shard.capacity() {
            // A storm of connections does not leave its tables behind.
            shard.shrink_to_fit();
        }
        removed
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    /// Tells every session to close at once.
    pub(crate) fn discard_all(&self) {
        for shard in &self.shards {
            let mailboxes: Vec<_> = shard.read().values().cloned().collect();
            for mailbox in mailboxes {
                // Already closed is fine.
                let _ = mailbox.command(Command::Discard);
            }
        }
    }
}
