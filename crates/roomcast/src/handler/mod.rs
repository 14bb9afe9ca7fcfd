//! User code and how it is called: from a closure's types to a future.

// What a handler is.
mod call;
mod signature;

// How its future is run: in place, and beside the next events where it suspends.
mod tasks;

// What it answers.
mod ack;

pub use ack::Ack;
pub use signature::Handler;

#[doc(hidden)]
pub use call::{HandlerFuture, Trouble};

pub(crate) use ack::{AckSlot, Answer};
pub(crate) use call::{AnyHandler, erase};
pub(crate) use tasks::{Done, Origin, Tasks, drop_value, panic_message};
