//! The WebSocket wire (RFC 6455): frames in, messages out, and back, for both roles. Step 1 of the way of the data.
//!
//! ```text
//!   bytes read ─► header ─► mask ─► decoder ─► Event: text, binary, ping, pong, close
//!                                     └► message: only what is incomplete is kept
//!   bytes to write ◄─ encode_header, mask (client), ControlFrame ◄─ what the front sends
//! ```
//!
//! No I/O, no clock, no answers: the front writes the pong for a ping and the close for a close. What is odd here: the
//! [`Decoder`] unmasks in the caller's own read buffer and lends its events from there, so that a frame that arrived
//! whole is never copied. The one extension is `deflate`; without it a reserved bit is an error.
//!
//! # Examples
//! A client's masked frame, read by a server:
//! ```
//! use roomcast_proto::websocket::{Decoder, Event, Limits, MAX_HEADER, OpCode, Role, encode_header, mask};
//!
//! // The client writes.
//! let (key, mut text) = ([1, 2, 3, 4], *b"2probe");
//! let mut header = [0; MAX_HEADER];
//! let header_len = encode_header(&mut header, OpCode::Text, true, text.len() as u64, Some(key));
//! mask(key, &mut text, 0);
//! let mut wire = [&header[..header_len], &text[..]].concat();
//!
//! // The server reads, here in one piece; any other cut gives the same events.
//! let mut decoder = Decoder::new(Role::Server, Limits::default());
//! let mut input = &mut wire[..];
//! loop {
//!     let step = decoder.decode(input)?;
//!     let consumed = step.consumed;
//!     match step.event {
//!         Some(event) => assert_eq!(event, Event::Text("2probe")),
//!         None => break,
//!     }
//!     input = &mut input[consumed..];
//! }
//! # Ok::<(), roomcast_proto::websocket::Error>(())
//! ```

// The HTTP upgrade's two fields ...
mod handshake;

// ... then every frame begins with a header ...
mod header;

// ... a client's payload is masked ...
mod mask;

// ... the decoder makes events of frames ...
mod decoder;

// ... and keeps what is incomplete.
mod message;

// Messages may be compressed.
mod deflate;

// What comes out, one by one.
mod event;

// Control frames: the close frame's content, and encoding.
mod close;
mod control;

// What can be wrong.
mod error;

#[cfg(test)]
mod tests;

pub use close::{Close, is_close_code};
pub use control::{ControlFrame, MAX_CONTROL};
pub use decoder::{Decoder, Limits, Role};
pub use deflate::{
    Agreement, Context, Deflater, Failed, Inflater, InvalidExtensions, MAX_WINDOW_BITS, MIN_WINDOW_BITS,
    Terms,
};
pub use error::Error;
pub use event::{Event, Payload, Step};
pub use handshake::{Accept, InvalidKey, Key};
pub(crate) use header::COMPRESSED;
pub use header::{MAX_HEADER, OpCode, encode_header, header_len};
pub use mask::mask;
