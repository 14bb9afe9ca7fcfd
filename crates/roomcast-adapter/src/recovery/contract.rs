//! The contract of recovery for a store that several nodes share.
//!
//! In: sessions that are lost, as data that can be written down; private ids and offsets of clients that come back. Out: the
//! session and the events it has missed. What is odd: such a store also gives out the offsets, because only it knows the
//! order in which all nodes' events stand; so it is one with its adapter, which appends the offset to what it delivers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Room;
use crate::adapter::{BoxFuture, RawJson, RequestError};

/// A session as it is written down, in the field names of the JavaScript adapters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// The public id of the socket.
    pub sid: Room,
    /// The private id, by which it is found.
    pub pid: Room,
    /// The rooms the socket was in.
    pub rooms: Vec<Room>,
    /// What the application attached to it, as far as it can be written down.
    #[serde(default)]
    pub data: Value,
}

/// A session that comes back.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// Who it was.
    pub session: SessionRecord,
    /// The events it has missed (JSON arrays: name, arguments, offset), in their order.
    pub missed: Vec<RawJson>,
}

/// Keeps sessions where every node of a cluster finds them. JS: the adapter's `persistSession` and `restoreSession`.
///
/// An adapter that implements it appends its own offset to every event that is neither volatile nor asks for an
/// acknowledgement, on the node where the event is emitted as well, and delivers the events of one namespace in the order
/// of their offsets.
pub trait SessionStore: Send + Sync {
    /// Keeps a session for as long as its client may stay away.
    ///
    /// A client may be back before this is done: an implementation lets a restore wait for it.
    ///
    /// # Errors
    /// If the session may not have been kept.
    fn persist(&self, session: SessionRecord) -> BoxFuture<'_, Result<(), RequestError>>;

    /// Gives a session back, once; `None` if it is unknown or expired, or if what it has missed after the offset (`None`:
    /// since it began) is not kept any more.
    ///
    /// # Errors
    /// If the store does not answer. The client then begins anew.
    fn restore(
        &self,
        pid: &str,
        offset: Option<&str>,
    ) -> BoxFuture<'_, Result<Option<Recovered>, RequestError>>;
}
