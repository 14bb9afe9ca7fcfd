//! The driver's end of the mailbox: what came in, when it may sleep, and the end.
//!
//! In: the driver's calls. Out: commands and frames for it. What is odd: it may only sleep after it has looked at everything
//! that came in since it took its commands, which it asks for under the same lock.

use std::task::Waker;

use tokio::net::tcp::OwnedWriteHalf;

use super::{Command, Mailbox, Sleep};
use crate::outbox::Outbox;
use crate::session::wire::Wire;

/// What is left in a mailbox that was closed.
pub(in crate::session) struct Closed {
    pub(in crate::session) stream: Option<OwnedWriteHalf>,
    /// Whether the stream stands between two frames.
    pub(in crate::session) between_frames: bool,
    /// What nobody has taken. Channels of requests close when this is dropped.
    pub(in crate::session) commands: Vec<Command>,
}

impl Mailbox {
    /// From now on others may write while the driver sleeps, in the form of the session.
    pub(in crate::session) fn share(&self, (stream, wire): (Option<OwnedWriteHalf>, Wire)) {
        let mut inner = self.inner.lock();
        inner.stream = stream;
        inner.wire = wire;
    }

    /// The commands that wait, and whether the outbox overflowed.
    pub(in crate::session) fn take_commands(&self) -> (Vec<Command>, bool) {
        let mut inner = self.inner.lock();
        inner.sleep = Sleep::Awake;
        inner.rung = false;
        (std::mem::take(&mut inner.commands), std::mem::take(&mut inner.overflow))
    }

    /// Works on the outbox under the lock.
    #[inline]
    pub(in crate::session) fn with_outbox<T>(&self, work: impl FnOnce(&mut Outbox) -> T) -> T {
        work(&mut self.inner.lock().outbox)
    }

    /// The same for work that makes room: who waits for that is woken.
    #[inline]
    pub(in crate::session) fn make_room(&self, work: impl FnOnce(&mut Outbox)) {
        let wakers = {
            let outbox = &mut self.inner.lock().outbox;
            work(outbox);
            outbox.wakers()
        };
        if let Some(wakers) = wakers {
            wakers.wake();
        }
    }

    /// Lets the driver sleep, unless something came in meanwhile: then `false`. `can_send`: its transport takes frames.
    pub(in crate::session) fn sleep(&self, waker: &Waker, can_send: bool) -> bool {
        let mut inner = self.inner.lock();
        if !inner.commands.is_empty()
            || inner.overflow
            || inner.rung
            || (can_send && !inner.outbox.is_empty())
        {
            return false;
        }
        inner.sleep = if can_send { Sleep::Light } else { Sleep::Deep };
        inner.outbox.set_idle(can_send);
        match &mut inner.waker {
            Some(old) if old.will_wake(waker) => {}
            slot => *slot = Some(waker.clone()),
        }
        true
    }

    /// Nothing goes in any more; the frames that wait are dropped.
    pub(in crate::session) fn close(&self) -> Closed {
        let (closed, post, wakers) = {
            let mut inner = self.inner.lock();
            inner.closed = true;
            let between_frames = inner.outbox.is_between_frames();
            inner.outbox.close();
            inner.waker = None;
            let (stream, commands) = (inner.stream.take(), std::mem::take(&mut inner.commands));
            (Closed { stream, between_frames, commands }, inner.post.take(), inner.outbox.all_wakers())
        };
        if let Some(wakers) = wakers {
            wakers.wake();
        }
        // Its channel closes here, outside the lock.
        drop(post);
        closed
    }
}
