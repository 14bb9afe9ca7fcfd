//! The public operations of the book, each under one short lock.
//!
//! In: what sockets and targets ask for. Out: outcomes, members, room events.
//! Odd: one lock for the whole book. Its operations are short, broadcasts share it for reading, and what a target
//! means is then exact: no socket is reached twice or missed because it moved between two parts of a book.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use smallvec::SmallVec;

use super::{
    JoinError, JoinOutcome, LeaveOutcome, Member, MemberKey, TakenError, TargetJoin,
    announcer::{Announcer, Notices},
    book::Book,
};
use crate::{Room, RoomObserver, Target};

/// In how many rooms a socket may be unless said otherwise: 10,000.
///
/// A membership takes about 16 bytes, and 24 more once a socket is in more than 32 rooms, so the default allows a
/// socket about 400 KiB; the names of rooms that it is alone in come on top, with at most [`Room::MAX_BYTES`] each.
/// Real applications use a few dozen; the bound stops a peer that can make a handler join whatever room it names.
pub const DEFAULT_MAX_ROOMS: usize = 10_000;

/// Who is in which room, for one namespace on this node.
///
/// A member comes in three steps, as a socket does. [`insert`](Self::insert) makes it known: it may join rooms (from
/// a middleware), but no target reaches it. [`activate`](Self::activate) puts it in the room named by its id and lets
/// targets reach it. [`remove`](Self::remove) undoes everything; its key means nobody from then on.
///
/// Joining, leaving and removing cost O(1) amortised per room. An empty room takes no memory.
pub struct Rooms<M: Member> {
    book: RwLock<Book<M>>,
    announcer: Announcer<M>,
}

impl<M: Member> Rooms<M> {
    /// An empty book that lets a socket be in [`DEFAULT_MAX_ROOMS`] rooms.
    #[must_use]
    pub fn new() -> Self {
        Self::with_max_rooms(DEFAULT_MAX_ROOMS)
    }

    /// An empty book that lets a socket be in `max_rooms` rooms, its own id not counted.
    #[must_use]
    pub fn with_max_rooms(max_rooms: usize) -> Self {
        Self { book: RwLock::new(Book::new(max_rooms)), announcer: Announcer::new() }
    }

    /// Sets the one observer of room events; it hears of every change from now on.
    ///
    /// # Errors
    /// Gives the observer back if there is one already.
    pub fn observe(&self, observer: Arc<dyn RoomObserver>) -> Result<(), Arc<dyn RoomObserver>> {
        self.announcer.observe(observer)
    }

    /// Makes a member known. It may join rooms; no target reaches it until it is activated.
    ///
    /// # Errors
    /// Gives the member back if another one has its id.
    pub fn insert(&self, member: M) -> Result<MemberKey, TakenError<M>> {
        self.change(|book, _| book.insert(member))
    }

    /// Puts the member in the room named by its id and lets targets reach it. False if it is gone or active already.
    pub fn activate(&self, key: MemberKey) -> bool {
        self.change(|book, notices| book.activate(key, notices))
    }

    /// Takes the member out of its rooms and of the namespace. Returns the rooms it was in, its own id first; none
    /// if it is gone already.
    pub fn remove(&self, key: MemberKey) -> Vec<Room> {
        // The member is dropped here, after the lock: its drop is user code.
        self.change(|book, notices| book.remove(key, notices)).map_or_else(Vec::new, |(_member, rooms)| rooms)
    }

    /// Puts the member in a room. Joining again, or with the key of a removed member, does nothing.
    ///
    /// # Errors
    /// [`JoinError::TooMany`] if the member is in as many rooms as it may be; [`JoinError::TooLong`] if the name has more than
    /// [`Room::MAX_BYTES`] and is not the member's own id.
    pub fn join(&self, key: MemberKey, room: &str) -> Result<JoinOutcome, JoinError> {
        self.change(|book, notices| book.join(key, room, notices))
    }

    /// Takes the member out of a room, also out of the one named by its id.
    pub fn leave(&self, key: MemberKey, room: &str) -> LeaveOutcome {
        self.change(|book, notices| book.leave(key, room, notices))
    }

    /// Puts every member the target means in each of these rooms, all at once.
    pub fn join_target(&self, target: &Target, rooms: &[Room]) -> TargetJoin {
        self.change(|book, notices| {
            let mut outcome = TargetJoin::default();
            for key in keys(book, target) {
                for room in rooms {
                    match book.join(key, room, notices) {
                        Ok(join) => outcome.joined += usize::from(join.joined),
                        Err(JoinError::TooMany { .. } | JoinError::TooLong { .. }) => outcome.refused += 1,
                    }
                }
            }
            outcome
        })
    }

    /// Takes every member the target means out of each of these rooms, all at once. Returns how many memberships
    /// ended.
    pub fn leave_target(&self, target: &Target, rooms: &[Room]) -> usize {
        self.change(|book, notices| {
            let keys = keys(book, target);
            let pairs = keys.iter().flat_map(|&key| rooms.iter().map(move |room| (key, room)));
            pairs.filter(|(key, room)| book.leave(*key, room, notices).left).count()
        })
    }

    /// The rooms of a member: its own id first, then in the order joined. None if it is gone.
    #[must_use]
    pub fn rooms_of(&self, key: MemberKey) -> Vec<Room> {
        self.read().rooms_of(key)
    }

    /// How many active members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Whether there is no active member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many members are in a room, those not active yet included. JS: `adapter.rooms.get(room).size`.
    #[must_use]
    pub fn room_len(&self, room: &str) -> usize {
        self.read().room_len(room)
    }

    /// Every room with somebody in it, the ids of active members included, in no particular order. Walks all of them.
    #[must_use]
    pub fn rooms(&self) -> Vec<Room> {
        self.read().room_names()
    }

    /// Whether somebody is in the room.
    #[must_use]
    pub fn contains(&self, room: &str) -> bool {
        self.room_len(room) > 0
    }

    /// The active member with this id.
    #[must_use]
    pub fn member(&self, id: &str) -> Option<M> {
        self.read().member(id).cloned()
    }

    /// Calls `visit` once for each active member the target means, in no particular order.
    ///
    /// The book is locked for reading meanwhile. `visit` must be short (push into an outbox and return) and must not
    /// call the book: it could wait for itself. Use [`collect`](Self::collect) for anything longer.
    pub fn for_each(&self, target: &Target, mut visit: impl FnMut(&M)) {
        self.read().visit(target, |_, member| visit(member));
    }

    /// The active members the target means.
    #[must_use]
    pub fn collect(&self, target: &Target) -> Vec<M> {
        let mut members = Vec::new();
        self.for_each(target, |member| members.push(member.clone()));
        members
    }

    /// How many bytes the book holds, without what the members point to. Walks the whole book: for tests and
    /// metrics, not for every second.
    #[must_use]
    pub fn footprint(&self) -> usize {
        self.read().footprint()
    }

    fn read(&self) -> RwLockReadGuard<'_, Book<M>> {
        self.book.read().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn announcer(&self) -> &Announcer<M> {
        &self.announcer
    }

    /// One operation: change under the lock, announce after it.
    fn change<T>(&self, change: impl FnOnce(&mut Book<M>, &mut Notices<M>) -> T) -> T {
        let mut book = self.book.write().unwrap_or_else(PoisonError::into_inner);
        let mut notices = self.announcer.notices();
        let outcome = change(&mut book, &mut notices);
        let announce = self.announcer.enqueue(notices);
        drop(book);
        if announce {
            self.announcer.deliver();
        }
        outcome
    }
}

impl<M: Member> Default for Rooms<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: Member> std::fmt::Debug for Rooms<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rooms").field("members", &self.len()).finish_non_exhaustive()
    }
}

fn keys<M: Member>(book: &Book<M>, target: &Target) -> SmallVec<[MemberKey; 8]> {
    let mut keys = SmallVec::new();
    book.visit(target, |key, _| keys.push(key));
    keys
}
