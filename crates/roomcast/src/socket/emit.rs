//! Events to one socket.
//!
//! In: names and values. Out: frames into the outbox, and [`Emitted`], what became of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use proto::engine::Frame;
use proto::socket::{Args, Body, Head};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::acks::AckFuture;
use super::wait::EmitWait;
use super::{Socket, Waiter};
use crate::error::{AckError, Cause, EmitError};
use crate::handler::panic_message;
use crate::outbox::{Key, Pushed, Urgency};
use crate::recovery;

/// What became of an emit: how many sockets it is on its way to, and how many it will not reach, and why. Nothing has to
/// be done with it: a failure that is this program's fault has been reported to the error hook as well.
///
/// ```
/// # let io = roomcast::Io::new();
/// let emitted = io.to("room").volatile().emit("tick", 1);
/// println!("{} get it, {} of them at once", emitted.queued(), emitted.at_once());
/// println!("{} were too busy, {} too slow for good", emitted.dropped_volatile(), emitted.closed_slow());
/// ```
#[derive(Debug, Default)]
pub struct Emitted {
    pub(crate) queued: usize,
    at_once: usize,
    replaced: usize,
    displaced: usize,
    dropped_volatile: usize,
    dropped_full: usize,
    closed_slow: usize,
    pub(crate) recorded: bool,
    pub(crate) error: Option<EmitError>,
}

impl Emitted {
    pub(crate) fn failed(error: EmitError) -> Self {
        Self { error: Some(error), ..Self::default() }
    }

    /// What became of a push to one socket; one that has left does not count.
    pub(crate) fn one(pushed: Pushed) -> Self {
        let mut emitted = Self::default();
        emitted.count(pushed);
        if pushed == Pushed::Closed {
            emitted.error = Some(EmitError::Disconnected);
        }
        emitted
    }

    pub(crate) fn count(&mut self, pushed: Pushed) {
        self.queued += usize::from(pushed.is_queued());
        match pushed {
            Pushed::AtOnce => self.at_once += 1,
            Pushed::DroppedOlder(older) => self.displaced += older as usize,
            Pushed::Replaced(older) => {
                self.replaced += 1;
                self.displaced += older as usize;
            }
            Pushed::DroppedVolatile => self.dropped_volatile += 1,
            Pushed::DroppedFull => self.dropped_full += 1,
            Pushed::Overflow => {
                self.closed_slow += 1;
                self.error = Some(EmitError::SlowConsumer);
            }
            Pushed::Queued | Pushed::Closed => {}
        }
    }

    /// Both together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.queued += other.queued;
        self.at_once += other.at_once;
        self.replaced += other.replaced;
        self.displaced += other.displaced;
        self.dropped_volatile += other.dropped_volatile;
        self.dropped_full += other.dropped_full;
        self.closed_slow += other.closed_slow;
        self.recorded |= other.recorded;
        self.error = self.error.or(other.error);
        self
    }

    /// In how many outboxes the event is now, on its way.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queued
    }

    /// How many of those were idle, so that it leaves at once; in the others it waits behind what was there before.
    #[must_use]
    pub fn at_once(&self) -> usize {
        self.at_once
    }

    /// In how many of those it took the place of an older event of its key. See [`Modified::latest`].
    #[must_use]
    pub fn replaced(&self) -> usize {
        self.replaced
    }

    /// How many older events were dropped to make room for it. See [`Overflow`](crate::Overflow).
    #[must_use]
    pub fn displaced(&self) -> usize {
        self.displaced
    }

    /// How many sockets it did not reach: the sum of the three below.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped_volatile + self.dropped_full + self.closed_slow
    }

    /// How many sockets it did not reach because it was volatile and they were busy.
    #[must_use]
    pub fn dropped_volatile(&self) -> usize {
        self.dropped_volatile
    }

    /// How many sockets it did not reach because their outbox was full of what may not be dropped.
    #[must_use]
    pub fn dropped_full(&self) -> usize {
        self.dropped_full
    }

    /// How many sockets are being closed as slow consumers because it found no room.
    #[must_use]
    pub fn closed_slow(&self) -> usize {
        self.closed_slow
    }

    /// Whether it is kept for clients that are away, this one or whoever it was for, so that they get it when they come
    /// back. Never without [`ConnectionStateRecovery`](crate::ConnectionStateRecovery).
    #[must_use]
    pub fn recorded(&self) -> bool {
        self.recorded
    }

    /// The number of outboxes it waits in, or what went wrong.
    ///
    /// # Errors
    /// See [`EmitError`]. That an event was dropped because it was volatile, or by the overflow policy, is no error.
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
        socket.encoder().look_into(frame, |packet| {
            let Body::Event { event, .. } = &packet.body else { return };
            let outgoing = Outgoing { name: event.name(), args: event.args().clone() };
            for listener in listeners {
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| listener(socket, &outgoing))) {
                    socket.report(outgoing.name, Cause::Panicked(panic_message(&*panic)));
                }
            }
        });
    }
}

/// An emit with a modifier; made by [`Socket::timeout`], [`Socket::volatile`], [`Socket::latest`], [`Socket::compress`].
#[derive(Clone, Debug)]
pub struct Modified {
    socket: Socket,
    timeout: Option<Duration>,
    urgency: Urgency,
    compress: bool,
}

impl Socket {
    fn modified(&self) -> Modified {
        Modified { socket: self.clone(), timeout: None, urgency: Urgency::Event, compress: true }
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

    /// Sends the event `message`. JS: `socket.send(...args)`, `socket.write(...args)`.
    #[doc(alias = "write")]
    pub fn send<T: Serialize>(&self, args: T) -> Emitted {
        self.emit("message", args)
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

    /// The event takes the place of a waiting one of the same key, if there is one. See [`Modified::latest`].
    #[must_use]
    pub fn latest(&self, key: impl AsRef<str>) -> Modified {
        self.modified().latest(key)
    }

    /// Whether the event may be compressed where the transport can. JS: `socket.compress(bool)`.
    #[must_use]
    pub fn compress(&self, compress: bool) -> Modified {
        self.modified().compress(compress)
    }

    /// Sends an event as soon as there is room for it. See [`EmitWait`]. Roomcast's own.
    pub fn emit_wait<T: Serialize>(&self, event: &str, args: T) -> EmitWait {
        self.modified().emit_wait(event, args)
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

    /// The event says how something is now, so that a newer one of the same key makes it worthless: while it waits, the
    /// newer one takes its place in the queue. A client that reads fast gets all of them, a slow one the latest. Keys
    /// belong to the namespace and the client, whatever the event's name. The later of this and [`Modified::volatile`]
    /// holds. Roomcast's own.
    ///
    /// ```
    /// # use roomcast::{Io, Socket};
    /// # let io = Io::new();
    /// io.on("cursor", async |socket: Socket, x: u32, y: u32| {
    ///     let key = format!("cursor:{}", socket.id());
    ///     socket.broadcast().latest(key).emit("cursor", (socket.id(), x, y));
    /// });
    /// ```
    #[must_use]
    pub fn latest(mut self, key: impl AsRef<str>) -> Self {
        self.urgency = Urgency::Latest(Key::new(self.socket.namespace_path(), key.as_ref()));
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
            Err(error) => Emitted::failed(error),
            Ok(frame) => match self.socket.recovery() {
                None => self.send(frame, &self.urgency),
                Some((seat, recorder)) => recovery::send(&self.socket, seat, recorder, frame, &self.urgency),
            },
        }
    }

    /// See [`Socket::emit_wait`]. A volatile event waits as any other does.
    pub fn emit_wait<T: Serialize>(&self, event: &str, args: T) -> EmitWait {
        let urgency = match &self.urgency {
            Urgency::Volatile => Urgency::Event,
            urgency => urgency.clone(),
        };
        EmitWait::new(&self.socket, self.encode(event, &args, None), urgency)
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
        // Who waits for an answer would wait in vain for one to an event that was dropped later.
        let urgency = match self.urgency {
            Urgency::Volatile => &Urgency::Immediate,
            _ => &Urgency::Reliable,
        };
        let emitted = self.send(frame, urgency);
        match emitted.queued() {
            0 => AckFuture::failed(AckError::Emit(emitted.error.unwrap_or(EmitError::Dropped))),
            _ => future,
        }
    }

    fn encode<T: Serialize>(&self, event: &str, args: &T, id: Option<u64>) -> Result<Frame, EmitError> {
        let head = Head { namespace: self.socket.namespace_path(), id };
        self.socket.encoder().event(head, event, args).map(|frame| frame.compress(self.compress)).map_err(
            |error| {
                self.socket.report(event, Cause::Emit(error_again(&error)));
                error.into()
            },
        )
    }

    fn send(&self, frame: Frame, urgency: &Urgency) -> Emitted {
        if !self.socket.takes_emits() {
            return Emitted::failed(EmitError::Disconnected);
        }
        Outgoing::tell(&self.socket, &frame);
        Emitted::one(self.socket.push(frame, urgency))
    }
}

/// The error goes to the hook and to the caller, but a JSON error cannot be cloned.
pub(crate) fn error_again(error: &proto::socket::EncodeError) -> EmitError {
    match error {
        proto::socket::EncodeError::ReservedEvent => EmitError::ReservedEvent,
        proto::socket::EncodeError::Parser(error) => EmitError::Parser(error.clone()),
        error => EmitError::Arguments(serde::ser::Error::custom(error)),
    }
}
