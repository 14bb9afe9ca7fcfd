//! What several nodes say to each other, and what each has to remember meanwhile.
//!
//! ```text
//!   namespace ──> ClusterAdapter ──> Node ──Envelope──> Carrier ══ wire ══> Carrier ──Envelope──> Node ──> dyn Local
//!                 (dyn Adapter)      state, no I/O,     queues, sends       of another node       decides  of that node
//!                                    time as argument        ^
//!   a program that is no server ──> Emitter ──Envelope──> Publisher, its sending half
//! ```
//!
//! In: what a namespace asks of its adapter, envelopes from other nodes, the time. Out: envelopes, requests to the
//! namespace of this node, answers to whoever waits for them. The model is that of the JavaScript adapters that descend
//! from `ClusterAdapter`: thirteen kinds of message, heartbeats, counted acknowledgements. How an envelope is written on a
//! wire belongs to the adapter of that wire.

// Who says what.
mod message;

// Who is there.
mod peers;

// Who waits for what.
mod requests;

// The three together: one node, without I/O.
mod node;

// Who is no node, and says something all the same.
mod emitter;

#[cfg(test)]
mod tests;

// What drives it, in a tokio runtime ...
#[cfg(feature = "tokio")]
mod adapter;

// ... and a wire for nodes in one process.
#[cfg(feature = "tokio")]
mod memory;

pub use self::{
    emitter::{Emitter, EmitterBroadcast, EmitterError, Publisher},
    message::{Ask, Envelope, Message, RequestId, Uid},
    node::{Deed, Node, NodeConfig},
};

#[cfg(feature = "tokio")]
pub use self::{
    adapter::{Carrier, ClusterAdapter, Inbox},
    memory::{MemoryCluster, MemoryLink, MemoryNode},
};
