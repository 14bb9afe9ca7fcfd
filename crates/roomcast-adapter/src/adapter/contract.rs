//! The contract of an adapter: what a namespace asks of it.
//!
//! Comes in: requests that concern sockets on any node. Goes out: the local part through `Local`, the rest on the
//! adapter's wire.
//! Odd: nothing here waits except questions to other nodes. A cluster adapter queues what it publishes, in a bounded
//! queue, and says so when that is full. `server_count`, `fetch_remote_sockets` and `server_side_emit` speak of other
//! nodes; the rest includes this one, because only the adapter can decide whether this node is served before or after
//! the message is published.

use std::{
    pin::Pin,
    sync::{Arc, Weak},
    time::Duration,
};

use super::{AckSink, Disconnect, Local, PublishError, RawJson, RemoteSocketData, RequestError};
use crate::{Room, RoomEvent, Target};

/// A future in a box, so that the contract can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Carries what concerns the sockets of one namespace to all nodes.
///
/// A target with [`local`](crate::Flags::local) never leaves this node. No method may be called while a lock is held.
pub trait Adapter: Send + Sync + 'static {
    /// Gets ready: connects, subscribes, looks for other nodes. Called once, before anything else, and polled to its end.
    ///
    /// # Errors
    /// What the backend refuses. The namespace then serves this node alone, and says so to whoever emits.
    fn init(&self) -> BoxFuture<'_, Result<(), RequestError>>;

    /// Says goodbye to the other nodes and lets go of the backend. What comes after fails with `Closed`. Called once,
    /// when the namespace or the server ends, and polled to its end or until the server's grace is over.
    ///
    /// # Errors
    /// What could not be said; it is closed all the same.
    fn close(&self) -> BoxFuture<'_, Result<(), RequestError>>;

    /// How many nodes serve this namespace, this one included. JS: `serverCount()`.
    ///
    /// # Errors
    /// If the backend does not know.
    fn server_count(&self) -> BoxFuture<'_, Result<usize, RequestError>>;

    /// Sends an event (a JSON array: name, then arguments) to the sockets the target means, on all nodes. Returns how
    /// many of them were on this node, if it was delivered here before the call returned.
    ///
    /// # Errors
    /// If other nodes may not hear of it. This node's sockets receive it in any case, before the call returns.
    fn broadcast(&self, target: Target, event: RawJson) -> Result<Option<usize>, PublishError>;

    /// Sends an event and asks each socket for an acknowledgement. Everything that comes back goes to `sink`, which
    /// is let go when `timeout` is over, no more can come, or it says that nobody waits ([`AckSink::on_cancel`]).
    ///
    /// # Errors
    /// As for [`broadcast`](Self::broadcast). Then the sink is told to expect this node only.
    fn broadcast_with_ack(
        &self,
        target: Target,
        event: RawJson,
        timeout: Duration,
        sink: Arc<dyn AckSink>,
    ) -> Result<(), PublishError>;

    /// Describes the sockets the target means on the *other* nodes; the caller knows its own. JS: `fetchSockets()`.
    ///
    /// # Errors
    /// If a node did not answer within `timeout`: with what the others said.
    fn fetch_remote_sockets(
        &self,
        target: Target,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Vec<RemoteSocketData>, RequestError<RemoteSocketData>>>;

    /// Puts the sockets the target means in these rooms, on all nodes. JS: `addSockets`.
    ///
    /// # Errors
    /// If other nodes may not hear of it. On this node it is done in any case, here and in the next two.
    fn add_sockets(&self, target: Target, rooms: Vec<Room>) -> Result<(), PublishError>;

    /// Takes the sockets the target means out of these rooms, on all nodes. JS: `delSockets`.
    ///
    /// # Errors
    /// If other nodes may not hear of it.
    fn del_sockets(&self, target: Target, rooms: Vec<Room>) -> Result<(), PublishError>;

    /// Disconnects the sockets the target means, on all nodes. JS: `disconnectSockets`.
    ///
    /// # Errors
    /// If other nodes may not hear of it.
    fn disconnect_sockets(&self, target: Target, how: Disconnect) -> Result<(), PublishError>;

    /// Sends an event to this namespace's own listeners on the *other* nodes. JS: `serverSideEmit`.
    ///
    /// # Errors
    /// `NoOtherNodes` from an adapter that knows no others; otherwise if they may not hear of it.
    fn server_side_emit(&self, event: RawJson) -> Result<(), PublishError>;

    /// Sends an event to the other nodes' listeners and waits for one answer of each. A node that leaves meanwhile is
    /// not waited for.
    ///
    /// # Errors
    /// If a node did not answer within `timeout`: with what the others answered.
    fn server_side_emit_with_ack(
        &self,
        event: RawJson,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Vec<RawJson>, RequestError<RawJson>>>;

    /// A room of this node has changed: a sharded adapter subscribes and unsubscribes here. Does nothing by default.
    fn on_room_event(&self, event: RoomEvent<'_>) {
        let _ = event;
    }
}

/// Makes one adapter per namespace.
pub trait AdapterFactory: Send + Sync + 'static {
    /// An adapter for the namespace, which owns it; hence the weak reference back.
    fn adapter_for(&self, local: Weak<dyn Local>) -> Arc<dyn Adapter>;
}

impl<F> AdapterFactory for F
where
    F: Fn(Weak<dyn Local>) -> Arc<dyn Adapter> + Send + Sync + 'static,
{
    fn adapter_for(&self, local: Weak<dyn Local>) -> Arc<dyn Adapter> {
        self(local)
    }
}
