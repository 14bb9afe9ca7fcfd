//! From a target to its members, each at most once.
//!
//! In: a `Target`. Out: the active members it means.
//! Odd: the common targets (everybody; one room; some ids; each with or without the sender, an id, left out) need no
//! memory of who has been reached. All others use one set of bits, in which the excluded are marked beforehand.

use smallvec::SmallVec;

use super::{
    Member, MemberKey,
    book::{Book, Entry},
    marks::Marks,
};
use crate::{Room, Target};

/// So many ids are compared one by one before a set of bits is cheaper.
const FEW: usize = 8;

/// What a name stands for: a room, a member in its own room, or both (somebody joined another one's id).
#[derive(Clone, Copy)]
struct Spot {
    room: Option<u32>,
    own: Option<u32>,
}

type Spots = SmallVec<[Spot; 4]>;

impl<M: Member> Book<M> {
    /// Calls `visit` for each active member the target means.
    pub(super) fn visit(&self, target: &Target, mut visit: impl FnMut(MemberKey, &M)) {
        let mut reach = |slot: u32, entry: &Entry<M>| {
            if entry.active {
                visit(MemberKey { slot, serial: entry.serial }, &entry.member);
            }
        };
        let except = self.spots(target.except_rooms());
        if let Some(ids) = only_ids(&except) {
            if target.rooms().is_empty() {
                return self.all().filter(|(slot, _)| !ids.contains(slot)).for_each(|(s, e)| reach(s, e));
            }
            let rooms = self.spots(target.rooms());
            if let [room] = rooms[..] {
                return self
                    .slots(room)
                    .filter(|slot| !ids.contains(slot))
                    .for_each(|s| reach(s, self.at(s)));
            }
            if let Some(mut receivers) = only_ids(&rooms) {
                receivers.sort_unstable();
                receivers.dedup();
                return receivers.iter().filter(|s| !ids.contains(s)).for_each(|&s| reach(s, self.at(s)));
            }
        }
        let mut marks = Marks::empty();
        for slot in except.iter().flat_map(|&spot| self.slots(spot)) {
            marks.insert(slot);
        }
        if target.rooms().is_empty() {
            return self.all().filter(|(slot, _)| !marks.contains(*slot)).for_each(|(s, e)| reach(s, e));
        }
        for spot in self.spots(target.rooms()) {
            for slot in self.slots(spot) {
                if marks.insert(slot) {
                    reach(slot, self.at(slot));
                }
            }
        }
    }

    /// What is known of these names.
    fn spots(&self, names: &[Room]) -> Spots {
        let find = |name: &Room| {
            let hash = self.hash(name);
            let spot = Spot { room: self.find_room(hash, name), own: self.find_own(hash, name) };
            (spot.room.is_some() || spot.own.is_some()).then_some(spot)
        };
        names.iter().filter_map(find).collect()
    }

    /// The members of one name; none twice, because nobody sits in the room that is its own.
    fn slots(&self, spot: Spot) -> impl Iterator<Item = u32> + '_ {
        let seats = spot.room.map_or(&[][..], |room| &self.rooms[room as usize].seats);
        spot.own.into_iter().chain(seats.iter().map(|seat| seat.member))
    }

    fn all(&self) -> impl Iterator<Item = (u32, &Entry<M>)> {
        self.members.iter().map(|(slot, entry)| (super::book::slot_of(slot), entry))
    }

    fn at(&self, slot: u32) -> &Entry<M> {
        &self.members[slot as usize]
    }
}

/// The members, if the names are few and all of them ids.
fn only_ids(spots: &Spots) -> Option<SmallVec<[u32; FEW]>> {
    let ids = |spot: &Spot| if spot.room.is_none() { spot.own } else { None };
    if spots.len() <= FEW { spots.iter().map(ids).collect() } else { None }
}
