//! Roomcast's protocol core: Engine.IO v4 and v3, Socket.IO v5, MessagePack, the frames of WebSocket and WebTransport, as
//! codecs and state machines without I/O, clock or runtime.
//!
//! ```text
//!            wire                                                      application
//!   bytes ─► websocket ─► engine::Packet ─► engine::Session ─► socket::Connection ─► event, acknowledgement
//!   bytes ◄─ one shared engine::Frame per packet ◄──────────── socket::encode ◄───── value
//! ```
//!
//! Everything here takes its input and the current time as arguments and gives back what is to be done. The
//! fronts (`roomcast` is the server's) move the bytes and never look inside a packet.

// A message comes in as a WebSocket frame or as a line of a polling payload ...
pub mod websocket;

// ... or a stream of WebTransport ...
pub mod webtransport;

// ... becomes an engine packet, whose meaning the session decides ...
pub mod engine;

// ... and, if it is a message, a Socket.IO packet of one of the namespaces.
pub mod socket;

// The ids that both layers hand out.
mod id;

pub use id::Sid;
