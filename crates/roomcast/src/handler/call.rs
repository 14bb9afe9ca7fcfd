//! A handler without its types, and the ways a call goes wrong.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::signature::Handler;
use crate::error::Cause;
use crate::extract::EventContext;

/// A call that has begun. Its error is reported and, if somebody waits for an answer, fails that.
pub type HandlerFuture = Pin<Box<dyn Future<Output = Result<(), Trouble>> + Send>>;

/// What goes wrong with a call; boxed, because it mostly does not.
#[doc(hidden)]
#[derive(Debug)]
pub struct Trouble(pub(crate) Box<Cause>);

impl From<Cause> for Trouble {
    fn from(cause: Cause) -> Self {
        Self(Box::new(cause))
    }
}

/// A handler of any signature.
pub(crate) type AnyHandler = dyn Fn(&mut EventContext<'_>) -> Result<HandlerFuture, Trouble> + Send + Sync;

pub(crate) fn erase<P: 'static>(handler: impl Handler<P>) -> Arc<AnyHandler> {
    Arc::new(move |context: &mut EventContext<'_>| handler.call(context))
}
