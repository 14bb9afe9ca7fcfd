//! What a waiting polling request is told.

/// The answer to a GET.
#[derive(Debug)]
pub(crate) enum PollReply {
    /// 200 and packets, to be sent as they are.
    Packets(Vec<u8>),
    /// 200 and packets, of which at least one may be compressed.
    CompressiblePackets(Vec<u8>),
    /// 400: another poll was waiting.
    Overlap,
}

/// The answer to a POST.
#[derive(Debug)]
pub(crate) enum PostReply {
    /// 200 `ok`: the packets have been handled.
    Handled,
}
