//! The answers to one event that went to many.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use proto::engine::Frame;
use proto::socket::Args;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::Sleep;

use super::gathering::{Gathering, Waiting, read_answer};
use super::here::{Recipients, ask};
use crate::Socket;
use crate::error::{AckError, BroadcastAckError};
use crate::outbox::Urgency;
use crate::socket::{Waiter, read};

type Answer = Option<Args<'static>>;

/// Waits for the acknowledgements of a broadcast, which has been sent already.
///
/// It is complete when every recipient has answered; nobody at all is complete at once. Recipients that leave, or whose
/// answer cannot be read, make it an error, which holds the other answers.
///
/// # Cancel safety
/// Dropping it means not to wait any longer; late answers are ignored.
#[must_use = "the answers come only to who waits for them"]
pub struct BroadcastAck<T> {
    source: Source,
    responses: Vec<T>,
    error: Option<AckError>,
    timeout: Option<Pin<Box<Sleep>>>,
    answer: PhantomData<fn() -> T>,
}

/// Where the answers come from.
enum Source {
    /// From the sockets of this node, who are asked directly.
    Here { _recipients: Recipients, answers: mpsc::UnboundedReceiver<Answer>, missing: usize },
    /// From all nodes, through the adapter.
    Cluster(Waiting),
    /// From nobody any more.
    Over,
}

impl<T> BroadcastAck<T> {
    pub(super) fn send(
        recipients: Vec<Socket>,
        frame: &Frame,
        id: u64,
        urgency: &Urgency,
        timeout: Option<Duration>,
    ) -> Self {
        // Bounded by the number of recipients: each sends at most one answer.
        let (sender, answers) = mpsc::unbounded_channel();
        let mut asked = Vec::with_capacity(recipients.len());
        for socket in recipients {
            if ask(&socket, frame, id, Waiter::Many(sender.clone()), urgency) {
                asked.push(socket);
            }
        }
        let missing = asked.len();
        let source = Source::Here { _recipients: Recipients::new(asked, id), answers, missing };
        Self::new(source, None, timeout)
    }

    /// The answers of all nodes; `error` where the others may not have been asked.
    pub(super) fn gather(gathering: Arc<Gathering>, timeout: Duration, error: Option<AckError>) -> Self {
        Self::new(Source::Cluster(Waiting(gathering)), error, Some(timeout))
    }

    pub(super) fn failed(error: AckError) -> Self {
        Self::new(Source::Over, Some(error), None)
    }

    fn new(source: Source, error: Option<AckError>, timeout: Option<Duration>) -> Self {
        let timeout = timeout.map(|timeout| Box::pin(tokio::time::sleep(timeout)));
        Self { source, responses: Vec::new(), error, timeout, answer: PhantomData }
    }

    fn add(&mut self, answer: Result<T, AckError>) {
        match answer {
            Ok(response) => self.responses.push(response),
            Err(error) => _ = self.error.get_or_insert(error),
        }
    }

    fn finish(&mut self) -> Result<Vec<T>, BroadcastAckError<T>> {
        self.source = Source::Over;
        let responses = std::mem::take(&mut self.responses);
        match self.error.take() {
            None => Ok(responses),
            Some(error) => Err(BroadcastAckError { error, responses }),
        }
    }
}

impl<T: DeserializeOwned> BroadcastAck<T> {
    fn poll_answers(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let answer = match &mut self.source {
                Source::Over | Source::Here { missing: 0, .. } => return Poll::Ready(()),
                Source::Here { answers, missing, .. } => {
                    let answer = ready!(answers.poll_recv(cx));
                    *missing -= 1;
                    answer.flatten().ok_or(AckError::Disconnected).and_then(|args| read(&args))
                }
                Source::Cluster(gathering) => {
                    let (answers, lost) = ready!(gathering.0.poll_complete(cx));
                    answers.iter().for_each(|answer| self.add(read_answer(answer)));
                    if lost {
                        self.add(Err(AckError::Disconnected));
                    }
                    return Poll::Ready(());
                }
            };
            self.add(answer);
        }
    }
}

impl<T: DeserializeOwned + Unpin> Future for BroadcastAck<T> {
    type Output = Result<Vec<T>, BroadcastAckError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.poll_answers(cx).is_ready() {
            return Poll::Ready(this.finish());
        }
        if let Some(timeout) = &mut this.timeout
            && timeout.as_mut().poll(cx).is_ready()
        {
            if let Source::Cluster(gathering) = &this.source {
                let answers = gathering.0.take();
                answers.iter().for_each(|answer| this.add(read_answer(answer)));
            }
            this.error = Some(AckError::Timeout);
            return Poll::Ready(this.finish());
        }
        Poll::Pending
    }
}
