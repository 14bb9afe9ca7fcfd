//! Who wants to know when a frame has left.
//!
//! In: frames that are watched, and what becomes of the queue. Out: whom to tell, outside the lock. What is odd: frames are
//! shared and cannot be told apart, so each watched one is known by its place, counted from a front that moves.

use std::collections::VecDeque;

use proto::engine::Frame;
use tokio::sync::oneshot;

use super::{Outbox, Pushed, Urgency};

/// Told when the frame has left; dropped when it never will.
type Told = oneshot::Sender<()>;

#[derive(Debug, Default)]
pub(super) struct Departures {
    /// In the queue, by number: the front's is `front`.
    waiting: VecDeque<(i64, Told)>,
    front: i64,
    /// Taken by the driver, by number: that of the first it has not written yet is `next`.
    taken: VecDeque<(i64, Told)>,
    next: i64,
    /// To be told.
    left: Vec<Told>,
    /// To be dropped.
    lost: Vec<Told>,
}

impl Departures {
    /// The frames in front were written from here.
    pub(super) fn leave(&mut self, frames: usize) {
        self.front += number(frames);
        while let Some((_, told)) = self.waiting.pop_front_if(|(place, _)| *place < self.front) {
            self.left.push(told);
        }
    }

    /// The driver has taken frames from the front, all it had is written.
    pub(super) fn take(&mut self, frames: usize) {
        self.next = self.front;
        self.front += number(frames);
        while let Some(taken) = self.waiting.pop_front_if(|(place, _)| *place < self.front) {
            self.taken.push_back(taken);
        }
    }

    /// The driver has written frames from the front of what it took.
    pub(super) fn write(&mut self, frames: usize) {
        self.next += number(frames);
        while let Some((_, told)) = self.taken.pop_front_if(|(place, _)| *place < self.next) {
            self.left.push(told);
        }
    }

    /// A frame has come to that place, in front of what stood there.
    pub(super) fn overtake(&mut self, place: usize) {
        let place = self.front + number(place);
        // Who stands before it keeps the distance to the front.
        self.front -= 1;
        self.waiting.iter_mut().take_while(|waiting| waiting.0 < place).for_each(|waiting| waiting.0 -= 1);
    }

    /// A frame was dropped from that place.
    pub(super) fn drop_out(&mut self, place: usize) {
        let place = self.front + number(place);
        self.waiting
            .iter_mut()
            .rev()
            .take_while(|waiting| waiting.0 > place)
            .for_each(|waiting| waiting.0 -= 1);
    }

    /// What the driver has taken will not leave.
    pub(super) fn lose_taken(&mut self) {
        self.lost.extend(self.taken.drain(..).map(|(_, told)| told));
    }

    /// Nothing will leave any more.
    pub(super) fn lose_all(&mut self) {
        self.lose_taken();
        self.lost.extend(self.waiting.drain(..).map(|(_, told)| told));
    }

    /// Who is to be told that a frame has left, and who is to be dropped.
    pub(super) fn take_told(&mut self) -> [Vec<Told>; 2] {
        [std::mem::take(&mut self.left), std::mem::take(&mut self.lost)]
    }
}

impl Outbox {
    /// Queues a frame that stays whatever the policy, and gives what is told when it has left, or dropped if it never will.
    pub(crate) fn push_watched(&mut self, frame: Frame) -> (Pushed, Option<oneshot::Receiver<()>>) {
        let pushed = self.push(frame, &Urgency::Reliable);
        if !pushed.is_queued() {
            return (pushed, None);
        }
        let last = number(self.frames.len()) - 1;
        let (told, left) = oneshot::channel();
        let departures = self.extras().departures.get_or_insert_default();
        departures.waiting.push_back((departures.front + last, told));
        (pushed, Some(left))
    }

    #[inline]
    pub(super) fn departures(&mut self) -> Option<&mut Departures> {
        self.extras.as_mut()?.departures.as_deref_mut()
    }
}

fn number(frames: usize) -> i64 {
    i64::try_from(frames).expect("no queue is that long")
}

#[cfg(test)]
mod tests {
    use std::io;

    use tokio::sync::oneshot::error::TryRecvError;

    use super::*;
    use crate::outbox::{Key, OutboxLimits, Overflow};

    /// Numbers from a seed.
    fn random(seed: u64) -> impl FnMut(u64) -> u64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        move |below| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 33) % below
        }
    }

    fn texts<'a>(queue: impl IntoIterator<Item = &'a Frame>) -> Vec<String> {
        queue.into_iter().map(|frame| String::from_utf8_lossy(frame.text_packet()).into_owned()).collect()
    }

    /// An outbox, the driver's part, and what has become of every frame that is watched.
    struct World {
        outbox: Outbox,
        writing: VecDeque<Frame>,
        watched: Vec<(String, oneshot::Receiver<()>)>,
        left: Vec<String>,
    }

    impl World {
        fn step(&mut self, random: &mut impl FnMut(u64) -> u64, number: usize) {
            let policy_frame = Frame::text(&format!("other {number}"));
            match random(10) {
                0..=2 => {
                    let text = format!("watched {number}");
                    let (_, left) = self.outbox.push_watched(Frame::text(&text));
                    self.watched.push((format!("4{text}"), left.expect("there is room")));
                }
                3 => _ = self.outbox.push(policy_frame, &Urgency::Event),
                4 => _ = self.outbox.push(policy_frame, &Urgency::Latest(Key::new("/", "key"))),
                8 => {
                    let behind = Urgency::Latest(Key::new("/", "behind")).in_order();
                    _ = self.outbox.push(policy_frame, &behind);
                }
                5 => self.outbox.push_control(Frame::ping()),
                6 => self.write_from_here(random(60) as usize),
                7 if self.writing.is_empty() => _ = self.outbox.take(&mut self.writing, random(200) as usize),
                _ => self.write_as_driver(random(4) as usize),
            }
            if let Some(wakers) = self.outbox.wakers() {
                wakers.wake();
            }
        }

        /// Another task writes what the stream takes.
        fn write_from_here(&mut self, bytes: usize) {
            if !self.writing.is_empty() {
                return;
            }
            let before = texts(&self.outbox.frames);
            let mut room = bytes;
            let _ = self.outbox.write(|slices| {
                let length = slices.iter().map(|slice| slice.len()).sum::<usize>().min(room);
                room -= length;
                if length == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(length) }
            });
            let written = before.len() - self.outbox.frames.len();
            self.left.extend(before.into_iter().take(written));
        }

        fn write_as_driver(&mut self, frames: usize) {
            // The driver takes the rest of a frame that is half written with it, too.
            let frames = frames.min(self.writing.len());
            self.left.extend(texts(self.writing.iter().take(frames)));
            if frames == self.writing.len() {
                self.outbox.written(&mut self.writing);
            } else {
                let cost = self.writing.drain(..frames).map(|frame| frame.cost()).sum();
                self.outbox.written_cost(cost, frames);
            }
        }

        fn check(&mut self, seed: u64) {
            for (text, left) in &mut self.watched {
                let told = left.try_recv();
                let expected = if self.left.contains(text) { Ok(()) } else { Err(TryRecvError::Empty) };
                assert_eq!(told, expected, "seed {seed}, {text}");
            }
            self.watched.retain(|(text, _)| !self.left.contains(text));
        }
    }

    #[test]
    fn each_watched_frame_is_told_when_it_leaves_whatever_else_happens_in_the_queue() {
        for seed in 0..200 {
            let mut random = random(seed);
            // Small enough to drop events now and then, with room for those that stay.
            let limits = OutboxLimits::default().bytes(4000).overflow(Overflow::DropOldest);
            let mut world = World {
                outbox: Outbox::new(limits),
                writing: VecDeque::new(),
                watched: Vec::new(),
                left: Vec::new(),
            };
            for number in 0..120 {
                if world.outbox.buffered().bytes > 3000 {
                    world.write_as_driver(usize::MAX);
                    world.write_from_here(usize::MAX);
                }
                world.step(&mut random, number);
                if let Some(wakers) = world.outbox.wakers() {
                    wakers.wake();
                }
                world.check(seed);
            }
            world.outbox.lost(&mut world.writing);
            world.outbox.close();
            if let Some(wakers) = world.outbox.all_wakers() {
                wakers.wake();
            }
            for (text, mut left) in world.watched {
                assert_eq!(left.try_recv(), Err(TryRecvError::Closed), "seed {seed}, {text}");
            }
        }
    }
}
