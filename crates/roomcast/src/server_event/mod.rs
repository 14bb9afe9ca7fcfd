//! Events between the servers of a cluster: from one namespace to the same namespace of the other nodes.
//!
//! In: what a node says, through the adapter. Out: calls of the namespace's listeners, and the one answer of this node.
//! What is odd: no socket has to do with it, so no session runs the calls. They begin in place; what suspends goes on in a
//! task of its own, of which a namespace has so many at most.

// To the others.
mod emit;

// From another one: its listeners, and their answer.
mod answer;
mod call;
mod handler;

pub use answer::ServerAck;
pub use emit::ServerSideError;
pub use handler::{FromServerEvent, ServerEventContext, ServerHandler};

pub(crate) use call::{Calls, receive};
pub(crate) use handler::{AnyServerHandler, erase};
