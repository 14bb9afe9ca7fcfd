//! User code and how it is called: from a closure's types to a future.

// What a handler is.
mod call;
mod closures;
mod signature;

// How its future is run: in place, and beside the next events where it suspends.
mod tasks;

// What it answers.
mod ack;
mod answer;

pub use ack::Ack;
pub use signature::Handler;

#[doc(hidden)]
pub use call::{HandlerFuture, Trouble};

pub(crate) use ack::AckSlot;
pub(crate) use answer::{AnswerSlot, Asker, finish};
pub(crate) use call::{AnyHandler, erase};
pub(crate) use closures::closures_are_handlers;
pub(crate) use tasks::{Done, Origin, Tasks, drop_value, panic_message};
