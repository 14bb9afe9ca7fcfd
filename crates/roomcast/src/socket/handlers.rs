//! The handlers of one socket.

use std::sync::Arc;

use smallvec::SmallVec;

use super::incoming::PacketMiddleware;
use super::{Incoming, Outgoing, Socket};
use crate::error::HandlerError;
use crate::handler::{AnyHandler, Handler, erase};

/// Names one registration, for [`Socket::off_handler`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HandlerId(u64);

type Handlers = Vec<Arc<AnyHandler>>;

/// Handlers that one event calls; mostly one.
pub(crate) type Found = SmallVec<[(Arc<str>, Arc<AnyHandler>); 1]>;

/// Mostly none or one.
type Few<T> = SmallVec<[T; 1]>;

pub(crate) type OutgoingListener = Arc<dyn Fn(&Socket, &Outgoing<'_>) + Send + Sync>;

#[derive(Default)]
pub(crate) struct HandlerTable {
    events: Vec<Entry>,
    pub(super) any: Vec<(HandlerId, Arc<AnyHandler>)>,
    pub(super) outgoing: Vec<(HandlerId, OutgoingListener)>,
    middlewares: Vec<PacketMiddleware>,
    disconnecting: Vec<Arc<AnyHandler>>,
    disconnect: Vec<Arc<AnyHandler>>,
    drain: Vec<Arc<AnyHandler>>,
    upgrade: Vec<Arc<AnyHandler>>,
    last_id: u64,
    /// It is the table of a socket that has not left.
    pub(super) alive: bool,
}

struct Entry {
    id: HandlerId,
    name: Arc<str>,
    handler: Arc<AnyHandler>,
    once: bool,
}

impl HandlerTable {
    pub(super) fn next_id(&mut self) -> HandlerId {
        self.last_id += 1;
        HandlerId(self.last_id)
    }

    fn add(&mut self, name: &str, handler: Arc<AnyHandler>, once: bool) -> HandlerId {
        let id = self.next_id();
        self.events.push(Entry { id, name: name.into(), handler, once });
        id
    }

    pub(super) fn hears_outgoing(&self) -> bool {
        !self.outgoing.is_empty()
    }
}

impl Socket {
    /// Calls `handler` for every event of that name. JS: `socket.on(event, listener)`.
    ///
    /// Registered before the first `.await` of an `on_connect` handler, it cannot miss an event. A handler for all
    /// sockets of a namespace costs less there: [`Handlers::on`](crate::Handlers::on).
    ///
    /// ```no_run
    /// # use roomcast::{Io, Socket};
    /// # let io = Io::new();
    /// io.of("/").on_connect(async |socket: Socket| {
    ///     socket.on("add", async |a: i64, b: i64| a + b);
    /// });
    /// ```
    pub fn on<P: 'static>(&self, event: &str, handler: impl Handler<P>) -> HandlerId {
        self.register(|handlers| handlers.add(event, erase(handler), false))
    }

    /// Calls `handler` for the next event of that name only. JS: `socket.once(event, listener)`.
    pub fn once<P: 'static>(&self, event: &str, handler: impl Handler<P>) -> HandlerId {
        self.register(|handlers| handlers.add(event, erase(handler), true))
    }

    /// Removes all handlers of that event. JS: `socket.off(event)`.
    pub fn off(&self, event: &str) {
        let removed = self.with_extras(|extras| {
            let events = &mut extras.handlers.events;
            events.extract_if(.., |entry| &*entry.name == event).collect::<Vec<_>>()
        });
        // Outside the lock: closures own user values.
        drop(removed);
    }

    /// Removes one handler, whatever it was registered for. JS: `socket.off(event, listener)`, `offAny(listener)`.
    pub fn off_handler(&self, id: HandlerId) {
        let removed = self.with_extras(|extras| {
            let handlers = &mut extras.handlers;
            let heard = handlers.hears_outgoing();
            let events: Vec<_> = handlers.events.extract_if(.., |entry| entry.id == id).collect();
            let any: Vec<_> = handlers.any.extract_if(.., |(other, _)| *other == id).collect();
            let outgoing: Vec<_> = handlers.outgoing.extract_if(.., |(other, _)| *other == id).collect();
            if heard && !handlers.hears_outgoing() {
                self.namespace().count_outgoing(-1);
            }
            (events, any, outgoing)
        });
        // Outside the lock: closures own user values.
        drop(removed);
    }

    /// The handlers of that event, in the order in which they are called. JS: `socket.listeners(event)`.
    #[must_use]
    pub fn listeners_of(&self, event: &str) -> Vec<HandlerId> {
        let ids = self.with_extras(|extras| {
            let events = extras.handlers.events.iter();
            events.filter(|entry| &*entry.name == event).map(|entry| entry.id).collect()
        });
        ids.unwrap_or_default()
    }

    /// Registers something; for a socket that is gone it is let go at once, because nothing would ever do so later.
    pub(super) fn register<T>(&self, work: impl FnOnce(&mut HandlerTable) -> T) -> T {
        let mut extras = self.extras();
        // Decided once: whoever departs from here on waits for the lock, and finds what is registered.
        if self.is_gone() {
            drop(extras);
            return work(&mut HandlerTable::default());
        }
        extras.handlers.alive = true;
        self.mark_handlers();
        work(&mut extras.handlers)
    }

    /// Looks at every event before its handlers do; an error refuses it, fails its acknowledgement and reaches the error
    /// hook. JS: `socket.use(fn)`.
    ///
    /// ```no_run
    /// # use roomcast::{HandlerError, Io, Socket};
    /// # let io = Io::new();
    /// io.of("/").on_connect(async |socket: Socket| {
    ///     socket.middleware(|event| match event.name() {
    ///         "secret" => Err(HandlerError::new("not for you")),
    ///         _ => Ok(()),
    ///     });
    /// });
    /// ```
    #[doc(alias = "use")]
    pub fn middleware(
        &self,
        middleware: impl Fn(&mut Incoming<'_>) -> Result<(), HandlerError> + Send + Sync + 'static,
    ) {
        self.register(|handlers| handlers.middlewares.push(Arc::new(middleware)));
    }

    /// Calls `handler` when the socket is leaving: its rooms are still there. JS: the `disconnecting` event.
    pub fn on_disconnecting<P: 'static>(&self, handler: impl Handler<P>) {
        self.register(|handlers| handlers.disconnecting.push(erase(handler)));
    }

    /// Calls `handler` when the socket has left; its parameter [`Reason`](crate::Reason) says why, and
    /// [`ReasonDetail`](crate::ReasonDetail) what happened in detail. JS: the `disconnect` event.
    pub fn on_disconnect<P: 'static>(&self, handler: impl Handler<P>) {
        self.register(|handlers| handlers.disconnect.push(erase(handler)));
    }

    /// Calls `handler` whenever everything that was emitted to this client, in any namespace, has been handed to its
    /// transport, and the transport takes more. Sockets that nobody calls this for pay nothing. JS: the `drain` event of
    /// the engine's socket. To wait once: [`Socket::drained`].
    ///
    /// ```
    /// # use roomcast::{Io, Socket};
    /// # let io = Io::new();
    /// io.on_connect(async |socket: Socket| {
    ///     socket.on_drain(async |socket: Socket| println!("{} has it all", socket.id()));
    /// });
    /// ```
    pub fn on_drain<P: 'static>(&self, handler: impl Handler<P>) {
        self.register(|handlers| handlers.drain.push(erase(handler)));
        self.0.mailbox().watch_outbox();
    }

    /// Calls `handler` when the client's session has moved from polling to WebSocket. JS: the `upgrade` event of
    /// `socket.conn`.
    ///
    /// ```
    /// # use roomcast::{Io, Socket};
    /// # let io = Io::new();
    /// io.on_connect(async |socket: Socket| {
    ///     socket.on_upgrade(async |socket: Socket| println!("{} uses {:?}", socket.id(), socket.transport()));
    /// });
    /// ```
    pub fn on_upgrade<P: 'static>(&self, handler: impl Handler<P>) {
        self.register(|handlers| handlers.upgrade.push(erase(handler)));
    }

    pub(crate) fn upgrade_handlers(&self) -> Handlers {
        if !self.has_handlers() {
            return Handlers::new();
        }
        self.with_extras(|extras| extras.handlers.upgrade.clone()).unwrap_or_default()
    }

    pub(crate) fn drain_handlers(&self) -> Handlers {
        self.with_extras(|extras| extras.handlers.drain.clone()).unwrap_or_default()
    }

    /// Whether anybody listens to what is sent to this socket.
    pub(super) fn hears_outgoing(&self) -> bool {
        self.with_extras(|extras| extras.handlers.hears_outgoing()).unwrap_or_default()
    }

    /// The handlers of an event; those for once are gone afterwards.
    pub(crate) fn take_handlers(&self, name: &str) -> Found {
        if !self.has_handlers() {
            return Found::default();
        }
        let found = self.with_extras(|extras| {
            let events = &mut extras.handlers.events;
            let found: Found = events
                .iter()
                .filter(|entry| &*entry.name == name)
                .map(|entry| (entry.name.clone(), entry.handler.clone()))
                .collect();
            if !found.is_empty() {
                // The clones above keep the handlers, so no user code runs here.
                events.retain(|entry| !(entry.once && &*entry.name == name));
            }
            found
        });
        found.unwrap_or_default()
    }

    /// The handlers for every event, and the packet middlewares.
    pub(crate) fn listeners(&self) -> (Few<Arc<AnyHandler>>, Few<PacketMiddleware>) {
        if !self.has_handlers() {
            return Default::default();
        }
        let listeners = self.with_extras(|extras| {
            let any = extras.handlers.any.iter().map(|(_, handler)| handler.clone());
            (any.collect(), extras.handlers.middlewares.iter().cloned().collect())
        });
        listeners.unwrap_or_default()
    }

    pub(crate) fn outgoing_listeners(&self) -> SmallVec<[OutgoingListener; 1]> {
        let listeners =
            self.with_extras(|extras| extras.handlers.outgoing.iter().map(|(_, l)| l.clone()).collect());
        listeners.unwrap_or_default()
    }

    /// Those for `disconnecting` and those for `disconnect`.
    pub(crate) fn take_disconnect_handlers(&self) -> (Handlers, Handlers) {
        let taken = self.with_extras(|extras| {
            let handlers = &mut extras.handlers;
            (std::mem::take(&mut handlers.disconnecting), std::mem::take(&mut handlers.disconnect))
        });
        taken.unwrap_or_default()
    }
}
