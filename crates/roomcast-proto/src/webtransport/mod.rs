//! Packets on the stream of a WebTransport session: a length in front of each, and whether it is binary.
//!
//! ```text
//!   bytes read ─► Decoder ─► Event: text, binary
//!   bytes to write ◄─ Frame::webtransport
//! ```
//!
//! A stream has no borders, so every packet brings its own: a byte whose first bit says "binary" and whose others are the
//! length up to 125, or 126 and two bytes, or 127 and eight. What is odd: that is the header of a WebSocket frame of a server
//! without its first byte, so frames are made of those; and the events are those of [`websocket`](crate::websocket), so that
//! both kinds of connection are read by one driver.
//!
//! JS: engine.io-parser `createPacketEncoderStream`, `createPacketDecoderStream`.
//!
//! # Examples
//! ```
//! use roomcast_proto::webtransport::Decoder;
//! use roomcast_proto::websocket::Event;
//!
//! // What a client says first.
//! let wire = *b"\x010\x062probe";
//! let mut decoder = Decoder::new(1_000_000);
//! let step = decoder.decode(&wire)?;
//! assert_eq!(step.event, Some(Event::Text("0")));
//! let consumed = step.consumed;
//! assert_eq!(decoder.decode(&wire[consumed..])?.event, Some(Event::Text("2probe")));
//! # Ok::<(), roomcast_proto::webtransport::Error>(())
//! ```

mod decoder;

pub use decoder::{Decoder, Error};
