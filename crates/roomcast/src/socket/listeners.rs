//! Listeners of one socket that hear everything, what comes in and what goes out.

use std::sync::Arc;

use super::handlers::HandlerTable;
use super::{HandlerId, Outgoing, Socket};
use crate::handler::{Handler, erase};

/// Where a listener goes among the others.
enum Place {
    First,
    Last,
}

fn insert<T>(listeners: &mut Vec<T>, place: Place, listener: T) {
    match place {
        Place::First => listeners.insert(0, listener),
        Place::Last => listeners.push(listener),
    }
}

impl Socket {
    /// Calls `handler` for every event, before the handlers of its name; it does not answer. JS: `socket.onAny(listener)`.
    pub fn on_any<P: 'static>(&self, handler: impl Handler<P>) -> HandlerId {
        self.add_any(Place::Last, handler)
    }

    /// The same, before the other ones. JS: `socket.prependAny(listener)`.
    pub fn prepend_any<P: 'static>(&self, handler: impl Handler<P>) -> HandlerId {
        self.add_any(Place::First, handler)
    }

    /// Removes all of them; one alone is removed by [`Socket::off_handler`]. JS: `socket.offAny()`.
    pub fn off_any(&self) {
        let removed = self.with_extras(|extras| std::mem::take(&mut extras.handlers.any));
        // Outside the lock: closures own user values.
        drop(removed);
    }

    /// All of them, in the order in which they are called. JS: `socket.listenersAny()`.
    #[must_use]
    pub fn listeners_any(&self) -> Vec<HandlerId> {
        let ids = self.with_extras(|extras| extras.handlers.any.iter().map(|(id, _)| *id).collect());
        ids.unwrap_or_default()
    }

    /// Calls `listener` for every event that is sent to this socket, alone or by a broadcast. JS:
    /// `socket.onAnyOutgoing(listener)`.
    pub fn on_any_outgoing(
        &self,
        listener: impl Fn(&Self, &Outgoing<'_>) + Send + Sync + 'static,
    ) -> HandlerId {
        self.add_outgoing(Place::Last, listener)
    }

    /// The same, before the other ones. JS: `socket.prependAnyOutgoing(listener)`.
    pub fn prepend_any_outgoing(
        &self,
        listener: impl Fn(&Self, &Outgoing<'_>) + Send + Sync + 'static,
    ) -> HandlerId {
        self.add_outgoing(Place::First, listener)
    }

    /// Removes all of them; one alone is removed by [`Socket::off_handler`]. JS: `socket.offAnyOutgoing()`.
    pub fn off_any_outgoing(&self) {
        let removed = self.with_extras(|extras| {
            let removed = std::mem::take(&mut extras.handlers.outgoing);
            if !removed.is_empty() {
                self.namespace().count_outgoing(-1);
            }
            removed
        });
        // Outside the lock: closures own user values.
        drop(removed);
    }

    /// All of them, in the order in which they are called. JS: `socket.listenersAnyOutgoing()`.
    #[must_use]
    pub fn listeners_any_outgoing(&self) -> Vec<HandlerId> {
        let ids = self.with_extras(|extras| extras.handlers.outgoing.iter().map(|(id, _)| *id).collect());
        ids.unwrap_or_default()
    }

    fn add_any<P: 'static>(&self, place: Place, handler: impl Handler<P>) -> HandlerId {
        self.register(|handlers| {
            let id = handlers.next_id();
            insert(&mut handlers.any, place, (id, erase(handler)));
            id
        })
    }

    fn add_outgoing(
        &self,
        place: Place,
        listener: impl Fn(&Self, &Outgoing<'_>) + Send + Sync + 'static,
    ) -> HandlerId {
        self.register(|handlers: &mut HandlerTable| {
            if handlers.alive && !handlers.hears_outgoing() {
                self.namespace().count_outgoing(1);
            }
            let id = handlers.next_id();
            insert(&mut handlers.outgoing, place, (id, Arc::new(listener)));
            id
        })
    }
}
