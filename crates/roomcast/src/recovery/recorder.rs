//! The log of one namespace, shared by all that emit.
//!
//! In: events with room for an offset. Out: the same events with one, in one order: whoever holds the lock gives the event
//! its place and hands it to the sockets before the next one gets its own. What is odd: while no client could need them,
//! events are not recorded at all. What somebody has missed is looked for in steps, so that nobody's emit waits for all of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};
use proto::engine::Frame;
use roomcast_adapter::recovery::{Audience, Gap, Log, Offsets, Position, Wants};

use super::{Absence, Departure, Seat};

/// So many events are looked at while the log is locked once: some ten microseconds.
const STEP: usize = 256;

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

    /// Adds the events after a position that are for a session, up to where the log stands when this begins, and gives that
    /// position. Emits go on meanwhile.
    ///
    /// # Errors
    /// If some of them are not kept any more.
    pub(super) fn gather(
        &self,
        after: Position,
        wants: &Wants<'_>,
        frames: &mut Vec<(Position, Frame)>,
    ) -> Result<Position, Gap> {
        let (mut at, mut until) = (after, None);
        loop {
            // What grows does so before the lock.
            frames.reserve(STEP);
            let log = self.lock();
            let until = *until.get_or_insert_with(|| log.position());
            for (position, audience, frame) in log.after(at)?.take(STEP) {
                if position > until {
                    break;
                }
                at = position;
                if wants.event(position, audience) {
                    frames.push((position, frame.clone()));
                }
            }
            // Whoever waits for it goes first.
            MutexGuard::unlock_fair(log);
            if at >= until {
                // What was missed may wait for middlewares.
                frames.shrink_to_fit();
                return Ok(until);
            }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use roomcast_adapter::Room;
    use roomcast_adapter::recovery::Session;

    use super::*;
    use crate::ConnectionStateRecovery;

    fn recorder(packets: usize) -> Recorder {
        let options = ConnectionStateRecovery::default().max_packets(packets).max_bytes(1 << 30);
        let recorder = Recorder::new(&Absence::new(options, Duration::ZERO));
        recorder.set_recording(true);
        recorder
    }

    fn session() -> Session<()> {
        let (id, start) = (Room::from("me"), Position(0));
        Session {
            rooms: vec![id.clone()],
            id,
            data: (),
            entered: start,
            joined: start,
            reached: start,
            left: start,
        }
    }

    /// Every third event is for the session, and says where it stands.
    fn emit(recorder: &Recorder) -> Position {
        let mut log = recorder.lock();
        let position = log.next_position();
        let id = if position.0.is_multiple_of(3) { "me" } else { "you" };
        recorder.record(&mut log, Audience::Socket(id.into()), &Frame::text(&position.0.to_string()));
        position
    }

    /// Those of the session up to a position: each of them once, in order, and no other.
    fn assert_exact(frames: &[(Position, Frame)], until: Position) {
        assert_eq!(frames.len() as u64, until.0 / 3);
        for ((position, frame), n) in frames.iter().zip(1..) {
            assert_eq!(position.0, n * 3);
            assert_eq!(frame.text_packet()[1..], *position.0.to_string().as_bytes());
        }
    }

    #[test]
    fn what_is_for_a_session_is_gathered_however_many_steps_it_takes() {
        let session = session();
        for events in [0, 1, STEP, STEP + 1, 3 * STEP, 3 * STEP + 7] {
            let recorder = recorder(10_000);
            (0..events).for_each(|_| _ = emit(&recorder));
            let mut frames = Vec::new();
            let until = recorder.gather(Position(0), &session.wants(), &mut frames).unwrap();
            assert_eq!(until.0, events as u64);
            assert_exact(&frames, until);
            assert_eq!(recorder.gather(until, &session.wants(), &mut frames), Ok(until), "there is no more");
            assert_exact(&frames, until);
        }
    }

    #[test]
    fn what_is_not_kept_any_more_is_a_gap() {
        let (recorder, session) = (recorder(STEP), session());
        (0..STEP + 2).for_each(|_| _ = emit(&recorder));
        let mut frames = Vec::new();
        assert_eq!(recorder.gather(Position(1), &session.wants(), &mut frames), Err(Gap));
        assert!(recorder.gather(Position(2), &session.wants(), &mut frames).is_ok());
    }

    #[test]
    fn what_is_emitted_meanwhile_is_neither_lost_nor_doubled() {
        const EVENTS: u64 = 50_000;
        let (recorder, session) = (recorder(usize::MAX), session());
        std::thread::scope(|scope| {
            scope.spawn(|| while emit(&recorder).0 < EVENTS {});
            let (mut frames, mut until) = (Vec::new(), Position(0));
            while until.0 < EVENTS {
                until = recorder.gather(until, &session.wants(), &mut frames).unwrap();
            }
            assert_exact(&frames, until);
        });
    }
}
