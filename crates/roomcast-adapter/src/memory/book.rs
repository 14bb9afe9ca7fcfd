//! The state under the lock: members and rooms in slabs, each found by name through a hash table of slots.
//!
//! In: one operation at a time. Out: what it did, and the room events it caused, to be announced after the lock.
//! Odd: a socket's id is a room without being stored as one: a name is looked up among the rooms and among the ids.
//! The tables hold four bytes per entry and hash the name where it lives. Rooms are named by peers, so the hash is
//! the standard library's keyed SipHash; slots are ours and need none.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use slab::Slab;
use smallvec::SmallVec;

use super::{
    JoinOutcome, LeaveOutcome, Member, MemberKey, TakenError, announcer::Notices, places::Places,
    shrink::Shrink,
};
use crate::Room;

/// Who is in which room.
pub(super) struct Book<M> {
    pub(super) members: Slab<Entry<M>>,
    pub(super) ids: HashTable<u32>,
    pub(super) rooms: Slab<Crowd>,
    pub(super) names: HashTable<u32>,
    pub(super) hasher: RandomState,
    pub(super) max_rooms: usize,
    pub(super) shrink_members: Shrink,
    pub(super) shrink_rooms: Shrink,
    active: usize,
    next_serial: u32,
}

/// One member.
pub(super) struct Entry<M> {
    pub(super) member: M,
    pub(super) places: Places,
    pub(super) serial: u32,
    /// Whether targets reach it.
    pub(super) active: bool,
    /// Whether it is in the room named by its id. It may leave that one like any other.
    pub(super) own_room: bool,
}

/// One room that has somebody in it.
pub(super) struct Crowd {
    pub(super) name: Room,
    pub(super) seats: SmallVec<[Seat; 2]>,
}

/// A member in a room: its slot, and where the room stands in its list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) member: u32,
    pub(super) position: u32,
}

impl<M: Member> Book<M> {
    pub(super) fn new(max_rooms: usize) -> Self {
        Self {
            members: Slab::new(),
            ids: HashTable::new(),
            rooms: Slab::new(),
            names: HashTable::new(),
            hasher: RandomState::new(),
            max_rooms,
            shrink_members: Shrink::default(),
            shrink_rooms: Shrink::default(),
            active: 0,
            next_serial: 0,
        }
    }

    /// How many members are active.
    pub(super) fn len(&self) -> usize {
        self.active
    }

    pub(super) fn insert(&mut self, member: M) -> Result<MemberKey, TakenError<M>> {
        let hash = self.hash(member.id());
        if self.find_id(hash, member.id()).is_some() {
            return Err(TakenError(member));
        }
        let serial = self.next_serial;
        self.next_serial = serial.wrapping_add(1);
        let entry = Entry { member, places: Places::default(), serial, active: false, own_room: false };
        let slot = slot_of(self.members.insert(entry));
        let (members, hasher) = (&self.members, &self.hasher);
        self.ids.insert_unique(hash, slot, |&slot| hasher.hash_one(members[slot as usize].member.id()));
        Ok(MemberKey { slot, serial })
    }

    /// Lets targets reach the member, and puts it in its own room. False if it is gone or was active.
    pub(super) fn activate(&mut self, key: MemberKey, notices: &mut Notices<M>) -> bool {
        let Some(entry) = self.entry_mut(key) else { return false };
        if std::mem::replace(&mut entry.active, true) {
            return false;
        }
        if notices.wanted() {
            self.join_own(key, notices);
        } else {
            // Nobody asks whether there was a room of that name already.
            entry.own_room = true;
        }
        self.active += 1;
        true
    }

    /// Takes the member out of everything. It comes back so that it is dropped outside the lock.
    pub(super) fn remove(&mut self, key: MemberKey, notices: &mut Notices<M>) -> Option<(M, Vec<Room>)> {
        let hash = self.hash(self.entry(key)?.member.id());
        let entry = self.members.remove(key.slot as usize);
        if let Ok(found) = self.ids.find_entry(hash, |&slot| slot == key.slot) {
            found.remove();
        }
        self.active -= usize::from(entry.active);
        let mut left = Vec::with_capacity(entry.places.len() + usize::from(entry.own_room));
        if entry.own_room {
            let room = Room::from(entry.member.id());
            notices.left(&room, &entry.member);
            if self.find_room(hash, &room).is_none() {
                notices.deleted(&room);
            }
            left.push(room);
        }
        for (_, place) in entry.places.iter() {
            let (room, deleted) = self.unseat(place);
            notices.left(&room, &entry.member);
            if deleted {
                notices.deleted(&room);
            }
            left.push(room);
        }
        self.shrink(left.len() + 1);
        Some((entry.member, left))
    }

    /// The rooms of the member: its own id first, then in the order joined.
    pub(super) fn rooms_of(&self, key: MemberKey) -> Vec<Room> {
        let Some(entry) = self.entry(key) else { return Vec::new() };
        let own = entry.own_room.then(|| Room::from(entry.member.id()));
        let places = entry.places.iter();
        own.into_iter().chain(places.map(|(_, place)| self.rooms[place.room as usize].name.clone())).collect()
    }

    /// Every room with somebody in it, in no particular order.
    pub(super) fn room_names(&self) -> Vec<Room> {
        let named = self.rooms.iter().map(|(_, crowd)| crowd.name.clone());
        let own = self.members.iter().filter(|(_, entry)| entry.own_room).map(|(_, entry)| entry.member.id());
        let own = own.filter(|id| self.find_room(self.hash(id), id).is_none()).map(Room::from);
        named.chain(own).collect()
    }

    /// How many members are in the room, active or not.
    pub(super) fn room_len(&self, name: &str) -> usize {
        let hash = self.hash(name);
        let seats = self.find_room(hash, name).map_or(0, |room| self.rooms[room as usize].seats.len());
        seats + usize::from(self.find_own(hash, name).is_some())
    }

    /// The active member with this id.
    pub(super) fn member(&self, id: &str) -> Option<&M> {
        let entry = &self.members[self.find_id(self.hash(id), id)? as usize];
        entry.active.then_some(&entry.member)
    }

    pub(super) fn entry(&self, key: MemberKey) -> Option<&Entry<M>> {
        self.members.get(key.slot as usize).filter(|entry| entry.serial == key.serial)
    }

    pub(super) fn entry_mut(&mut self, key: MemberKey) -> Option<&mut Entry<M>> {
        self.members.get_mut(key.slot as usize).filter(|entry| entry.serial == key.serial)
    }

    pub(super) fn hash(&self, name: &str) -> u64 {
        self.hasher.hash_one(name)
    }

    /// The slot of the room with this name.
    pub(super) fn find_room(&self, hash: u64, name: &str) -> Option<u32> {
        self.names.find(hash, |&room| self.rooms[room as usize].name == *name).copied()
    }

    /// The slot of the member in whose own room this is.
    pub(super) fn find_own(&self, hash: u64, name: &str) -> Option<u32> {
        self.find_id(hash, name).filter(|&slot| self.members[slot as usize].own_room)
    }

    fn find_id(&self, hash: u64, id: &str) -> Option<u32> {
        self.ids.find(hash, |&slot| self.members[slot as usize].member.id() == id).copied()
    }
}

impl JoinOutcome {
    pub(super) fn joined(created_room: bool) -> Self {
        Self { created_room, joined: true }
    }
}

impl LeaveOutcome {
    pub(super) fn left(deleted_room: bool) -> Self {
        Self { left: true, deleted_room }
    }
}

/// A slab's key as we store it.
pub(super) fn slot_of(key: usize) -> u32 {
    u32::try_from(key).expect("four thousand million entries do not fit into memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone)]
    struct Nobody;

    impl Member for Nobody {
        fn id(&self) -> &str {
            ""
        }
    }

    #[test]
    fn names_are_hashed_with_a_key_that_no_other_book_has() {
        let books = [(); 2].map(|()| Book::<Nobody>::new(1));
        // Whoever found names that fall together in one would have found nothing for another.
        let [one, other] = books.map(|book| ["a", "b"].map(|name| book.hash(name)));
        assert!(one[0] != other[0] && one[1] != other[1]);
        assert_ne!(one[0] ^ one[1], other[0] ^ other[1], "the key is not only added");
    }
}
