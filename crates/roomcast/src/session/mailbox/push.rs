//! Frames come in: into the outbox, and then the driver is woken, or the running turn promises to write them.
//!
//! In: frames of any task. Out: what became of them, and one wake or one promise at the most. What is odd: a promise is kept
//! after the lock was free for a while, so the driver may have woken meanwhile; then it writes itself.

use std::sync::Arc;
use std::task::Waker;

use proto::engine::Frame;
use tokio::sync::futures::OwnedNotified;
use tokio::sync::oneshot;

use super::{Inner, Mailbox, Sleep};
use crate::outbox::{Pushed, Urgency};
use crate::session::stream::try_write;
use crate::session::turn;

/// What a push brings about.
enum Then {
    Wake(Waker),
    /// The running turn writes it.
    Promise,
}

impl Mailbox {
    /// Queues a frame, sees to it that it is written.
    pub(crate) fn push(self: &Arc<Self>, frame: Frame, urgency: &Urgency) -> Pushed {
        let (pushed, then) = {
            let mut inner = self.inner.lock();
            let pushed = inner.outbox.push(frame, urgency);
            (pushed, inner.pushed(pushed, urgency))
        };
        self.go_on(then);
        pushed
    }

    /// Queues a frame that stays; gives what is told when it has left, or dropped if it never will.
    pub(crate) fn push_watched(self: &Arc<Self>, frame: Frame) -> Option<oneshot::Receiver<()>> {
        let (left, then) = {
            let mut inner = self.inner.lock();
            let (pushed, left) = inner.outbox.push_watched(frame);
            (left, inner.pushed(pushed, &Urgency::Reliable))
        };
        self.go_on(then);
        left
    }

    /// Queues a frame as [`Mailbox::push`] does if there is room enough; else gives it back with what to wait for.
    pub(crate) fn push_or_wait(
        self: &Arc<Self>,
        frame: Frame,
        urgency: &Urgency,
    ) -> Result<Pushed, (Frame, OwnedNotified)> {
        let (pushed, then) = {
            let mut inner = self.inner.lock();
            let pushed = inner.outbox.push_or_wait(frame, urgency)?;
            (pushed, inner.pushed(pushed, urgency))
        };
        self.go_on(then);
        Ok(pushed)
    }

    fn go_on(self: &Arc<Self>, then: Option<Then>) {
        match then {
            None => {}
            Some(Then::Wake(waker)) => waker.wake(),
            Some(Then::Promise) => turn::promise(self),
        }
    }

    /// Writes what waits, as was promised, unless the driver has woken meanwhile and does it. What the stream does not
    /// take is left to the driver.
    pub(in crate::session) fn keep_promise(&self) {
        let (waker, wakers) = {
            let mut inner = self.inner.lock();
            if inner.sleep != Sleep::Promised {
                return;
            }
            let Inner { outbox, stream, wire, .. } = &mut *inner;
            // Only the driver can tell the application that the outbox has run empty.
            let stream = stream.as_ref().filter(|_| !outbox.is_watched());
            // Compressing much would keep waiting whoever pushes meanwhile.
            let stream = stream.filter(|_| wire.is_light() || !outbox.is_heavy());
            let written = stream.is_some_and(|stream| {
                outbox.form(*wire);
                outbox.write(|slices| try_write(stream.as_ref(), slices)).is_ok()
            });
            let wakers = outbox.wakers();
            if written {
                inner.sleep = Sleep::Light;
                (None, wakers)
            } else {
                (inner.wake(), wakers)
            }
        };
        if let Some(wakers) = wakers {
            wakers.wake();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Leaves to the driver what was promised.
    pub(in crate::session) fn pass_promise(&self) {
        let waker = {
            let mut inner = self.inner.lock();
            if inner.sleep == Sleep::Promised { inner.wake() } else { None }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Inner {
    /// What is to be done about what became of a frame.
    fn pushed(&mut self, pushed: Pushed, urgency: &Urgency) -> Option<Then> {
        if pushed == Pushed::Overflow {
            self.overflow = true;
            return self.wake().map(Then::Wake);
        }
        match self.sleep {
            Sleep::Awake | Sleep::Deep => return None,
            Sleep::Light | Sleep::Promised if !pushed.is_queued() => return None,
            Sleep::Light if self.may_promise(urgency) => {
                self.sleep = Sleep::Promised;
                return Some(Then::Promise);
            }
            // A turn may be long: neither shall others wait for it, nor much for its end.
            Sleep::Promised if turn::is_running() && !self.outbox.is_heavy() => return None,
            Sleep::Light | Sleep::Promised => {}
        }
        self.wake().map(Then::Wake)
    }

    /// Whether the running turn may write what was pushed while the driver sleeps.
    fn may_promise(&self, urgency: &Urgency) -> bool {
        // Somebody may wait for the answer to a question, the turn itself among them. And only the driver can tell the
        // application that the outbox has run empty.
        let asks = matches!(urgency, Urgency::Reliable | Urgency::Immediate);
        self.stream.is_some() && !asks && !self.outbox.is_watched() && turn::is_running()
    }
}
