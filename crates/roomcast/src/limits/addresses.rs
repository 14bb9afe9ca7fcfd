//! What each address has: connections, sessions, and how many handshakes it has made of late.
//!
//! The table is bounded: an address stays in it while it has something, and otherwise only while its bucket is not empty;
//! of the latter there are so many at most, and who is beyond takes the place of another. What is odd: an IPv6 address
//! stands for its network of 64 bits, because whoever has one has all of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::net::IpAddr;

use parking_lot::Mutex;

use super::{Bucket, Rate};

/// Connections on several cores shall not wait for each other.
const SHARDS: usize = 16;
/// How many addresses of a shard are remembered that have nothing.
const MAX_IDLE: usize = 65_536 / SHARDS;

/// An address as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    V4(u32),
    V6([u32; 2]),
}

#[derive(Debug, Default)]
struct Entry {
    connections: u32,
    sessions: u32,
    handshakes: Bucket,
}

#[derive(Debug, Default)]
pub(super) struct Addresses([Mutex<Shard>; SHARDS]);

/// The hashes are seeded at random: addresses can be chosen.
#[derive(Debug, Default)]
struct Shard {
    entries: HashMap<Key, Entry>,
    /// So many of them have nothing.
    idle: usize,
}

/// What an address has a number of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Connection,
    Session,
}

impl Key {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments().map(u32::from);
                Self::V6([a << 16 | b, c << 16 | d])
            }
        }
    }

    fn shard(self) -> usize {
        let bits = match self {
            Self::V4(bits) => bits,
            Self::V6([high, low]) => high ^ low,
        };
        // Neighbours differ in their last bits.
        (bits ^ bits >> 8) as usize % SHARDS
    }
}

impl Entry {
    fn count(&mut self, kind: Kind) -> &mut u32 {
        match kind {
            Kind::Connection => &mut self.connections,
            Kind::Session => &mut self.sessions,
        }
    }

    fn has_nothing(&self) -> bool {
        self.connections == 0 && self.sessions == 0
    }
}

impl Addresses {
    /// One more, if it has fewer than `limit`.
    pub(super) fn add(&self, key: Key, kind: Kind, limit: u32, now: u64) -> bool {
        self.with(key, now, |entry| {
            let count = entry.count(kind);
            let fits = *count < limit;
            *count += u32::from(fits);
            fits
        })
    }

    /// One fewer.
    pub(super) fn remove(&self, key: Key, kind: Kind, now: u64) {
        let mut shard = self.0[key.shard()].lock();
        let Shard { entries, idle } = &mut *shard;
        let Some(entry) = entries.get_mut(&key) else { return };
        let count = entry.count(kind);
        *count = count.saturating_sub(1);
        if !entry.has_nothing() {
            return;
        }
        if !entry.handshakes.is_empty(now) {
            *idle += 1;
            return;
        }
        entries.remove(&key);
        if entries.len() * 4 < entries.capacity() {
            // A storm does not leave its table behind.
            entries.shrink_to_fit();
        }
    }

    /// Whether another handshake may come now.
    pub(super) fn take_handshake(&self, key: Key, rate: Rate, now: u64) -> bool {
        self.with(key, now, |entry| entry.handshakes.take(rate, now, 1))
    }

    fn with<T>(&self, key: Key, now: u64, work: impl FnOnce(&mut Entry) -> T) -> T {
        let mut shard = self.0[key.shard()].lock();
        if shard.idle >= MAX_IDLE && !shard.entries.contains_key(&key) {
            shard.make_room(now);
        }
        let Shard { entries, idle } = &mut *shard;
        let entry = match entries.entry(key) {
            Occupied(entry) => {
                *idle -= usize::from(entry.get().has_nothing());
                entry.into_mut()
            }
            Vacant(entry) => entry.insert(Entry::default()),
        };
        let result = work(entry);
        *idle += usize::from(entry.has_nothing());
        result
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|shard| shard.lock().entries.len()).sum()
    }
}

impl Shard {
    /// Forgets who has nothing and could be forgotten anyway; if that is not much, others who have nothing, so that the next
    /// ones need not look through all again.
    fn make_room(&mut self, now: u64) {
        self.entries.retain(|_, entry| !entry.has_nothing() || !entry.handshakes.is_empty(now));
        let mut idle = self.entries.values().filter(|entry| entry.has_nothing()).count();
        if idle > MAX_IDLE * 7 / 8 {
            self.entries.retain(|_, entry| {
                let forget = entry.has_nothing() && idle > MAX_IDLE * 7 / 8;
                idle -= usize::from(forget);
                !forget
            });
        }
        self.idle = idle;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn key(text: &str) -> Key {
        Key::of(text.parse().unwrap())
    }

    #[test]
    fn an_address_is_counted_and_forgotten() {
        let addresses = Addresses::default();
        let (one, other) = (key("10.0.0.1"), key("10.0.0.2"));
        assert!(addresses.add(one, Kind::Connection, 2, 0) && addresses.add(one, Kind::Connection, 2, 0));
        assert!(!addresses.add(one, Kind::Connection, 2, 0));
        assert!(addresses.add(one, Kind::Session, 1, 0) && addresses.add(other, Kind::Connection, 2, 0));
        addresses.remove(one, Kind::Connection, 0);
        assert!(addresses.add(one, Kind::Connection, 2, 0));
        for _ in 0..2 {
            addresses.remove(one, Kind::Connection, 0);
        }
        addresses.remove(one, Kind::Session, 0);
        addresses.remove(other, Kind::Connection, 0);
        assert_eq!(addresses.len(), 0);
    }

    #[test]
    fn a_network_of_ipv6_is_one_and_a_mapped_address_is_ipv4() {
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
    }

    #[test]
    fn handshakes_of_one_address_are_limited_and_remembered_for_as_long_as_needed() {
        let addresses = Addresses::default();
        let rate = Rate::per_second(1).burst(2);
        let (one, other) = (key("::1"), key("::1:0:0:0:1"));
        assert!(addresses.take_handshake(one, rate, 0) && addresses.take_handshake(one, rate, 0));
        assert!(!addresses.take_handshake(one, rate, 0) && addresses.take_handshake(other, rate, 0));
        // Its end does not make it forgotten.
        assert!(addresses.add(one, Kind::Session, 9, 0));
        addresses.remove(one, Kind::Session, 0);
        assert!(!addresses.take_handshake(one, rate, 0));
        assert!(addresses.take_handshake(one, rate, SECOND));
    }

    #[test]
    fn who_has_something_makes_nobody_look_through_the_table() {
        let addresses = Addresses::default();
        let rate = Rate::per_second(1);
        let idle = || addresses.0.iter().map(|shard| shard.lock().idle).sum::<usize>();
        // Would take minutes if each of them did.
        for number in 0..4 * (MAX_IDLE * SHARDS) as u32 {
            assert!(addresses.add(Key::V4(number), Kind::Connection, 1, 0));
        }
        assert_eq!((addresses.len(), idle()), (4 * MAX_IDLE * SHARDS, 0));
        // It has had something, has made a handshake, has nothing any more, has something again.
        assert!(addresses.take_handshake(Key::V4(0), rate, 0));
        addresses.remove(Key::V4(0), Kind::Connection, 0);
        assert_eq!(idle(), 1);
        assert!(!addresses.take_handshake(Key::V4(0), rate, 0));
        assert_eq!(idle(), 1);
        assert!(addresses.add(Key::V4(0), Kind::Session, 1, 0));
        assert_eq!(idle(), 0);
        addresses.remove(Key::V4(0), Kind::Session, SECOND * 5);
        assert_eq!((addresses.len(), idle()), (4 * MAX_IDLE * SHARDS - 1, 0));
    }

    #[test]
    fn the_table_is_bounded_and_keeps_who_has_something() {
        let addresses = Addresses::default();
        let rate = Rate::per_second(1);
        let owner = key("10.0.0.1");
        assert!(addresses.add(owner, Kind::Session, 1, 0) && addresses.take_handshake(owner, rate, 0));
        for number in 0..200_000_u32 {
            addresses.take_handshake(Key::V6([number.rotate_left(16), number]), rate, 0);
        }
        assert!(addresses.len() <= MAX_IDLE * SHARDS, "{}", addresses.len());
        assert!(!addresses.add(owner, Kind::Session, 1, 0) && !addresses.take_handshake(owner, rate, 0));
        // Whose time is over makes room first.
        for number in 0..200_000_u32 {
            addresses.take_handshake(Key::V4(number), rate, SECOND * 5);
        }
        assert!(addresses.len() <= MAX_IDLE * SHARDS, "{}", addresses.len());
        assert!(!addresses.add(owner, Kind::Session, 1, SECOND * 5));
    }
}
