//! Connection state recovery: what clients have missed while they were away, and who they were.
//!
//! In: every event that may have to be repeated, with whom it was for; sessions whose connection is lost; time, as an
//! argument. Out: a session that comes back, and where in the log its client stands. What is odd: nothing here waits, locks
//! or knows a clock, and nothing is copied: an event is kept as the frame that everybody got.
//!
//! ```text
//!   emit ──► Log::record ──► Position ──► Offsets::write ──► the last argument of the event
//!   lost ──► Sessions::keep                                          │
//!   back ──► Sessions::take ──► Session::resume ◄── Offsets::read ◄──┘ what the client saw last
//!                                     │
//!                                     └──► Log::after + Session::wants ──► what it missed
//! ```
//!
//! # Guarantees
//! Whoever records an event and hands it to the sockets of this node in one step (under one lock) gets exactly-once
//! delivery for every session that comes back in time: the positions of what a socket was handed only grow, so that one
//! position says all that its client has seen.
//!
//! # Other stores
//! A store outside of the process, Redis streams for example, keeps the same contract with other means: the offset is the
//! id that the stream gives to an entry, [`SessionRecord`] is what it writes under the private id, with an expiry, and
//! reads and deletes in one step. Both are waited for there, so both are asynchronous in [`SessionStore`].

// Where an event stands, as a number and as text.
mod offset;

// The events of one namespace, within bounds.
mod log;

// One session: what is kept of it, what it has missed.
mod session;

// All sessions that are away, within bounds.
mod sessions;

// The same contract for a store that others share.
mod contract;

#[cfg(test)]
mod tests;

pub use self::{
    contract::{Recovered, SessionRecord, SessionStore},
    log::{Audience, Gap, Log, LogBounds},
    offset::{OFFSET_LEN, Offsets, Position},
    session::{CannotResume, Session, Wants},
    sessions::{SessionBounds, Sessions, Taken},
};
