//! For a program that is no server: it says to the servers of a cluster what one of them could say.
//!
//! In: names and values. Out: envelopes into the sending half of a wire. What is odd: nobody speaks to an emitter. It is no
//! node, has no name of its own and hears nothing, so it asks nothing: there are no acknowledgements and no lists of
//! sockets. (The JavaScript emitters throw `Acknowledgements are not supported`; here there is no such method.)

use std::fmt;
use std::sync::Arc;

use proto::socket::{EncodeError, NamespacePath};
use serde::Serialize;

use super::{Envelope, Message, Uid};
use crate::adapter::{Disconnect, PublishError, RawJson};
use crate::{IntoRooms, Target};

/// The sending half of a wire between nodes. All that an [`Emitter`] needs.
pub trait Publisher: Send + Sync + 'static {
    /// Queues an envelope for all nodes that serve its namespace, except for the one that it comes from. Never waits.
    ///
    /// # Errors
    /// If a node may not get it.
    fn publish(&self, envelope: Envelope) -> Result<(), PublishError>;
}

/// Speaks to all clients and all servers of a cluster, in one namespace, from outside of it: from a job, a command, another
/// service. A clone is the same emitter. JS: `Emitter` of `@socket.io/redis-emitter` and its siblings.
///
/// It is made from the sending half of the wire that the servers' adapters use, by [`Emitter::new`] or by whoever knows
/// that wire, as `MemoryCluster::emitter`. Nothing comes back: that a call has succeeded says that the wire has it, not
/// that there are servers, nor clients.
///
/// ```
/// use roomcast_adapter::cluster::{Emitter, Envelope, Publisher};
/// use roomcast_adapter::{Binary, PublishError};
///
/// struct Printed;
///
/// impl Publisher for Printed {
///     fn publish(&self, envelope: Envelope) -> Result<(), PublishError> {
///         println!("{envelope:?}");
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let emitter = Emitter::new(Printed);
/// emitter.emit("maintenance", ("in minutes", 5))?;
/// emitter.to(["news", "sport"]).except("muted").volatile().emit("picture", Binary(vec![1, 2].into()))?;
/// emitter.of("/admin").within("night shift").disconnect_connections()?;
/// emitter.server_side_emit("config changed", "limits")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Emitter {
    publisher: Arc<dyn Publisher>,
    namespace: Arc<str>,
}

/// What an [`Emitter`] says, to some. Every method gives a new one. JS: the emitters' `BroadcastOperator`.
#[derive(Clone, Debug)]
#[must_use = "it is sent by `emit`"]
pub struct EmitterBroadcast {
    emitter: Emitter,
    target: Target,
}

/// Why an emitter's message was not sent, or may not reach every node.
#[derive(Debug)]
#[non_exhaustive]
pub enum EmitterError {
    /// The name is the library's own, or the arguments cannot be written as JSON.
    Event(EncodeError),
    /// A node may not hear of it.
    Publish(PublishError),
}

impl Emitter {
    /// An emitter over that wire, in the namespace `/`. JS: `new Emitter(client)`.
    pub fn new(publisher: impl Publisher) -> Self {
        Self { publisher: Arc::new(publisher), namespace: NamespacePath::root().as_str().into() }
    }

    /// The same for another namespace. A missing leading slash is added. JS: `emitter.of(nsp)`.
    ///
    /// # Panics
    /// If the path cannot be on the wire: if it holds a comma.
    #[must_use]
    pub fn of(&self, namespace: &str) -> Self {
        let path = NamespacePath::new(namespace).expect("the path of a namespace holds no comma");
        Self { publisher: self.publisher.clone(), namespace: path.as_str().into() }
    }

    /// The namespace's path.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// To whoever is in one of these rooms; a socket's id is a room. JS: `emitter.to(room)`.
    pub fn to(&self, rooms: impl IntoRooms) -> EmitterBroadcast {
        self.all().to(rooms)
    }

    /// The same as [`Emitter::to`]. JS: `emitter.in(room)`.
    #[doc(alias = "in")]
    pub fn within(&self, rooms: impl IntoRooms) -> EmitterBroadcast {
        self.all().to(rooms)
    }

    /// To all but whoever is in one of these rooms. JS: `emitter.except(room)`.
    pub fn except(&self, rooms: impl IntoRooms) -> EmitterBroadcast {
        self.all().except(rooms)
    }

    /// Dropped for those who cannot take it at once. JS: `emitter.volatile`.
    pub fn volatile(&self) -> EmitterBroadcast {
        self.all().volatile()
    }

    /// Whether it may be compressed. Default: true. JS: `emitter.compress(bool)`.
    pub fn compress(&self, compress: bool) -> EmitterBroadcast {
        self.all().compress(compress)
    }

    /// Sends an event to all sockets of the namespace. A tuple gives several arguments, `()` none, anything else is one;
    /// byte strings become attachments. JS: `emitter.emit(event, ...args)`.
    ///
    /// # Errors
    /// [`EmitterError`].
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Result<(), EmitterError> {
        self.all().emit(event, args)
    }

    /// Puts all sockets of the namespace into rooms. JS: `emitter.socketsJoin(rooms)`.
    ///
    /// # Errors
    /// [`EmitterError::Publish`].
    pub fn sockets_join(&self, rooms: impl IntoRooms) -> Result<(), EmitterError> {
        self.all().sockets_join(rooms)
    }

    /// Takes all sockets of the namespace out of rooms. JS: `emitter.socketsLeave(rooms)`.
    ///
    /// # Errors
    /// [`EmitterError::Publish`].
    pub fn sockets_leave(&self, rooms: impl IntoRooms) -> Result<(), EmitterError> {
        self.all().sockets_leave(rooms)
    }

    /// Disconnects all sockets from the namespace. JS: `emitter.disconnectSockets()`.
    ///
    /// # Errors
    /// [`EmitterError::Publish`].
    pub fn disconnect_sockets(&self) -> Result<(), EmitterError> {
        self.all().disconnect_sockets()
    }

    /// Closes the whole connections of all sockets of the namespace. JS: `emitter.disconnectSockets(true)`.
    ///
    /// # Errors
    /// [`EmitterError::Publish`].
    pub fn disconnect_connections(&self) -> Result<(), EmitterError> {
        self.all().disconnect_connections()
    }

    /// Sends an event to the namespace itself, on all nodes: to the listeners of `on_server_event`. None of them can answer.
    /// JS: `emitter.serverSideEmit(event, ...args)`.
    ///
    /// # Errors
    /// [`EmitterError`]; `connect`, `connection` and `new_namespace` are the library's own names here.
    pub fn server_side_emit<T: Serialize>(&self, event: &str, args: T) -> Result<(), EmitterError> {
        let event = RawJson::server_side_event(event, &args)?;
        self.publish(Message::ServerSideEmit { event, id: None })
    }

    fn all(&self) -> EmitterBroadcast {
        EmitterBroadcast { emitter: self.clone(), target: Target::all() }
    }

    fn publish(&self, message: Message) -> Result<(), EmitterError> {
        let envelope = Envelope { uid: Uid::emitter(), namespace: self.namespace.clone(), message };
        Ok(self.publisher.publish(envelope)?)
    }
}

impl EmitterBroadcast {
    crate::choose_recipients!();

    /// Sends an event. See [`Emitter::emit`]. JS: `emit(event, ...args)`.
    ///
    /// # Errors
    /// [`EmitterError`].
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Result<(), EmitterError> {
        let event = RawJson::event(event, &args)?;
        self.publish(|target| Message::Broadcast { target, event, ask: None })
    }

    /// Puts the sockets into rooms. JS: `socketsJoin(rooms)`.
    ///
    /// # Errors
    /// [`EmitterError::Publish`].
    pub fn sockets_join(&self, rooms: impl IntoRooms) -> Result<(), EmitterError> {
        self.publish(|target| Message::SocketsJoin { target, rooms: rooms.into_rooms() })
    }

    /// Takes the sockets out of rooms. JS: `socketsLeave(rooms)`.
    ///
    /// # Errors
    /// [`EmitterError::Publish`].
    pub fn sockets_leave(&self, rooms: impl IntoRooms) -> Result<(), EmitterError> {
        self.publish(|target| Message::SocketsLeave { target, rooms: rooms.into_rooms() })
    }

    /// Disconnects the sockets from the namespace. JS: `disconnectSockets()`.
    ///
    /// # Errors
    /// [`EmitterError::Publish`].
    pub fn disconnect_sockets(&self) -> Result<(), EmitterError> {
        self.publish(|target| Message::DisconnectSockets { target, how: Disconnect::Namespace })
    }

    /// Closes the whole connections of the sockets. JS: `disconnectSockets(true)`.
    ///
    /// # Errors
    /// [`EmitterError::Publish`].
    pub fn disconnect_connections(&self) -> Result<(), EmitterError> {
        self.publish(|target| Message::DisconnectSockets { target, how: Disconnect::Connection })
    }

    fn publish(&self, message: impl FnOnce(Target) -> Message) -> Result<(), EmitterError> {
        self.emitter.publish(message(self.target.clone()))
    }
}

impl fmt::Debug for Emitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl From<EncodeError> for EmitterError {
    fn from(error: EncodeError) -> Self {
        Self::Event(error)
    }
}

impl From<PublishError> for EmitterError {
    fn from(error: PublishError) -> Self {
        Self::Publish(error)
    }
}

impl fmt::Display for EmitterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(error) => error.fmt(f),
            Self::Publish(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EmitterError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Event(error) => error.source(),
            Self::Publish(error) => error.source(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use bytes::Bytes;
    use proto::socket::Binary;

    use super::*;
    use crate::{Flags, Room};

    #[derive(Clone, Default)]
    struct Sent(Arc<Mutex<Vec<Envelope>>>);

    impl Publisher for Sent {
        fn publish(&self, envelope: Envelope) -> Result<(), PublishError> {
            self.0.lock().unwrap().push(envelope);
            Ok(())
        }
    }

    impl Sent {
        fn next(&self) -> Envelope {
            self.0.lock().unwrap().remove(0)
        }
    }

    #[test]
    fn each_call_is_one_envelope_of_the_emitters_in_its_namespace() {
        let sent = Sent::default();
        let emitter = Emitter::new(sent.clone());
        let shop = emitter.of("shop");
        assert_eq!((emitter.namespace(), shop.namespace()), ("/", "/shop"));
        emitter.emit("e", ("a", 1)).unwrap();
        emitter.sockets_join(["a", "b"]).unwrap();
        emitter.within("a").to("b").except("c").sockets_leave("d").unwrap();
        shop.except("x").disconnect_sockets().unwrap();
        shop.disconnect_connections().unwrap();
        shop.server_side_emit("disconnect", "is no name of the servers").unwrap();
        let rooms = |names: &[&str]| names.iter().copied().map(Room::from).collect::<Vec<_>>();
        let target = Target::room("a").to("b").except("c");
        let (namespace, connection) = (Disconnect::Namespace, Disconnect::Connection);
        let expected = [
            ("/", Message::Broadcast { target: Target::all(), event: raw(r#"["e","a",1]"#), ask: None }),
            ("/", Message::SocketsJoin { target: Target::all(), rooms: rooms(&["a", "b"]) }),
            ("/", Message::SocketsLeave { target, rooms: rooms(&["d"]) }),
            ("/shop", Message::DisconnectSockets { target: Target::all().except("x"), how: namespace }),
            ("/shop", Message::DisconnectSockets { target: Target::all(), how: connection }),
            (
                "/shop",
                Message::ServerSideEmit {
                    event: raw(r#"["disconnect","is no name of the servers"]"#),
                    id: None,
                },
            ),
        ];
        for (namespace, message) in expected {
            assert_eq!(sent.next(), Envelope { uid: "emitter".into(), namespace: namespace.into(), message });
        }
        assert!(sent.0.lock().unwrap().is_empty());
    }

    fn raw(text: &str) -> RawJson {
        RawJson::new(text)
    }

    #[test]
    fn bytes_go_beside_the_text_and_flags_with_the_target() {
        let sent = Sent::default();
        let emitter = Emitter::new(sent.clone());
        emitter.volatile().compress(false).emit("e", (1, Binary(Bytes::from_static(b"\x07")))).unwrap();
        let Message::Broadcast { target, event, ask: None } = sent.next().message else {
            panic!("it is a broadcast")
        };
        assert_eq!(event.text(), r#"["e",1,{"_placeholder":true,"num":0}]"#);
        assert_eq!(event.attachments(), [&b"\x07"[..]]);
        assert_eq!(target.flags(), Flags { volatile: true, compress: false, local: false });
    }

    #[test]
    fn a_name_of_the_library_and_a_value_that_is_no_json_are_refused_and_not_sent() {
        let sent = Sent::default();
        let emitter = Emitter::new(sent.clone());
        let reserved = |result| matches!(result, Err(EmitterError::Event(EncodeError::ReservedEvent)));
        for name in
            ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]
        {
            assert!(reserved(emitter.emit(name, ())), "{name}");
        }
        for name in ["connect", "connection", "new_namespace"] {
            assert!(reserved(emitter.server_side_emit(name, ())), "{name}");
        }
        let no_json = std::collections::HashMap::from([((1, 2), 3)]);
        assert!(matches!(emitter.emit("e", no_json), Err(EmitterError::Event(EncodeError::Value(_)))));
        assert!(sent.0.lock().unwrap().is_empty());
    }

    #[test]
    fn what_the_wire_does_not_take_is_told() {
        struct Full;
        impl Publisher for Full {
            fn publish(&self, _: Envelope) -> Result<(), PublishError> {
                Err(PublishError::Full)
            }
        }
        let told = Emitter::new(Full).emit("e", ());
        assert!(matches!(told, Err(EmitterError::Publish(PublishError::Full))));
    }
}
