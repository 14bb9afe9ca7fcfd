//! What the decoder gives: one event a step, lent from the read buffer or from the decoder.

use std::ops::Deref;

use bytes::Bytes;

use super::close::Close;

/// What one call of [`Decoder::decode`](super::Decoder::decode) did.
#[derive(Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// How many bytes at the front of the input are done. All of them, where there is no event.
    pub consumed: usize,
    /// What they gave. `None`: wait for more bytes.
    pub event: Option<Event<'a>>,
}

/// A whole message or control frame. Not `#[non_exhaustive]`: a front must handle each, and the protocol has no more.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(Payload<'a>),
    /// A ping, to be answered by a pong with the same payload.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// The peer closes, with or without a code. Nothing after it is read.
    Close(Option<Close<'a>>),
}

/// The bytes of a binary message: still in the read buffer, or already in memory of their own.
#[derive(Debug)]
pub enum Payload<'a> {
    /// The whole frame was in the input, and its payload still is.
    Borrowed(&'a [u8]),
    /// The message came in pieces and was assembled.
    Owned(Bytes),
}

impl Payload<'_> {
    /// The bytes as one's own; copies only what is borrowed.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Borrowed(bytes) => Bytes::copy_from_slice(bytes),
            Self::Owned(bytes) => bytes,
        }
    }
}

impl Deref for Payload<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Payload<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// Equal bytes are equal, wherever they are.
impl PartialEq for Payload<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Payload<'_> {}
