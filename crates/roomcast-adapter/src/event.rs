//! What happens to rooms: created, joined, left, deleted.
//!
//! Comes in: nothing; the book of rooms reports what it did. Goes out: one borrowed event at a time to an observer,
//! such as an adapter that subscribes per room, or the admin interface.
//! Odd: a socket's id is a room too, so its coming and going are reported like any other room's.

use crate::Room;

/// One change of the rooms of a namespace on this node.
///
/// A first join reports `Created`, then `Joined`; a last leave `Left`, then `Deleted`. Joining again or leaving twice
/// reports nothing. JS: the adapter events `create-room`, `join-room`, `leave-room`, `delete-room`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoomEvent<'a> {
    /// The room has come into being on this node.
    Created {
        /// Its name.
        room: &'a Room,
    },
    /// A socket has joined.
    Joined {
        /// The room joined.
        room: &'a Room,
        /// The socket's id.
        id: &'a str,
    },
    /// A socket has left.
    Left {
        /// The room left.
        room: &'a Room,
        /// The socket's id.
        id: &'a str,
    },
    /// Nobody on this node is in the room any more.
    Deleted {
        /// Its name.
        room: &'a Room,
    },
}

/// Is told of every change, in the order in which the changes happened.
///
/// Called without any lock of the book: it may call back into the book, and what that changes is reported after the
/// events already waiting. It should only note the event or hand it on: while it runs, other threads' events queue
/// up behind it, and past a bound those threads wait.
pub trait RoomObserver: Send + Sync {
    /// Takes one event.
    fn on_room_event(&self, event: RoomEvent<'_>);
}

impl<F: Fn(RoomEvent<'_>) + Send + Sync> RoomObserver for F {
    fn on_room_event(&self, event: RoomEvent<'_>) {
        self(event);
    }
}
