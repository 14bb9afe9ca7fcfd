//! permessage-deflate on the server's side: its options, and the compressors of a thread.
//!
//! In: what the program wants, and what a client and the server have agreed on. Out: what a WebSocket needs to read and
//! write compressed messages. What is odd: a session whose windows are not kept owns none of it; such a session's form of a
//! frame is a [`Wire`] like the others, made once per thread for all sessions that have the same one.

use std::cell::RefCell;

use proto::engine::{Deflating, Dialect, Frame};
use proto::websocket::{Agreement, Context, Deflater, Inflater, MAX_WINDOW_BITS, MIN_WINDOW_BITS, Terms};

use super::wire::Wire;

/// How many compressors a thread keeps: one for each window. A program whose servers differ in their level has more, and
/// makes some of them anew.
const MAX_KEPT: usize = (MAX_WINDOW_BITS - MIN_WINDOW_BITS + 1) as usize;

/// Messages on WebSockets are compressed, each by itself or with a window that is kept. JS: `perMessageDeflate`.
///
/// By default every message is compressed by itself, in both directions, so that a session owns no window and a broadcast is
/// compressed once for all. (The reference keeps windows by default.) That costs each worker thread that compresses about
/// 400 KiB, once for each window that clients ask for, and one that decompresses 62 KiB. Windows that are kept make small messages that resemble each other shorter, and cost
/// memory for every connection: see [`PerMessageDeflate::server_context_takeover`] and
/// [`PerMessageDeflate::client_context_takeover`].
///
/// Messages are compressed where they are written, on the worker thread, at 10 to 20 ms for a megabyte of JSON. Messages
/// below the threshold, those emitted with `compress(false)`, and those that would not shrink, are sent as they are.
///
/// ```
/// use roomcast::{Io, PerMessageDeflate};
///
/// let io = Io::builder().per_message_deflate(PerMessageDeflate::new().threshold(4096)).build();
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "it is set by the builder's `per_message_deflate`"]
pub struct PerMessageDeflate {
    threshold: u32,
    level: u8,
    terms: Terms,
}

impl PerMessageDeflate {
    /// Messages of 1,024 bytes or more, at level 6, each by itself. JS: `perMessageDeflate: true`.
    pub fn new() -> Self {
        Self { threshold: 1024, level: 6, terms: Terms::default() }
    }

    /// From how many bytes on a message is compressed, default 1,024. It counts for each attachment by itself. JS:
    /// `threshold`.
    pub fn threshold(mut self, bytes: usize) -> Self {
        self.threshold = u32::try_from(bytes).unwrap_or(u32::MAX);
        self
    }

    /// How hard it is tried, from 1 to 9, default 6; beyond 9 counts as 9. 0 packs without compressing. JS:
    /// `zlibDeflateOptions.level`.
    pub fn level(mut self, level: u8) -> Self {
        self.level = level.min(9);
        self
    }

    /// Whether what the server sends may refer to what it sent before, default `false`. If so, every connection has a
    /// compressor of its own, of 400 KiB with the largest window and 280 KiB with the smallest, and every message is
    /// compressed for each receiver. A client can refuse. JS: `serverNoContextTakeover`, the opposite.
    pub fn server_context_takeover(mut self, kept: bool) -> Self {
        self.terms.server_context = context(kept);
        self
    }

    /// Whether what a client sends may refer to what it sent before, default `false`. If so, every connection has a
    /// decompressor of its own, of 47 KiB whatever the window. A client can refuse. JS: `clientNoContextTakeover`, the
    /// opposite.
    pub fn client_context_takeover(mut self, kept: bool) -> Self {
        self.terms.client_context = context(kept);
        self
    }

    /// The window that the server compresses with: 2 to this power, from 9 to 15, default 15. A client can ask for a smaller
    /// one; the sessions of each size share what is compressed. JS: `serverMaxWindowBits`.
    pub fn server_max_window_bits(mut self, bits: u8) -> Self {
        self.terms.server_window_bits = bits.clamp(MIN_WINDOW_BITS, MAX_WINDOW_BITS);
        self
    }

    /// The window that a client may use for what it sends, if it is kept: 2 to this power, from 9 to 15, default 15. A client
    /// that does not know how to use less keeps none. It saves memory in the client, not here. JS: `clientMaxWindowBits`.
    pub fn client_max_window_bits(mut self, bits: u8) -> Self {
        self.terms.client_window_bits = bits.clamp(MIN_WINDOW_BITS, MAX_WINDOW_BITS);
        self
    }

    pub(crate) fn terms(&self) -> Terms {
        self.terms
    }

    pub(crate) fn agreed(self, agreement: Agreement) -> Compression {
        Compression { options: self, agreement }
    }
}

impl Default for PerMessageDeflate {
    fn default() -> Self {
        Self::new()
    }
}

fn context(kept: bool) -> Context {
    match kept {
        true => Context::Kept,
        false => Context::PerMessage,
    }
}

/// What a client and the server have agreed on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compression {
    options: PerMessageDeflate,
    agreement: Agreement,
}

impl Compression {
    pub(super) fn inflater(&self) -> Inflater {
        match self.agreement.client_context {
            Context::PerMessage => Inflater::per_message(),
            Context::Kept => Inflater::kept(self.agreement.client_window_bits),
        }
    }

    /// The form of the frames, if nothing is kept for it.
    pub(super) fn shared(&self, dialect: Dialect) -> Option<Shared> {
        let PerMessageDeflate { threshold, level, .. } = self.options;
        let window_bits = self.agreement.server_window_bits;
        let shared = Shared { threshold, level, window_bits, dialect };
        (self.agreement.server_context == Context::PerMessage).then_some(shared)
    }

    /// What makes the form of the frames, if something is.
    pub(super) fn own(&self, dialect: Dialect) -> Option<Box<Own>> {
        let PerMessageDeflate { threshold, level, .. } = self.options;
        let how = Deflating { threshold: threshold as usize, context: Context::Kept, dialect };
        let own = || Own { deflater: Deflater::new(level, self.agreement.server_window_bits), how };
        (self.agreement.server_context == Context::Kept).then(|| Box::new(own()))
    }
}

/// Frames whose messages are compressed, each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shared {
    threshold: u32,
    level: u8,
    window_bits: u8,
    dialect: Dialect,
}

thread_local! {
    static DEFLATERS: RefCell<Vec<(u8, u8, Deflater)>> = const { RefCell::new(Vec::new()) };
}

impl Shared {
    pub(super) fn make(self, frame: &Frame) -> Option<Frame> {
        let Self { threshold, level, window_bits, dialect } = self;
        let how = Deflating { threshold: threshold as usize, context: Context::PerMessage, dialect };
        if !frame.may_compress() || frame.websocket_len() < how.threshold {
            return Wire::of(dialect).make(frame);
        }
        DEFLATERS.with_borrow_mut(|deflaters| {
            let place = deflaters.iter().position(|(of, bits, _)| (*of, *bits) == (level, window_bits));
            let place = place.unwrap_or_else(|| {
                if deflaters.len() >= MAX_KEPT {
                    deflaters.remove(0);
                }
                deflaters.push((level, window_bits, Deflater::new(level, window_bits)));
                deflaters.len() - 1
            });
            frame.deflated(&mut deflaters[place].2, how)
        })
    }
}

/// A session's own compressor. What it has compressed has to be written, in that order: the peer's window follows.
#[derive(Debug)]
pub(super) struct Own {
    deflater: Deflater,
    how: Deflating,
}

impl Own {
    pub(super) fn form<'a>(&mut self, frames: impl IntoIterator<Item = &'a mut Frame>) {
        for frame in frames {
            if let Some(formed) = frame.deflated(&mut self.deflater, self.how) {
                *frame = formed;
            }
        }
    }
}
