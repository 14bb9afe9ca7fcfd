//! Decompresses the payload of one message after the other.
//!
//! In: what came in the frames of a message, unmasked. Out: the message, as it grows, never beyond its bound. What is odd:
//! where windows are not kept, every thread has one decompressor for all connections; and a stream that says it has ended
//! ends the message, as in the reference: what follows in it is not read, the next message refers to nothing.

use std::cell::RefCell;

use flate2::{Decompress, FlushDecompress, Status};

use super::deflater::TAIL;
use super::negotiate::{MAX_WINDOW_BITS, MIN_WINDOW_BITS};
use crate::websocket::error::Error;
use crate::websocket::message::Message;

/// What is decompressed in one go.
const CHUNK: usize = 16 * 1024;

thread_local! {
    static THREAD: RefCell<Option<Box<Thread>>> = const { RefCell::new(None) };
}

/// What all connections of a thread use by turns: some 60 KiB, once there is one that is compressed.
struct Thread {
    decompress: Decompress,
    chunk: [u8; CHUNK],
}

/// What a [`Decoder`](crate::websocket::Decoder) needs for compressed messages.
#[derive(Debug)]
pub struct Inflater {
    /// The connection's own, where messages refer to those before them.
    own: Option<Box<Decompress>>,
    /// Bytes since somebody asked.
    inflated: usize,
}

impl Inflater {
    /// For messages that are compressed by themselves. It is a few words.
    #[must_use]
    pub fn per_message() -> Self {
        Self { own: None, inflated: 0 }
    }

    /// For messages that refer to those before them, in a window of 2^`window_bits` bytes: 47 KiB, whatever the
    /// window.
    #[must_use]
    pub fn kept(window_bits: u8) -> Self {
        let window_bits = window_bits.clamp(MIN_WINDOW_BITS, MAX_WINDOW_BITS);
        Self { own: Some(Box::new(Decompress::new_with_window_bits(false, window_bits))), inflated: 0 }
    }

    /// How many bytes came out since this was asked last.
    pub(in crate::websocket) fn take_inflated(&mut self) -> usize {
        std::mem::take(&mut self.inflated)
    }

    /// Appends what is compressed to a message that may have so many bytes.
    pub(in crate::websocket) fn inflate(
        &mut self,
        compressed: &[u8],
        message: &mut Message,
        max: usize,
    ) -> Result<(), Error> {
        THREAD.with_borrow_mut(|thread| {
            let thread = thread.get_or_insert_with(|| {
                let decompress = Decompress::new_with_window_bits(false, MAX_WINDOW_BITS);
                Box::new(Thread { decompress, chunk: [0; CHUNK] })
            });
            let done = match &mut self.own {
                Some(own) => run(own, &mut thread.chunk, compressed, message, max),
                None => {
                    thread.decompress.reset(false);
                    run(&mut thread.decompress, &mut thread.chunk, compressed, message, max)
                }
            };
            self.inflated = self.inflated.saturating_add(message.len());
            done
        })
    }
}

fn run(
    decompress: &mut Decompress,
    chunk: &mut [u8; CHUNK],
    compressed: &[u8],
    message: &mut Message,
    max: usize,
) -> Result<(), Error> {
    for part in [compressed, &TAIL] {
        let mut rest = part;
        loop {
            let (read, written) = (decompress.total_in(), decompress.total_out());
            let status = decompress
                .decompress(rest, chunk, FlushDecompress::Sync)
                .map_err(|_| Error::InvalidCompression)?;
            // It neither reads more than it is given nor writes more than there is room for.
            rest = &rest[(decompress.total_in() - read) as usize..];
            let piece = &chunk[..(decompress.total_out() - written) as usize];
            if piece.len() > max.saturating_sub(message.len()) {
                return Err(Error::TooLarge);
            }
            message.push(piece, max)?;
            if status == Status::StreamEnd {
                decompress.reset(false);
                return Ok(());
            }
            if piece.len() < CHUNK {
                break;
            }
        }
        if !rest.is_empty() {
            return Err(Error::InvalidCompression);
        }
    }
    Ok(())
}
