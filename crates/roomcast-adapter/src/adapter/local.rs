//! What an adapter may ask of the namespace on its own node.
//!
//! Comes in: requests of this node's application or of another node, always about this node's sockets only. Goes
//! out: what they do, or a description of the sockets.
//! Odd: implemented by the server, not here. An adapter holds it weakly: the namespace owns its adapter.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AckSink, RawJson};
use crate::{Room, Target};

/// A namespace on this node, as its adapter sees it.
///
/// No call waits: events go into outboxes, requests are carried out at once.
pub trait Local: Send + Sync {
    /// The namespace's name, such as `/` or `/shop`.
    fn namespace(&self) -> &str;

    /// Sends an event (a JSON array: name, then arguments) to the sockets the target means. Returns how many.
    fn deliver(&self, target: &Target, event: &RawJson) -> usize;

    /// Sends an event and asks each socket for an acknowledgement within `timeout`.
    ///
    /// Calls `sink.node_counted` once, before it returns, and `sink.answered` for each answer. Forgets the sink when
    /// all have answered, the time is over, or nobody waits any more ([`AckSink::on_cancel`]).
    fn deliver_with_ack(&self, target: &Target, event: &RawJson, timeout: Duration, sink: Arc<dyn AckSink>);

    /// Describes the sockets the target means.
    fn describe(&self, target: &Target) -> Vec<RemoteSocketData>;

    /// Puts the sockets the target means in these rooms.
    fn join(&self, target: &Target, rooms: &[Room]);

    /// Takes the sockets the target means out of these rooms.
    fn leave(&self, target: &Target, rooms: &[Room]);

    /// Disconnects the sockets the target means.
    fn disconnect(&self, target: &Target, how: Disconnect);

    /// Another node's server-side event (a JSON array: name, then arguments) for this namespace's own listeners.
    ///
    /// With `answer` the other node waits for one value; dropping it unused leaves that node to its timeout.
    fn server_side_event(&self, event: &RawJson, answer: Option<Answer>);

    /// Whether a socket of this node is in the room: a message for it alone can be dropped unread otherwise.
    fn has_room(&self, room: &str) -> bool;

    /// Every room of this node, for an adapter that has to subscribe to them again.
    fn rooms(&self) -> Vec<Room>;
}

/// Gives the one answer to a server-side event.
pub type Answer = Box<dyn FnOnce(RawJson) + Send>;

/// How far a disconnect reaches. JS: `disconnect(close)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disconnect {
    /// The socket leaves this namespace; its connection's other namespaces live on. JS: `disconnect(false)`.
    Namespace,
    /// The connection below is closed. JS: `disconnect(true)`.
    Connection,
}

/// A socket as its node describes it to the others, in the field names of the JavaScript adapters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoteSocketData {
    /// The socket's id.
    pub id: String,
    /// Its handshake: headers, query, auth and so on.
    #[serde(default)]
    pub handshake: Value,
    /// The rooms it is in.
    #[serde(default)]
    pub rooms: Vec<Room>,
    /// What the application attached to it.
    #[serde(default)]
    pub data: Value,
}
