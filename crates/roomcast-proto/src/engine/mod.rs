//! Engine.IO: one reliable, ordered channel of text and binary messages over polling or WebSocket.
//!
//! In: packets, requests and the time. Out: messages for the application, and what the transports shall do.
//!
//! ```
//! use roomcast_proto::engine::{Message, Packet};
//!
//! assert_eq!(Packet::decode("4hello"), Ok(Packet::Message(Message::Text("hello"))));
//! ```
//! Specification: the Engine.IO protocol, revision 4, and on the server's side revision 3 as well.

// What the two ends agree on.
mod config;
mod handshake;
mod revision;
mod transport;

// One packet, and several in one polling body.
mod packet;
mod payload;

// A message encoded once for every transport and every recipient.
mod frame;

// What every packet, request and deadline means for the session.
mod session;

// The same for the other end.
pub mod client;

// How it ends.
mod reason;

pub use config::Timing;
pub use frame::{Attachment, Deflating, Frame, WeakFrame};
pub use handshake::{HandshakeError, OpenPacket, PROTOCOL};
pub use packet::{InvalidPacket, Message, Packet};
pub use payload::{Packets, Payload, SEPARATOR, decode_payload};
pub use reason::CloseReason;
pub use revision::{Dialect, Revision};
pub use session::{Flush, Lane, Output, Overlap, PollAnswer, Received, Session};
pub use transport::Transport;
