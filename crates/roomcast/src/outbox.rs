//! The bounded queue of frames waiting to leave a session: order, volatile, bounds, overflow.
//!
//! In: shared [`Frame`]s from any task. Out: all that waits, taken at once by the session's driver, or written from here.
//! What is odd: the bytes that the driver has taken but not yet written still count, because a peer that does not read
//! keeps them here.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use proto::engine::Frame;

use crate::session::write_frames;

/// An outbox that idles keeps room for this many frames, so that one message at a time allocates nothing.
const KEPT_FRAMES: usize = 4;

/// Whether a frame may be dropped when it cannot leave at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Waits for its turn.
    Reliable,
    /// Dropped unless the transport is idle. JS: `volatile`.
    Volatile,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits in the queue.
    Queued,
    /// It was volatile and the transport busy.
    Dropped,
    /// The queue is full: the session is to be closed as a slow consumer.
    Overflow,
    /// The session has ended.
    Closed,
}

#[derive(Debug)]
pub(crate) struct Outbox {
    frames: VecDeque<Frame>,
    /// Bytes of the first frame that are written already.
    skip: usize,
    /// Cost of the queued frames and of those the driver is writing.
    bytes: usize,
    max_bytes: usize,
    /// A volatile frame would leave at once.
    idle: bool,
    closed: bool,
}

impl Outbox {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { frames: VecDeque::new(), skip: 0, bytes: 0, max_bytes, idle: false, closed: false }
    }

    pub(crate) fn push(&mut self, frame: Frame, urgency: Urgency) -> Pushed {
        if self.closed {
            return Pushed::Closed;
        }
        if urgency == Urgency::Volatile && !self.idle {
            return Pushed::Dropped;
        }
        let cost = frame.cost();
        // A single frame may be larger than the bound: refusing it would be a limit on messages, not on the queue.
        if self.bytes > 0 && self.bytes + cost > self.max_bytes {
            self.close();
            return Pushed::Overflow;
        }
        self.idle = false;
        self.bytes += cost;
        self.frames.push_back(frame);
        Pushed::Queued
    }

    /// Puts a control frame in front, so that a full queue never causes a ping timeout.
    pub(crate) fn push_control(&mut self, frame: Frame) {
        if !self.closed {
            self.bytes += frame.cost();
            self.idle = false;
            let place = usize::from(self.skip > 0);
            self.frames.insert(place, frame);
        }
    }

    /// Writes all that waits, as far as `write` takes it.
    ///
    /// # Errors
    /// That of `write`, `WouldBlock` among them; what is not written waits on.
    pub(crate) fn write(
        &mut self,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<()> {
        while !self.frames.is_empty() {
            match write_frames(&self.frames, self.skip, &mut write)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => self.advance(written),
            }
        }
        self.keep_little();
        self.idle = true;
        Ok(())
    }

    fn advance(&mut self, written: usize) {
        self.skip += written;
        while let Some(first) = self.frames.front()
            && self.skip >= first.websocket_len()
        {
            self.skip -= first.websocket_len();
            self.bytes -= first.cost();
            self.frames.pop_front();
        }
    }

    /// A burst leaves no large queue behind.
    fn keep_little(&mut self) {
        if self.frames.capacity() > KEPT_FRAMES {
            self.frames = VecDeque::new();
        }
    }

    /// Moves all that waits to the driver's own queue, which has to be empty; gives the bytes of the first frame that are
    /// written already.
    pub(crate) fn take(&mut self, writing: &mut VecDeque<Frame>) -> usize {
        debug_assert!(writing.is_empty());
        // Swapping nothing for nothing would take the queue's room away from the next push.
        if !self.frames.is_empty() {
            std::mem::swap(&mut self.frames, writing);
        }
        std::mem::take(&mut self.skip)
    }

    /// The driver has written all it took: its cost is free again, and the room of its queue comes back.
    pub(crate) fn written(&mut self, writing: &mut VecDeque<Frame>) {
        self.bytes -= writing.drain(..).map(|frame| frame.cost()).sum::<usize>();
        if self.frames.capacity() == 0 && writing.capacity() <= KEPT_FRAMES {
            std::mem::swap(&mut self.frames, writing);
        } else {
            *writing = VecDeque::new();
        }
    }

    /// The driver has written some frames from the front of what it took.
    pub(crate) fn written_cost(&mut self, cost: usize) {
        self.bytes -= cost;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Bytes that wait, those being written included.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_between_frames(&self) -> bool {
        self.skip == 0
    }

    pub(crate) fn set_idle(&mut self, idle: bool) {
        self.idle = idle;
    }

    /// Takes nothing more, drops what waits.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.idle = false;
        self.bytes -= self.frames.drain(..).map(|frame| frame.cost()).sum::<usize>();
        self.frames = VecDeque::new();
        self.skip = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(n: usize) -> Frame {
        Frame::text(&n.to_string())
    }

    fn texts(queue: &VecDeque<Frame>) -> Vec<String> {
        queue.iter().map(|f| String::from_utf8(f.text_packet().to_vec()).unwrap()).collect()
    }

    #[test]
    fn frames_leave_in_the_order_they_came_and_pings_go_first() {
        let mut outbox = Outbox::new(1_000_000);
        for n in 0..3 {
            assert_eq!(outbox.push(frame(n), Urgency::Reliable), Pushed::Queued);
        }
        outbox.push_control(Frame::ping());
        let mut writing = VecDeque::new();
        outbox.take(&mut writing);
        assert_eq!(texts(&writing), ["2", "40", "41", "42"]);
    }

    #[test]
    fn only_the_first_of_several_volatile_frames_passes() {
        let mut outbox = Outbox::new(1_000_000);
        outbox.set_idle(true);
        assert_eq!(outbox.push(frame(1), Urgency::Volatile), Pushed::Queued);
        assert_eq!(outbox.push(frame(2), Urgency::Volatile), Pushed::Dropped);
        assert_eq!(outbox.push(frame(3), Urgency::Reliable), Pushed::Queued);
    }

    #[test]
    fn a_full_outbox_overflows_and_holds_nothing_afterwards() {
        let mut outbox = Outbox::new(frame(0).cost() * 3);
        for n in 0..3 {
            assert_eq!(outbox.push(frame(n), Urgency::Reliable), Pushed::Queued);
        }
        assert_eq!(outbox.push(frame(3), Urgency::Reliable), Pushed::Overflow);
        assert_eq!(outbox.push(frame(4), Urgency::Reliable), Pushed::Closed);
        assert_eq!((outbox.bytes(), outbox.is_empty()), (0, true));
    }

    #[test]
    fn what_was_not_taken_waits_and_a_ping_does_not_cut_a_frame() {
        let mut outbox = Outbox::new(1_000_000);
        outbox.push(frame(1), Urgency::Reliable);
        outbox.push(frame(2), Urgency::Reliable);
        let mut out = Vec::new();
        let mut room = 5;
        let mut write = |slices: &[IoSlice<'_>]| {
            let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            let taken = bytes.len().min(std::mem::take(&mut room));
            out.extend_from_slice(&bytes[..taken]);
            if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
        };
        assert_eq!(outbox.write(&mut write).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(outbox.bytes(), frame(2).cost());
        outbox.push_control(Frame::ping());
        let mut writing = VecDeque::new();
        assert_eq!(outbox.take(&mut writing), 1);
        assert_eq!(texts(&writing), ["42", "2"]);
        assert_eq!(out, *b"\x81\x0241\x81");
    }

    #[test]
    fn what_is_being_written_still_counts() {
        let mut outbox = Outbox::new(frame(0).cost() * 2);
        let mut writing = VecDeque::new();
        outbox.push(frame(0), Urgency::Reliable);
        outbox.push(frame(1), Urgency::Reliable);
        outbox.take(&mut writing);
        assert_eq!(outbox.push(frame(2), Urgency::Reliable), Pushed::Overflow);
        outbox.written(&mut writing);
        assert_eq!(outbox.bytes(), 0);
    }

    #[test]
    fn one_frame_larger_than_the_bound_passes_an_empty_outbox() {
        let mut outbox = Outbox::new(1);
        assert_eq!(outbox.push(frame(0), Urgency::Reliable), Pushed::Queued);
    }

    #[test]
    fn one_message_at_a_time_reuses_its_room() {
        let mut outbox = Outbox::new(1_000_000);
        let mut writing = VecDeque::new();
        outbox.push(frame(0), Urgency::Reliable);
        outbox.take(&mut writing);
        outbox.written(&mut writing);
        // The driver looks again before it sleeps.
        outbox.take(&mut writing);
        assert!(outbox.frames.capacity() > 0);
        for n in 0..100 {
            outbox.push(frame(n), Urgency::Reliable);
        }
        outbox.take(&mut writing);
        outbox.written(&mut writing);
        assert!(outbox.frames.capacity() <= KEPT_FRAMES && writing.capacity() == 0);
    }
}
