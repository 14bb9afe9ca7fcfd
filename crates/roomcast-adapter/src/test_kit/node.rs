//! A node without a network: real rooms, and sockets that write down what they receive.
//!
//! In: what an adapter asks of its node. Out: what each socket received, for the suite to look at.
//! Odd: a socket answers an acknowledgement at once, or, if told to be silent, never.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};

use serde_json::json;

use crate::{
    Adapter, Local, RawJson, Room, RoomEvent, Rooms, Target,
    adapter::{AckSink, Answer, Disconnect, RemoteSocketData},
    memory::{Member, MemberKey},
};

/// A socket of the kit; a clone is the same socket.
#[derive(Clone)]
pub struct KitSocket(Arc<Inner>);

struct Inner {
    id: String,
    key: OnceLock<MemberKey>,
    received: Mutex<Vec<RawJson>>,
    disconnected: Mutex<Option<Disconnect>>,
    answer: Option<RawJson>,
}

impl Member for KitSocket {
    fn id(&self) -> &str {
        &self.0.id
    }
}

impl KitSocket {
    /// The events received since the last call.
    #[must_use]
    pub fn take_received(&self) -> Vec<RawJson> {
        std::mem::take(&mut *lock(&self.0.received))
    }

    /// How it was disconnected, if it was.
    #[must_use]
    pub fn disconnected(&self) -> Option<Disconnect> {
        *lock(&self.0.disconnected)
    }
}

/// A namespace on one node.
pub struct KitNode {
    rooms: Rooms<KitSocket>,
    events: Mutex<Vec<RawJson>>,
    answer: Option<RawJson>,
    room_events: Arc<Mutex<Vec<String>>>,
}

impl KitNode {
    /// A node whose listeners answer server-side events with `answer`; with none, they keep silent.
    #[must_use]
    pub fn new(answer: Option<RawJson>) -> Self {
        Self { rooms: Rooms::new(), events: Mutex::default(), answer, room_events: Arc::default() }
    }

    /// From now on the adapter hears of this node's room events, and the kit writes them down.
    pub(super) fn attach(&self, adapter: &Arc<dyn Adapter>) {
        let adapter: Weak<dyn Adapter> = Arc::downgrade(adapter);
        let log = Arc::clone(&self.room_events);
        let observer = move |event: RoomEvent<'_>| {
            lock(&log).push(describe(event));
            if let Some(adapter) = adapter.upgrade() {
                adapter.on_room_event(event);
            }
        };
        assert!(self.rooms.observe(Arc::new(observer)).is_ok(), "a node is attached once");
    }

    /// Connects a socket that answers acknowledgements with `answer`; with none, it keeps silent.
    ///
    /// # Panics
    /// If the id is taken.
    pub fn connect(&self, id: &str, rooms: &[&str], answer: Option<RawJson>) -> KitSocket {
        let socket = KitSocket(Arc::new(Inner {
            id: id.to_owned(),
            key: OnceLock::new(),
            received: Mutex::default(),
            disconnected: Mutex::default(),
            answer,
        }));
        let key = self.rooms.insert(socket.clone()).expect("each socket of a case has its own id");
        socket.0.key.set(key).expect("it was just made");
        assert!(self.rooms.activate(key));
        for room in rooms {
            self.rooms.join(key, room).expect("a case joins few rooms");
        }
        socket
    }

    /// This node's book.
    #[must_use]
    pub fn book(&self) -> &Rooms<KitSocket> {
        &self.rooms
    }

    /// The rooms of one of its sockets.
    #[must_use]
    pub fn rooms_of(&self, socket: &KitSocket) -> Vec<Room> {
        socket.0.key.get().map_or_else(Vec::new, |&key| self.rooms.rooms_of(key))
    }

    /// Lets a socket leave the namespace.
    pub fn disconnect_one(&self, socket: &KitSocket) -> Vec<Room> {
        socket.0.key.get().map_or_else(Vec::new, |&key| self.rooms.remove(key))
    }

    /// The server-side events received since the last call.
    #[must_use]
    pub fn take_events(&self) -> Vec<RawJson> {
        std::mem::take(&mut *lock(&self.events))
    }

    /// The room events since the last call, as text: `create r`, `join r id`, `leave r id`, `delete r`.
    #[must_use]
    pub fn take_room_events(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.room_events))
    }
}

impl Local for KitNode {
    fn namespace(&self) -> &str {
        "/"
    }

    fn deliver(&self, target: &Target, event: &RawJson) -> usize {
        let mut count = 0;
        self.rooms.for_each(target, |socket| {
            lock(&socket.0.received).push(event.clone());
            count += 1;
        });
        count
    }

    fn deliver_with_ack(&self, target: &Target, event: &RawJson, _timeout: Duration, sink: Arc<dyn AckSink>) {
        let sockets = self.rooms.collect(target);
        sink.node_counted(sockets.len());
        for socket in sockets {
            lock(&socket.0.received).push(event.clone());
            if let Some(answer) = &socket.0.answer {
                sink.answered(answer.clone());
            }
        }
    }

    fn describe(&self, target: &Target) -> Vec<RemoteSocketData> {
        let describe = |socket: KitSocket| RemoteSocketData {
            id: socket.0.id.clone(),
            handshake: json!({ "secure": false }),
            rooms: self.rooms_of(&socket),
            data: json!({ "of": socket.0.id }),
        };
        self.rooms.collect(target).into_iter().map(describe).collect()
    }

    fn join(&self, target: &Target, rooms: &[Room]) {
        self.rooms.join_target(target, rooms);
    }

    fn leave(&self, target: &Target, rooms: &[Room]) {
        self.rooms.leave_target(target, rooms);
    }

    fn disconnect(&self, target: &Target, how: Disconnect) {
        for socket in self.rooms.collect(target) {
            *lock(&socket.0.disconnected) = Some(how);
            self.disconnect_one(&socket);
        }
    }

    fn server_side_event(&self, event: &RawJson, answer: Option<Answer>) {
        lock(&self.events).push(event.clone());
        if let (Some(answer), Some(value)) = (answer, &self.answer) {
            answer(value.clone());
        }
    }

    fn has_room(&self, room: &str) -> bool {
        self.rooms.contains(room)
    }

    fn rooms(&self) -> Vec<Room> {
        self.rooms.rooms()
    }
}

fn describe(event: RoomEvent<'_>) -> String {
    match event {
        RoomEvent::Created { room } => format!("create {room}"),
        RoomEvent::Joined { room, id } => format!("join {room} {id}"),
        RoomEvent::Left { room, id } => format!("leave {room} {id}"),
        RoomEvent::Deleted { room } => format!("delete {room}"),
    }
}

/// A failed case must not hide behind a second panic about a poisoned lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
