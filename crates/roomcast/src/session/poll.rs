//! What a waiting polling request is told.

/// The answer to a GET.
#[derive(Debug)]
pub(crate) enum PollReply {
    /// 200 and packets.
    Packets(Vec<u8>),
    /// 400: another poll was waiting.
    Overlap,
}

/// The answer to a POST.
#[derive(Debug)]
pub(crate) enum PostReply {
    /// 200 `ok`: the packets have been handled.
    Handled,
}
