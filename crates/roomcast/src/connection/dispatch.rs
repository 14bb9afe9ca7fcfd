//! An event finds its handlers: catch-all first, then packet middlewares, then those of its name.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use proto::socket::{Event, SlotId};

use super::Connection;
use crate::Socket;
use crate::error::Cause;
use crate::handler::{AckSlot, panic_message};
use crate::namespace::Definition;
use crate::socket::{Incoming, PacketMiddleware};

impl Connection {
    /// JS: socket.io/lib/socket.ts `onevent`, `dispatch`.
    pub(super) fn dispatch(&mut self, slot: SlotId, id: Option<u64>, event: &Event<'_>) {
        let Some(socket) = self.socket(slot).filter(|socket| socket.is_connected()).cloned() else { return };
        if event.is_nameless() {
            return;
        }
        let definition = socket.namespace().definition();
        let ack = id.map(|id| AckSlot::new(socket.clone(), id));
        let (any, middlewares) = socket.listeners();
        if !any.is_empty() || !definition.any.is_empty() {
            let name: Arc<str> = event.name().into();
            for handler in definition.any.iter().chain(&any) {
                // Listeners that hear everything do not answer.
                self.call(&**handler, &socket, &name, event.args(), None, None);
            }
        }
        if middlewares.is_empty() && definition.packet_middlewares.is_empty() {
            self.handle(&definition, &socket, event.name(), event.args(), ack.as_ref());
            return;
        }
        let mut incoming = Incoming::new(&socket, event);
        for middleware in definition.packet_middlewares.iter().chain(&middlewares) {
            if let Err(cause) = run(middleware, &mut incoming) {
                if let Some(ack) = &ack {
                    ack.fail_by(&cause);
                }
                socket.report(event.name(), cause);
                return;
            }
        }
        let (name, args) = incoming.parts();
        self.handle(&definition, &socket, name, args, ack.as_ref());
    }

    fn handle(
        &mut self,
        definition: &Definition,
        socket: &Socket,
        name: &str,
        args: &proto::socket::Args<'_>,
        ack: Option<&Arc<AckSlot>>,
    ) {
        // A listener or a middleware may have disconnected it.
        if !socket.is_connected() {
            return;
        }
        let handlers = socket.take_handlers(name);
        let mut handled = false;
        for (name, handler) in definition.events.find(name).iter().chain(&handlers) {
            handled = true;
            self.call(&**handler, socket, name, args, ack, None);
        }
        if !handled {
            tracing::debug!(namespace = socket.namespace_path(), event = name, "no handler for the event");
        }
    }
}

fn run(middleware: &PacketMiddleware, incoming: &mut Incoming<'_>) -> Result<(), Cause> {
    match catch_unwind(AssertUnwindSafe(|| middleware(incoming))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Cause::Refused(error)),
        Err(panic) => Err(Cause::Panicked(panic_message(&*panic))),
    }
}
