//! Events to many: who, how, and with which answers.

// To the sockets of this node ...
mod here;

// ... and through the adapter to those of all nodes ...
mod cluster;

// ... or of all children of a parent namespace.
mod parent;

// What comes back.
mod ack;
mod gathering;
mod remote;

use std::time::Duration;

use proto::engine::Frame;
use proto::socket::{EncodeError, Head};
use roomcast_adapter::adapter::Disconnect;
use roomcast_adapter::{IntoRooms, Local, Target, choose_recipients};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Namespace;
use crate::error::{AckError, Cause, EmitError, Failure, FetchError};
use crate::outbox::{Key, Urgency};
use crate::socket::{Emitted, error_again};

pub use ack::BroadcastAck;
pub use parent::ParentBroadcast;
pub use remote::RemoteSocket;

pub(crate) use cluster::REQUEST_TIMEOUT;
pub(crate) use gathering::read_answer;
pub(crate) use here::{Asked, Prepared, ask_here, deliver_here};

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

    choose_recipients!(local);

    /// For those for whom an event of the same key still waits, it takes the place of that one. See
    /// [`Modified::latest`](crate::Modified::latest). Has no effect together with [`Broadcast::volatile`], and none on
    /// other nodes. Roomcast's own.
    pub fn latest(mut self, key: impl AsRef<str>) -> Self {
        self.latest = Some(Key::new(self.namespace.name(), key.as_ref()));
        self
    }

    /// Bounds the wait for acknowledgements. JS: `timeout(ms)`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends the event. It is encoded once, however many receive it. A tuple gives several arguments, `()` none,
    /// anything else is one. JS: `emit(event, ...args)`.
    ///
    /// With an [adapter](crate::IoBuilder::adapter) it goes to all nodes. What is returned then speaks of this node's
    /// sockets, if they were served before the adapter returned; if the other nodes may not have heard of it, its error
    /// is [`EmitError::Publish`].
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Emitted {
        if let Some(backend) = self.backend() {
            return self.emit_through(backend, event, &args);
        }
        match self.encode(event, &args, None) {
            Err(error) => Emitted::failed(error),
            Ok(frame) => deliver_here(self.namespace.inner(), &self.target, &frame, &self.urgency()),
        }
    }

    /// Sends the event and waits until every recipient has acknowledged it, of which the first argument counts, or has
    /// left. Sent at once, not when first polled; add [`Broadcast::timeout`] to bound the wait. JS:
    /// `emitWithAck(event, ...args)`.
    ///
    /// With an [adapter](crate::IoBuilder::adapter) all nodes are asked, and the wait is bounded by 5 s unless
    /// [`Broadcast::timeout`] says otherwise; a client of another node that leaves is then waited for until that.
    pub fn emit_with_ack<T: DeserializeOwned>(&self, event: &str, args: impl Serialize) -> BroadcastAck<T> {
        if let Some(backend) = self.backend() {
            return self.ask_through(backend, event, &args);
        }
        let id = self.namespace.next_ack_id();
        match self.encode(event, &args, Some(id)) {
            Err(error) => BroadcastAck::failed(AckError::Emit(error)),
            Ok(frame) => {
                let recipients = self.namespace.members().collect(&self.target);
                BroadcastAck::send(recipients, &frame, id, here::asking(&self.target), self.timeout)
            }
        }
    }

    /// The sockets that an event would reach now, of all nodes; this node's own come first. JS: `fetchSockets()`.
    ///
    /// Other nodes may take 5 s to answer, unless [`Broadcast::timeout`] says otherwise.
    ///
    /// # Errors
    /// Where the server is one of several nodes: if not every node answered in time, with what is known.
    pub async fn fetch_sockets(&self) -> Result<Vec<RemoteSocket>, FetchError> {
        if let Some(backend) = self.backend() {
            return self.fetch_through(backend).await;
        }
        Ok(self.namespace.members().collect(&self.target).into_iter().map(RemoteSocket::new).collect())
    }

    /// The ids of those sockets. JS: `allSockets()`, which is deprecated there.
    ///
    /// # Errors
    /// See [`Broadcast::fetch_sockets`].
    pub async fn all_sockets(&self) -> Result<Vec<String>, FetchError> {
        let sockets = self.fetch_sockets().await?;
        Ok(sockets.iter().map(|socket| socket.id().to_owned()).collect())
    }

    /// Puts the sockets into rooms, on all nodes, within the bounds of [`Socket::join`](crate::Socket::join). That other nodes
    /// may not have heard of it reaches the error hook. JS: `socketsJoin(rooms)`.
    pub fn sockets_join(&self, rooms: impl IntoRooms) {
        match self.backend() {
            Some(backend) => self.join_through(backend, rooms.into_rooms()),
            None => self.namespace.inner().join(&self.target, &rooms.into_rooms()),
        }
    }

    /// Takes the sockets out of rooms, on all nodes, as [`Broadcast::sockets_join`]. JS: `socketsLeave(rooms)`.
    pub fn sockets_leave(&self, rooms: impl IntoRooms) {
        match self.backend() {
            Some(backend) => self.leave_through(backend, rooms.into_rooms()),
            None => self.namespace.inner().leave(&self.target, &rooms.into_rooms()),
        }
    }

    /// Disconnects the sockets from the namespace, on all nodes. JS: `disconnectSockets()`.
    pub fn disconnect_sockets(&self) {
        self.disconnect(Disconnect::Namespace);
    }

    /// Closes the whole connections of the sockets, on all nodes. JS: `disconnectSockets(true)`.
    pub fn disconnect_connections(&self) {
        self.disconnect(Disconnect::Connection);
    }

    fn disconnect(&self, how: Disconnect) {
        match self.backend() {
            Some(backend) => self.disconnect_through(backend, how),
            None => self.namespace.inner().disconnect(&self.target, how),
        }
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
        let encoder = &self.namespace.hooks().encoder;
        encoder
            .event(head, event, args)
            .map(|frame| frame.compress(compress))
            .map_err(|error| self.unwritable(event, error))
    }

    /// The arguments cannot be sent: the error hook hears of it, and the caller.
    fn unwritable(&self, event: &str, error: EncodeError) -> EmitError {
        self.report(event, error_again(&error));
        error.into()
    }

    fn report(&self, event: &str, error: EmitError) {
        self.namespace.hooks().report(&Failure {
            namespace: self.namespace.name().to_owned(),
            socket: None,
            event: event.to_owned(),
            cause: Cause::Emit(error),
        });
    }
}
