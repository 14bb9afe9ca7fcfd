//! Events to one socket.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use proto::engine::Frame;
use proto::socket::{Args, Body, Decoder, Head, Limits};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::acks::AckFuture;
use super::{Socket, Waiter};
use crate::deliver;
use crate::error::{AckError, Cause, EmitError};
use crate::handler::panic_message;
use crate::outbox::{Pushed, Urgency};

/// What became of an emit. Nothing has to be done with it: a failure that is this program's fault has been reported to
/// the error hook as well.
#[derive(Debug)]
pub struct Emitted {
    pub(crate) queued: usize,
    pub(crate) dropped: usize,
    pub(crate) error: Option<EmitError>,
}

impl Emitted {
    pub(crate) const fn nobody() -> Self {
        Self { queued: 0, dropped: 0, error: None }
    }

    pub(crate) fn count(&mut self, pushed: Pushed) {
        match pushed {
            Pushed::Queued => self.queued += 1,
            Pushed::Dropped => self.dropped += 1,
            Pushed::Overflow => {
                self.dropped += 1;
                self.error = Some(EmitError::SlowConsumer);
            }
            Pushed::Closed => {}
        }
    }

    /// In how many outboxes the event waits now.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// How many sockets it did not reach: it was volatile and they were busy, or their outbox was full.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// The number of outboxes it waits in, or what went wrong.
    ///
    /// # Errors
    /// See [`EmitError`]. That a volatile event was dropped is no error.
    pub fn result(self) -> Result<usize, EmitError> {
        self.error.map_or(Ok(self.queued), Err)
    }
}

/// An event on its way out, as [`Socket::on_any_outgoing`] sees it.
pub struct Outgoing<'a> {
    name: &'a str,
    args: Args<'a>,
}

impl Outgoing<'_> {
    /// The event's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name
    }

    /// Its arguments.
    #[must_use]
    pub fn args(&self) -> &Args<'_> {
        &self.args
    }

    /// Calls the listeners of `socket` for a frame that is about to be sent to it.
    pub(crate) fn tell(socket: &Socket, frame: &Frame) {
        let listeners = socket.outgoing_listeners();
        if listeners.is_empty() {
            return;
        }
        // The frame is read back: who listens to everything pays for it, nobody else.
        let mut limits = Limits::default();
        limits.max_attachments = usize::MAX;
        limits.max_attachment_bytes = usize::MAX;
        let mut decoder = Decoder::new(limits);
        let Ok(text) = std::str::from_utf8(&frame.text_packet()[1..]) else { return };
        let mut packet = decoder.text(text).ok().flatten();
        for attachment in frame.attachments() {
            packet = decoder.binary(attachment.data().clone()).ok().flatten();
        }
        let Some(Body::Event { event, .. }) = packet.map(|packet| packet.body) else { return };
        let outgoing = Outgoing { name: event.name(), args: event.args().clone() };
        for listener in listeners {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| listener(socket, &outgoing))) {
                socket.report(outgoing.name, Cause::Panicked(panic_message(&*panic)));
            }
        }
    }
}

/// An emit with a modifier; made by [`Socket::timeout`], [`Socket::volatile`], [`Socket::compress`].
#[derive(Clone, Debug)]
pub struct Modified {
    socket: Socket,
    timeout: Option<Duration>,
    urgency: Urgency,
    compress: bool,
}

impl Socket {
    fn modified(&self) -> Modified {
        Modified { socket: self.clone(), timeout: None, urgency: Urgency::Reliable, compress: true }
    }

    /// Sends an event to this client. A tuple gives several arguments, `()` none, anything else is one. Never blocks.
    /// JS: `socket.emit(event, ...args)`.
    ///
    /// ```no_run
    /// # use roomcast::{Io, Socket};
    /// # let io = Io::new();
    /// io.of("/").on_connect(async |socket: Socket| {
    ///     socket.emit("welcome", ("hello", 42));
    /// });
    /// ```
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Emitted {
        self.modified().emit(event, args)
    }

    /// Sends an event and waits for the client's acknowledgement, of which the first argument counts. Sent at once,
    /// not when first polled. Fails when the socket leaves; add [`Socket::timeout`] to bound the wait. JS:
    /// `socket.emitWithAck(event, ...args)`.
    pub fn emit_with_ack<T: DeserializeOwned>(&self, event: &str, args: impl Serialize) -> AckFuture<T> {
        self.modified().emit_with_ack(event, args)
    }

    /// Bounds the wait for the acknowledgement. JS: `socket.timeout(ms)`.
    #[must_use]
    pub fn timeout(&self, timeout: Duration) -> Modified {
        self.modified().timeout(timeout)
    }

    /// The event is dropped unless it can leave at once. JS: `socket.volatile`.
    #[must_use]
    pub fn volatile(&self) -> Modified {
        self.modified().volatile()
    }

    /// Whether the event may be compressed where the transport can. JS: `socket.compress(bool)`.
    #[must_use]
    pub fn compress(&self, compress: bool) -> Modified {
        self.modified().compress(compress)
    }
}

impl Modified {
    /// See [`Socket::timeout`].
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// See [`Socket::volatile`].
    #[must_use]
    pub fn volatile(mut self) -> Self {
        self.urgency = Urgency::Volatile;
        self
    }

    /// See [`Socket::compress`].
    #[must_use]
    pub fn compress(mut self, compress: bool) -> Self {
        self.compress = compress;
        self
    }

    /// See [`Socket::emit`].
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Emitted {
        match self.encode(event, &args, None) {
            Err(error) => Emitted { error: Some(error), ..Emitted::nobody() },
            Ok(frame) => self.send(frame),
        }
    }

    /// See [`Socket::emit_with_ack`].
    pub fn emit_with_ack<T: DeserializeOwned>(&self, event: &str, args: impl Serialize) -> AckFuture<T> {
        let id = self.socket.namespace().next_ack_id();
        let frame = match self.encode(event, &args, Some(id)) {
            Ok(frame) => frame,
            Err(error) => return AckFuture::failed(AckError::Emit(error)),
        };
        let (waiter, answers) = Waiter::one();
        if !self.socket.wait_for(id, waiter) {
            return AckFuture::failed(AckError::Emit(EmitError::Disconnected));
        }
        let future = AckFuture::new(self.socket.clone(), id, answers, self.timeout);
        let emitted = self.send(frame);
        match emitted.queued() {
            0 => AckFuture::failed(AckError::Emit(emitted.error.unwrap_or(EmitError::Dropped))),
            _ => future,
        }
    }

    fn encode<T: Serialize>(&self, event: &str, args: &T, id: Option<u64>) -> Result<Frame, EmitError> {
        let head = Head { namespace: self.socket.namespace_path(), id };
        deliver::event(head, event, args).map(|frame| frame.compress(self.compress)).map_err(|error| {
            self.socket.report(event, Cause::Emit(error_again(&error)));
            error.into()
        })
    }

    fn send(&self, frame: Frame) -> Emitted {
        let mut emitted = Emitted::nobody();
        if !self.socket.takes_emits() {
            emitted.error = Some(EmitError::Disconnected);
            return emitted;
        }
        Outgoing::tell(&self.socket, &frame);
        let pushed = self.socket.push(frame, self.urgency);
        if pushed == Pushed::Closed {
            emitted.error = Some(EmitError::Disconnected);
        }
        emitted.count(pushed);
        emitted
    }
}

/// The error goes to the hook and to the caller, but a JSON error cannot be cloned.
pub(crate) fn error_again(error: &proto::socket::EncodeError) -> EmitError {
    match error {
        proto::socket::EncodeError::ReservedEvent => EmitError::ReservedEvent,
        error => EmitError::Arguments(serde::ser::Error::custom(error)),
    }
}
