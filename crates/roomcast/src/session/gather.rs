//! Frames become the pieces of one write.
//!
//! What is odd: small frames are copied into one piece, because the kernel takes longer over a piece than a copy of a
//! few hundred bytes takes here. The next session with the same frames, as after a broadcast, finds the copy made.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};

use proto::engine::Frame;
use smallvec::SmallVec;

/// The most pieces of one vectored write.
const MAX_SLICES: usize = 64;
/// The most bytes of one copy: about what an empty socket takes at once.
const MAX_COPY: usize = 64 * 1024;
/// Frames that are larger on average are not copied.
const SMALL: usize = 1024;

/// Frames and their bytes in one piece.
struct Copy {
    frames: Vec<Frame>,
    bytes: Vec<u8>,
}

thread_local! {
    static COPY: RefCell<Copy> = const { RefCell::new(Copy { frames: Vec::new(), bytes: Vec::new() }) };
}

/// Gives `write` the bytes of the frames, as many as suit one write, from byte `skip` of the first frame on.
pub(crate) fn write_frames(
    frames: &VecDeque<Frame>,
    skip: usize,
    write: impl FnOnce(&[IoSlice<'_>]) -> io::Result<usize>,
) -> io::Result<usize> {
    if frames.len() == 1
        && let Some(bytes) = frames[0].websocket_bytes()
    {
        return write(&[IoSlice::new(&bytes[skip..])]);
    }
    let total: usize = frames.iter().map(Frame::websocket_len).sum();
    if total <= SMALL * frames.len() {
        return COPY.with_borrow_mut(|copy| {
            copy.fill(frames);
            write(&[IoSlice::new(&copy.bytes[skip..])])
        });
    }
    let mut slices: SmallVec<[IoSlice<'_>; MAX_SLICES]> = SmallVec::new();
    let mut skip = skip;
    for frame in frames {
        slices.extend(frame.websocket_slices(skip).map(IoSlice::new).take(MAX_SLICES - slices.len()));
        skip = 0;
        if slices.len() == MAX_SLICES {
            break;
        }
    }
    write(&slices)
}

/// The sessions of this turn have been written to: what they shared is not held any longer.
pub(super) fn forget_copy() {
    COPY.with_borrow_mut(|copy| copy.frames.clear());
}

impl Copy {
    fn fill(&mut self, frames: &VecDeque<Frame>) {
        let same = self.frames.len() == frames.len()
            && self.frames.iter().zip(frames).all(|(one, other)| one.is_same(other));
        if same {
            return;
        }
        self.frames.clear();
        self.bytes.clear();
        for frame in frames {
            frame.websocket_slices(0).for_each(|slice| self.bytes.extend_from_slice(slice));
            self.frames.push(frame.clone());
            if self.bytes.len() >= MAX_COPY {
                // The rest is for the next write; so short a list is like no other.
                break;
            }
        }
    }
}
