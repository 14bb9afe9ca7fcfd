//! Whether a message has left.
//!
//! In: what the outbox tells of a frame that it watches. Out: a future. What is odd: it needs no awaiting to have an effect.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

/// Tells when a message has left: when it is handed to the WebSocket's connection, or to the answer of a poll. It has then not
/// arrived yet. Of several messages the first is told first. The message is sent whether this is awaited or not.
///
/// # Errors
/// [`NotSent`] if the session ends before.
///
/// # Examples
/// ```
/// use roomcast::engine::{Engine, Message};
///
/// let engine = Engine::builder().build(|session, message| {
///     if let Message::Text(text) = message {
///         let sent = session.send_watched(text);
///         tokio::spawn(async move {
///             match sent.await {
///                 Ok(()) => println!("it is on its way"),
///                 Err(error) => println!("{error}"),
///             }
///         });
///     }
/// });
/// ```
#[derive(Debug)]
pub struct Sent(pub(super) Option<oneshot::Receiver<()>>);

/// The session ended before the message left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSent;

impl Future for Sent {
    type Output = Result<(), NotSent>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Some(left) => Pin::new(left).poll(cx).map_err(|_| NotSent),
            None => Poll::Ready(Err(NotSent)),
        }
    }
}

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the session ended before the message left")
    }
}

impl std::error::Error for NotSent {}
