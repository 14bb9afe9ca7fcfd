//! What the program hears of sessions: that they open, move to another transport, end.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proto::engine::CloseReason;

use super::Session;

type OnSession = dyn Fn(&Session) + Send + Sync;
type OnClose = dyn Fn(&Session, CloseReason, &str) + Send + Sync;

/// The functions of the program, most of them unset.
#[derive(Default)]
pub(crate) struct SessionHooks {
    pub(crate) open: Vec<Box<OnSession>>,
    pub(crate) upgrade: Vec<Box<OnSession>>,
    pub(crate) close: Vec<Box<OnClose>>,
}

impl SessionHooks {
    pub(crate) fn opened(&self, session: impl FnOnce() -> Session) {
        tell(&self.open, session, |hook, session| hook(session));
    }

    pub(crate) fn upgraded(&self, session: impl FnOnce() -> Session) {
        tell(&self.upgrade, session, |hook, session| hook(session));
    }

    pub(crate) fn closed(&self, session: impl FnOnce() -> Session, reason: CloseReason, detail: &str) {
        tell(&self.close, session, |hook, session| hook(session, reason, detail));
    }
}

/// A function that panics is nobody else's matter.
fn tell<H: ?Sized>(hooks: &[Box<H>], session: impl FnOnce() -> Session, call: impl Fn(&H, &Session)) {
    if hooks.is_empty() {
        return;
    }
    let session = session();
    for hook in hooks {
        if catch_unwind(AssertUnwindSafe(|| call(hook, &session))).is_err() {
            tracing::error!("a function for sessions panicked");
        }
    }
}

impl fmt::Debug for SessionHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionHooks").finish_non_exhaustive()
    }
}
