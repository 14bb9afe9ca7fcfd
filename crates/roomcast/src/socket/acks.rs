//! Acknowledgements that this side waits for.
//!
//! What is odd: an entry is removed when its future is dropped, so that nothing piles up behind a client that never
//! answers.

use std::collections::HashMap;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use proto::socket::Args;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Sleep;

use super::Socket;
use crate::broadcast::Asked;
use crate::error::AckError;

/// The answers that one socket owes.
#[derive(Default)]
pub(crate) struct AckTable(HashMap<u64, Waiter>);

/// Who gets an answer.
pub(crate) enum Waiter {
    /// The emit to this socket.
    One(oneshot::Sender<Args<'static>>),
    /// The broadcast to this socket and others. `None`: the socket left.
    Many(mpsc::UnboundedSender<Option<Args<'static>>>),
    /// The broadcast through an adapter.
    Sink(Arc<Asked>),
}

pub(crate) type Answers = oneshot::Receiver<Args<'static>>;

impl Waiter {
    pub(crate) fn one() -> (Self, Answers) {
        let (sender, receiver) = oneshot::channel();
        (Self::One(sender), receiver)
    }

    /// Who no longer waits needs no answer.
    fn answer(self, args: Args<'static>) {
        match self {
            Self::One(sender) => _ = sender.send(args),
            Self::Many(sender) => _ = sender.send(Some(args)),
            Self::Sink(asked) => asked.answer(&args),
        }
    }

    fn fail(self) {
        match self {
            // Dropping the sender says it.
            Self::One(_) => {}
            Self::Many(sender) => _ = sender.send(None),
            Self::Sink(asked) => asked.fail(),
        }
    }
}

impl AckTable {
    pub(super) fn fail_all(self) {
        self.0.into_values().for_each(Waiter::fail);
    }
}

impl Socket {
    /// Waits for the answer of that number; `false` if the socket is gone and will not answer.
    pub(crate) fn wait_for(&self, id: u64, waiter: Waiter) -> bool {
        let mut extras = self.extras();
        if self.is_gone() {
            return false;
        }
        extras.acks.0.insert(id, waiter);
        true
    }

    /// Waits no more; `false` if the answer, or the end, came before.
    pub(crate) fn forget(&self, id: u64) -> bool {
        self.with_extras(|extras| extras.acks.0.remove(&id)).flatten().is_some()
    }

    /// An answer came in. One that nobody waits for is ignored.
    pub(crate) fn answered(&self, id: u64, args: Args<'_>) {
        if let Some(waiter) = self.with_extras(|extras| extras.acks.0.remove(&id)).flatten() {
            waiter.answer(args.into_owned());
        }
    }
}

/// Waits for an acknowledgement, of which it gives the first argument. The event has been sent already.
///
/// # Cancel safety
/// Dropping it means not to wait any longer; a late answer is ignored.
#[must_use = "the answer comes only to who waits for it"]
pub struct AckFuture<T> {
    state: State,
    part: Part,
    answer: PhantomData<fn() -> T>,
}

/// How much of the answer is wanted.
#[derive(Clone, Copy)]
enum Part {
    First,
    All,
}

enum State {
    Waiting(Waiting),
    /// `None` once it was told.
    Failed(Option<AckError>),
}

struct Waiting {
    socket: Socket,
    id: u64,
    answers: Answers,
    timeout: Option<Pin<Box<Sleep>>>,
}

impl<T> AckFuture<T> {
    pub(super) fn new(socket: Socket, id: u64, answers: Answers, timeout: Option<Duration>) -> Self {
        let timeout = timeout.map(|timeout| Box::pin(tokio::time::sleep(timeout)));
        Self {
            state: State::Waiting(Waiting { socket, id, answers, timeout }),
            part: Part::First,
            answer: PhantomData,
        }
    }

    pub(super) fn failed(error: AckError) -> Self {
        Self { state: State::Failed(Some(error)), part: Part::First, answer: PhantomData }
    }

    /// Wants all arguments of the answer, as a tuple or a `Vec`, in place of the first. JS: the parameters of the callback.
    ///
    /// # Examples
    /// ```
    /// # use roomcast::{HandlerError, Io, Socket};
    /// # let io = Io::new();
    /// io.on("where are you", async |socket: Socket| -> Result<(), HandlerError> {
    ///     let (x, y): (f64, f64) = socket.emit_with_ack("position", ()).all_args().await?;
    ///     socket.broadcast().emit("position", (socket.id(), x, y));
    ///     Ok(())
    /// });
    /// ```
    pub fn all_args(mut self) -> Self {
        self.part = Part::All;
        self
    }
}

impl<T: DeserializeOwned> Future for AckFuture<T> {
    type Output = Result<T, AckError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let waiting = match &mut this.state {
            State::Waiting(waiting) => waiting,
            State::Failed(error) => return Poll::Ready(Err(error.take().unwrap_or(AckError::Disconnected))),
        };
        if let Poll::Ready(answer) = Pin::new(&mut waiting.answers).poll(cx) {
            return Poll::Ready(match answer {
                Ok(args) => match this.part {
                    Part::First => read(&args),
                    Part::All => args.all().map_err(AckError::Answer),
                },
                Err(_) => Err(AckError::Disconnected),
            });
        }
        if let Some(timeout) = &mut waiting.timeout
            && timeout.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(AckError::Timeout));
        }
        Poll::Pending
    }
}

/// The first argument of an answer. One without arguments reads like `null`, which is what `()` and `Option` take.
pub(crate) fn read<T: DeserializeOwned>(args: &Args<'_>) -> Result<T, AckError> {
    match args.get(0) {
        Err(missing) if args.is_empty() => {
            serde_json::from_str("null").map_err(|_| AckError::Answer(missing))
        }
        first => first.map_err(AckError::Answer),
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.socket.forget(self.id);
    }
}
