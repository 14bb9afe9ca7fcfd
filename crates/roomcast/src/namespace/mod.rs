//! A namespace: a channel with its own handlers, rooms and middlewares.

// What was declared for it.
mod definition;
mod handlers;

// All of them, and those made on demand.
mod dynamic;
mod registry;

// What is said to all who are in it.
mod broadcasts;

// Its adapter, what that asks of it, and who hears of its rooms.
mod backend;
mod local;
mod observers;

use std::fmt;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use arc_swap::Guard;
use proto::socket::NamespacePath;
use roomcast_adapter::{
    Adapter, AdapterFactory, Local, RequestError, Room, RoomEvent, RoomObserver, Rooms, Target,
};
use tokio::sync::Notify;

use crate::deliver::Encoder;
use crate::hooks::Hooks;
use crate::outbox::{Counting, Pushed};
use crate::recovery::Recorder;
use crate::server_event::Calls;
use crate::{Counters, Socket};

use observers::Observers;

pub use dynamic::ParentNamespace;
pub use handlers::Handlers;

pub(crate) use backend::Backend;
pub(crate) use definition::Definition;
pub(crate) use registry::{Joining, Registry};

/// A channel of its own within a connection, with its own handlers, rooms and middlewares. JS: `Namespace`.
///
/// A handle is cheap to clone.
#[derive(Clone)]
pub struct Namespace(Arc<NamespaceInner>);

pub(crate) struct NamespaceInner {
    this: Weak<NamespaceInner>,
    path: NamespacePath,
    /// Made on demand, and gone when empty, unless the program has asked for it by name.
    child: AtomicBool,
    members: Rooms<Socket>,
    handlers: Handlers,
    hooks: Arc<Hooks>,
    ack_ids: AtomicU64,
    /// Connects that have found this namespace but are not members yet.
    joining: AtomicUsize,
    /// Sockets with listeners for outgoing events.
    outgoing: AtomicIsize,
    counting: Counting,
    /// With recovery on.
    recorder: Option<Box<Recorder>>,
    /// Set once, where the server has an adapter.
    backend: OnceLock<Arc<Backend>>,
    /// Set when the first one comes.
    observers: OnceLock<Arc<Observers>>,
    pub(crate) server_calls: Calls,
    /// Whoever wanted to know that it is new has been told.
    announced: AtomicBool,
    changed: Notify,
}

impl Namespace {
    pub(crate) fn new(
        path: NamespacePath,
        child: bool,
        definition: Arc<Definition>,
        shared: &Registry,
    ) -> Self {
        let namespace = Self(Arc::new_cyclic(|this| NamespaceInner {
            this: this.clone(),
            path,
            child: AtomicBool::new(child),
            members: Rooms::with_max_rooms(shared.max_rooms),
            handlers: Handlers::new(definition),
            hooks: shared.hooks.clone(),
            ack_ids: AtomicU64::new(0),
            joining: AtomicUsize::new(0),
            outgoing: AtomicIsize::new(0),
            counting: Counting::default(),
            recorder: shared.absence.as_ref().map(|absence| Box::new(Recorder::new(absence))),
            backend: OnceLock::new(),
            observers: OnceLock::new(),
            server_calls: Calls::default(),
            announced: AtomicBool::new(false),
            changed: Notify::new(),
        }));
        if let Some(factory) = &shared.adapter {
            namespace.attach(&**factory);
        }
        namespace
    }

    /// Gives it an adapter, which hears of its rooms from the first one on.
    fn attach(&self, factory: &dyn AdapterFactory) {
        let local: Weak<dyn Local> = Arc::downgrade(&self.0) as Weak<NamespaceInner>;
        // It is user code, and a client may be the cause of this namespace.
        let Ok(adapter) = catch_unwind(AssertUnwindSafe(|| factory.adapter_for(local))) else {
            tracing::error!(
                namespace = self.name(),
                "the factory of adapters panicked: this node serves alone"
            );
            return;
        };
        let hears: Weak<dyn Adapter> = Arc::downgrade(&adapter);
        self.on_room_event(move |event: RoomEvent<'_>| {
            if let Some(adapter) = hears.upgrade() {
                adapter.on_room_event(event);
            }
        });
        // It is new: nobody else has set it.
        let _ = self.0.backend.set(Backend::new(adapter));
    }

    /// It is one of the server's now, and whoever wanted to know has been told: its adapter gets ready, clients come in.
    pub(crate) fn start(&self) {
        self.start_adapter();
        self.0.announced.store(true, Ordering::Release);
        self.0.changed.notify_waiters();
    }

    /// Its adapter gets ready, if there is a runtime by now.
    pub(crate) fn start_adapter(&self) {
        if let Some(backend) = self.backend() {
            backend.start(self.name());
        }
    }

    /// Waits until clients may come in: until [`Io::on_new_namespace`](crate::Io::on_new_namespace) has had its say and the
    /// adapter is ready or has failed, with which this node serves alone.
    pub(crate) async fn prepared(&self) {
        loop {
            let changed = self.0.changed.notified();
            if self.0.announced.load(Ordering::Acquire) {
                break;
            }
            changed.await;
        }
        if self.backend().is_some() {
            let _ = self.adapter_ready().await;
        }
    }

    /// It is none of the server's any more, or the server ends.
    pub(crate) async fn close_adapter(&self) {
        if let Some(backend) = self.backend() {
            backend.close(self.name()).await;
        }
    }

    /// It comes when the server has ended: its adapter is not to begin.
    pub(crate) fn refuse_adapter(&self) {
        if let Some(backend) = self.backend() {
            backend.refuse();
        }
    }

    /// Its adapter, if the server was given one. JS: `namespace.adapter`.
    #[must_use]
    pub fn adapter(&self) -> Option<&Arc<dyn Adapter>> {
        self.backend().map(|backend| backend.adapter())
    }

    /// Waits until its adapter can be used. A client that connects waits for that as well. Without an adapter there is
    /// nothing to wait for.
    ///
    /// # Errors
    /// What the adapter's `init` failed with; this node then serves alone.
    ///
    /// # Cancel safety
    /// Dropping it changes nothing: the adapter gets ready all the same.
    pub async fn adapter_ready(&self) -> Result<(), RequestError> {
        match self.backend() {
            Some(backend) => backend.ready(self.name()).await,
            None => Ok(()),
        }
    }

    /// Tells `observer` whatever happens to the rooms of this namespace on this node from now on, in order: a room comes
    /// into being, a socket joins or leaves, nobody is left in a room. The room that is named by a socket's id is one,
    /// too. It is called in place and should be short; other observers are called after it. JS: the adapter's events
    /// `create-room`, `join-room`, `leave-room`, `delete-room`.
    ///
    /// ```
    /// use roomcast::{Io, RoomEvent};
    ///
    /// let io = Io::new();
    /// io.on_room_event(|event: RoomEvent<'_>| match event {
    ///     RoomEvent::Joined { room, id } => println!("{id} is in {room}"),
    ///     RoomEvent::Deleted { room } => println!("nobody is in {room} any more"),
    ///     _ => {}
    /// });
    /// ```
    pub fn on_room_event(&self, observer: impl RoomObserver + 'static) {
        let observers = self.0.observers.get_or_init(|| {
            let observers = Arc::new(Observers::default());
            // The book has no observer but this one.
            let _ = self.0.members.observe(observers.clone());
            observers
        });
        observers.add(Arc::new(observer));
    }

    pub(crate) fn backend(&self) -> Option<&Arc<Backend>> {
        self.0.backend.get()
    }

    pub(crate) fn inner(&self) -> &NamespaceInner {
        &self.0
    }

    /// Its path, `/` for the main one. JS: `namespace.name`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.path.as_str()
    }

    /// How many sockets of this node are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.members.len()
    }

    /// Whether no socket of this node is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.members.is_empty()
    }

    /// How many sockets of this node are in a room.
    #[must_use]
    pub fn room_len(&self, room: &str) -> usize {
        self.0.members.room_len(room)
    }

    /// The rooms of this node that somebody is in, without the ones that each socket is in alone.
    #[must_use]
    pub fn rooms(&self) -> Vec<Room> {
        let members = &self.0.members;
        let alone = |room: &str| members.room_len(room) == 1 && members.member(room).is_some();
        members.rooms().into_iter().filter(|room| !alone(room.as_str())).collect()
    }

    /// All sockets of this node. JS: `namespace.sockets`.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        self.0.members.collect(&Target::all())
    }

    /// The socket of that id, if it is in this namespace on this node. JS: `namespace.sockets.get(id)`.
    #[must_use]
    pub fn socket(&self, id: &str) -> Option<Socket> {
        self.0.members.member(id).filter(Socket::is_connected)
    }

    /// What backpressure has done to this namespace's events and sockets on this node. For the whole server:
    /// [`Io::counters`](crate::Io::counters).
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.0.counting.snapshot()
    }

    /// Counts in both places.
    pub(crate) fn count_pushed(&self, pushed: Pushed) {
        self.0.counting.count(pushed);
        self.hooks().counting.count(pushed);
    }

    pub(crate) fn count_waited(&self) {
        self.0.counting.count_waited();
        self.hooks().counting.count_waited();
    }

    /// One of its sockets was too slow.
    pub(crate) fn count_closed_slow(&self) {
        self.0.counting.count_closed_slow();
    }

    /// The log of its events, with recovery on.
    #[inline]
    pub(crate) fn recorder(&self) -> Option<&Recorder> {
        self.0.recorder()
    }

    pub(crate) fn path(&self) -> &NamespacePath {
        &self.0.path
    }

    /// Whether clients that are away may come back to it.
    pub(crate) fn is_awaited(&self) -> bool {
        self.recorder().is_some_and(Recorder::is_recording)
    }

    pub(crate) fn definition(&self) -> Guard<Arc<Definition>> {
        self.0.handlers.definition()
    }

    pub(crate) fn members(&self) -> &Rooms<Socket> {
        self.0.members()
    }

    pub(crate) fn hooks(&self) -> &Arc<Hooks> {
        &self.0.hooks
    }

    pub(crate) fn next_ack_id(&self) -> u64 {
        self.0.next_ack_id()
    }

    pub(crate) fn count_outgoing(&self, change: isize) {
        self.0.outgoing.fetch_add(change, Ordering::Relaxed);
    }
}

impl NamespaceInner {
    pub(crate) fn path(&self) -> &str {
        self.path.as_str()
    }

    pub(crate) fn encoder(&self) -> &Encoder {
        &self.hooks.encoder
    }

    pub(crate) fn members(&self) -> &Rooms<Socket> {
        &self.members
    }

    /// The log of its events, with recovery on.
    #[inline]
    pub(crate) fn recorder(&self) -> Option<&Recorder> {
        self.recorder.as_deref()
    }

    pub(crate) fn next_ack_id(&self) -> u64 {
        self.ack_ids.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether any socket listens to outgoing events.
    pub(crate) fn hears_outgoing(&self) -> bool {
        self.outgoing.load(Ordering::Relaxed) > 0
    }
}

/// What is declared for its sockets.
impl Deref for Namespace {
    type Target = Handlers;

    fn deref(&self) -> &Handlers {
        &self.0.handlers
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field("name", &self.name())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// Two handles are equal if they mean the same namespace.
impl PartialEq for Namespace {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Namespace {}
