//! One client in one namespace: the handle that user code holds.

// What is said to it.
mod acks;
mod emit;
mod wait;

// What is called for it.
mod handlers;
mod incoming;
mod listeners;

// What is kept for it.
mod id;
mod inner;

use std::fmt;
use std::sync::Arc;

use proto::engine::{Revision, Transport};
use roomcast_adapter::adapter::RemoteSocketData;
use roomcast_adapter::{Room, Target};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::broadcast::Broadcast;
use crate::deliver::Encoder;
use crate::engine::Session;
use crate::error::{Cause, Failure};
use crate::http::Handshake;
use crate::recovery::Seat;
use crate::session::Command;
use crate::{Buffered, IntoRooms, Namespace, OutboxLimits};

pub use acks::AckFuture;
pub use emit::{Emitted, Modified, Outgoing};
pub use handlers::HandlerId;
pub use incoming::Incoming;
pub use wait::EmitWait;

pub(crate) use acks::{Waiter, read};
pub(crate) use emit::error_again;
pub(crate) use incoming::{PacketMiddleware, auth_args};
pub(crate) use inner::{Kept, SocketInner};

/// So many bytes of a name that was refused are logged: clients choose names.
const MAX_LOGGED: usize = 100;

/// One client in one namespace. JS: `Socket`.
///
/// A handle is cheap to clone and keeps nobody connected. See the [crate's documentation](crate) for the whole picture.
#[derive(Clone)]
pub struct Socket(pub(crate) Arc<SocketInner>);

impl Socket {
    /// The public id of this socket, 20 characters; also the name of the room that it alone is in. It is not the secret
    /// id of its session, unless its client speaks Engine.IO 3: then it is that, behind `/namespace#` where the namespace is
    /// not `/`. JS: `socket.id`.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.id()
    }

    /// The namespace. JS: `socket.nsp`.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        self.0.namespace()
    }

    /// Whether the socket is in its namespace: after its middlewares, before its end. JS: `socket.connected`.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.0.is_connected()
    }

    /// Whether its client was here before and has been recovered: with its id, its rooms, its data, and what it missed. See
    /// [`ConnectionStateRecovery`](crate::ConnectionStateRecovery). JS: `socket.recovered`.
    #[must_use]
    pub fn recovered(&self) -> bool {
        self.seat().is_some_and(Seat::is_recovered)
    }

    /// The request that opened the session. JS: `socket.handshake`.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        self.0.handshake()
    }

    /// What the client sent along with its wish to connect; `{}` if nothing. JS: `socket.handshake.auth`.
    ///
    /// # Errors
    /// If it is of another type.
    pub fn auth<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.auth_text().as_deref().unwrap_or("{}"))
    }

    /// The session that carries it, together with the client's sockets in other namespaces. What is sent on it directly has to be
    /// a packet of Socket.IO. JS: `socket.conn`.
    #[must_use]
    pub fn session(&self) -> Session {
        self.0.session()
    }

    /// The transport in use now; it changes with an upgrade. JS: `socket.conn.transport.name`.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.0.mailbox().transport()
    }

    /// The revision of Engine.IO that its client speaks: 3 for those of Socket.IO 2.x, see
    /// [`IoBuilder::allow_eio3`](crate::IoBuilder::allow_eio3). JS: `socket.conn.protocol`.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.0.mailbox().dialect().revision()
    }

    /// What waits to be written to this client, over all its namespaces. What the kernel or a polling answer has taken
    /// counts no more. JS: `socket.conn.writeBuffer`.
    ///
    /// ```
    /// # use roomcast::{Io, Socket};
    /// # let io = Io::new();
    /// io.on("status", async |socket: Socket| {
    ///     let waiting = socket.buffered();
    ///     (waiting.bytes, waiting.packets)
    /// });
    /// ```
    #[must_use]
    pub fn buffered(&self) -> Buffered {
        self.0.mailbox().buffered()
    }

    /// How much may wait for this client, and what happens when more would.
    #[must_use]
    pub fn outbox_limits(&self) -> OutboxLimits {
        self.0.mailbox().outbox_limits()
    }

    /// Changes how much may wait for this client, over all its namespaces, and what happens when more would. Default: what
    /// the server was built with. What waits already stays until the next emit. Roomcast's own.
    pub fn set_outbox_limits(&self, limits: OutboxLimits) {
        self.0.mailbox().set_outbox_limits(limits);
    }

    /// Joins a room, or several. Joining one twice is joining it once; after the end it does nothing. A room beyond
    /// [`max_rooms`](crate::IoBuilder::max_rooms), or of a name longer than [`Room::MAX_BYTES`], is not joined, which is logged.
    /// JS: `socket.join(room)`, `socket.join(rooms)`.
    ///
    /// ```no_run
    /// # use roomcast::{Io, Socket};
    /// # let io = Io::new();
    /// io.of("/").on("join", async |socket: Socket, room: String| {
    ///     socket.join(room);
    /// });
    /// ```
    pub fn join(&self, rooms: impl IntoRooms) {
        rooms.for_each_room(|room| {
            if let Err(error) = self.0.join(&room) {
                let shown = &room[..room.floor_char_boundary(MAX_LOGGED)];
                tracing::warn!(socket = self.id(), room = shown, %error, "join refused");
            }
        });
    }

    /// Leaves a room. JS: `socket.leave(room)`.
    pub fn leave(&self, room: impl Into<Room>) {
        self.0.leave(&room.into());
    }

    /// The rooms it is in, its own id first; none after the end. JS: `socket.rooms`.
    #[must_use]
    pub fn rooms(&self) -> Vec<Room> {
        self.0.rooms()
    }

    /// Disconnects the socket from its namespace; the client's other namespaces live on. JS: `socket.disconnect()`.
    pub fn disconnect(&self) {
        self.0.disconnect();
    }

    /// Closes the client's whole connection, all namespaces of it. JS: `socket.disconnect(true)`.
    pub fn disconnect_connection(&self) {
        if !self.is_connected() {
            return;
        }
        // If the session has ended there is nothing to close.
        let _ = self.0.mailbox().command(Command::Application(crate::connection::CLOSE_ALL));
    }

    /// Closes the session below, without a goodbye to any namespace: a client sees a lost connection, and comes back by
    /// itself. JS: `socket.conn.close()`.
    pub fn close_session(&self) {
        // If the session has ended there is nothing to close.
        let _ = self.0.mailbox().command(Command::Application(crate::connection::CLOSE_SESSION));
    }

    /// Keeps a value for as long as the socket lives, one of each type. JS: `socket.data`.
    ///
    /// ```no_run
    /// # use roomcast::{Io, Socket};
    /// struct Nickname(String);
    ///
    /// # let io = Io::new();
    /// io.of("/").on("nickname", async |socket: Socket, name: String| {
    ///     socket.insert(Nickname(name));
    /// });
    /// ```
    pub fn insert<T: Send + Sync + 'static>(&self, value: T) {
        self.0.insert(value);
    }

    /// The value of that type, if one is kept. JS: `socket.data`.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0.get()
    }

    /// The value of that type, kept from now on if none was. JS: `socket.data`.
    pub fn get_or_insert_with<T: Send + Sync + 'static>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        // `make` is user code: it runs with no lock held, and loses where another task was faster.
        self.get().unwrap_or_else(|| self.0.get_or_insert(make()))
    }

    /// Attaches a value that travels: other nodes see it when they fetch this socket. There is one, which replaces the one
    /// before; it is written as JSON here and now, so changing it means to set it again. What only this node's handlers
    /// need, of any type and never copied, belongs into [`Socket::insert`]. JS: `socket.data`.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    ///
    /// ```
    /// # use roomcast::{HandlerError, Io, Socket};
    /// # let io = Io::new();
    /// io.on("login", async |io: Io, socket: Socket, name: String| -> Result<Vec<String>, HandlerError> {
    ///     socket.set_data(name)?;
    ///     let sockets = io.fetch_sockets().await?;
    ///     Ok(sockets.iter().filter_map(|socket| socket.data().ok()).collect())
    /// });
    /// ```
    pub fn set_data(&self, data: impl Serialize) -> Result<(), serde_json::Error> {
        let data = Arc::new(serde_json::to_value(data)?);
        let replaced = self.extras().attached.replace(data);
        drop(replaced);
        Ok(())
    }

    /// What was attached by [`Socket::set_data`]. JS: `socket.data`.
    ///
    /// # Errors
    /// If it is of another type. Nothing reads as `null`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&*self.attached())
    }

    fn attached(&self) -> Arc<serde_json::Value> {
        self.with_extras(|extras| extras.attached.clone()).flatten().unwrap_or_default()
    }

    /// As other nodes see it.
    pub(crate) fn describe(&self) -> RemoteSocketData {
        let auth = self.auth().unwrap_or_else(|_| serde_json::json!({}));
        // JS: `socket.data` is an object from the start.
        let data = match &*self.attached() {
            serde_json::Value::Null => serde_json::json!({}),
            data => data.clone(),
        };
        RemoteSocketData {
            id: self.id().to_owned(),
            handshake: self.handshake().describe(auth),
            rooms: self.rooms(),
            data,
        }
    }

    /// A broadcast to everyone in the namespace but this socket. JS: `socket.broadcast`.
    pub fn broadcast(&self) -> Broadcast {
        Broadcast::new(self.namespace().clone(), Target::all().except(self.id()))
    }

    /// A broadcast to a room, without this socket. JS: `socket.to(room)`.
    pub fn to(&self, room: impl IntoRooms) -> Broadcast {
        self.broadcast().to(room)
    }

    /// The same as [`Socket::to`]. JS: `socket.in(room)`.
    #[doc(alias = "in")]
    pub fn within(&self, room: impl IntoRooms) -> Broadcast {
        self.to(room)
    }

    /// A broadcast to everyone but this socket and the members of a room. JS: `socket.except(room)`.
    pub fn except(&self, room: impl IntoRooms) -> Broadcast {
        self.broadcast().except(room)
    }

    /// A broadcast that does not leave this node. JS: `socket.local`.
    pub fn local(&self) -> Broadcast {
        self.broadcast().local()
    }

    pub(crate) fn report(&self, event: &str, cause: Cause) {
        let failure = Failure {
            namespace: self.namespace_path().to_owned(),
            socket: Some(self.clone()),
            event: event.to_owned(),
            cause,
        };
        self.namespace().hooks().report(&failure);
    }

    pub(crate) fn encoder(&self) -> &Encoder {
        &self.namespace().hooks().encoder
    }

    pub(crate) fn namespace_path(&self) -> &str {
        self.namespace().name()
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.id())
            .field("namespace", &self.namespace_path())
            .field("connected", &self.is_connected())
            .finish_non_exhaustive()
    }
}

/// Two handles are equal if they mean the same socket.
impl PartialEq for Socket {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Socket {}

impl roomcast_adapter::memory::Member for Socket {
    fn id(&self) -> &str {
        self.0.id()
    }
}
