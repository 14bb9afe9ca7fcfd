//! What all sessions of one server share: configuration, the registry, the count of running tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use proto::Sid;
use proto::engine::Timing;
use tokio::sync::Notify;

use crate::config::EngineConfig;
use crate::session::{Registry, Wheel};

/// How long a shutdown waits for handlers that are still running.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) config: EngineConfig,
    pub(crate) sessions: Registry,
    pub(crate) timing: Arc<Timing>,
    pub(crate) wheel: Arc<Wheel>,
    closing: AtomicBool,
    running: AtomicUsize,
    /// Told when `running` falls to zero and when `closing` is set.
    changed: Notify,
}

/// A task that a shutdown waits for, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Running(Arc<Core>);

impl Core {
    pub(crate) fn new(config: EngineConfig) -> Arc<Self> {
        let timing = &config.timing;
        let shortest = timing.ping_interval.min(timing.ping_timeout).min(timing.upgrade_timeout);
        let longest = timing.ping_interval.max(timing.ping_timeout).max(timing.upgrade_timeout);
        let wheel = Arc::new(Wheel::new(shortest, longest));
        Arc::new(Self {
            timing: Arc::new(config.timing),
            wheel,
            config,
            sessions: Registry::default(),
            closing: AtomicBool::new(false),
            running: AtomicUsize::new(0),
            changed: Notify::new(),
        })
    }

    pub(crate) fn running(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(self.clone())
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Ends every session, takes no new one, and waits until the last task is done, or until what is left are handlers
    /// that do not end.
    ///
    /// # Cancel safety
    /// The sessions end even if this is no longer polled.
    pub(crate) async fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.sessions.discard_all();
        self.changed.notify_waiters();
        // Whoever does not end, a handler that waits for something that never comes for example, is not waited for.
        let _ = tokio::time::timeout(GRACE, self.idle()).await;
    }

    async fn idle(&self) {
        loop {
            let changed = self.changed.notified();
            if self.running.load(Ordering::Acquire) == 0 {
                return;
            }
            changed.await;
        }
    }

    /// Waits until [`Core::close`] is called.
    pub(crate) async fn closed(&self) {
        loop {
            let changed = self.changed.notified();
            if self.is_closing() {
                return;
            }
            changed.await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.changed.notify_waiters();
        }
    }
}

/// An unpredictable id.
pub(crate) fn random_id() -> Sid {
    let mut bytes = [0; 15];
    getrandom::fill(&mut bytes).expect("the operating system has random bytes");
    Sid::from_random(bytes)
}
