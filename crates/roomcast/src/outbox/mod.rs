//! The bounded queue of frames waiting to leave a session: order, bounds, and what happens when they are reached.
//!
//! In: shared [`Frame`]s from any task. Out: what waits, taken in batches by the session's driver, or written from here.
//! What is odd: the bytes that the driver has taken but not yet written still count, because a peer that does not read
//! keeps them here.

// How much may wait, and what has happened because of it.
mod counters;
mod limits;

// Its other end.
mod leave;

// Which frame has to go, where the policy has a choice.
mod marks;
mod policy;

// Waiting until there is room, or until a frame has left.
mod departures;
mod room;

// Queues lent for bursts.
mod spare;

use std::collections::VecDeque;

use proto::engine::Frame;

pub use counters::Counters;
pub use limits::{Buffered, OutboxLimits, Overflow};

pub(crate) use counters::Counting;
pub(crate) use marks::Key;

use departures::Departures;
use marks::Marks;
use room::Room;

/// An outbox that idles keeps room for this many frames, so that one message at a time allocates nothing.
const KEPT_FRAMES: usize = 4;

/// More bytes than this do not wait for the end of a turn.
const HEAVY: usize = 64 * 1024;

/// What may be done with a frame that cannot leave at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// It stays, whatever the policy: what the protocol or an answer depends on.
    Reliable,
    /// An event: it waits for its turn, unless the policy drops it.
    Event,
    /// Dropped unless the transport is idle, or the policy lets it wait. JS: `volatile`.
    Volatile,
    /// Dropped unless the transport is idle; once it is queued, it stays.
    Immediate,
    /// An event that takes the place of a waiting one of the same key.
    Latest(Key),
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// The transport is idle: it leaves in the next turn of the session.
    AtOnce,
    /// It waits in the queue.
    Queued,
    /// It waits in the queue, and so many older ones were dropped for it.
    DroppedOlder(u32),
    /// It waits in the place of the older one of its key; so many other older ones were dropped for it.
    Replaced(u32),
    /// It was volatile and the transport busy.
    DroppedVolatile,
    /// It found no room, and the policy says that it is dropped.
    DroppedFull,
    /// The queue is full: the session is to be closed as a slow consumer.
    Overflow,
    /// The session has ended.
    Closed,
}

impl Pushed {
    /// Whether it is on its way.
    pub(crate) fn is_queued(self) -> bool {
        matches!(self, Self::AtOnce | Self::Queued | Self::DroppedOlder(_) | Self::Replaced(_))
    }
}

#[derive(Debug)]
pub(crate) struct Outbox {
    frames: VecDeque<Frame>,
    /// Bytes of the first frame that are written already.
    skip: usize,
    /// Cost and number of the queued frames and of those the driver is writing.
    bytes: usize,
    packets: u32,
    /// A volatile frame would leave at once.
    idle: bool,
    closed: bool,
    /// It is open, and nothing but [`Overflow::Close`] can happen to its frames.
    plain: bool,
    /// Somebody listens for the outbox to run empty.
    watched: bool,
    limits: OutboxLimits,
    /// What most outboxes do not need.
    extras: Option<Box<Extras>>,
}

#[derive(Debug, Default)]
struct Extras {
    /// Present from the first frame on that the policy or a key makes a choice of; then it matches the queue.
    marks: Option<Marks>,
    room: Room,
    /// Present from the first frame on that somebody wants to see leave.
    departures: Option<Box<Departures>>,
}

impl Extras {
    /// The first frame of the queue was written.
    #[cold]
    fn leave(&mut self, cost: usize, overflow: Overflow) {
        if let Some(marks) = &mut self.marks {
            marks.pop_front(cost, overflow);
        }
        if let Some(departures) = &mut self.departures {
            departures.leave(1);
        }
    }
}

impl Outbox {
    pub(crate) fn new(limits: OutboxLimits) -> Self {
        Self {
            frames: VecDeque::new(),
            skip: 0,
            bytes: 0,
            packets: 0,
            idle: false,
            closed: false,
            plain: limits.overflow == Overflow::Close,
            watched: false,
            limits,
            extras: None,
        }
    }

    pub(crate) fn push(&mut self, frame: Frame, urgency: &Urgency) -> Pushed {
        if !self.plain || matches!(urgency, Urgency::Latest(_)) {
            return self.push_marked(frame, urgency);
        }
        if matches!(urgency, Urgency::Volatile | Urgency::Immediate) && !self.idle {
            return Pushed::DroppedVolatile;
        }
        let cost = frame.cost();
        if !self.fits(cost) {
            return self.overflow();
        }
        self.append(frame, cost)
    }

    /// Puts a control frame in front, so that a full queue never causes a ping timeout.
    pub(crate) fn push_control(&mut self, frame: Frame) {
        if !self.closed {
            self.bytes += frame.cost();
            self.packets += 1;
            self.idle = false;
            let place = usize::from(self.skip > 0);
            self.frames.insert(place, frame);
            if let Some(marks) = self.marks() {
                marks.insert_control(place);
            }
            if let Some(departures) = self.departures() {
                departures.overtake(place);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// What waits, that being written included.
    pub(crate) fn buffered(&self) -> Buffered {
        Buffered { bytes: self.bytes, packets: self.packets as usize }
    }

    pub(crate) fn limits(&self) -> OutboxLimits {
        self.limits
    }

    /// Other bounds and another policy from now on. What waits stays, and decides by its age alone as far as the old
    /// policy had no need to know more about it.
    pub(crate) fn set_limits(&mut self, limits: OutboxLimits) {
        self.limits = limits;
        self.plain = !self.closed && limits.overflow == Overflow::Close && self.extras.is_none();
        if let Some(marks) = self.extras.as_mut().and_then(|extras| extras.marks.as_mut()) {
            marks.recount(&self.frames, limits.overflow);
        }
    }

    /// From now on somebody wants to hear of it when the outbox has run empty.
    pub(crate) fn watch(&mut self) {
        self.watched = true;
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.watched
    }

    /// Whether so much waits that it should be written soon.
    pub(crate) fn is_heavy(&self) -> bool {
        self.bytes > HEAVY.min(self.limits.bytes / 2)
    }

    pub(crate) fn is_between_frames(&self) -> bool {
        self.skip == 0
    }

    pub(crate) fn set_idle(&mut self, idle: bool) {
        self.idle = idle;
    }

    /// Takes nothing more, drops what waits. What is written of the first frame stays known: the stream is inside of it.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.plain = false;
        self.idle = false;
        self.packets -= count(self.frames.len());
        self.bytes -= self.frames.drain(..).map(|frame| frame.cost()).sum::<usize>();
        self.frames = VecDeque::new();
        if let Some(extras) = &mut self.extras {
            extras.marks = None;
            if let Some(departures) = &mut extras.departures {
                departures.lose_all();
            }
        }
    }

    fn fits(&self, cost: usize) -> bool {
        // A single frame may be larger than the bound: refusing it would be a limit on messages, not on the queue.
        self.packets == 0
            || (self.bytes.saturating_add(cost) <= self.limits.bytes && self.packets < self.limits.packets)
    }

    fn append(&mut self, frame: Frame, cost: usize) -> Pushed {
        self.bytes += cost;
        self.packets += 1;
        if self.frames.len() == KEPT_FRAMES && self.frames.capacity() == KEPT_FRAMES {
            spare::enlarge(&mut self.frames);
        }
        self.frames.push_back(frame);
        match std::mem::replace(&mut self.idle, false) {
            true => Pushed::AtOnce,
            false => Pushed::Queued,
        }
    }

    fn overflow(&mut self) -> Pushed {
        self.close();
        Pushed::Overflow
    }

    fn extras(&mut self) -> &mut Extras {
        self.plain = false;
        self.extras.get_or_insert_default()
    }

    fn marks(&mut self) -> Option<&mut Marks> {
        self.extras.as_mut()?.marks.as_mut()
    }
}

/// An outbox of 4 billion frames would hold 256 GiB.
fn count(frames: usize) -> u32 {
    u32::try_from(frames).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
