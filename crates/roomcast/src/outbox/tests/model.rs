//! Whatever is pushed, taken and written in whatever order: an outbox does the same as a plain list that obeys the same
//! words, so order and bounds hold, and everything pushed is delivered, waits, or was reported.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Operation {
    Push(Urgency, usize),
    Control,
    /// Taken up to so many bytes, and written at once.
    Take(usize),
    /// Taken, and written later.
    TakeAndKeep(usize),
    Written,
    /// Written from the outbox itself, up to so many bytes.
    Write(usize),
    Idle,
    Limits(OutboxLimits),
}

#[derive(Clone, Debug, PartialEq)]
struct Waiting {
    text: String,
    urgency: Urgency,
    cost: usize,
}

/// The plain list.
struct Model {
    limits: OutboxLimits,
    waiting: Vec<Waiting>,
    /// Bytes of the first that are written.
    skip: usize,
    /// Cost of what was taken and is not yet written.
    taken: Vec<usize>,
    idle: bool,
    closed: bool,
    /// What waits is told apart, since a policy or a key first needed it.
    marked: bool,
}

impl Model {
    fn bytes(&self) -> usize {
        self.taken.iter().sum::<usize>() + self.waiting.iter().map(|frame| frame.cost).sum::<usize>()
    }

    fn packets(&self) -> usize {
        self.taken.len() + self.waiting.len()
    }

    fn fits(&self, cost: usize, packets: usize) -> bool {
        let others = self.packets() + packets - 1;
        others == 0
            || (self.bytes() + cost <= self.limits.bytes
                && (packets == 0 || others < self.limits.packets as usize))
    }

    /// Drops the oldest that may be, except one, until there is room; puts everything back if that cannot be.
    fn make_room(&mut self, cost: usize, packets: usize, spared: &str) -> Option<u32> {
        let before = self.waiting.clone();
        let mut dropped = 0;
        while !self.fits(cost, packets) {
            let begun = usize::from(self.skip > 0);
            let may_go =
                |frame: &Waiting| self.limits.overflow.may_drop(&frame.urgency) && frame.text != spared;
            let Some(index) = self.waiting.iter().skip(begun).position(may_go) else {
                self.waiting = before;
                return None;
            };
            self.waiting.remove(begun + index);
            dropped += 1;
        }
        Some(dropped)
    }

    fn refuse(&mut self, urgency: &Urgency) -> Pushed {
        if self.limits.overflow.may_drop(urgency) {
            return Pushed::DroppedFull;
        }
        self.closed = true;
        self.waiting.clear();
        Pushed::Overflow
    }

    fn push(&mut self, frame: &Frame, urgency: &Urgency) -> Pushed {
        if self.closed {
            return Pushed::Closed;
        }
        let waits = *urgency == Urgency::Volatile && self.limits.overflow == Overflow::DropVolatile;
        if matches!(urgency, Urgency::Volatile | Urgency::Immediate) && !waits && !self.idle {
            return Pushed::DroppedVolatile;
        }
        if !self.marked && (self.limits.overflow != Overflow::Close || matches!(urgency, Urgency::Latest(_)))
        {
            self.marked = true;
            self.waiting.iter_mut().for_each(|frame| frame.urgency = Urgency::Reliable);
        }
        let new = Waiting { text: text(frame), urgency: urgency.clone(), cost: frame.cost() };
        let begun = usize::from(self.skip > 0);
        let same = |frame: &Waiting| matches!(urgency, Urgency::Latest(_)) && frame.urgency == *urgency;
        if let Some(index) = self.waiting.iter().skip(begun).position(same) {
            let old = self.waiting[begun + index].clone();
            if matches!(urgency, Urgency::Latest(key) if key.is_in_order()) {
                self.waiting.remove(begun + index);
                let Some(dropped) = self.make_room(new.cost, 1, "") else {
                    self.waiting.insert(begun + index, old);
                    return self.refuse(urgency);
                };
                self.waiting.push(new);
                self.idle = false;
                return Pushed::Replaced(dropped);
            }
            let growth = new.cost.saturating_sub(old.cost);
            let dropped = match growth {
                0 => Some(0),
                growth => self.make_room(growth, 0, &old.text),
            };
            let Some(dropped) = dropped else { return self.refuse(urgency) };
            let index = self.waiting.iter().position(|frame| frame.text == old.text).unwrap();
            self.waiting[index] = new;
            return Pushed::Replaced(dropped);
        }
        let Some(dropped) = self.make_room(new.cost, 1, "") else { return self.refuse(urgency) };
        self.waiting.push(new);
        match (std::mem::take(&mut self.idle), dropped) {
            (true, 0) => Pushed::AtOnce,
            (false, 0) => Pushed::Queued,
            (_, dropped) => Pushed::DroppedOlder(dropped),
        }
    }
}

fn text(frame: &Frame) -> String {
    String::from_utf8(frame.text_packet().to_vec()).unwrap()
}

fn urgency() -> impl Strategy<Value = Urgency> {
    prop_oneof![
        Just(Urgency::Reliable),
        Just(Urgency::Event),
        Just(Urgency::Volatile),
        Just(Urgency::Immediate),
        (0..3_u8).prop_map(|key| latest(&key.to_string())),
        (0..3_u8).prop_map(|key| latest(&key.to_string()).in_order()),
    ]
}

fn limits() -> impl Strategy<Value = OutboxLimits> {
    let policies = [Overflow::Close, Overflow::DropVolatile, Overflow::KeepLatest, Overflow::DropOldest];
    (0_usize..1_500, 0_u32..12, prop::sample::select(policies.to_vec())).prop_map(
        |(bytes, packets, overflow)| OutboxLimits::default().bytes(bytes).packets(packets).overflow(overflow),
    )
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        12 => (urgency(), 0_usize..200).prop_map(|(urgency, size)| Operation::Push(urgency, size)),
        1 => Just(Operation::Control),
        1 => (0_usize..1_000).prop_map(Operation::Take),
        1 => (0_usize..1_000).prop_map(Operation::TakeAndKeep),
        1 => Just(Operation::Written),
        1 => (1_usize..300).prop_map(Operation::Write),
        1 => Just(Operation::Idle),
        1 => limits().prop_map(Operation::Limits),
    ]
}

/// An outbox and a list, side by side.
struct Pair {
    outbox: Outbox,
    model: Model,
    writing: VecDeque<Frame>,
    pushed: usize,
    queued: usize,
    /// Reported as replaced or dropped after it was queued.
    reported: usize,
    delivered: usize,
    controls: usize,
}

impl Pair {
    fn take(&mut self, bytes: usize) {
        if !self.writing.is_empty() {
            return;
        }
        let skip = self.outbox.take(&mut self.writing, bytes);
        assert_eq!(skip, std::mem::take(&mut self.model.skip));
        for (frame, expected) in self.writing.iter().zip(self.model.waiting.drain(..self.writing.len())) {
            assert_eq!(text(frame), expected.text);
            self.model.taken.push(expected.cost);
        }
        let (bytes_taken, first) = (self.model.taken.iter().sum::<usize>(), self.model.taken.first());
        assert!(bytes_taken <= bytes.max(first.copied().unwrap_or_default()));
    }

    fn written(&mut self) {
        self.delivered += self.writing.len();
        self.outbox.written(&mut self.writing);
        self.model.taken.clear();
    }

    fn write(&mut self, room: usize) {
        if !self.writing.is_empty() {
            return;
        }
        let mut left = room;
        let mut out = Vec::new();
        let result = self.outbox.write(|slices| {
            let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            let taken = bytes.len().min(left);
            left -= taken;
            out.extend_from_slice(&bytes[..taken]);
            if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
        });
        self.model.skip += out.len();
        while let Some(first) = self.model.waiting.first()
            && self.model.skip >= first.cost - Frame::OVERHEAD
        {
            self.model.skip -= first.cost - Frame::OVERHEAD;
            self.model.waiting.remove(0);
            self.delivered += 1;
        }
        assert_eq!(result.is_ok(), self.model.waiting.is_empty());
        self.model.idle |= result.is_ok();
    }

    fn push(&mut self, urgency: &Urgency, size: usize) {
        let frame = Frame::text(&format!("{} {}", self.pushed, "x".repeat(size)));
        self.pushed += 1;
        let before = self.outbox.buffered();
        let expected = self.model.push(&frame, urgency);
        let pushed = self.outbox.push(frame.clone(), urgency);
        assert_eq!(pushed, expected);
        self.queued += usize::from(pushed.is_queued());
        match pushed {
            Pushed::DroppedOlder(older) => self.reported += older as usize,
            Pushed::Replaced(older) => self.reported += older as usize + 1,
            Pushed::Overflow => {
                self.reported = self.queued + self.controls - self.delivered - self.writing.len()
            }
            _ => {}
        }
        // Limits may have become smaller, and one frame alone may be larger than they are.
        let bound = self.outbox.limits().bytes.max(before.bytes).max(frame.cost());
        assert!(self.outbox.buffered().bytes <= bound);
    }

    fn check(&self) {
        assert_eq!(
            waiting(&self.outbox),
            self.model.waiting.iter().map(|f| f.text.clone()).collect::<Vec<_>>()
        );
        let buffered = Buffered { bytes: self.model.bytes(), packets: self.model.packets() };
        assert_eq!(self.outbox.buffered(), buffered);
        // Nothing is lost silently.
        let waiting = self.outbox.frames.len() + self.writing.len();
        assert_eq!(self.queued + self.controls, self.delivered + waiting + self.reported);
    }
}

proptest! {
    #[test]
    fn order_and_bounds_hold_and_everything_pushed_is_delivered_or_reported(
        limits in limits(),
        operations in prop::collection::vec(operation(), 1..120),
    ) {
        let model = Model {
            limits,
            waiting: Vec::new(),
            skip: 0,
            taken: Vec::new(),
            idle: false,
            closed: false,
            marked: false,
        };
        let outbox = Outbox::new(limits);
        let mut pair = Pair {
            outbox,
            model,
            writing: VecDeque::new(),
            pushed: 0,
            queued: 0,
            reported: 0,
            delivered: 0,
            controls: 0,
        };
        for operation in operations {
            match operation {
                Operation::Push(urgency, size) => pair.push(&urgency, size),
                Operation::Control => {
                    pair.outbox.push_control(Frame::ping());
                    if !pair.model.closed {
                        let cost = Frame::ping().cost();
                        let ping = Waiting { text: "2".into(), urgency: Urgency::Reliable, cost };
                        pair.model.waiting.insert(usize::from(pair.model.skip > 0), ping);
                        pair.model.idle = false;
                        pair.controls += 1;
                    }
                }
                Operation::Take(bytes) => {
                    pair.take(bytes);
                    pair.written();
                }
                Operation::TakeAndKeep(bytes) => pair.take(bytes),
                Operation::Written => pair.written(),
                Operation::Write(bytes) => pair.write(bytes),
                Operation::Idle if pair.model.packets() == 0 && !pair.model.closed => {
                    pair.outbox.set_idle(true);
                    pair.model.idle = true;
                }
                Operation::Idle => {}
                Operation::Limits(limits) => {
                    pair.outbox.set_limits(limits);
                    pair.model.limits = limits;
                }
            }
            pair.check();
        }
    }
}
