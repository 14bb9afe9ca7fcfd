//! A handler without its types, and the ways a call goes wrong.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use super::signature::Handler;
use crate::error::Cause;
use crate::extract::EventContext;

/// A call that has begun. Its error is reported and, if the client waits, has failed the acknowledgement already.
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
pub(crate) trait AnyHandler: Send + Sync {
    fn call(&self, context: &mut EventContext<'_>) -> Result<HandlerFuture, Trouble>;
}

struct Erased<H, P>(H, PhantomData<fn(P)>);

impl<P: 'static, H: Handler<P>> AnyHandler for Erased<H, P> {
    fn call(&self, context: &mut EventContext<'_>) -> Result<HandlerFuture, Trouble> {
        self.0.call(context)
    }
}

pub(crate) fn erase<P: 'static>(handler: impl Handler<P>) -> Arc<dyn AnyHandler> {
    Arc::new(Erased(handler, PhantomData))
}
