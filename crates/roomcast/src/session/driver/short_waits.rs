//! The short waits of a session, which the wheel is too coarse for.
//!
//! In: until when the goodbye of a stream, or a close packet, may wait. Out: whether the task will be woken then. What is
//! odd: all of it is behind one pointer, because hardly any session waits for so little, and one that is idle never does.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Instant;

use tokio::time::Sleep;

#[derive(Default)]
pub(super) struct ShortWaits(Option<Box<Waits>>);

#[derive(Default)]
struct Waits {
    goodbye: Option<Instant>,
    close: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl ShortWaits {
    /// Until when the goodbye may take, which has begun by now.
    pub(super) fn goodbye(&mut self, until: Instant) -> Instant {
        *self.0.get_or_insert_default().goodbye.get_or_insert(until)
    }

    pub(super) fn end_goodbye(&mut self) {
        if let Some(waits) = &mut self.0 {
            waits.goodbye = None;
        }
    }

    /// Until when a close packet waits for the poll it came with.
    pub(super) fn close(&mut self, until: Instant) -> Instant {
        *self.0.get_or_insert_default().close.get_or_insert(until)
    }

    pub(super) fn end_close(&mut self) {
        if let Some(waits) = &mut self.0 {
            waits.close = None;
        }
    }

    /// Makes sure that the task wakes at the end of a wait; `false` if that is already over.
    pub(super) fn arm(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(waits) = &mut self.0 else { return true };
        let Some(deadline) = [waits.goodbye, waits.close].into_iter().flatten().min() else {
            self.0 = None;
            return true;
        };
        let deadline = tokio::time::Instant::from_std(deadline);
        let timer = waits.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx).is_pending()
    }
}
