//! Step 7, the part between nodes: the contract of an adapter.
//!
//! In: what the application asks of a namespace (broadcast, fetch, move, disconnect). Out: calls on the namespace of
//! this node, messages to the other nodes, and what comes back from them.
//!
//! ```text
//!   application ──> dyn Adapter ──(wire)──> dyn Adapter of another node
//!                       │                        │
//!                       v                        v
//!                   dyn Local                dyn Local        the namespace on each node: its sockets, its rooms
//! ```

mod raw;

mod acks;

mod local;

mod contract;

mod error;

mod single;

pub use self::{
    acks::{AckGather, AckSink, Cancel},
    contract::{Adapter, AdapterFactory, BoxFuture},
    error::{PublishError, RequestError},
    local::{Answer, Disconnect, Local, RemoteSocketData},
    raw::RawJson,
    single::{MemoryAdapter, MemoryAdapterFactory},
};
