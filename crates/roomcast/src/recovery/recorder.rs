//! The log of one namespace, shared by all that emit.
//!
//! In: events with room for an offset. Out: the same events with one, in one order: whoever holds the lock gives the event
//! its place and hands it to the sockets before the next one gets its own. What is odd: while no client could need them,
//! events are not recorded at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};
use proto::engine::Frame;
use roomcast_adapter::recovery::{Audience, Log, Offsets, Position};

use super::{Absence, Departure, Seat};

/// The log of one namespace.
pub(crate) struct Recorder {
    absence: Arc<Absence>,
    offsets: Offsets,
    log: Mutex<Log<Frame>>,
    /// There are sockets, or clients that may come back.
    recording: AtomicBool,
}

impl Recorder {
    pub(crate) fn new(absence: &Arc<Absence>) -> Self {
        Self {
            absence: absence.clone(),
            offsets: Offsets::new(rand::random()),
            log: Mutex::new(Log::new(absence.log_bounds())),
            recording: AtomicBool::new(false),
        }
    }

    pub(crate) fn absence(&self) -> &Arc<Absence> {
        &self.absence
    }

    pub(super) fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Log<Frame>> {
        self.log.lock()
    }

    pub(super) fn position(&self) -> Position {
        self.lock().position()
    }

    /// Whether somebody may need what is emitted.
    pub(crate) fn is_recording(&self) -> bool {
        self.recording.load(Ordering::Acquire)
    }

    pub(super) fn set_recording(&self, recording: bool) {
        self.recording.store(recording, Ordering::Release);
    }

    /// Gives an event its place.
    pub(super) fn record(&self, log: &mut Log<Frame>, audience: Audience, frame: &Frame) {
        if self.is_recording() {
            log.record(now(), audience, frame.clone(), frame.websocket_len());
        }
    }

    /// Nobody is left who could need anything.
    pub(super) fn forget(&self) {
        let mut log = self.lock();
        if !self.is_recording() {
            log.clear();
        }
    }

    /// A socket leaves: what is emitted from then on has not been tried to send to it.
    pub(crate) fn leave(&self, seat: &Seat, departure: Departure, leave: impl FnOnce()) {
        let log = self.lock();
        seat.leave(log.position(), departure == Departure::Kept);
        leave();
    }

    pub(super) fn expire(&self, now: Instant) -> Option<Instant> {
        let mut log = self.lock();
        log.expire(now);
        log.next_expiry()
    }
}

pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
