//! What may listen to the events of other nodes, and where its parameters come from.

use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ServerAck;
use super::answer::ServerAckSlot;
use crate::Namespace;
use crate::extract::{Data, EventName, EventReader, Rest, State};
use crate::handler::{HandlerFuture, Trouble, closures_are_handlers};

/// The event that a call is for.
pub struct ServerEventContext<'a> {
    pub(super) namespace: &'a Namespace,
    pub(super) event: EventReader<'a>,
    pub(super) slot: Option<&'a Arc<ServerAckSlot>>,
}

impl ServerEventContext<'_> {
    fn answer_slot(&self) -> Option<Arc<ServerAckSlot>> {
        self.slot.cloned()
    }
}

/// What can be the parameter of a listener for other nodes' events: anything that serde can read, and [`Namespace`],
/// [`ServerAck`], [`State`], [`EventName`], [`Data`], [`Rest`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter of a listener for server-side events",
    label = "not such a parameter",
    note = "there is no socket in an event of another node: take `Namespace`, `ServerAck`, `State<T>`, or owned data that implements `serde::Deserialize`"
)]
pub trait FromServerEvent: Sized {
    /// Takes the value.
    #[doc(hidden)]
    fn from_server_event(context: &mut ServerEventContext<'_>) -> Result<Self, Trouble>;
}

impl<T: DeserializeOwned> FromServerEvent for T {
    fn from_server_event(context: &mut ServerEventContext<'_>) -> Result<Self, Trouble> {
        context.event.take()
    }
}

impl FromServerEvent for Namespace {
    fn from_server_event(context: &mut ServerEventContext<'_>) -> Result<Self, Trouble> {
        Ok(context.namespace.clone())
    }
}

impl FromServerEvent for ServerAck {
    fn from_server_event(context: &mut ServerEventContext<'_>) -> Result<Self, Trouble> {
        Ok(Self::new(context.answer_slot()))
    }
}

impl FromServerEvent for EventName {
    fn from_server_event(context: &mut ServerEventContext<'_>) -> Result<Self, Trouble> {
        Ok(context.event.name())
    }
}

impl FromServerEvent for Data {
    fn from_server_event(context: &mut ServerEventContext<'_>) -> Result<Self, Trouble> {
        context.event.take_data()
    }
}

impl FromServerEvent for Rest {
    fn from_server_event(context: &mut ServerEventContext<'_>) -> Result<Self, Trouble> {
        Ok(context.event.take_rest())
    }
}

impl<T: Send + Sync + 'static> FromServerEvent for State<T> {
    fn from_server_event(context: &mut ServerEventContext<'_>) -> Result<Self, Trouble> {
        Self::of(context.namespace)
    }
}

/// An async function or closure that listens to the events of other nodes.
///
/// Its parameters are the arguments of the event, in order, each of any type that owns what serde reads; and anywhere
/// between them what else implements [`FromServerEvent`]. What it returns is the answer of this node, if one was asked for;
/// of a tuple the first value. It is implemented for closures of up to eight parameters.
#[diagnostic::on_unimplemented(
    message = "this cannot listen to server-side events",
    label = "not a listener for server-side events",
    note = "a listener is an async function or `async |..| {{ .. }}` closure of at most eight parameters",
    note = "every parameter is `Namespace`, `ServerAck`, `State<T>`, ... or owned data that implements `serde::Deserialize`; there is no `Socket` in an event of another node"
)]
pub trait ServerHandler<Parameters>: Send + Sync + 'static {
    /// Takes the parameters out of the event and begins the call.
    #[doc(hidden)]
    fn call(&self, context: &mut ServerEventContext<'_>) -> Result<HandlerFuture, Trouble>;
}

closures_are_handlers!(ServerHandler, ServerEventContext, FromServerEvent::from_server_event);

/// A listener of any signature.
pub(crate) type AnyServerHandler =
    dyn Fn(&mut ServerEventContext<'_>) -> Result<HandlerFuture, Trouble> + Send + Sync;

pub(crate) fn erase<P: 'static>(handler: impl ServerHandler<P>) -> Arc<AnyServerHandler> {
    Arc::new(move |context: &mut ServerEventContext<'_>| handler.call(context))
}
