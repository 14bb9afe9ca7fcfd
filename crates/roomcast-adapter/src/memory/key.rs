//! What the book takes and gives: members, their keys, and what came of a join or a leave.
//!
//! Odd: a key carries the serial number of its member, so a key that outlives its member means nobody, even when the
//! slot has a new tenant.

use std::{error::Error, fmt};

use crate::Room;

/// What the book keeps per socket: a cheap handle, usually a newtype around an `Arc`.
///
/// `id` and `clone` run under the book's lock: they must be short and must not call into the book.
pub trait Member: Clone + Send + Sync + 'static {
    /// The socket's id. It must not change.
    fn id(&self) -> &str;
}

/// Where a member stands in the book; dead once the member is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemberKey {
    pub(super) slot: u32,
    // Wraps after 2^32 members; a stale key would have to be kept that long, and meet its slot again, to be wrong.
    pub(super) serial: u32,
}

/// What a join did. A key whose member is gone joins nothing: both are false.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JoinOutcome {
    /// Nobody on this node was in the room before.
    pub created_room: bool,
    /// The member was not in the room before.
    pub joined: bool,
}

/// What a leave did. Leaving a room one is not in, or with a key whose member is gone, does nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaveOutcome {
    /// The member was in the room.
    pub left: bool,
    /// Nobody on this node is in the room any more.
    pub deleted_room: bool,
}

/// What a join of many members did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetJoin {
    /// Memberships added.
    pub joined: usize,
    /// Memberships refused, because the member was in too many rooms already or because the name was too long.
    pub refused: usize,
}

/// Why a join was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JoinError {
    /// The member is in as many rooms as it may be.
    TooMany {
        /// How many rooms a member may be in, its own id not counted.
        limit: usize,
    },
    /// The name of the room is longer than [`Room::MAX_BYTES`].
    TooLong {
        /// How long it is, in bytes.
        bytes: usize,
    },
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { limit } => write!(f, "the socket is in {limit} rooms and may join no more"),
            Self::TooLong { bytes } => {
                write!(f, "the room's name has {bytes} bytes, of which {} are allowed", Room::MAX_BYTES)
            }
        }
    }
}

impl Error for JoinError {}

/// Why a member was not inserted: another one has its id. The member comes back.
#[derive(Clone, Copy)]
pub struct TakenError<M>(pub M);

impl<M> fmt::Debug for TakenError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TakenError(..)")
    }
}

impl<M> fmt::Display for TakenError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a socket with this id is in the namespace already")
    }
}

impl<M> Error for TakenError<M> {}
