//! The adapter of one namespace, from its start to its end.
//!
//! In: a namespace that was made, a client or a server that waits until it may be used, the end. Out: the adapter, once its
//! `init` has succeeded, or why it cannot be used. What is odd: `init` is awaited by a task of its own, because a
//! namespace is made by a call that does not wait, perhaps before there is a runtime. Whoever comes first inside of one,
//! the server that begins to listen at the latest, begins it. If the end comes while it is under way, that task also closes
//! the adapter, however long `init` takes and whoever still waits for it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use futures_util::FutureExt;
use roomcast_adapter::{Adapter, PublishError, RequestError};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// What became of an adapter's `init`; `None` until it has ended.
type Outcome = Option<Result<(), RequestError>>;

/// `init` has begun.
const STARTED: u8 = 1;
/// `init` has ended.
const INITIALISED: u8 = 2;
/// It is not to be used any more.
const CLOSED: u8 = 4;

pub(crate) struct Backend {
    adapter: Arc<dyn Adapter>,
    /// What has happened to it. One number, so that of two things at the same time one is known to be the first.
    state: AtomicU8,
    outcome: watch::Sender<Outcome>,
    /// It has been closed, or never began.
    ended: watch::Sender<bool>,
}

impl Backend {
    pub(super) fn new(adapter: Arc<dyn Adapter>) -> Arc<Self> {
        let (outcome, ended) = (watch::Sender::new(None), watch::Sender::new(false));
        Arc::new(Self { adapter, state: AtomicU8::new(0), outcome, ended })
    }

    /// The adapter, whatever its state.
    pub(crate) fn adapter(&self) -> &Arc<dyn Adapter> {
        &self.adapter
    }

    /// The adapter, if it may be used now.
    pub(crate) fn usable(&self) -> Result<&dyn Adapter, PublishError> {
        if self.state.load(Ordering::Acquire) & CLOSED != 0 {
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
        if self.happened(STARTED) & (STARTED | CLOSED) != 0 {
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
            let outcome = match this.happened(INITIALISED) & CLOSED {
                0 => outcome,
                _ => {
                    this.end(&namespace).await;
                    Err(PublishError::Closed.into())
                }
            };
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

    /// Ends it, once. One that is still getting ready does so first. Whoever else wants its end waits for it as well.
    pub(crate) async fn close(&self, namespace: &str) {
        match self.happened(CLOSED) {
            0 => self.never_began(),
            before if before & (CLOSED | INITIALISED) == INITIALISED => self.end(namespace).await,
            _ => {
                let mut ended = self.ended.subscribe();
                // The sender lives in `self`.
                let _ = ended.wait_for(|ended| *ended).await;
            }
        }
    }

    /// Ends it before it has begun.
    pub(crate) fn refuse(&self) {
        if self.happened(CLOSED) == 0 {
            self.never_began();
        }
    }

    fn never_began(&self) {
        self.outcome.send_replace(Some(Err(PublishError::Closed.into())));
        self.ended.send_replace(true);
    }

    /// Remembers that this has happened, and says what had before.
    fn happened(&self, what: u8) -> u8 {
        self.state.fetch_or(what, Ordering::AcqRel)
    }

    async fn end(&self, namespace: &str) {
        match AssertUnwindSafe(self.adapter.close()).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(namespace, %error, "the adapter did not close well"),
            Err(_) => tracing::error!(namespace, "the adapter's `close` panicked"),
        }
        self.ended.send_replace(true);
    }
}
