//! What may be a handler: an async function or closure whose parameters can be taken from an event.

use std::future::Future;

use serde::Serialize;

use super::call::{HandlerFuture, Trouble};
use crate::extract::{EventContext, FromEvent};

/// An async function or closure that handles an event.
///
/// Its parameters are, in the order of the wire, the arguments of the event, each of any type that owns what serde
/// reads (`String`, not `&str`); and anywhere between them [`Socket`](crate::Socket), [`Io`](crate::Io),
/// [`Namespace`](crate::Namespace), [`Ack`](crate::Ack), [`State`](crate::State), [`Reason`](crate::Reason) and the
/// other types that implement [`FromEvent`]. What it returns is the acknowledgement, if the client asked for one: a
/// tuple gives several arguments, `()` none, `Err` fails it.
///
/// It is implemented for closures of up to eight parameters; nothing else needs to implement it.
#[diagnostic::on_unimplemented(
    message = "this cannot handle an event",
    label = "not an event handler",
    note = "a handler is an async function or `async |..| {{ .. }}` closure of at most eight parameters",
    note = "every parameter is `Socket`, `Io`, `Namespace`, `Ack`, `State<T>`, `Reason`, ... or owned data that implements `serde::Deserialize`: take `String` instead of `&str`, and add `#[derive(serde::Deserialize)]` to types of your own",
    note = "what it returns implements `serde::Serialize`, or is a `Result` of two such types: return `Result<T, HandlerError>`, which takes up any other error by `?`",
    note = "a closure that uses variables from outside takes them by `move |..| {{ let x = x.clone(); async move {{ .. }} }}`, or as `State<T>`"
)]
pub trait Handler<Parameters>: Send + Sync + 'static {
    /// Takes the parameters out of the event and begins the call.
    #[doc(hidden)]
    fn call(&self, context: &mut EventContext<'_>) -> Result<HandlerFuture, Trouble>;
}

super::closures_are_handlers!(Handler, EventContext, FromEvent::from_event);
