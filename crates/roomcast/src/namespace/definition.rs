//! What was declared for all sockets of a namespace.
//!
//! A namespace made on demand begins with its parent's definition, shared until one of them changes.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::error::HandlerError;
use crate::handler::{AnyHandler, Handler, erase};
use crate::server_event::{self, AnyServerHandler, ServerHandler};
use crate::socket::{Incoming, PacketMiddleware};

#[derive(Clone, Default)]
pub(crate) struct Definition {
    pub(crate) middlewares: Vec<Arc<AnyHandler>>,
    pub(crate) connect: Vec<Arc<AnyHandler>>,
    pub(crate) any: Vec<Arc<AnyHandler>>,
    pub(crate) packet_middlewares: Vec<PacketMiddleware>,
    pub(crate) events: Events,
    pub(crate) disconnecting: Vec<Arc<AnyHandler>>,
    pub(crate) disconnect: Vec<Arc<AnyHandler>>,
    server_events: HashMap<Arc<str>, Vec<Arc<AnyServerHandler>>>,
}

/// Handlers by the name of their event. Peers choose what is looked up, but not what is in it.
#[derive(Clone, Default)]
pub(crate) struct Events(HashMap<Arc<str>, Vec<Named>>);

/// A handler and the name of its event.
pub(crate) type Named = (Arc<str>, Arc<AnyHandler>);

impl Events {
    pub(crate) fn find(&self, name: &str) -> &[Named] {
        if self.0.is_empty() {
            return &[];
        }
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

impl Definition {
    pub(super) fn on_connect<P: 'static>(&mut self, handler: impl Handler<P>) {
        self.connect.push(erase(handler));
    }

    pub(super) fn middleware<P: 'static>(&mut self, middleware: impl Handler<P>) {
        self.middlewares.push(erase(middleware));
    }

    pub(super) fn on<P: 'static>(&mut self, event: &str, handler: impl Handler<P>) {
        let name: Arc<str> = event.into();
        self.events.0.entry(name.clone()).or_default().push((name, erase(handler)));
    }

    pub(super) fn on_any<P: 'static>(&mut self, handler: impl Handler<P>) {
        self.any.push(erase(handler));
    }

    pub(super) fn packet_middleware(
        &mut self,
        middleware: impl Fn(&mut Incoming<'_>) -> Result<(), HandlerError> + Send + Sync + 'static,
    ) {
        self.packet_middlewares.push(Arc::new(middleware));
    }

    pub(super) fn on_server_event<P: 'static>(&mut self, event: &str, handler: impl ServerHandler<P>) {
        self.server_events.entry(event.into()).or_default().push(server_event::erase(handler));
    }

    pub(super) fn off_server_event(&mut self, event: &str) {
        self.server_events.remove(event);
    }

    /// Who listens to an event of other nodes.
    pub(crate) fn server_events(&self, event: &str) -> &[Arc<AnyServerHandler>] {
        self.server_events.get(event).map_or(&[], Vec::as_slice)
    }

    pub(super) fn on_disconnecting<P: 'static>(&mut self, handler: impl Handler<P>) {
        self.disconnecting.push(erase(handler));
    }

    pub(super) fn on_disconnect<P: 'static>(&mut self, handler: impl Handler<P>) {
        self.disconnect.push(erase(handler));
    }
}
