//! Events to many: who, how, and with which answers.

mod ack;
mod remote;

use std::time::Duration;

use proto::engine::Frame;
use proto::socket::Head;
use roomcast_adapter::{Room, Target};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{AckError, Cause, EmitError, Failure, FetchError};
use crate::outbox::{Key, Urgency};
use crate::socket::{Emitted, Outgoing, error_again};
use crate::{Namespace, Socket};

pub use ack::BroadcastAck;
pub use remote::RemoteSocket;

/// One room or several: `"news"`, `["a", "b"]`, `&rooms[..]`, `vec![..]`.
pub trait IntoRooms {
    /// The rooms.
    fn into_rooms(self) -> Vec<Room>;
}

impl IntoRooms for &str {
    fn into_rooms(self) -> Vec<Room> {
        vec![self.into()]
    }
}

impl IntoRooms for String {
    fn into_rooms(self) -> Vec<Room> {
        vec![self.into()]
    }
}

impl IntoRooms for &String {
    fn into_rooms(self) -> Vec<Room> {
        vec![self.as_str().into()]
    }
}

impl IntoRooms for Room {
    fn into_rooms(self) -> Vec<Room> {
        vec![self]
    }
}

impl IntoRooms for &Room {
    fn into_rooms(self) -> Vec<Room> {
        vec![self.clone()]
    }
}

impl<R: Into<Room>> IntoRooms for Vec<R> {
    fn into_rooms(self) -> Vec<Room> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<R: Into<Room>, const N: usize> IntoRooms for [R; N] {
    fn into_rooms(self) -> Vec<Room> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<R: Into<Room> + Clone> IntoRooms for &[R] {
    fn into_rooms(self) -> Vec<Room> {
        self.iter().cloned().map(Into::into).collect()
    }
}

/// An event to many, in the making. Every method gives a new one, so that any may be kept and used again. JS:
/// `BroadcastOperator`.
///
/// ```no_run
/// # use roomcast::Io;
/// # let io = Io::new();
/// io.to(["news", "sport"]).except("muted").emit("headline", "It works");
/// ```
#[derive(Clone, Debug)]
#[must_use = "a broadcast is sent by `emit`"]
pub struct Broadcast {
    namespace: Namespace,
    target: Target,
    timeout: Option<Duration>,
    latest: Option<Key>,
}

impl Broadcast {
    pub(crate) fn new(namespace: Namespace, target: Target) -> Self {
        Self { namespace, target, timeout: None, latest: None }
    }

    /// Adds rooms: whoever is in any of them is reached, once. JS: `to(room)`.
    pub fn to(mut self, rooms: impl IntoRooms) -> Self {
        self.target = self.target.to_each(rooms.into_rooms());
        self
    }

    /// The same as [`Broadcast::to`]. JS: `in(room)`.
    #[doc(alias = "in")]
    pub fn within(self, rooms: impl IntoRooms) -> Self {
        self.to(rooms)
    }

    /// Leaves out whoever is in these rooms; a socket's id is a room. JS: `except(room)`.
    pub fn except(mut self, rooms: impl IntoRooms) -> Self {
        self.target = self.target.except_each(rooms.into_rooms());
        self
    }

    /// Dropped for those who cannot take it at once. JS: `volatile`.
    pub fn volatile(mut self) -> Self {
        self.target = self.target.volatile();
        self
    }

    /// For those for whom an event of the same key still waits, it takes the place of that one. See
    /// [`Modified::latest`](crate::Modified::latest). Has no effect together with [`Broadcast::volatile`]. Roomcast's own.
    pub fn latest(mut self, key: impl AsRef<str>) -> Self {
        self.latest = Some(Key::new(self.namespace.name(), key.as_ref()));
        self
    }

    /// Whether it may be compressed. JS: `compress(bool)`.
    pub fn compress(mut self, compress: bool) -> Self {
        self.target = self.target.compress(compress);
        self
    }

    /// Only to the sockets of this node. JS: `local`.
    pub fn local(mut self) -> Self {
        self.target = self.target.local();
        self
    }

    /// Bounds the wait for acknowledgements. JS: `timeout(ms)`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends the event. It is encoded once, however many receive it. A tuple gives several arguments, `()` none,
    /// anything else is one. JS: `emit(event, ...args)`.
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Emitted {
        match self.encode(event, &args, None) {
            Err(error) => Emitted::failed(error),
            Ok(frame) => self.deliver(&frame),
        }
    }

    /// Sends the event and waits until every recipient has acknowledged it, of which the first argument counts, or has
    /// left. Sent at once, not when first polled; add [`Broadcast::timeout`] to bound the wait. JS:
    /// `emitWithAck(event, ...args)`.
    pub fn emit_with_ack<T: DeserializeOwned>(&self, event: &str, args: impl Serialize) -> BroadcastAck<T> {
        let id = self.namespace.next_ack_id();
        match self.encode(event, &args, Some(id)) {
            Err(error) => BroadcastAck::failed(AckError::Emit(error)),
            Ok(frame) => {
                let recipients = self.namespace.members().collect(&self.target);
                // Who waits for an answer would wait in vain for one to an event that was dropped later.
                let urgency = match self.target.flags().volatile {
                    true => &Urgency::Immediate,
                    false => &Urgency::Reliable,
                };
                BroadcastAck::send(recipients, &frame, id, urgency, self.timeout)
            }
        }
    }

    /// The sockets that an event would reach now. JS: `fetchSockets()`.
    ///
    /// # Errors
    /// Where the server is one of several nodes: if not every node answered in time.
    #[expect(clippy::unused_async, reason = "the sockets of other nodes are asked for by messages")]
    pub async fn fetch_sockets(&self) -> Result<Vec<RemoteSocket>, FetchError> {
        Ok(self.namespace.members().collect(&self.target).into_iter().map(RemoteSocket::new).collect())
    }

    /// Puts the sockets into rooms. JS: `socketsJoin(rooms)`.
    pub fn sockets_join(&self, rooms: impl IntoRooms) {
        let outcome = self.namespace.members().join_target(&self.target, &rooms.into_rooms());
        if outcome.refused > 0 {
            let namespace = self.namespace.name();
            tracing::warn!(
                namespace,
                refused = outcome.refused,
                "joins refused: too many rooms for one socket"
            );
        }
    }

    /// Takes the sockets out of rooms. JS: `socketsLeave(rooms)`.
    pub fn sockets_leave(&self, rooms: impl IntoRooms) {
        self.namespace.members().leave_target(&self.target, &rooms.into_rooms());
    }

    /// Disconnects the sockets from the namespace. JS: `disconnectSockets()`.
    pub fn disconnect_sockets(&self) {
        self.namespace.members().collect(&self.target).iter().for_each(Socket::disconnect);
    }

    /// Closes the whole connections of the sockets. JS: `disconnectSockets(true)`.
    pub fn disconnect_connections(&self) {
        self.namespace.members().collect(&self.target).iter().for_each(Socket::disconnect_connection);
    }

    fn urgency(&self) -> Urgency {
        match &self.latest {
            _ if self.target.flags().volatile => Urgency::Volatile,
            Some(key) => Urgency::Latest(key.clone()),
            None => Urgency::Event,
        }
    }

    fn encode<T: Serialize>(&self, event: &str, args: &T, id: Option<u64>) -> Result<Frame, EmitError> {
        let head = Head { namespace: self.namespace.name(), id };
        let compress = self.target.flags().compress;
        self.namespace
            .hooks()
            .encoder
            .event(head, event, args, None)
            .map(|frame| frame.compress(compress))
            .map_err(|error| {
                self.namespace.hooks().report(&Failure {
                    namespace: self.namespace.name().to_owned(),
                    socket: None,
                    event: event.to_owned(),
                    cause: Cause::Emit(error_again(&error)),
                });
                error.into()
            })
    }

    fn deliver(&self, frame: &Frame) -> Emitted {
        let urgency = self.urgency();
        let mut emitted = Emitted::default();
        if self.namespace.hears_outgoing() {
            // Listeners are user code: they are called with no lock held.
            for socket in self.namespace.members().collect(&self.target) {
                Outgoing::tell(&socket, frame);
                emitted.count(socket.deliver(frame, &urgency));
            }
        } else {
            self.namespace
                .members()
                .for_each(&self.target, |socket| emitted.count(socket.deliver(frame, &urgency)));
        }
        emitted
    }
}
