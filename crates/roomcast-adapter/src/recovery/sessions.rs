//! All sessions whose connection is lost and whose client may come back, within bounds.
//!
//! In: sessions, by their private id; time. Out: each at most once: to the client that comes back, or to the caller, who
//! drops what the application attached to it. What is odd: nothing is dropped in here, because dropping is user code, and the
//! caller holds a lock.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// How many sessions are kept. What no longer fits goes, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionBounds {
    /// The most sessions.
    pub sessions: usize,
    /// The most bytes, as [`Session::cost`](super::Session::cost) counts them.
    pub bytes: usize,
    /// For how long a session is kept.
    pub age: Duration,
}

/// What became of a question for a session.
#[derive(Debug)]
pub enum Taken<S> {
    /// Here it is.
    Kept(S),
    /// It was still there, but its time is over.
    Expired(S),
    /// Nobody knows it.
    Unknown,
}

/// The sessions that are away. `K` is the private id.
#[derive(Debug)]
pub struct Sessions<K, S> {
    by_id: HashMap<K, u64>,
    /// In the order in which they were lost, which is that in which they expire.
    by_age: BTreeMap<u64, Away<K, S>>,
    next: u64,
    bytes: usize,
    bounds: SessionBounds,
}

#[derive(Debug)]
struct Away<K, S> {
    id: K,
    session: S,
    bytes: usize,
    until: Option<Instant>,
}

impl<K: Clone + Eq + Hash, S> Sessions<K, S> {
    /// Nobody is away.
    #[must_use]
    pub fn new(bounds: SessionBounds) -> Self {
        Self { by_id: HashMap::new(), by_age: BTreeMap::new(), next: 0, bytes: 0, bounds }
    }

    /// Keeps a session of so many bytes. What has to go for it comes back, perhaps itself.
    #[must_use]
    pub fn keep(&mut self, now: Instant, id: K, session: S, bytes: usize) -> Vec<S> {
        let mut gone = Vec::new();
        if self.bounds.sessions == 0 || bytes > self.bounds.bytes {
            gone.push(session);
            return gone;
        }
        gone.extend(self.remove(&id));
        while self.by_age.len() >= self.bounds.sessions || self.bytes + bytes > self.bounds.bytes {
            gone.extend(self.remove_oldest());
        }
        let number = self.next;
        self.next += 1;
        self.by_id.insert(id.clone(), number);
        self.bytes += bytes;
        // A time beyond all clocks never comes.
        let until = now.checked_add(self.bounds.age);
        self.by_age.insert(number, Away { id, session, bytes, until });
        gone
    }

    /// Takes a session out: it is used once.
    #[must_use]
    pub fn take(&mut self, now: Instant, id: &K) -> Taken<S> {
        let Some(number) = self.by_id.remove(id) else { return Taken::Unknown };
        let Some(away) = self.by_age.remove(&number) else { return Taken::Unknown };
        self.bytes -= away.bytes;
        self.shrink();
        match away.until {
            Some(until) if until <= now => Taken::Expired(away.session),
            _ => Taken::Kept(away.session),
        }
    }

    /// Takes out all whose time is over.
    #[must_use]
    pub fn expire(&mut self, now: Instant) -> Vec<S> {
        let mut gone = Vec::new();
        while self.next_expiry().is_some_and(|expiry| expiry <= now) {
            gone.extend(self.remove_oldest());
        }
        gone
    }

    /// Takes out all.
    #[must_use]
    pub fn clear(&mut self) -> Vec<S> {
        self.by_id = HashMap::new();
        self.bytes = 0;
        std::mem::take(&mut self.by_age).into_values().map(|away| away.session).collect()
    }

    /// When the time of the oldest is over.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.by_age.first_key_value()?.1.until
    }

    /// How many are away.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_age.len()
    }

    /// Whether nobody is away.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_age.is_empty()
    }

    /// What they count against [`SessionBounds::bytes`].
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn remove(&mut self, id: &K) -> Option<S> {
        let away = self.by_age.remove(&self.by_id.remove(id)?)?;
        self.bytes -= away.bytes;
        Some(away.session)
    }

    fn remove_oldest(&mut self) -> Option<S> {
        let (_, away) = self.by_age.pop_first()?;
        self.by_id.remove(&away.id);
        self.bytes -= away.bytes;
        self.shrink();
        Some(away.session)
    }

    /// A storm of lost connections does not leave its table behind.
    fn shrink(&mut self) {
        if self.by_id.capacity() > 64 && self.by_id.len() * 4 <= self.by_id.capacity() {
            self.by_id.shrink_to(self.by_id.len() * 2);
        }
    }
}
