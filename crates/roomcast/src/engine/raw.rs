//! The upper end of a session without Socket.IO: messages go to the program's function.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};
use std::time::Instant;

use proto::engine::{CloseReason, Message};

use super::{Engine, Session};
use crate::session::{Application, Closing};

/// Hands messages to the user's functions.
pub(crate) struct Raw {
    engine: Engine,
    session: Session,
    closing: Closing,
}

impl Raw {
    pub(super) fn new(engine: Engine, session: Session) -> Self {
        engine.0.core.session_hooks.opened(|| session.clone());
        Self { engine, session, closing: Closing::No }
    }
}

impl Application for Raw {
    fn on_message(&mut self, message: Message<'_>) -> Closing {
        let call = || (self.engine.0.on_message)(&self.session, message);
        if catch_unwind(AssertUnwindSafe(call)).is_err() {
            // It ends its session, no other.
            tracing::error!("the function for messages panicked");
            self.closing = Closing::Yes;
        }
        self.closing
    }

    fn on_batch_end(&mut self) -> Closing {
        self.closing
    }

    fn on_command(&mut self, _: u64) -> Closing {
        self.closing
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn wants_close(&self) -> Closing {
        self.closing
    }

    fn has_room(&self) -> bool {
        true
    }

    fn is_busy(&self) -> bool {
        false
    }

    fn can_go_on(&self) -> bool {
        false
    }

    fn timeout(&self) -> Option<Instant> {
        None
    }

    fn on_timeout(&mut self, _: Instant) -> Closing {
        self.closing
    }

    fn on_upgrade(&mut self) {
        self.engine.0.core.session_hooks.upgraded(|| self.session.clone());
    }

    fn on_close(&mut self, reason: CloseReason, detail: &'static str, _: bool) {
        self.engine.0.core.session_hooks.closed(|| self.session.clone(), reason, detail);
    }
}
