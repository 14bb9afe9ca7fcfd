//! The adapter of one namespace, from its start to its end.
//!
//! In: a namespace that was made, a client or a server that waits until it may be used, the end. Out: the adapter, once its
//! `init` has succeeded, or why it cannot be used. What is odd: `init` is awaited by a task of its own, because a
//! namespace is made by a call that does not wait, perhaps before there is a runtime. Whoever comes first inside of one,
//! the server that begins to listen at the latest, begins it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use roomcast_adapter::{Adapter, PublishError, RequestError};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// What became of an adapter's `init`; `None` until it has ended.
type Outcome = Option<Result<(), RequestError>>;

pub(crate) struct Backend {
    adapter: Arc<dyn Adapter>,
    started: AtomicBool,
    closed: AtomicBool,
    outcome: watch::Sender<Outcome>,
}

impl Backend {
    pub(super) fn new(adapter: Arc<dyn Adapter>) -> Arc<Self> {
        let (started, closed) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { adapter, started, closed, outcome: watch::Sender::new(None) })
    }

    /// The adapter, whatever its state.
    pub(crate) fn adapter(&self) -> &Arc<dyn Adapter> {
        &self.adapter
    }

    /// The adapter, if it may be used now.
    pub(crate) fn usable(&self) -> Result<&dyn Adapter, PublishError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(PublishError::Closed);
        }
        match &*self.outcome.borrow() {
            Some(Ok(())) => Ok(&*self.adapter),
            Some(Err(RequestError::Publish(error))) => Err(error.clone()),
            Some(Err(_)) | None => Err(PublishError::NotReady),
        }
    }

    /// Begins `init`, once, if there is a runtime to await it.
    pub(crate) fn start(self: &Arc<Self>, namespace: &str) {
        let Ok(runtime) = Handle::try_current() else { return };
        if self.closed.load(Ordering::Acquire) || self.started.swap(true, Ordering::AcqRel) {
            return;
        }
        let (this, namespace) = (self.clone(), namespace.to_owned());
        runtime.spawn(async move {
            let outcome = AssertUnwindSafe(this.adapter.init()).catch_unwind().await;
            let outcome = outcome.unwrap_or_else(|_| {
                tracing::error!(namespace, "the adapter's `init` panicked");
                Err(PublishError::NotReady.into())
            });
            if let Err(error) = &outcome {
                tracing::error!(namespace, %error, "the adapter is not to be had: this node serves alone");
            }
            this.outcome.send_replace(Some(outcome));
        });
    }

    /// Waits until `init` has ended, well or not.
    pub(crate) async fn ready(self: &Arc<Self>, namespace: &str) -> Result<(), RequestError> {
        self.start(namespace);
        let mut outcome = self.outcome.subscribe();
        match outcome.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Ok(())),
            // The sender lives in `self`.
            Err(_) => Ok(()),
        }
    }

    /// Ends it, once. One that is still getting ready does so first.
    pub(crate) async fn close(&self, namespace: &str) {
        if self.closed.swap(true, Ordering::AcqRel) || !self.started.load(Ordering::Acquire) {
            return;
        }
        let mut outcome = self.outcome.subscribe();
        let _ = outcome.wait_for(Option::is_some).await;
        match AssertUnwindSafe(self.adapter.close()).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(namespace, %error, "the adapter did not close well"),
            Err(_) => tracing::error!(namespace, "the adapter's `close` panicked"),
        }
    }
}
