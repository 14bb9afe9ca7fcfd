//! What the whole server calls or shares: the error hook, the state, the counters, the way packets are written, the limits
//! of those that are read.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;
use proto::socket::Limits;

use crate::deliver::Encoder;
use crate::error::Failure;
use crate::outbox::Counting;

type ErrorHook = Arc<dyn Fn(&Failure) + Send + Sync>;

#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) counting: Counting,
    pub(crate) encoder: Encoder,
    /// What clients may make a connection hold.
    pub(crate) limits: Arc<Limits>,
    error: RwLock<Option<ErrorHook>>,
    state: RwLock<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

impl Hooks {
    pub(crate) fn new(encoder: Encoder, limits: Limits) -> Self {
        Self { encoder, limits: Arc::new(limits), ..Self::default() }
    }

    pub(crate) fn set_error(&self, hook: ErrorHook) {
        // The old one is user code's, so it ends outside the lock.
        let old = self.error.write().replace(hook);
        drop(old);
    }

    /// Tells the hook, or the log where there is none. A hook that panics hurts nobody.
    pub(crate) fn report(&self, failure: &Failure) {
        let hook = self.error.read().clone();
        let Some(hook) = hook else {
            let Failure { namespace, event, cause, .. } = failure;
            // As a text, which is logged quoted: it may hold what the client has said.
            let cause = cause.to_string();
            tracing::warn!(namespace, event, cause, "a call failed");
            return;
        };
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hook(failure))).is_err() {
            tracing::error!("the error hook panicked");
        }
    }

    pub(crate) fn insert<T: Send + Sync + 'static>(&self, state: T) {
        let old = self.state.write().insert(TypeId::of::<T>(), Arc::new(state));
        drop(old);
    }

    pub(crate) fn state<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let state = self.state.read().get(&TypeId::of::<T>()).cloned()?;
        Some(state.downcast().expect("the key is the type"))
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}
