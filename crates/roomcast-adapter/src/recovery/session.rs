//! One session: what is kept of it while its connection is lost, and what it has missed.
//!
//! In: positions, noted while it was connected; the offset with which its client comes back. Out: the position from which
//! on events are repeated, and which of them are for it. What is odd: the side that sends remembers up to where it has
//! sent something to this session. With that, a client that was sent nothing, or has seen all that it was sent, can go on
//! from the moment at which it was lost, even if its offset, or its lack of one, is older than everything in the log.

use std::collections::HashSet;

use super::{Audience, Log, Position};
use crate::Room;

/// What is kept of a session; `D` is what the application attached to it.
#[derive(Clone, Debug)]
pub struct Session<D> {
    /// The public id, which it has again when it comes back.
    pub id: Room,
    /// The rooms it was in, its id among them.
    pub rooms: Vec<Room>,
    /// What was attached to it.
    pub data: D,
    /// Where the log stood when the session began: nothing before that is for it.
    pub entered: Position,
    /// Where the log stood when it was let in: broadcasts before that were not for it.
    pub joined: Position,
    /// The last event that was for it while it was connected, whether it could be sent or not; 0 if there was none.
    pub reached: Position,
    /// Where the log stood when it was lost: what is for it after that has not even been tried.
    pub left: Position,
}

/// Why a session cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotResume {
    /// The offset is none that the client can have.
    BadOffset,
    /// What it has missed is not kept any more.
    TooOld,
}

impl<D> Session<D> {
    /// From where on events are to be repeated to a client whose last offset was this, or that has seen none.
    ///
    /// # Errors
    /// If it cannot go on.
    pub fn resume<P>(&self, offset: Option<Position>, log: &Log<P>) -> Result<Position, CannotResume> {
        let from = match offset {
            Some(offset) if offset > log.position() || offset < self.entered => {
                return Err(CannotResume::BadOffset);
            }
            // It has seen all there was; since then nothing was for it until it was lost.
            Some(offset) if offset >= self.reached => offset.max(self.left),
            Some(offset) => offset,
            None if self.reached == Position(0) => self.left,
            None => self.entered,
        };
        if log.reaches_back_to(from) { Ok(from) } else { Err(CannotResume::TooOld) }
    }

    /// Which events are for it.
    #[must_use]
    pub fn wants(&self) -> Wants<'_> {
        Wants { id: &self.id, rooms: self.rooms.iter().map(Room::as_str).collect(), joined: self.joined }
    }

    /// About how many bytes the session takes, without the application's own data.
    #[must_use]
    pub fn cost(&self) -> usize {
        let rooms: usize = self.rooms.iter().map(|room| room.len() + size_of::<Room>() * 2).sum();
        Self::OVERHEAD + rooms
    }

    /// Bytes that a session is counted with besides its rooms.
    pub const OVERHEAD: usize = 256 + size_of::<Self>();
}

/// Says of an event whether it is for a session.
#[derive(Debug)]
pub struct Wants<'a> {
    id: &'a Room,
    rooms: HashSet<&'a str>,
    joined: Position,
}

impl Wants<'_> {
    /// Whether the event at that position is for the session. JS: in-memory-adapter.ts `shouldIncludePacket`.
    #[must_use]
    pub fn event(&self, position: Position, audience: &Audience) -> bool {
        match audience {
            Audience::Socket(id) => id == self.id,
            Audience::Target(target) => {
                let is_in = |room: &Room| self.rooms.contains(room.as_str());
                position > self.joined
                    && (target.rooms().is_empty() || target.rooms().iter().any(is_in))
                    && !target.except_rooms().iter().any(is_in)
            }
        }
    }
}
