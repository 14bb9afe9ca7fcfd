//! Sessions over WebTransport: the third transport, on HTTP/3.
//!
//! In: WebTransport sessions. Out: engine sessions on their first stream, or a stream for a polling session that moves to it.
//! What is odd: [`Carrier`] stands between what the engine wants of a WebTransport session and the library that speaks HTTP/3,
//! so that the one could be had from another, and be tried without the other. A stream is driven as that of a WebSocket is.
//!
//! JS: engine.io/lib/server.ts `onWebTransportSession`.

// What a client has to say first ...
mod hello;

// ... on a session that somebody carries ...
mod carrier;

// ... by QUIC.
mod quic;

pub(crate) use quic::{bind, bind_first, serve};
