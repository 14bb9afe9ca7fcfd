//! What is done with a frame where the policy or a key leaves a choice.
//!
//! In: a frame that is pushed. Out: what became of it, and of the older ones that it drops or replaces. What is odd: before
//! anything is dropped it is known whether that will be enough.

use proto::engine::Frame;

use super::{Key, Marks, Outbox, Overflow, Pushed, Urgency};

impl Outbox {
    #[cold]
    pub(super) fn push_marked(&mut self, frame: Frame, urgency: &Urgency) -> Pushed {
        if self.closed {
            return Pushed::Closed;
        }
        let policy = self.limits.overflow;
        let may_wait = match urgency {
            Urgency::Volatile => policy == Overflow::DropVolatile,
            Urgency::Immediate => false,
            _ => true,
        };
        if !may_wait && !self.idle {
            return Pushed::DroppedVolatile;
        }
        if policy != Overflow::Close || matches!(urgency, Urgency::Latest(_)) {
            let waiting = self.frames.len();
            let extras = self.extras();
            extras.marks.get_or_insert_with(|| Marks::unknown(waiting));
        }
        if let Urgency::Latest(key) = urgency
            && let Some(index) = self.marks().and_then(|marks| marks.position(key))
        {
            return match key.is_in_order() {
                false => self.replace(index, frame, urgency, key),
                true => self.succeed(index, frame, urgency),
            };
        }
        let cost = frame.cost();
        let Some(dropped) = self.make_room(cost) else { return self.refuse(urgency) };
        let pushed = self.append(frame, cost);
        if let Some(marks) = self.marks() {
            marks.push_back(urgency, cost, policy);
        }
        match dropped {
            0 => pushed,
            dropped => Pushed::DroppedOlder(dropped),
        }
    }

    /// Puts a frame in the place of the one of the same key.
    fn replace(&mut self, index: usize, frame: Frame, urgency: &Urgency, key: &Key) -> Pushed {
        let policy = self.limits.overflow;
        let (old, new) = (self.frames[index].cost(), frame.cost());
        let growth = new.saturating_sub(old);
        let fits = |outbox: &Self| {
            growth == 0 || outbox.bytes == old || outbox.bytes.saturating_add(growth) <= outbox.limits.bytes
        };
        let spare = if policy.may_drop(urgency) { old } else { 0 };
        let most = self.marks().map_or(0, |marks| marks.droppable().0) - spare;
        if !fits(self) && self.bytes - most > old && self.bytes - most + growth > self.limits.bytes {
            return self.refuse(urgency);
        }
        let mut dropped = 0;
        while !fits(self) && self.drop_oldest(Some(key)) {
            dropped += 1;
        }
        if let Some(index) = self.marks().and_then(|marks| marks.position(key)) {
            self.bytes = self.bytes - old + new;
            self.frames[index] = frame;
            if let Some(marks) = self.marks() {
                marks.replaced(urgency, old, new, policy);
            }
        }
        Pushed::Replaced(dropped)
    }

    /// Puts a frame behind all others, and takes the one of the same key out, which stays where the new one finds no room.
    fn succeed(&mut self, index: usize, frame: Frame, urgency: &Urgency) -> Pushed {
        let policy = self.limits.overflow;
        let (old, cost) = (self.frames[index].cost(), frame.cost());
        let (bytes, packets) = self.undroppable();
        let others = match policy.may_drop(urgency) {
            true => (bytes, packets),
            false => (bytes - old, packets - 1),
        };
        if !self.would_fit(cost, others) {
            return self.refuse(urgency);
        }
        self.remove(index);
        let dropped = self.make_room(cost).unwrap_or_default();
        self.append(frame, cost);
        if let Some(marks) = self.marks() {
            marks.push_back(urgency, cost, policy);
        }
        Pushed::Replaced(dropped)
    }

    /// Drops older frames until one of that cost fits, and says how many; `None`, and nothing is dropped, if all that
    /// may be dropped would not be enough.
    fn make_room(&mut self, cost: usize) -> Option<u32> {
        if self.fits(cost) {
            return Some(0);
        }
        let others = self.undroppable();
        if !self.would_fit(cost, others) {
            return None;
        }
        let mut dropped = 0;
        while !self.fits(cost) && self.drop_oldest(None) {
            dropped += 1;
        }
        Some(dropped)
    }

    /// Drops the oldest frame that may be, except the one of a key.
    fn drop_oldest(&mut self, spared: Option<&Key>) -> bool {
        let policy = self.limits.overflow;
        let Some(index) = self.marks().and_then(|marks| marks.oldest_droppable(policy, spared)) else {
            return false;
        };
        self.remove(index);
        true
    }

    /// Takes a waiting frame out, which will not leave.
    fn remove(&mut self, index: usize) {
        let policy = self.limits.overflow;
        let cost = self.frames.remove(index).map_or(0, |frame| frame.cost());
        self.bytes -= cost;
        self.packets -= 1;
        if let Some(marks) = self.marks() {
            marks.remove(index, cost, policy);
        }
        if let Some(departures) = self.departures() {
            departures.drop_out(index);
        }
    }

    /// Bytes and number of the frames that stay whatever happens.
    fn undroppable(&mut self) -> (usize, u32) {
        let (bytes, packets) = self.marks().map_or((0, 0), |marks| marks.droppable());
        (self.bytes - bytes, self.packets - packets)
    }

    /// Whether a frame of that cost fits beside so many others.
    fn would_fit(&self, cost: usize, (bytes, packets): (usize, u32)) -> bool {
        packets == 0 || (bytes.saturating_add(cost) <= self.limits.bytes && packets < self.limits.packets)
    }

    /// There is no room for the frame, whatever else is dropped.
    fn refuse(&mut self, urgency: &Urgency) -> Pushed {
        match self.limits.overflow.may_drop(urgency) {
            true => Pushed::DroppedFull,
            false => self.overflow(),
        }
    }
}
