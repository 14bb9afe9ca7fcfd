//! What all handlers share.

use std::ops::Deref;
use std::sync::Arc;

use super::{EventContext, FromEvent};
use crate::Namespace;
use crate::error::Cause;
use crate::handler::Trouble;

/// A value that was given to the server by [`Io::manage`](crate::Io::manage), shared by all handlers.
///
/// ```no_run
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use roomcast::{Io, State};
///
/// #[derive(Default)]
/// struct Visits(AtomicUsize);
///
/// let io = Io::new();
/// io.manage(Visits::default());
/// io.of("/").on("visit", async |visits: State<Visits>| visits.0.fetch_add(1, Ordering::Relaxed));
/// ```
#[derive(Debug)]
pub struct State<T>(Arc<T>);

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Send + Sync + 'static> FromEvent for State<T> {
    fn from_event(context: &mut EventContext<'_>) -> Result<Self, Trouble> {
        Self::of(context.socket.namespace())
    }
}

impl<T: Send + Sync + 'static> State<T> {
    pub(crate) fn of(namespace: &Namespace) -> Result<Self, Trouble> {
        let state = namespace.hooks().state::<T>();
        Ok(Self(state.ok_or(Cause::MissingState(std::any::type_name::<T>()))?))
    }
}
