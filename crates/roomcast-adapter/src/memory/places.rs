//! The rooms of one member, in the order joined.
//!
//! In: a room's slot and the member's seat there. Out: the position of a room in the list, which the seat remembers.
//! Odd: leaving keeps the order, so it leaves a gap behind instead of moving the last one into it. Gaps are closed
//! when they are half of a full list or when the list has become much too large, which makes joining and leaving
//! O(1) amortised. A member of many rooms gets a hash index from room to position; the many members of a few rooms
//! pay eight bytes for not having one.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use smallvec::SmallVec;

/// Up to here a scan of the list (256 bytes) beats a hash.
const SCAN_LIMIT: usize = 32;

/// Stands in `Place::room` for a gap; no slab holds this many rooms.
const GAP: u32 = u32::MAX;

/// One room of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The room's slot in the book.
    pub(super) room: u32,
    /// The member's seat in the room.
    pub(super) seat: u32,
}

/// The rooms of one member.
#[derive(Debug, Default)]
pub(super) struct Places {
    list: SmallVec<[Place; 2]>,
    index: Option<Box<HashTable<u32>>>,
    gaps: u32,
}

impl Places {
    /// How many rooms.
    pub(super) fn len(&self) -> usize {
        self.list.len() - self.gaps as usize
    }

    /// The rooms in the order joined, each with its position.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, Place)> + '_ {
        (0..).zip(self.list.iter().copied()).filter(|(_, place)| place.room != GAP)
    }

    /// Where `room` stands in the list.
    pub(super) fn position(&self, room: u32, hasher: &RandomState) -> Option<u32> {
        match &self.index {
            Some(index) => index
                .find(hasher.hash_one(room), |&position| self.list[position as usize].room == room)
                .copied(),
            None => (0..).zip(&self.list).find(|(_, place)| place.room == room).map(|(position, _)| position),
        }
    }

    /// The member has another seat in the room at `position` now.
    pub(super) fn reseat(&mut self, position: u32, seat: u32) {
        self.list[position as usize].seat = seat;
    }

    /// Whether gaps should be closed before the next push, instead of growing.
    pub(super) fn is_full_of_gaps(&self) -> bool {
        self.gaps > 0 && self.list.len() == self.list.capacity() && self.gaps as usize * 2 >= self.list.len()
    }

    /// Whether the list has become much too large for what is in it.
    pub(super) fn is_sparse(&self) -> bool {
        self.list.spilled() && self.len() * 4 <= self.list.capacity()
    }

    /// Adds a room that is not in the list; returns its position.
    pub(super) fn push(&mut self, place: Place, hasher: &RandomState) -> u32 {
        let position = self.list.len() as u32;
        self.list.push(place);
        if self.index.is_some() {
            self.add_to_index(position, hasher);
        } else if self.list.len() > SCAN_LIMIT {
            self.build_index(hasher);
        }
        position
    }

    /// Takes the room at `position` out.
    pub(super) fn take(&mut self, position: u32, hasher: &RandomState) -> Place {
        let place = self.list[position as usize];
        if let Some(index) = &mut self.index
            && let Ok(found) = index.find_entry(hasher.hash_one(place.room), |&at| at == position)
        {
            found.remove();
        }
        self.list[position as usize].room = GAP;
        self.gaps += 1;
        while self.list.last().is_some_and(|last| last.room == GAP) {
            self.list.pop();
            self.gaps -= 1;
        }
        place
    }

    /// Closes the gaps and gives memory back. Positions change: the seats have to be told.
    pub(super) fn tidy(&mut self, hasher: &RandomState) {
        self.list.retain(|place| place.room != GAP);
        self.list.shrink_to_fit();
        self.gaps = 0;
        self.index = None;
        if self.list.len() > SCAN_LIMIT {
            self.build_index(hasher);
        }
    }

    /// Heap bytes held.
    pub(super) fn footprint(&self) -> usize {
        let list = if self.list.spilled() { self.list.capacity() * size_of::<Place>() } else { 0 };
        let index =
            self.index.as_ref().map_or(0, |index| size_of::<HashTable<u32>>() + index.allocation_size());
        list + index
    }

    fn build_index(&mut self, hasher: &RandomState) {
        self.index = Some(Box::new(HashTable::with_capacity(self.list.len() * 2)));
        for position in 0..self.list.len() as u32 {
            if self.list[position as usize].room != GAP {
                self.add_to_index(position, hasher);
            }
        }
    }

    fn add_to_index(&mut self, position: u32, hasher: &RandomState) {
        let list = &self.list;
        let hash = |&at: &u32| hasher.hash_one(list[at as usize].room);
        if let Some(index) = &mut self.index {
            index.insert_unique(hash(&position), position, hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(places: &Places) -> Vec<u32> {
        places.iter().map(|(_, place)| place.room).collect()
    }

    #[test]
    fn leaving_keeps_the_order_of_joining() {
        let hasher = RandomState::new();
        let mut places = Places::default();
        for room in 0..100 {
            places.push(Place { room, seat: 0 }, &hasher);
        }
        for room in (0..100).filter(|room| room % 3 != 0) {
            let position = places.position(room, &hasher).unwrap();
            assert_eq!(places.take(position, &hasher).room, room);
            assert_eq!(places.position(room, &hasher), None);
        }
        let left: Vec<u32> = (0..100).step_by(3).collect();
        assert_eq!(rooms(&places), left);
        places.tidy(&hasher);
        assert_eq!(rooms(&places), left);
        for &room in &left {
            assert!(places.position(room, &hasher).is_some());
        }
    }

    #[test]
    fn changing_between_two_rooms_never_needs_the_heap() {
        let hasher = RandomState::new();
        let mut places = Places::default();
        places.push(Place { room: 0, seat: 0 }, &hasher);
        for room in 1..1000 {
            if places.is_full_of_gaps() {
                places.tidy(&hasher);
            }
            places.push(Place { room, seat: 0 }, &hasher);
            let position = places.position(room - 1, &hasher).unwrap();
            places.take(position, &hasher);
        }
        assert_eq!(rooms(&places), [999]);
        assert_eq!(places.footprint(), 0);
    }

    #[test]
    fn an_emptied_list_holds_no_memory() {
        let hasher = RandomState::new();
        let mut places = Places::default();
        for room in 0..1000 {
            places.push(Place { room, seat: 0 }, &hasher);
        }
        assert!(places.footprint() > 8000);
        for room in 0..1000 {
            let position = places.position(room, &hasher).unwrap();
            places.take(position, &hasher);
            if places.is_sparse() {
                places.tidy(&hasher);
            }
        }
        assert_eq!((places.len(), places.footprint()), (0, 0));
    }
}
