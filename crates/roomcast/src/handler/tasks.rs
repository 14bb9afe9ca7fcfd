//! The suspended calls of one session.
//!
//! A future is polled at once, in place. One that suspends goes on here, beside the next events, in the session's own
//! task; one that panics ends alone.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::ack::AckSlot;
use super::call::{HandlerFuture, Trouble};
use crate::Socket;
use crate::connection::Accepted;
use crate::error::Cause;

/// What a finished future means for the connection.
pub(crate) enum Done {
    /// A handler has ended, and has been reported if it failed.
    Handler,
    /// A connect has been decided.
    Connect(Accepted),
}

/// Whose call it is, for the error hook.
pub(crate) struct Origin {
    pub(crate) socket: Socket,
    pub(crate) event: Arc<str>,
    /// Where the client waits for an answer.
    pub(crate) ack: Option<Arc<AckSlot>>,
}

type Task = Pin<Box<dyn Future<Output = Done> + Send>>;

/// Nothing is allocated until something suspends.
#[derive(Default)]
pub(crate) struct Tasks(Option<Box<FuturesUnordered<Task>>>);

impl Tasks {
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |tasks| tasks.len())
    }

    /// Begins a handler's call; whose it is matters only if it suspends or fails.
    pub(crate) fn start(&mut self, mut future: HandlerFuture, origin: impl FnOnce() -> Origin) {
        // Whoever suspends is polled again by its new home, with a waker that counts.
        match step(&mut future, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(cause)) => origin().report(cause),
            Poll::Pending => self.push(Box::pin(Call { future, origin: origin() })),
        }
    }

    /// Begins any other future; what it gives at once is returned.
    pub(crate) fn begin(&mut self, mut task: Task) -> Option<Done> {
        match task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => {
                self.push(task);
                None
            }
        }
    }

    fn push(&mut self, task: Task) {
        self.0.get_or_insert_default().push(task);
    }

    /// The next one that is done; `None` when none is left.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Done>> {
        let Some(tasks) = &mut self.0 else { return Poll::Ready(None) };
        let next = tasks.poll_next_unpin(cx);
        if let Poll::Ready(None) = next {
            self.0 = None;
        }
        next
    }
}

/// One call, watched.
struct Call {
    future: HandlerFuture,
    origin: Origin,
}

impl Future for Call {
    type Output = Done;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Done> {
        let result = std::task::ready!(step(&mut self.future, cx));
        if let Err(cause) = result {
            self.origin.report(cause);
        }
        Poll::Ready(Done::Handler)
    }
}

/// Polls a call; a panic ends it alone.
fn step(future: &mut HandlerFuture, cx: &mut Context<'_>) -> Poll<Result<(), Cause>> {
    match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(result)) => Poll::Ready(result.map_err(|Trouble(cause)| *cause)),
        Err(panic) => Poll::Ready(Err(Cause::Panicked(panic_message(&*panic)))),
    }
}

impl Origin {
    fn report(&self, cause: Cause) {
        // Whatever else fails a call has failed its acknowledgement already.
        if let (Cause::Panicked(_), Some(ack)) = (&cause, &self.ack) {
            ack.fail_by(&cause);
        }
        self.socket.report(&self.event, cause);
    }
}

/// Drops what belongs to the program. If that panics, the panic ends here: it would break off whatever else was to be done.
pub(crate) fn drop_value<T>(value: T) {
    if catch_unwind(AssertUnwindSafe(|| drop(value))).is_err() {
        tracing::error!("the drop of a value panicked");
    }
}

pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}
