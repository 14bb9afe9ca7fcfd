//! The short wait of a session, which the wheel is too coarse for.
//!
//! In: until when a close packet may wait for its poll, and later the goodbye of a stream for its answer. Out: whether the
//! task will be woken then. What is odd: there is one, because the goodbye begins when the session has ended, and nothing
//! waits for a poll any more; and it is behind a pointer, because hardly any session waits for so little.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Instant;

use tokio::time::Sleep;

#[derive(Default)]
pub(super) struct ShortWait(Option<Pin<Box<Sleep>>>);

impl ShortWait {
    /// Until when it lasts: what it began with, or this if it begins now.
    pub(super) fn until(&mut self, until: Instant) -> Instant {
        let begin = || Box::pin(tokio::time::sleep_until(until.into()));
        self.0.get_or_insert_with(begin).deadline().into_std()
    }

    pub(super) fn end(&mut self) {
        self.0 = None;
    }

    /// Makes sure that the task wakes at the end of the wait; `false` if that is already over.
    #[inline]
    pub(super) fn arm(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.0 {
            None => true,
            Some(timer) => timer.as_mut().poll(cx).is_pending(),
        }
    }
}
