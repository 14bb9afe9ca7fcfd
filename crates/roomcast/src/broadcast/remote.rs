//! A socket as `fetch_sockets` gives it: of this node, or of another.
//!
//! What is odd: one of another node is a description of the moment it was asked for; what is done to it goes there as a
//! message to the room of its id, and nothing comes back unless it was asked for.

use std::sync::Arc;
use std::time::Duration;

use roomcast_adapter::adapter::RemoteSocketData;
use roomcast_adapter::{IntoRooms, Room, Target};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Broadcast;
use crate::error::AckError;
use crate::socket::Emitted;
use crate::{Handshake, Namespace, Socket};

/// A socket of any node. JS: `RemoteSocket`.
#[derive(Clone, Debug)]
pub struct RemoteSocket {
    place: Place,
    timeout: Option<Duration>,
}

#[derive(Clone, Debug)]
enum Place {
    Here(Socket),
    Elsewhere(Arc<Described>),
}

/// A socket of another node, as that has described it.
#[derive(Debug)]
struct Described {
    namespace: Namespace,
    handshake: Handshake,
    data: RemoteSocketData,
}

impl RemoteSocket {
    pub(super) fn new(socket: Socket) -> Self {
        Self { place: Place::Here(socket), timeout: None }
    }

    pub(super) fn remote(namespace: Namespace, data: RemoteSocketData) -> Self {
        let handshake = Handshake::from_description(&data.handshake);
        let described = Described { namespace, handshake, data };
        Self { place: Place::Elsewhere(Arc::new(described)), timeout: None }
    }

    /// Its id. JS: `socket.id`.
    #[must_use]
    pub fn id(&self) -> &str {
        match &self.place {
            Place::Here(socket) => socket.id(),
            Place::Elsewhere(described) => &described.data.id,
        }
    }

    /// The request that opened its session. JS: `socket.handshake`.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        match &self.place {
            Place::Here(socket) => socket.handshake(),
            Place::Elsewhere(described) => &described.handshake,
        }
    }

    /// What its client sent along with its wish to connect; `{}` if nothing. JS: `socket.handshake.auth`.
    ///
    /// # Errors
    /// If it is of another type.
    pub fn auth<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        match &self.place {
            Place::Here(socket) => socket.auth(),
            Place::Elsewhere(described) => {
                let auth = described.data.handshake.get("auth").cloned();
                serde_json::from_value(auth.unwrap_or_else(|| serde_json::json!({})))
            }
        }
    }

    /// The rooms it is in, its own id first; of a socket of another node, those it was in when it was asked for. JS:
    /// `socket.rooms`.
    #[must_use]
    pub fn rooms(&self) -> Vec<Room> {
        match &self.place {
            Place::Here(socket) => socket.rooms(),
            Place::Elsewhere(described) => described.data.rooms.clone(),
        }
    }

    /// What was attached to it by [`Socket::set_data`]. JS: `socket.data`.
    ///
    /// # Errors
    /// If it is of another type. Nothing reads as `null`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        match &self.place {
            Place::Here(socket) => socket.data(),
            Place::Elsewhere(described) => T::deserialize(&described.data.data),
        }
    }

    /// What is kept for it by [`Socket::insert`], if it is of this node.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.as_local()?.get()
    }

    /// The socket itself, if it is of this node.
    #[must_use]
    pub fn as_local(&self) -> Option<&Socket> {
        match &self.place {
            Place::Here(socket) => Some(socket),
            Place::Elsewhere(_) => None,
        }
    }

    /// Bounds the wait for the acknowledgement. JS: `socket.timeout(ms)`.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends it an event. JS: `socket.emit(event, ...args)`.
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Emitted {
        match &self.place {
            Place::Here(socket) => socket.emit(event, args),
            Place::Elsewhere(described) => described.operator().emit(event, args),
        }
    }

    /// Sends it an event and waits for its acknowledgement, of which the first argument counts. A socket of another node
    /// has 5 s, unless [`RemoteSocket::timeout`] says otherwise. JS: `socket.emitWithAck(event, ...args)`.
    ///
    /// # Errors
    /// [`AckError`]; [`AckError::Disconnected`] also if there was nobody of its id any more.
    ///
    /// # Cancel safety
    /// Dropping it means not to wait any longer.
    pub async fn emit_with_ack<T: DeserializeOwned + Unpin>(
        &self,
        event: &str,
        args: impl Serialize,
    ) -> Result<T, AckError> {
        match (&self.place, self.timeout) {
            (Place::Here(socket), None) => socket.emit_with_ack(event, args).await,
            (Place::Here(socket), Some(timeout)) => socket.timeout(timeout).emit_with_ack(event, args).await,
            (Place::Elsewhere(described), timeout) => {
                let operator = described.operator();
                let operator = match timeout {
                    Some(timeout) => operator.timeout(timeout),
                    None => operator,
                };
                let answers = operator.emit_with_ack(event, args).await.map_err(|error| error.error)?;
                answers.into_iter().next().ok_or(AckError::Disconnected)
            }
        }
    }

    /// Puts it into rooms. JS: `socket.join(room)`.
    pub fn join(&self, rooms: impl IntoRooms) {
        match &self.place {
            Place::Here(socket) => socket.join(rooms),
            Place::Elsewhere(described) => described.operator().sockets_join(rooms),
        }
    }

    /// Takes it out of rooms. JS: `socket.leave(room)`.
    pub fn leave(&self, rooms: impl IntoRooms) {
        match &self.place {
            Place::Here(socket) => rooms.for_each_room(|room| socket.leave(room)),
            Place::Elsewhere(described) => described.operator().sockets_leave(rooms),
        }
    }

    /// Disconnects it from its namespace. JS: `socket.disconnect()`.
    pub fn disconnect(&self) {
        match &self.place {
            Place::Here(socket) => socket.disconnect(),
            Place::Elsewhere(described) => described.operator().disconnect_sockets(),
        }
    }

    /// Closes its whole connection. JS: `socket.disconnect(true)`.
    pub fn disconnect_connection(&self) {
        match &self.place {
            Place::Here(socket) => socket.disconnect_connection(),
            Place::Elsewhere(described) => described.operator().disconnect_connections(),
        }
    }
}

impl Described {
    /// To the room that it alone is in.
    fn operator(&self) -> Broadcast {
        Broadcast::new(self.namespace.clone(), Target::room(self.data.id.as_str()))
    }
}
