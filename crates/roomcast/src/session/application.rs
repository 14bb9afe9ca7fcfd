//! What a session carries. The driver calls it, always from the session's own task.

use std::task::{Context, Poll};
use std::time::Instant;

use proto::engine::{CloseReason, Message};

/// What the application wants after an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// The session goes on.
    No,
    /// Close the session; what waits in its outbox goes first.
    Yes,
}

/// The upper end of a session.
pub(crate) trait Application: Send + Unpin + 'static {
    /// A message came in.
    fn on_message(&mut self, message: Message<'_>) -> Closing;

    /// All messages of one read or one polling body have been handed over.
    fn on_batch_end(&mut self) -> Closing;

    /// A command came in for the application, from whatever task; what the number means is its own matter.
    fn on_command(&mut self, command: u64) -> Closing;

    /// A command was given before the session ended, which came faster. [`Application::on_close`] follows.
    fn on_overtaken(&mut self, _command: u64) {}

    /// Goes on with whatever was suspended. `Ready` when nothing is left to wait for.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Whether [`Application::poll`] asked for the session to be closed.
    fn wants_close(&self) -> Closing;

    /// The outbox, which is watched, has run empty.
    fn on_drained(&mut self) {}

    /// Whether another message may be handed over now; if not, the driver stops reading.
    fn has_room(&self) -> bool;

    /// Whether there is no room because of this side's own suspended calls, and not because the peer does not read.
    fn is_busy(&self) -> bool;

    /// Whether [`Application::poll`] would get further now, because the outbox has emptied.
    fn can_go_on(&self) -> bool;

    /// When [`Application::on_timeout`] is to be called.
    fn timeout(&self) -> Option<Instant>;

    /// That time has come.
    fn on_timeout(&mut self, now: Instant) -> Closing;

    /// The session has moved to another transport.
    fn on_upgrade(&mut self) {}

    /// The session has ended. `deferred`: the close that was asked for had to wait, for the outbox or for a poll.
    fn on_close(&mut self, reason: CloseReason, detail: &'static str, deferred: bool);
}
