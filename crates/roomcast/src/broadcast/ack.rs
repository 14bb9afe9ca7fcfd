//! The answers to one event that went to many.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use proto::engine::Frame;
use proto::socket::Args;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::Sleep;

use crate::Socket;
use crate::error::{AckError, BroadcastAckError};
use crate::outbox::{Pushed, Urgency};
use crate::socket::{Outgoing, Waiter, read};

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
    recipients: Recipients,
    answers: mpsc::UnboundedReceiver<Answer>,
    missing: usize,
    responses: Vec<T>,
    error: Option<AckError>,
    timeout: Option<Pin<Box<Sleep>>>,
    answer: PhantomData<fn() -> T>,
}

/// Forgets that anybody waits for them.
struct Recipients(Vec<Socket>, u64);

impl Drop for Recipients {
    fn drop(&mut self) {
        for socket in &self.0 {
            socket.forget(self.1);
        }
    }
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
            Outgoing::tell(&socket, frame);
            if !socket.wait_for(id, Waiter::Many(sender.clone())) {
                continue;
            }
            match socket.deliver(frame, urgency) {
                pushed if pushed.is_queued() => asked.push(socket),
                Pushed::Overflow => asked.push(socket),
                // It did not get the question; if it has just left, its end counts as an answer already.
                _ if socket.forget(id) => {}
                _ => asked.push(socket),
            }
        }
        let timeout = timeout.map(|timeout| Box::pin(tokio::time::sleep(timeout)));
        let missing = asked.len();
        let recipients = Recipients(asked, id);
        Self {
            recipients,
            answers,
            missing,
            responses: Vec::new(),
            error: None,
            timeout,
            answer: PhantomData,
        }
    }

    pub(super) fn failed(error: AckError) -> Self {
        let (_, answers) = mpsc::unbounded_channel();
        Self {
            recipients: Recipients(Vec::new(), 0),
            answers,
            missing: 0,
            responses: Vec::new(),
            error: Some(error),
            timeout: None,
            answer: PhantomData,
        }
    }

    fn finish(&mut self) -> Result<Vec<T>, BroadcastAckError<T>> {
        self.recipients.0.iter().for_each(|socket| _ = socket.forget(self.recipients.1));
        self.recipients.0 = Vec::new();
        let responses = std::mem::take(&mut self.responses);
        match self.error.take() {
            None => Ok(responses),
            Some(error) => Err(BroadcastAckError { error, responses }),
        }
    }
}

impl<T: DeserializeOwned + Unpin> Future for BroadcastAck<T> {
    type Output = Result<Vec<T>, BroadcastAckError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        while this.missing > 0 {
            match this.answers.poll_recv(cx) {
                Poll::Pending => break,
                Poll::Ready(answer) => {
                    this.missing -= 1;
                    match answer.flatten().ok_or(AckError::Disconnected).and_then(|args| read(&args)) {
                        Ok(response) => this.responses.push(response),
                        Err(error) => _ = this.error.get_or_insert(error),
                    }
                }
            }
        }
        if this.missing == 0 {
            return Poll::Ready(this.finish());
        }
        if let Some(timeout) = &mut this.timeout
            && timeout.as_mut().poll(cx).is_ready()
        {
            this.error = Some(AckError::Timeout);
            return Poll::Ready(this.finish());
        }
        Poll::Pending
    }
}
