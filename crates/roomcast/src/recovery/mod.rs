//! Connection state recovery: a client whose connection was lost comes back as the socket that it was, and gets what it
//! has missed. The store itself is `roomcast_adapter::recovery`; here it meets sockets, locks and the clock.
//!
//! In: events on their way to sockets, sockets that are lost, clients that come back. Out: events with an offset, in one
//! order for everybody; sockets with their old id, rooms and data. What is odd: with recovery on, the events of one
//! namespace go out one after the other, under the lock of its log, because the offset of the last event that a client
//! has seen must say that it has seen all before it.
//!
//! ```text
//!  emit ──► stamp ──► Recorder (log) ──► outboxes          lost ──► Absence ──► Away
//!                        │                                  back ──► claim ──► Restored ──► welcome
//!                        └── what was missed ────────────────────────────────────────────────►┘
//! ```
//!
//! Locks are taken in this order: the one of `Absence` alone; that of a log, then the book of rooms, then outboxes.

// What can be set.
mod options;

// An event gets room for its offset.
mod stamp;

// The log of one namespace, and who gets what is recorded.
mod recorder;
mod send;

// What a socket knows of its own session.
mod seat;

// All sessions of a server, those that are lost and those that may be.
mod absence;
mod sweep;

// A client comes back, and is let in.
mod claim;
mod welcome;

pub use options::ConnectionStateRecovery;

pub(crate) use absence::{Absence, Departure};
pub(crate) use claim::{Restored, claim};
pub(crate) use recorder::Recorder;
pub(crate) use seat::Seat;
pub(crate) use send::{Waiting, broadcast, send, send_or_wait};
pub(crate) use welcome::welcome;
