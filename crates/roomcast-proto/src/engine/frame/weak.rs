//! A handle that recognises a frame without keeping it: for whoever remembers what it made of one.

use std::sync::{Arc, Weak};

use super::{Attached, Frame, Repr};

/// Recognises a frame as long as somebody has it. The frame's memory, not its attachments', stays until this is dropped.
#[derive(Clone, Debug)]
pub struct WeakFrame(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Text(Weak<[u8]>),
    Attached(Weak<Attached>),
}

impl WeakFrame {
    /// Whether `frame` is a clone of the one that this was made from.
    #[must_use]
    pub fn is(&self, frame: &Frame) -> bool {
        match (&self.0, &frame.0) {
            (Kind::Text(one), Repr::Text(other)) => std::ptr::addr_eq(one.as_ptr(), Arc::as_ptr(other)),
            (Kind::Attached(one), Repr::Attached(other)) => std::ptr::eq(one.as_ptr(), Arc::as_ptr(other)),
            _ => false,
        }
    }

    /// Whether nobody has the frame any longer.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        match &self.0 {
            Kind::Text(frame) => frame.strong_count() == 0,
            Kind::Attached(frame) => frame.strong_count() == 0,
        }
    }
}

impl Frame {
    /// What recognises this frame without keeping it.
    #[must_use]
    pub fn downgrade(&self) -> WeakFrame {
        WeakFrame(match &self.0 {
            Repr::Text(text) => Kind::Text(Arc::downgrade(text)),
            Repr::Attached(attached) => Kind::Attached(Arc::downgrade(attached)),
        })
    }

    /// Whether somebody else has a clone of this frame now.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        match &self.0 {
            Repr::Text(text) => Arc::strong_count(text) > 1,
            Repr::Attached(attached) => Arc::strong_count(attached) > 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_frame_is_recognised_until_the_last_clone_is_gone() {
        for frame in [Frame::text("a"), Frame::binary(Bytes::from_static(b"a"))] {
            let weak = frame.downgrade();
            assert!(!frame.is_shared());
            let clone = frame.clone();
            assert!(frame.is_shared() && weak.is(&clone) && !weak.is_gone());
            assert!(!weak.is(&Frame::text("a")) && !weak.is(&Frame::binary(Bytes::from_static(b"a"))));
            drop((frame, clone));
            assert!(weak.is_gone());
        }
    }
}
