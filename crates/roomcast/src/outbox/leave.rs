//! Frames leave: written from here while the driver sleeps, or taken by the driver, who says what it has written.
//!
//! In: what waits. Out: as many bytes as the stream takes, or a batch. What is odd: a frame that is partly written stays the
//! first, whoever goes on with it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use proto::engine::Frame;

use super::{KEPT_FRAMES, Outbox, count, spare};
use crate::session::{Audience, Wire, write_frames};

impl Outbox {
    /// Gives all that waits its form on the wire. What it counts stays the same.
    pub(crate) fn form(&mut self, wire: Wire) {
        wire.form(&mut self.frames);
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
            match write_frames(&self.frames, self.skip, Audience::Many, &mut write)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => self.advance(written),
            }
        }
        self.keep_little();
        self.idle = true;
        Ok(())
    }

    fn advance(&mut self, written: usize) {
        let overflow = self.limits.overflow;
        self.skip += written;
        while let Some(first) = self.frames.front()
            && self.skip >= first.websocket_len()
        {
            let cost = first.cost();
            self.skip -= first.websocket_len();
            self.bytes -= cost;
            self.packets -= 1;
            self.frames.pop_front();
            if let Some(extras) = self.extras.as_deref_mut() {
                extras.leave(cost, overflow);
            }
        }
        if self.skip > 0
            && let Some(cost) = self.frames.front().map(Frame::cost)
            && let Some(marks) = self.marks()
        {
            marks.pin_first(cost, overflow);
        }
    }

    /// A burst leaves no large queue behind.
    fn keep_little(&mut self) {
        if self.frames.capacity() > KEPT_FRAMES {
            spare::give_back(&mut self.frames);
        }
    }

    /// Moves what waits to the driver's own queue, which has to be empty: all of it, or frames from the front up to so
    /// many bytes, but at least one. The rest can still be dropped, replaced and overtaken by control frames. Gives the
    /// bytes of the first frame that are written already.
    #[inline]
    pub(crate) fn take(&mut self, writing: &mut VecDeque<Frame>, max_bytes: usize) -> usize {
        debug_assert!(writing.is_empty());
        let skip = std::mem::take(&mut self.skip);
        // Swapping nothing for nothing would take the queue's room away from the next push.
        if self.frames.is_empty() {
            return skip;
        }
        if self.bytes <= max_bytes {
            std::mem::swap(&mut self.frames, writing);
            if let Some(marks) = self.marks() {
                marks.clear();
            }
        } else {
            self.take_some(writing, max_bytes);
        }
        if let Some(departures) = self.departures() {
            departures.take(writing.len());
        }
        skip
    }

    fn take_some(&mut self, writing: &mut VecDeque<Frame>, max_bytes: usize) {
        let overflow = self.limits.overflow;
        let mut bytes = 0;
        while let Some(frame) = self.frames.pop_front() {
            let cost = frame.cost();
            if !writing.is_empty() && bytes + cost > max_bytes {
                self.frames.push_front(frame);
                break;
            }
            bytes += cost;
            if let Some(marks) = self.marks() {
                marks.pop_front(cost, overflow);
            }
            writing.push_back(frame);
        }
    }

    /// The driver has written all it took: its cost is free again, and the room of its queue comes back.
    pub(crate) fn written(&mut self, writing: &mut VecDeque<Frame>) {
        if let Some(departures) = self.departures() {
            departures.write(writing.len());
        }
        self.packets -= count(writing.len());
        self.bytes -= writing.drain(..).map(|frame| frame.cost()).sum::<usize>();
        if !self.frames.is_empty() {
            // The next batch goes where this one was.
            return;
        }
        self.keep_little();
        if writing.capacity() > KEPT_FRAMES {
            spare::give_back(writing);
        }
        let small = std::mem::take(writing);
        if self.frames.capacity() == 0 {
            self.frames = small;
        }
    }

    /// The same where what it took is lost.
    pub(crate) fn lost(&mut self, writing: &mut VecDeque<Frame>) {
        if let Some(departures) = self.departures() {
            departures.lose_taken();
        }
        self.written(writing);
    }

    /// The driver has written so many frames from the front of what it took.
    pub(crate) fn written_cost(&mut self, cost: usize, frames: usize) {
        self.bytes -= cost;
        self.packets -= count(frames);
        if let Some(departures) = self.departures() {
            departures.write(frames);
        }
    }
}
