//! The events of one namespace that may have to be repeated, the oldest first, within bounds.
//!
//! In: events with whom they are for; time. Out: their positions; all that came after a position. What is odd: positions
//! have no holes, so an event is found by subtraction, however many there are. An event that alone is larger than the
//! bound is given a position and not kept: whoever missed it hears that something is missing.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Position;
use crate::{Room, Target};

/// Whom an event was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The socket of that id alone.
    Socket(Room),
    /// Whom the target means.
    Target(Target),
}

/// How much a log keeps. What no longer fits goes, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogBounds {
    /// The most events.
    pub packets: usize,
    /// The most bytes, those of [`Log::OVERHEAD`] for each event and of the names of its rooms included.
    pub bytes: usize,
    /// How long an event is kept.
    pub age: Duration,
}

/// Events after the position are not kept any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap;

/// The events of one namespace. `P` is a cheap handle on an encoded event.
#[derive(Debug)]
pub struct Log<P> {
    entries: VecDeque<Entry<P>>,
    /// Of the newest event, kept or not.
    last: Position,
    bytes: usize,
    bounds: LogBounds,
}

#[derive(Debug)]
struct Entry<P> {
    audience: Audience,
    packet: P,
    bytes: usize,
    at: Instant,
}

impl<P> Log<P> {
    /// Bytes that an event is counted with besides its content.
    pub const OVERHEAD: usize = 64 + size_of::<Entry<P>>();

    /// A log with nothing in it.
    #[must_use]
    pub fn new(bounds: LogBounds) -> Self {
        Self { entries: VecDeque::new(), last: Position(0), bytes: 0, bounds }
    }

    /// Where the newest event stands.
    #[must_use]
    pub fn position(&self) -> Position {
        self.last
    }

    /// Where the next event will stand.
    #[must_use]
    pub fn next_position(&self) -> Position {
        Position(self.last.0 + 1)
    }

    /// Records an event of so many bytes.
    pub fn record(&mut self, now: Instant, audience: Audience, packet: P, bytes: usize) -> Position {
        self.last = self.next_position();
        let bytes = bytes + Self::OVERHEAD + names(&audience);
        if bytes > self.bounds.bytes || self.bounds.packets == 0 {
            self.clear();
            return self.last;
        }
        while self.entries.len() >= self.bounds.packets || self.bytes + bytes > self.bounds.bytes {
            self.drop_oldest();
        }
        self.bytes += bytes;
        self.entries.push_back(Entry { audience, packet, bytes, at: now });
        self.last
    }

    /// All events after a position.
    ///
    /// # Errors
    /// If some of them are not kept any more.
    pub fn after(&self, position: Position) -> Result<impl Iterator<Item = (Position, &Audience, &P)>, Gap> {
        // A position that was never given out is behind everything.
        let missed = self.last.0.saturating_sub(position.0);
        let missed = usize::try_from(missed).ok().filter(|&n| n <= self.entries.len()).ok_or(Gap)?;
        let positions = (self.last.0 - missed as u64 + 1..).map(Position);
        let entries = self.entries.range(self.entries.len() - missed..);
        Ok(positions.zip(entries).map(|(position, entry)| (position, &entry.audience, &entry.packet)))
    }

    /// Whether all events after a position are kept.
    #[must_use]
    pub fn reaches_back_to(&self, position: Position) -> bool {
        self.after(position).is_ok()
    }

    /// Drops what is too old.
    pub fn expire(&mut self, now: Instant) {
        while self.next_expiry().is_some_and(|expiry| expiry <= now) {
            self.drop_oldest();
        }
        self.shrink();
    }

    /// When the oldest event becomes too old.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.entries.front()?.at.checked_add(self.bounds.age)
    }

    /// Forgets all events; the positions go on.
    pub fn clear(&mut self) {
        self.entries = VecDeque::new();
        self.bytes = 0;
    }

    /// How many events are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no event is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What the events count against [`LogBounds::bytes`].
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn drop_oldest(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= entry.bytes;
        }
    }

    /// A burst does not leave its queue behind.
    fn shrink(&mut self) {
        if self.entries.capacity() > 64 && self.entries.len() * 4 <= self.entries.capacity() {
            self.entries.shrink_to(self.entries.len() * 2);
        }
    }
}

/// Bytes of the names of rooms, with what holds them.
fn names(audience: &Audience) -> usize {
    match audience {
        Audience::Socket(id) => id.len(),
        Audience::Target(target) => {
            let rooms = target.rooms().iter().chain(target.except_rooms());
            rooms.map(|room| room.len() + size_of::<Room>() * 2).sum()
        }
    }
}
