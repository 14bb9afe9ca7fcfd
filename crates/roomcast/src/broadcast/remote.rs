//! A socket as `fetch_sockets` gives it: of this node, or of another.

use std::sync::Arc;

use roomcast_adapter::Room;
use serde::Serialize;

use crate::socket::Emitted;
use crate::{Handshake, Socket};

/// A socket of any node. JS: `RemoteSocket`.
#[derive(Clone, Debug)]
pub struct RemoteSocket {
    socket: Socket,
}

impl RemoteSocket {
    pub(super) fn new(socket: Socket) -> Self {
        Self { socket }
    }

    /// Its id. JS: `socket.id`.
    #[must_use]
    pub fn id(&self) -> &str {
        self.socket.id()
    }

    /// The request that opened its session. JS: `socket.handshake`.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        self.socket.handshake()
    }

    /// The rooms it is in, its own id first. JS: `socket.rooms`.
    #[must_use]
    pub fn rooms(&self) -> Vec<Room> {
        self.socket.rooms()
    }

    /// What is kept for it, if it is of this node. JS: `socket.data`.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.socket.get()
    }

    /// The socket itself, if it is of this node.
    #[must_use]
    pub fn as_local(&self) -> Option<&Socket> {
        Some(&self.socket)
    }

    /// Sends it an event. JS: `socket.emit(event, ...args)`.
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Emitted {
        self.socket.emit(event, args)
    }

    /// Puts it into a room. JS: `socket.join(room)`.
    pub fn join(&self, room: impl Into<Room>) {
        self.socket.join(room);
    }

    /// Takes it out of a room. JS: `socket.leave(room)`.
    pub fn leave(&self, room: impl Into<Room>) {
        self.socket.leave(room);
    }

    /// Disconnects it from its namespace. JS: `socket.disconnect()`.
    pub fn disconnect(&self) {
        self.socket.disconnect();
    }
}
