//! What is said to a whole namespace.
//!
//! In: names, values, rooms, as in JavaScript's `io.emit(..)`. Out: a [`Broadcast`] that is begun, and mostly sent at once.

use std::time::Duration;

use roomcast_adapter::Target;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Namespace;
use crate::IntoRooms;
use crate::broadcast::{Broadcast, BroadcastAck, RemoteSocket};
use crate::error::FetchError;
use crate::socket::Emitted;

/// Broadcasts. Each of these begins a [`Broadcast`], which has the details.
impl Namespace {
    /// Sends an event to every socket of the namespace. JS: `io.emit(event, ...args)`.
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Emitted {
        self.everyone().emit(event, args)
    }

    /// Sends the event `message` to every socket. JS: `io.send(...args)`, `io.write(...args)`.
    #[doc(alias = "write")]
    pub fn send<T: Serialize>(&self, args: T) -> Emitted {
        self.emit("message", args)
    }

    /// Sends an event to every socket and waits for all acknowledgements. JS: `io.emitWithAck(event, ...args)`.
    pub fn emit_with_ack<T: DeserializeOwned>(&self, event: &str, args: impl Serialize) -> BroadcastAck<T> {
        self.everyone().emit_with_ack(event, args)
    }

    /// To the members of a room, or of several. JS: `io.to(room)`.
    pub fn to(&self, rooms: impl IntoRooms) -> Broadcast {
        self.everyone().to(rooms)
    }

    /// The same as [`Namespace::to`]. JS: `io.in(room)`.
    #[doc(alias = "in")]
    pub fn within(&self, rooms: impl IntoRooms) -> Broadcast {
        self.to(rooms)
    }

    /// To everyone but the members of a room. JS: `io.except(room)`.
    pub fn except(&self, rooms: impl IntoRooms) -> Broadcast {
        self.everyone().except(rooms)
    }

    /// Dropped for those who cannot take it at once. JS: `io.volatile`.
    pub fn volatile(&self) -> Broadcast {
        self.everyone().volatile()
    }

    /// Takes the place of a waiting event of the same key. See [`Modified::latest`](crate::Modified::latest).
    pub fn latest(&self, key: impl AsRef<str>) -> Broadcast {
        self.everyone().latest(key)
    }

    /// Whether it may be compressed. JS: `io.compress(bool)`.
    pub fn compress(&self, compress: bool) -> Broadcast {
        self.everyone().compress(compress)
    }

    /// To the sockets of this node only. JS: `io.local`.
    pub fn local(&self) -> Broadcast {
        self.everyone().local()
    }

    /// Bounds the wait for acknowledgements. JS: `io.timeout(ms)`.
    pub fn timeout(&self, timeout: Duration) -> Broadcast {
        self.everyone().timeout(timeout)
    }

    /// All sockets. JS: `io.fetchSockets()`.
    ///
    /// # Errors
    /// See [`Broadcast::fetch_sockets`].
    pub async fn fetch_sockets(&self) -> Result<Vec<RemoteSocket>, FetchError> {
        self.everyone().fetch_sockets().await
    }

    /// The ids of all sockets, of all nodes. JS: `io.allSockets()`, which is deprecated there.
    ///
    /// # Errors
    /// See [`Broadcast::fetch_sockets`].
    pub async fn all_sockets(&self) -> Result<Vec<String>, FetchError> {
        self.everyone().all_sockets().await
    }

    /// Puts all sockets into rooms. JS: `io.socketsJoin(rooms)`.
    pub fn sockets_join(&self, rooms: impl IntoRooms) {
        self.everyone().sockets_join(rooms);
    }

    /// Takes all sockets out of rooms. JS: `io.socketsLeave(rooms)`.
    pub fn sockets_leave(&self, rooms: impl IntoRooms) {
        self.everyone().sockets_leave(rooms);
    }

    /// Disconnects all sockets from the namespace. JS: `io.disconnectSockets()`.
    pub fn disconnect_sockets(&self) {
        self.everyone().disconnect_sockets();
    }

    /// Closes the whole connections of all sockets. JS: `io.disconnectSockets(true)`.
    pub fn disconnect_connections(&self) {
        self.everyone().disconnect_connections();
    }

    fn everyone(&self) -> Broadcast {
        Broadcast::new(self.clone(), Target::all())
    }
}
