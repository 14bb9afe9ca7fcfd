//! Step 7, the local half: the book of who is in which room on this node.
//!
//! In: a socket comes, joins, leaves, goes; a `Target`. Out: the sockets a target means, and room events.
//!
//! ```text
//! Rooms            the lock, the public operations
//!  ├─ Book         members and rooms in slabs, found by name through two hash tables of slots
//!  │   ├─ Places   the rooms of one member, in the order joined
//!  │   └─ select   from a target to the members, each once (Marks: a bit per slot)
//!  └─ Announcer    room events, in order, outside the lock
//! ```

mod rooms;

mod key;

mod book;

mod seating;

mod places;

mod select;

mod marks;

mod shrink;

mod announcer;

#[cfg(test)]
mod tests;

pub use self::{
    key::{JoinError, JoinOutcome, LeaveOutcome, Member, MemberKey, TakenError, TargetJoin},
    rooms::{DEFAULT_MAX_ROOMS, Rooms},
};
