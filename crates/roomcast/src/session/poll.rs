//! What a polling request brings, and what it is told.

use bytes::Bytes;
use proto::engine::{Dialect, Payload, PollAnswer};

/// The body of a POST.
#[derive(Debug)]
pub(crate) enum Posted {
    /// Text, or what shall be.
    Text(Bytes),
    /// Bytes, from clients of revision 3 only.
    Binary(Bytes),
}

impl Posted {
    /// Whether it holds nothing but the close packet.
    pub(super) fn is_close(&self, dialect: Dialect) -> bool {
        let close = dialect.answer(PollAnswer::Close);
        matches!(self, Self::Text(text) if text[..] == *close.as_bytes())
    }
}

/// The answer to a GET.
#[derive(Debug)]
pub(crate) enum PollReply {
    /// 200 and packets, to be sent as they are.
    Packets(Payload),
    /// 200 and packets, of which at least one may be compressed.
    CompressiblePackets(Payload),
    /// 400: another poll was waiting.
    Overlap,
}

/// The answer to a POST.
#[derive(Debug)]
pub(crate) enum PostReply {
    /// 200 `ok`: the packets have been handled.
    Handled,
}
