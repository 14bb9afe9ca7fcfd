//! What all clients share on the way out.
//!
//! Comes in: frames, each once. Goes out: where they lie. What is odd: directly, a frame is gone before the next is written, so the
//! buffer holds one; in batches it holds all of a pass.

/// When bytes leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Each frame at once, with a `send` of its own.
    Direct,
    /// All frames of a pass of the loop in one `send`.
    Batch,
}

/// Where bytes lie that leave as they are: a frame, or several side by side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The frames of the pass, and who is concerned at its end.
pub(crate) struct Sending {
    pub(crate) way: Way,
    frames: Vec<u8>,
    /// Who has something to flush.
    pub(crate) dirty: Vec<u32>,
    /// Who is to be closed.
    pub(crate) doomed: Vec<u32>,
    /// Lists that wait to be used again.
    pub(crate) pool: Vec<Vec<Frame>>,
}

/// A pass that has written this much is ended early.
const FULL: usize = 1024 * 1024;

impl Sending {
    pub(crate) fn new(way: Way) -> Self {
        Self { way, frames: Vec::new(), dirty: Vec::new(), doomed: Vec::new(), pool: Vec::new() }
    }

    /// Takes the frame that is written here.
    pub(crate) fn frame(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Frame {
        if self.way == Way::Direct {
            self.frames.clear();
        }
        let start = self.frames.len();
        write(&mut self.frames);
        Frame { start, end: self.frames.len() }
    }

    pub(crate) fn bytes(&self, frame: Frame) -> &[u8] {
        &self.frames[frame.start..frame.end]
    }

    pub(crate) fn is_full(&self) -> bool {
        self.frames.len() >= FULL
    }

    /// All have been flushed.
    pub(crate) fn clear(&mut self) {
        self.frames.clear();
    }
}
