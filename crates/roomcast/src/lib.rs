//! Roomcast: a Socket.IO server for Rust.
//!
//! ```no_run
//! use roomcast::{Io, Socket};
//!
//! # async fn run() -> std::io::Result<()> {
//! let io = Io::new();
//! io.of("/").on("message", async |socket: Socket, room: String, text: String| {
//!     socket.to(&room).emit("message", (socket.id(), text));
//! });
//! io.listen("0.0.0.0:3000").await
//! # }
//! ```
//!
//! The way of a message through this crate:
//!
//! ```text
//!   http ─► session ─► connection ─► handler, extract ─► your code
//!    ▲         ▲                                             │
//!    └─────────┴──── outbox ◄── deliver ◄── broadcast, socket┘
//! ```

#![warn(clippy::print_stdout, clippy::print_stderr)]

// Options and what all sessions share.
mod builder;
mod config;
mod core;
mod hooks;
mod io;

// What clients may take of it.
mod limits;

// Requests come in ...
mod http;

// ... and belong to a session, one task each, whose frames wait in its outbox.
mod outbox;
mod session;

// A session carries a connection, whose packets belong to namespaces and sockets ...
mod connection;
mod names;
mod namespace;
mod socket;

// ... and become calls of handlers ...
mod extract;
mod handler;

// ... which emit, to one or to many; a packet is encoded once.
mod broadcast;
mod deliver;

// What clients have missed while they were away.
mod recovery;

// Servers, too, say things to each other.
mod server_event;

// What can go wrong.
mod error;

// Sessions without Socket.IO.
pub mod engine;

// Packets in another form than the protocol's.
pub mod parser;

/// What makes several servers one: the contract of adapters.
///
/// A server is given a factory by [`IoBuilder::adapter`], which makes one [`Adapter`](adapter::Adapter) for each namespace.
/// An adapter of your own carries what the namespace asks for to the other nodes, and does on this node, through
/// [`Local`](adapter::Local), what they ask for. `roomcast_adapter::test_kit` is a suite of tests for it.
///
/// An [`Emitter`](adapter::Emitter) speaks to such servers from a program that is none of them. That needs the crate
/// `roomcast_adapter` only.
pub mod adapter {
    pub use roomcast_adapter::adapter::*;
    pub use roomcast_adapter::cluster::{
        Emitter, EmitterBroadcast, EmitterError, MemoryCluster, MemoryNode, Publisher,
    };
    pub use roomcast_adapter::{Flags, Target};
}

pub use ::http::{HeaderMap, StatusCode};
pub use bytes::Bytes;
pub use proto::engine::{Revision, Transport};
pub use proto::socket::{ArgError, Args, Arguments, Binary, Value};
pub use roomcast_adapter::{IntoRooms, PublishError, RequestError, Room, RoomEvent, RoomObserver};

pub use crate::broadcast::{Broadcast, BroadcastAck, ParentBroadcast, RemoteSocket};
pub use crate::builder::ServerBuilder;
pub use crate::error::{
    AckError, BroadcastAckError, Cause, ConnectError, EmitError, Failure, FetchError, HandlerError,
};
pub use crate::extract::{Data, EventContext, EventName, FromEvent, Reason, ReasonDetail, Rest, State};
pub use crate::handler::{Ack, Handler};
#[doc(hidden)]
pub use crate::handler::{HandlerFuture, Trouble};
pub use crate::http::{
    AllowOrigin, ConnectionRefused, Cookie, CookiePriority, Cors, Handshake, HttpRequest, HttpResponse,
    Layered, OriginPolicy, RefusalContext, ResponseBody, RoomcastLayer, RoomcastService, SameSite,
};
pub use crate::io::{Io, IoBuilder, SocketOptions};
pub use crate::limits::{Exceeded, InvalidNetwork, Limits, Rate, Refusals, TrustedProxies};
pub use crate::namespace::{Handlers, Namespace, ParentNamespace};
pub use crate::outbox::{Buffered, Counters, OutboxLimits, Overflow};
pub use crate::recovery::ConnectionStateRecovery;
pub use crate::server_event::{
    FromServerEvent, ServerAck, ServerEventContext, ServerHandler, ServerSideError,
};
pub use crate::session::PerMessageDeflate;
pub use crate::socket::{AckFuture, EmitWait, Emitted, HandlerId, Incoming, Modified, Outgoing, Socket};

/// The examples of the front pages compile.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
#[doc = include_str!("../../../SECURITY.md")]
#[doc = include_str!("../README.md")]
struct FrontPages;
