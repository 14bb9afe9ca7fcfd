//! Waiting for the outbox of a socket: an emit that waits for room, and for everything to be written.
//!
//! In: a frame, and the room that the session's driver makes. Out: the frame in the outbox, or an error if the socket
//! leaves first. What is odd: the frame is encoded at once but queued only when polled, so that giving up is harmless.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use proto::engine::Frame;
use tokio::sync::futures::OwnedNotified;

use super::{Emitted, Outgoing, Socket};
use crate::error::EmitError;
use crate::outbox::{Pushed, Urgency};
use crate::recovery::{self, Waiting};

type Room = Pin<Box<OwnedNotified>>;

/// An emit that waits until there is room; made by [`Socket::emit_wait`].
///
/// It completes when the event is queued: when at most half of the [`OutboxLimits`](crate::OutboxLimits) are in use with
/// it. The other half is for emits that do not wait, which may overtake it. Who sends a lot by this, one after the
/// other, is slowed down to the speed of the client, and never makes it a slow consumer.
///
/// # Errors
/// [`EmitError::Disconnected`] if the socket leaves first; [`EmitError::Dropped`] if it was to take the place of an event
/// of its key, and is larger than what may ever wait; else as [`Emitted::result`].
///
/// # Cancel safety
/// Nothing is sent before it completes: dropped earlier, by a timeout for example, the event was never queued.
///
/// # Examples
/// ```
/// # use roomcast::{HandlerError, Io, Socket};
/// # let io = Io::new();
/// io.on("export", async |socket: Socket| -> Result<(), HandlerError> {
///     for line in 0..1_000_000 {
///         socket.emit_wait("line", line).await?;
///     }
///     Ok(())
/// });
/// ```
#[must_use = "nothing is sent before it is awaited"]
pub struct EmitWait {
    socket: Socket,
    urgency: Urgency,
    /// `None` once it was told.
    frame: Option<Result<Queueing, EmitError>>,
    room: Option<Room>,
    /// It has been counted among those that wait.
    waited: bool,
}

impl EmitWait {
    pub(super) fn new(socket: &Socket, frame: Result<Frame, EmitError>, urgency: Urgency) -> Self {
        let frame = frame.map(|frame| Queueing::new(socket, frame));
        Self { socket: socket.clone(), urgency, frame: Some(frame), room: None, waited: false }
    }
}

/// The event, until it is queued.
enum Queueing {
    Plain(Frame),
    /// With recovery on. What it looks like without its offset is for listeners.
    Recorded(Frame, Waiting),
}

impl Queueing {
    fn new(socket: &Socket, frame: Frame) -> Self {
        match socket.seat().and_then(|_| Waiting::new(socket, &frame)) {
            Some(waiting) => Self::Recorded(frame, waiting),
            None => Self::Plain(frame),
        }
    }

    fn as_it_was(&self) -> Frame {
        match self {
            Self::Plain(frame) | Self::Recorded(frame, _) => frame.clone(),
        }
    }

    fn queue(self, socket: &Socket, urgency: &Urgency) -> Result<Pushed, (Self, OwnedNotified)> {
        match (self, socket.recovery()) {
            (Self::Recorded(frame, waiting), Some((seat, recorder))) => {
                recovery::send_or_wait(socket, seat, recorder, waiting, urgency)
                    .map_err(|(waiting, room)| (Self::Recorded(frame, waiting), room))
            }
            (Self::Plain(frame) | Self::Recorded(frame, _), _) => {
                socket.push_or_wait(frame, urgency).map_err(|(frame, room)| (Self::Plain(frame), room))
            }
        }
    }
}

impl Future for EmitWait {
    type Output = Result<(), EmitError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            if let Some(room) = &mut this.room {
                ready!(room.as_mut().poll(cx));
                this.room = None;
            }
            let frame = match this.frame.take() {
                Some(Ok(frame)) if this.socket.takes_emits() => frame,
                Some(Err(error)) => return Poll::Ready(Err(error)),
                Some(Ok(_)) | None => return Poll::Ready(Err(EmitError::Disconnected)),
            };
            let told = this.socket.hears_outgoing().then(|| frame.as_it_was());
            match frame.queue(&this.socket, &this.urgency) {
                Ok(pushed) => {
                    if let Some(frame) = told.filter(|_| pushed.is_queued()) {
                        Outgoing::tell(&this.socket, &frame);
                    }
                    return Poll::Ready(match Emitted::one(pushed).result() {
                        Ok(0) => Err(EmitError::Dropped),
                        result => result.map(|_| ()),
                    });
                }
                Err((frame, room)) => {
                    this.frame = Some(Ok(frame));
                    this.room = Some(Box::pin(room));
                    if !std::mem::replace(&mut this.waited, true) {
                        this.socket.namespace().count_waited();
                    }
                }
            }
        }
    }
}

impl Socket {
    /// Waits until everything that was emitted to this client, in any namespace, has been handed to its transport. JS: the
    /// `drain` event of the engine's socket.
    ///
    /// # Errors
    /// [`EmitError::Disconnected`] if the socket leaves first.
    ///
    /// # Cancel safety
    /// Dropping it means not to wait any longer.
    ///
    /// # Examples
    /// ```
    /// # use roomcast::{Io, Socket};
    /// # let io = Io::new();
    /// io.on("goodbye", async |socket: Socket| {
    ///     socket.emit("last words", "it was a pleasure");
    ///     let _ = socket.drained().await;
    ///     socket.disconnect_connection();
    /// });
    /// ```
    pub async fn drained(&self) -> Result<(), EmitError> {
        while self.takes_emits() {
            match self.0.mailbox().wait_until_empty() {
                Some(empty) => empty.await,
                None if self.0.mailbox().is_closed() => break,
                None => return Ok(()),
            }
        }
        Err(EmitError::Disconnected)
    }
}
