//! What may listen to the events of other nodes, and where its parameters come from.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use proto::socket::{ArgError, Args};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ServerAck;
use super::answer::{AnswerSlot, finish};
use crate::Namespace;
use crate::error::Cause;
use crate::extract::{Data, EventName, Rest, State};
use crate::handler::{HandlerFuture, Trouble};

/// The event that a call is for.
pub struct ServerEventContext<'a> {
    pub(super) namespace: &'a Namespace,
    pub(super) event: &'a str,
    pub(super) args: &'a Args<'a>,
    /// The argument that the next parameter takes.
    pub(super) next: usize,
    pub(super) slot: Option<&'a Arc<AnswerSlot>>,
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
        let index = context.next;
        context.next += 1;
        Ok(context.args.get(index).map_err(Cause::Arguments)?)
    }
}

impl FromServerEvent for Namespace {
    fn from_server_event(context: &mut ServerEventContext<'_>) -> Result<Self, Trouble> {
        Ok(context.namespace.clone())
    }
}

impl FromServerEvent for ServerAck {
    fn from_server_event(context: &mut ServerEventContext<'_>) -> Result<Self, Trouble> {
        Ok(Self::new(context.slot.cloned()))
    }
}

impl FromServerEvent for EventName {
    fn from_server_event(context: &mut ServerEventContext<'_>) -> Result<Self, Trouble> {
        Ok(Self(context.event.to_owned()))
    }
}

impl FromServerEvent for Data {
    fn from_server_event(context: &mut ServerEventContext<'_>) -> Result<Self, Trouble> {
        let index = context.next;
        context.next += 1;
        let missing = Cause::Arguments(ArgError::Missing { index });
        Ok(Self::of(context.args, index).ok_or(missing)?)
    }
}

impl FromServerEvent for Rest {
    fn from_server_event(context: &mut ServerEventContext<'_>) -> Result<Self, Trouble> {
        let rest = (context.next..context.args.len()).filter_map(|index| Data::of(context.args, index));
        let rest = rest.collect();
        context.next = context.args.len();
        Ok(Self(rest))
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

macro_rules! handlers {
    ($(($($parameter:ident),*))*) => {$(
        impl<F, Fut, $($parameter,)*> ServerHandler<($($parameter,)*)> for F
        where
            F: Fn($($parameter),*) -> Fut + Send + Sync + 'static,
            Fut: Future + Send + 'static,
            Fut::Output: Serialize,
            $($parameter: FromServerEvent,)*
        {
            #[allow(non_snake_case, reason = "the macro names a variable like its type")]
            fn call(&self, context: &mut ServerEventContext<'_>) -> Result<HandlerFuture, Trouble> {
                $(let $parameter = $parameter::from_server_event(context)?;)*
                let slot = context.slot.cloned();
                let future = self($($parameter),*);
                Ok(Box::pin(async move { finish(slot, &future.await) }))
            }
        }
    )*};
}

handlers! {
    ()
    (A)
    (A, B)
    (A, B, C)
    (A, B, C, D)
    (A, B, C, D, E)
    (A, B, C, D, E, G)
    (A, B, C, D, E, G, H)
    (A, B, C, D, E, G, H, I)
}

/// A listener of any signature.
pub(crate) trait AnyServerHandler: Send + Sync {
    fn call(&self, context: &mut ServerEventContext<'_>) -> Result<HandlerFuture, Trouble>;
}

struct Erased<H, P>(H, PhantomData<fn(P)>);

impl<P: 'static, H: ServerHandler<P>> AnyServerHandler for Erased<H, P> {
    fn call(&self, context: &mut ServerEventContext<'_>) -> Result<HandlerFuture, Trouble> {
        self.0.call(context)
    }
}

pub(crate) fn erase<P: 'static>(handler: impl ServerHandler<P>) -> Arc<dyn AnyServerHandler> {
    Arc::new(Erased(handler, PhantomData))
}
