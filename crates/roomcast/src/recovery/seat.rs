//! What a socket knows of its own session, so that it can be recovered.
//!
//! In: positions in the log, noted as they are reached. Out: what is kept when the connection is lost. What is odd: all
//! positions but the first are written under the lock of the log only; they are atomic because they are read elsewhere.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use proto::Sid;
use proto::engine::Frame;
use roomcast_adapter::Room;
use roomcast_adapter::recovery::{Position, Session};

use super::claim::Restored;
use crate::core::random_id;
use crate::socket::Kept;

/// The session of one socket.
#[derive(Debug)]
pub(crate) struct Seat {
    /// The private id: a secret between server and client.
    pid: Sid,
    recovered: bool,
    entered: Position,
    joined: AtomicU64,
    reached: AtomicU64,
    left: AtomicU64,
    /// Its connection is lost, and its client may come back: what is said to it is for its successor.
    kept: AtomicBool,
    /// What it has missed, until it is in.
    missed: Mutex<Option<Missed>>,
}

/// What a client that comes back has missed.
#[derive(Debug)]
pub(super) struct Missed {
    pub(super) frames: Vec<(Position, Frame)>,
    /// The frames are those up to here.
    pub(super) until: Position,
}

impl Seat {
    pub(crate) fn new(entered: Position) -> Self {
        Self {
            pid: random_id(),
            recovered: false,
            entered,
            joined: AtomicU64::new(u64::MAX),
            reached: AtomicU64::new(0),
            left: AtomicU64::new(entered.0),
            kept: AtomicBool::new(false),
            missed: Mutex::new(None),
        }
    }

    pub(crate) fn restored(restored: Restored) -> (Self, Session<Kept>) {
        let Restored { pid, session, missed } = restored;
        let seat = Self {
            pid,
            recovered: true,
            entered: session.entered,
            joined: AtomicU64::new(session.joined.0),
            reached: AtomicU64::new(session.reached.0),
            left: AtomicU64::new(session.left.0),
            kept: AtomicBool::new(false),
            missed: Mutex::new(Some(missed)),
        };
        (seat, session)
    }

    pub(crate) fn pid(&self) -> Sid {
        self.pid
    }

    pub(crate) fn is_recovered(&self) -> bool {
        self.recovered
    }

    /// It is in: broadcasts reach it from here on. One that is recovered was in before.
    pub(super) fn join(&self, at: Position) {
        if !self.recovered {
            self.joined.store(at.0, Ordering::Release);
        }
    }

    /// An event is for it.
    pub(super) fn reach(&self, position: Position) {
        self.reached.fetch_max(position.0, Ordering::Release);
    }

    /// It is leaving, and is kept or not.
    pub(super) fn leave(&self, at: Position, kept: bool) {
        self.left.store(at.0, Ordering::Release);
        self.kept.store(kept, Ordering::Release);
    }

    /// What is said to it from now on is for its successor.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept.load(Ordering::Acquire)
    }

    /// Whether it still has to get what it missed, before anything else.
    pub(super) fn is_missing(&self) -> bool {
        self.missed.lock().is_some()
    }

    /// Up to where what it has missed is known.
    pub(super) fn missed_until(&self) -> Option<Position> {
        self.missed.lock().as_ref().map(|missed| missed.until)
    }

    pub(super) fn take_missed(&self) -> Option<Missed> {
        self.missed.lock().take()
    }

    /// What is kept of it.
    pub(super) fn session<D>(&self, id: &str, rooms: Vec<Room>, data: D) -> Session<D> {
        let position = |position: &AtomicU64| Position(position.load(Ordering::Acquire));
        Session {
            id: id.into(),
            rooms,
            data,
            entered: self.entered,
            joined: position(&self.joined),
            reached: position(&self.reached),
            left: position(&self.left),
        }
    }
}
