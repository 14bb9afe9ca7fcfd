//! What an outbox knows about each of its frames, where it has to choose among them.
//!
//! In: frames that were queued, taken, dropped. Out: which one has to go, where the one of a key stands. What is odd:
//! this exists only for outboxes that drop or replace; all others know nothing about their frames and pay nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use proto::engine::Frame;

use super::{Overflow, Urgency};

/// Marks that idle keep room for this many frames.
const KEPT_MARKS: usize = 16;

/// What makes two events the same for [`Urgency::Latest`]: a namespace and the program's own name for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    text: Arc<str>,
    /// The newer one stands behind all others, not in the place of the older one.
    in_order: bool,
}

impl Key {
    pub(crate) fn new(namespace: &str, key: &str) -> Self {
        // No namespace has a comma in its path, so no two pairs give the same text.
        Self { text: format!("{namespace},{key}").into(), in_order: false }
    }

    pub(super) fn is_in_order(&self) -> bool {
        self.in_order
    }
}

impl Urgency {
    /// The same for events that must not overtake others.
    pub(crate) fn in_order(&self) -> Self {
        match self {
            Self::Latest(key) => Self::Latest(Key { text: key.text.clone(), in_order: true }),
            other => other.clone(),
        }
    }
}

#[derive(Debug)]
struct Mark {
    /// Rises with the place in the queue, 0 for control frames in front.
    number: u64,
    urgency: Urgency,
}

/// One mark for each frame of the queue, in the same order.
#[derive(Debug, Default)]
pub(super) struct Marks {
    marks: VecDeque<Mark>,
    /// The number of the waiting frame of each key. The standard hasher, because peers may choose keys.
    keys: HashMap<Key, u64>,
    last: u64,
    /// Cost and number of the frames that may be dropped.
    droppable: usize,
    droppable_frames: u32,
    /// So many marks at the front are known to be of frames that must stay.
    must_stay: usize,
}

impl Overflow {
    pub(super) fn may_drop(self, urgency: &Urgency) -> bool {
        match self {
            Self::Close => false,
            Self::DropVolatile => matches!(urgency, Urgency::Volatile),
            Self::KeepLatest => matches!(urgency, Urgency::Latest(_)),
            Self::DropOldest => !matches!(urgency, Urgency::Reliable | Urgency::Immediate),
        }
    }
}

impl Marks {
    /// Marks for frames about which nothing is known: they stay.
    pub(super) fn unknown(frames: usize) -> Self {
        let marks = std::iter::repeat_with(|| Mark { number: 0, urgency: Urgency::Reliable });
        Self { marks: marks.take(frames).collect(), ..Self::default() }
    }

    pub(super) fn push_back(&mut self, urgency: &Urgency, cost: usize, overflow: Overflow) {
        self.last += 1;
        if let Urgency::Latest(key) = urgency {
            self.keys.insert(key.clone(), self.last);
        }
        if overflow.may_drop(urgency) {
            self.droppable += cost;
            self.droppable_frames += 1;
        }
        self.marks.push_back(Mark { number: self.last, urgency: urgency.clone() });
    }

    /// A control frame was put in front, or behind the first frame if that is being written.
    pub(super) fn insert_control(&mut self, place: usize) {
        self.marks.insert(place, Mark { number: 0, urgency: Urgency::Reliable });
        self.must_stay += 1;
    }

    /// The first frame, which costs so much, is being written: it stays, and no other takes its place.
    pub(super) fn pin_first(&mut self, cost: usize, overflow: Overflow) {
        if let Some(first) = self.marks.front_mut() {
            first.number = 0;
            let urgency = std::mem::replace(&mut first.urgency, Urgency::Reliable);
            self.forget(&urgency, cost, overflow);
        }
    }

    /// The frame in front, which costs so much, has been taken.
    pub(super) fn pop_front(&mut self, cost: usize, overflow: Overflow) {
        if let Some(mark) = self.marks.pop_front() {
            self.must_stay = self.must_stay.saturating_sub(1);
            self.forget(&mark.urgency, cost, overflow);
        }
    }

    /// All frames have been taken.
    pub(super) fn clear(&mut self) {
        self.marks.clear();
        self.marks.shrink_to(KEPT_MARKS);
        self.keys.clear();
        self.keys.shrink_to(KEPT_MARKS);
        self.droppable = 0;
        self.droppable_frames = 0;
        self.must_stay = 0;
    }

    /// Where the waiting frame of a key stands.
    pub(super) fn position(&self, key: &Key) -> Option<usize> {
        let number = self.keys.get(key)?;
        self.marks.binary_search_by_key(number, |mark| mark.number).ok()
    }

    /// The frame of a key has been replaced by one of another cost.
    pub(super) fn replaced(&mut self, urgency: &Urgency, old: usize, new: usize, overflow: Overflow) {
        if overflow.may_drop(urgency) {
            self.droppable = self.droppable - old + new;
        }
    }

    /// Cost and number of the frames that may be dropped.
    pub(super) fn droppable(&self) -> (usize, u32) {
        (self.droppable, self.droppable_frames)
    }

    /// The oldest frame that may be dropped, except the one of a key.
    pub(super) fn oldest_droppable(&mut self, overflow: Overflow, spared: Option<&Key>) -> Option<usize> {
        let may_drop = |mark: &Mark| overflow.may_drop(&mark.urgency);
        while self.marks.get(self.must_stay).is_some_and(|mark| !may_drop(mark)) {
            self.must_stay += 1;
        }
        let is_spared = |mark: &Mark| matches!((&mark.urgency, spared), (Urgency::Latest(key), Some(spared)) if key == spared);
        let mut marks = self.marks.iter().enumerate().skip(self.must_stay);
        marks.find(|(_, mark)| may_drop(mark) && !is_spared(mark)).map(|(index, _)| index)
    }

    /// The frame at that place, which costs so much, has been dropped, or is succeeded by another one.
    pub(super) fn remove(&mut self, index: usize, cost: usize, overflow: Overflow) {
        if let Some(mark) = self.marks.remove(index) {
            self.must_stay -= usize::from(index < self.must_stay);
            self.forget(&mark.urgency, cost, overflow);
        }
    }

    /// Another policy holds from now on.
    pub(super) fn recount(&mut self, frames: &VecDeque<Frame>, overflow: Overflow) {
        (self.droppable, self.droppable_frames, self.must_stay) = (0, 0, 0);
        for (mark, frame) in self.marks.iter().zip(frames) {
            if overflow.may_drop(&mark.urgency) {
                self.droppable += frame.cost();
                self.droppable_frames += 1;
            }
        }
    }

    fn forget(&mut self, urgency: &Urgency, cost: usize, overflow: Overflow) {
        if overflow.may_drop(urgency) {
            self.droppable -= cost;
            self.droppable_frames -= 1;
        }
        if let Urgency::Latest(key) = urgency {
            self.keys.remove(key);
        }
    }
}
