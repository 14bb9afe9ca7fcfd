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

/// Whether other sessions are likely to get the same frames next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    One,
    Many,
}

/// Gives `write` the bytes of the frames, as many as suit one write, from byte `skip` of the first frame on.
pub(crate) fn write_frames(
    frames: &VecDeque<Frame>,
    skip: usize,
    audience: Audience,
    write: impl FnOnce(&[IoSlice<'_>]) -> io::Result<usize>,
) -> io::Result<usize> {
    if frames.len() == 1
        && let Some(bytes) = frames[0].websocket_bytes()
    {
        return write(&[IoSlice::new(&bytes[skip..])]);
    }
    let (mut count, mut total) = (0, 0);
    for frame in frames {
        count += 1;
        total += frame.websocket_len();
        if total >= MAX_COPY {
            break;
        }
    }
    if total <= SMALL * count {
        return COPY.with_borrow_mut(|copy| {
            copy.fill(frames.iter().take(count), count, audience);
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
    fn fill<'a>(
        &mut self,
        frames: impl Iterator<Item = &'a Frame> + Clone,
        count: usize,
        audience: Audience,
    ) {
        let mut both = self.frames.iter().zip(frames.clone());
        if self.frames.len() == count && both.all(|(one, other)| one.is_same(other)) {
            return;
        }
        self.frames.clear();
        self.bytes.clear();
        for frame in frames {
            match frame.websocket_bytes() {
                Some(bytes) => self.bytes.extend_from_slice(bytes),
                None => frame.websocket_slices(0).for_each(|slice| self.bytes.extend_from_slice(slice)),
            }
            if audience == Audience::Many {
                self.frames.push(frame.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(frames: &VecDeque<Frame>, skip: usize, audience: Audience) -> Vec<u8> {
        let mut out = Vec::new();
        let write = |slices: &[IoSlice<'_>]| {
            slices.iter().for_each(|slice| out.extend_from_slice(slice));
            Ok(out.len())
        };
        write_frames(frames, skip, audience, write).unwrap();
        out
    }

    fn expected(frames: &VecDeque<Frame>) -> Vec<u8> {
        frames
            .iter()
            .flat_map(|frame| frame.websocket_slices(0).flatten().copied().collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn small_frames_leave_in_one_piece_and_another_session_with_other_frames_gets_its_own() {
        let one: VecDeque<_> = (0..40).map(|n| Frame::text(&n.to_string())).collect();
        let mut other = one.clone();
        other[7] = Frame::text("different");
        for frames in [&one, &one, &other, &one] {
            for audience in [Audience::Many, Audience::One, Audience::Many] {
                assert_eq!(written(frames, 0, audience), expected(frames));
                assert_eq!(written(frames, 2, audience), expected(frames)[2..]);
            }
        }
        forget_copy();
        assert_eq!(written(&other, 1, Audience::Many), expected(&other)[1..]);
    }

    #[test]
    fn a_long_queue_is_written_piece_by_piece() {
        for size in [10, 900, 5000, 100_000] {
            let frames: VecDeque<_> = (0..500).map(|_| Frame::text(&"x".repeat(size))).collect();
            let piece = written(&frames, 0, Audience::One);
            assert!(expected(&frames).starts_with(&piece) && piece.len() >= 500 * 10);
        }
    }
}
