//! Compresses the payload of one message after the other.
//!
//! In: a message. Out: what goes into a frame with the first reserved bit. What is odd: the last four bytes that zlib writes
//! for a flush are the same for every message, so they stay at home (RFC 7692, 7.2.1).

use std::fmt;

use flate2::{Compress, Compression, FlushCompress};

use super::negotiate::{MAX_WINDOW_BITS, MIN_WINDOW_BITS};

/// What every flushed message ends with, and is not sent.
pub(super) const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// A compressor: about 400 KiB, 280 KiB with the smallest window. Messages refer to those before them until it is reset.
#[derive(Debug)]
pub struct Deflater(Compress);

/// A message could not be compressed. It may be sent as it is; the next one refers to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

impl Deflater {
    /// A compressor of a level from 0, which only packs, to 9, with a window of 2^`window_bits` bytes. Both are brought into
    /// their range.
    #[must_use]
    pub fn new(level: u8, window_bits: u8) -> Self {
        let window_bits = window_bits.clamp(MIN_WINDOW_BITS, MAX_WINDOW_BITS);
        Self(Compress::new_with_window_bits(Compression::new(level.min(9).into()), false, window_bits))
    }

    /// The next message refers to none before it.
    pub fn reset(&mut self) {
        self.0.reset();
    }

    /// Appends the compressed form of a message to `out`. The message comes in two parts, either may be empty, not both.
    ///
    /// # Errors
    /// [`Failed`], which no message is known to bring about; then `out` is as before, and the compressor reset.
    pub fn deflate(&mut self, message: [&[u8]; 2], out: &mut Vec<u8>) -> Result<(), Failed> {
        let begin = out.len();
        let done = self.run(message, out);
        if done.is_ok() && out[begin..].ends_with(&TAIL) {
            out.truncate(out.len() - TAIL.len());
            return Ok(());
        }
        out.truncate(begin);
        self.reset();
        Err(Failed)
    }

    fn run(&mut self, [first, second]: [&[u8]; 2], out: &mut Vec<u8>) -> Result<(), Failed> {
        // Text shrinks to less than that.
        out.reserve((first.len() + second.len()) / 2 + 64);
        for (part, flush) in [(first, FlushCompress::None), (second, FlushCompress::Sync)] {
            let mut rest = part;
            loop {
                let before = self.0.total_in();
                self.0.compress_vec(rest, out, flush).map_err(|_| Failed)?;
                // It says how much it has read in all, and reads no more than it is given.
                rest = &rest[(self.0.total_in() - before) as usize..];
                // What is left of the room says that it has written all there is to write.
                if out.len() < out.capacity() && rest.is_empty() {
                    break;
                }
                out.reserve(out.len().max(64));
            }
        }
        Ok(())
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("message not compressed")
    }
}

impl std::error::Error for Failed {}
