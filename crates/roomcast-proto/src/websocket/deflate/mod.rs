//! permessage-deflate (RFC 7692): messages that are compressed one by one.
//!
//! ```text
//!   Sec-WebSocket-Extensions ─► header ─► negotiate ─► Agreement ─► its answer
//!   compressed message, from the decoder ─► Inflater ─► message
//!   message ─► Deflater ─► the payload of a frame with the first reserved bit
//! ```
//!
//! What is odd: where the windows are not kept from message to message, no connection owns a compressor. Those that inflate
//! are then one per thread, here; those that deflate are the front's, because what they make can be shared as well.

// The header field's grammar ...
mod header;

// ... and what becomes of the offers in it.
mod negotiate;

// Messages, in and out.
mod deflater;
mod inflater;

#[cfg(test)]
mod tests;

pub use deflater::{Deflater, Failed};
pub use inflater::Inflater;
pub use negotiate::{Agreement, Context, InvalidExtensions, MAX_WINDOW_BITS, MIN_WINDOW_BITS, Terms};
