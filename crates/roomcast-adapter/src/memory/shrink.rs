//! Giving memory back after a storm, and saying how much is held.
//!
//! Odd: a slab can only lose its end, because keys outlive the storm. So one long-lived member in a high slot keeps
//! the slots below it (56 bytes each); they are taken again before the slab grows. Trying costs at most a pass over
//! the slots and is done when as many have left as remain, so a storm pays for a logarithmic number of passes.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use slab::Slab;

use super::{
    Member,
    book::{Book, Crowd, Entry, Seat},
};

/// Smaller slabs are not worth shrinking.
const KEEP_SLOTS: usize = 64;

/// When a slab was last asked to shrink.
#[derive(Default)]
pub(super) struct Shrink {
    departures: usize,
}

impl Shrink {
    /// Counts departures; whether it is time to shrink.
    fn is_due<T>(&mut self, slab: &Slab<T>, departures: usize) -> bool {
        self.departures += departures;
        let due = slab.capacity() > KEEP_SLOTS
            && slab.len() * 4 <= slab.capacity()
            && self.departures >= slab.len();
        if due {
            self.departures = 0;
        }
        due
    }
}

impl<M: Member> Book<M> {
    /// Called after somebody has left so many rooms, the namespace counted as one.
    pub(super) fn shrink(&mut self, departures: usize) {
        let Self { members, ids, rooms, names, hasher, .. } = self;
        if self.shrink_members.is_due(members, departures) {
            members.shrink_to_fit();
            ids.shrink_to(members.len() * 2, |&slot| hasher.hash_one(members[slot as usize].member.id()));
        }
        if self.shrink_rooms.is_due(rooms, departures) {
            rooms.shrink_to_fit();
            names.shrink_to(rooms.len() * 2, |&room| hasher.hash_one(rooms[room as usize].name.as_str()));
        }
    }

    /// Bytes held, without what the members themselves point to. Walks the whole book.
    pub(super) fn footprint(&self) -> usize {
        // A slab wraps each entry with the number of the next free slot, which hides in the entry's niches.
        let slots = self.members.capacity() * size_of::<Option<Entry<M>>>()
            + self.rooms.capacity() * size_of::<Option<Crowd>>();
        let tables = [&self.ids, &self.names].into_iter().map(HashTable::allocation_size).sum::<usize>();
        let places: usize = self.members.iter().map(|(_, entry)| entry.places.footprint()).sum();
        let crowds = self.rooms.iter().map(|(_, crowd)| {
            // The two counters of an `Arc` stand before the name.
            let name = 2 * size_of::<usize>() + crowd.name.len().next_multiple_of(size_of::<usize>());
            let seats = if crowd.seats.spilled() { crowd.seats.capacity() * size_of::<Seat>() } else { 0 };
            name + seats
        });
        slots + tables + places + crowds.sum::<usize>()
    }
}
