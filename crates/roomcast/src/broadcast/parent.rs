//! An event to the children of a parent namespace, all that exist on this node.
//!
//! What is odd: it is one broadcast for each child, because the namespace's path is in every packet. Questions are not
//! offered: acknowledgements and sockets belong to one namespace, so ask each of [`ParentNamespace::children`].

use roomcast_adapter::{IntoRooms, Target, choose_recipients};
use serde::Serialize;

use super::Broadcast;
use crate::ParentNamespace;
use crate::socket::Emitted;

/// An event to many, in all children of a parent namespace. Made by [`ParentNamespace::to`] and its siblings; every method
/// gives a new one. JS: `parent.to(room)`.
///
/// ```
/// # use roomcast::Io;
/// # let io = Io::new();
/// let teams = io.of_pattern("/team/{name}");
/// teams.to("captains").except("muted").emit("meeting", "at noon");
/// ```
#[derive(Clone, Debug)]
#[must_use = "a broadcast is sent by `emit`"]
pub struct ParentBroadcast {
    parent: ParentNamespace,
    target: Target,
    latest: Option<String>,
}

impl ParentBroadcast {
    pub(crate) fn new(parent: ParentNamespace) -> Self {
        Self { parent, target: Target::all(), latest: None }
    }

    choose_recipients!(local);

    /// Takes the place of a waiting event of the same key. See [`Broadcast::latest`].
    pub fn latest(mut self, key: impl AsRef<str>) -> Self {
        self.latest = Some(key.as_ref().to_owned());
        self
    }

    /// Sends the event. See [`Broadcast::emit`].
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Emitted {
        self.children().fold(Emitted::default(), |all, child| all.and(child.emit(event, &args)))
    }

    /// Puts the sockets into rooms. (In the reference this reaches nobody.) JS: `parent.socketsJoin(rooms)`.
    pub fn sockets_join(&self, rooms: impl IntoRooms) {
        let rooms = rooms.into_rooms();
        self.children().for_each(|child| child.sockets_join(&rooms[..]));
    }

    /// Takes the sockets out of rooms. (In the reference this reaches nobody.) JS: `parent.socketsLeave(rooms)`.
    pub fn sockets_leave(&self, rooms: impl IntoRooms) {
        let rooms = rooms.into_rooms();
        self.children().for_each(|child| child.sockets_leave(&rooms[..]));
    }

    /// Disconnects the sockets from their namespaces. (In the reference this reaches nobody.) JS:
    /// `parent.disconnectSockets()`.
    pub fn disconnect_sockets(&self) {
        self.children().for_each(|child| child.disconnect_sockets());
    }

    /// Closes the whole connections of the sockets. (In the reference this reaches nobody.) JS:
    /// `parent.disconnectSockets(true)`.
    pub fn disconnect_connections(&self) {
        self.children().for_each(|child| child.disconnect_connections());
    }

    fn children(&self) -> impl Iterator<Item = Broadcast> {
        self.parent.children().into_iter().map(|child| {
            let broadcast = Broadcast::new(child, self.target.clone());
            match &self.latest {
                Some(key) => broadcast.latest(key),
                None => broadcast,
            }
        })
    }
}
