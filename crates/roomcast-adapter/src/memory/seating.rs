//! Joining and leaving.
//!
//! In: a member's key and a room's name. Out: what changed, and its room events.
//! Odd: a member's place knows its seat in the room, and the seat knows the place, so both are taken out without a
//! search. The last seat moves into the gap; whoever sits there is told.

use std::{hash::BuildHasher, mem};

use smallvec::SmallVec;

use super::{
    JoinError, JoinOutcome, LeaveOutcome, Member, MemberKey,
    announcer::Notices,
    book::{Book, Crowd, Seat, slot_of},
    places::Place,
};
use crate::Room;

impl<M: Member> Book<M> {
    pub(super) fn join(
        &mut self,
        key: MemberKey,
        name: &str,
        notices: &mut Notices<M>,
    ) -> Result<JoinOutcome, JoinError> {
        let Some(entry) = self.entry(key) else { return Ok(JoinOutcome::default()) };
        if entry.member.id() == name {
            return Ok(self.join_own(key, notices));
        }
        if name.len() > Room::MAX_BYTES {
            return Err(JoinError::TooLong { bytes: name.len() });
        }
        let hash = self.hash(name);
        let known = self.find_room(hash, name);
        if known.is_some_and(|room| entry.places.position(room, &self.hasher).is_some()) {
            return Ok(JoinOutcome::default());
        }
        if entry.places.len() >= self.max_rooms {
            return Err(JoinError::TooMany { limit: self.max_rooms });
        }
        let created = known.is_none() && self.find_own(hash, name).is_none();
        let room = known.unwrap_or_else(|| self.open_room(hash, name));
        self.seat(key.slot, room);
        let (room, member) = (&self.rooms[room as usize].name, &self.members[key.slot as usize].member);
        if created {
            notices.created(room);
        }
        notices.joined(room, member);
        Ok(JoinOutcome::joined(created))
    }

    pub(super) fn join_own(&mut self, key: MemberKey, notices: &mut Notices<M>) -> JoinOutcome {
        let Some(entry) = self.entry_mut(key) else { return JoinOutcome::default() };
        if mem::replace(&mut entry.own_room, true) {
            return JoinOutcome::default();
        }
        let member = &self.members[key.slot as usize].member;
        let created = self.find_room(self.hash(member.id()), member.id()).is_none();
        if notices.wanted() {
            let room = Room::from(member.id());
            if created {
                notices.created(&room);
            }
            notices.joined(&room, member);
        }
        JoinOutcome::joined(created)
    }

    pub(super) fn leave(&mut self, key: MemberKey, name: &str, notices: &mut Notices<M>) -> LeaveOutcome {
        let Some(entry) = self.entry(key) else { return LeaveOutcome::default() };
        let hash = self.hash(name);
        let (room, deleted) = if entry.member.id() == name {
            if !entry.own_room {
                return LeaveOutcome::default();
            }
            self.members[key.slot as usize].own_room = false;
            (Room::from(name), self.find_room(hash, name).is_none())
        } else {
            let Some(room) = self.find_room(hash, name) else { return LeaveOutcome::default() };
            let Some(position) = entry.places.position(room, &self.hasher) else {
                return LeaveOutcome::default();
            };
            let places = &mut self.members[key.slot as usize].places;
            let place = places.take(position, &self.hasher);
            if places.is_sparse() {
                self.tidy(key.slot);
            }
            self.unseat(place)
        };
        notices.left(&room, &self.members[key.slot as usize].member);
        if deleted {
            notices.deleted(&room);
        }
        self.shrink(1);
        LeaveOutcome::left(deleted)
    }

    /// Takes the seat of a place that is gone. Returns the room's name and whether nobody is in it any more.
    pub(super) fn unseat(&mut self, place: Place) -> (Room, bool) {
        let Crowd { name, seats } = &mut self.rooms[place.room as usize];
        let name = name.clone();
        seats.swap_remove(place.seat as usize);
        if let Some(moved) = seats.get(place.seat as usize) {
            self.members[moved.member as usize].places.reseat(moved.position, place.seat);
        }
        if !seats.is_empty() {
            if seats.spilled() && seats.len() * 4 <= seats.capacity() {
                seats.shrink_to_fit();
            }
            return (name, false);
        }
        let hash = self.hash(&name);
        if let Ok(found) = self.names.find_entry(hash, |&room| room == place.room) {
            found.remove();
        }
        self.rooms.remove(place.room as usize);
        let deleted = self.find_own(hash, &name).is_none();
        (name, deleted)
    }

    /// A new room without anybody; the caller seats somebody at once.
    fn open_room(&mut self, hash: u64, name: &str) -> u32 {
        let slot = slot_of(self.rooms.insert(Crowd { name: name.into(), seats: SmallVec::new() }));
        let (rooms, hasher) = (&self.rooms, &self.hasher);
        self.names.insert_unique(hash, slot, |&room| hasher.hash_one(rooms[room as usize].name.as_str()));
        slot
    }

    fn seat(&mut self, member: u32, room: u32) {
        if self.members[member as usize].places.is_full_of_gaps() {
            self.tidy(member);
        }
        let seats = &mut self.rooms[room as usize].seats;
        let seat = slot_of(seats.len());
        let position = self.members[member as usize].places.push(Place { room, seat }, &self.hasher);
        seats.push(Seat { member, position });
    }

    /// Closes the gaps in a member's list and tells its seats where their places are now.
    fn tidy(&mut self, member: u32) {
        let places = &mut self.members[member as usize].places;
        places.tidy(&self.hasher);
        for (position, place) in places.iter() {
            self.rooms[place.room as usize].seats[place.seat as usize].position = position;
        }
    }
}
