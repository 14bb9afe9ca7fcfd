//! permessage-deflate, the reading side.
//!
//! In: the payload of a compressed frame; out: the message. Odd: a server either lets each message stand alone, or goes
//! on where its last one ended; which of the two is in the answer to the upgrade.

use flate2::{Decompress, FlushDecompress};

/// What a sender leaves out at the end of each message.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// More than any message of the load.
const MOST: usize = 4 << 20;

/// The window of one sender.
pub(super) struct Inflater {
    state: Decompress,
    message: Vec<u8>,
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inflater")
    }
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self { state: Decompress::new(false), message: Vec::new() }
    }

    /// A message that needs none before it.
    pub(super) fn inflate_alone(&mut self, payload: &[u8]) -> Option<&[u8]> {
        self.state.reset(false);
        self.inflate_on(payload)
    }

    /// A message that goes on from the last one.
    pub(super) fn inflate_on(&mut self, payload: &[u8]) -> Option<&[u8]> {
        self.message.clear();
        for mut rest in [payload, &TAIL[..]] {
            while !rest.is_empty() {
                if self.message.len() > MOST {
                    return None;
                }
                self.message.reserve(64 * 1024);
                let (read, wrote) = (self.state.total_in(), self.state.total_out());
                self.state.decompress_vec(rest, &mut self.message, FlushDecompress::Sync).ok()?;
                let read = (self.state.total_in() - read) as usize;
                if read == 0 && self.state.total_out() == wrote {
                    return None;
                }
                rest = &rest[read..];
            }
        }
        Some(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;

    fn deflated(state: &mut Compress, text: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        state.compress_vec(text.as_bytes(), &mut out, FlushCompress::Sync).unwrap();
        assert_eq!(out[out.len() - 4..], TAIL);
        out.truncate(out.len() - 4);
        out
    }

    #[test]
    fn messages_are_read_alone_or_one_behind_the_other() {
        let text = "forty-two, forty-two, forty-two";
        let mut sender = Compress::new(Compression::default(), false);
        let (first, second) = (deflated(&mut sender, text), deflated(&mut sender, text));
        assert!(second.len() < first.len(), "the second refers to the first");
        let mut inflater = Inflater::new();
        assert_eq!(inflater.inflate_alone(&first), Some(text.as_bytes()));
        assert_eq!(inflater.inflate_on(&second), Some(text.as_bytes()));
        assert_eq!(inflater.inflate_alone(&first), Some(text.as_bytes()));
        assert_eq!(inflater.inflate_alone(&second), None, "what it refers to is not there");
    }
}
