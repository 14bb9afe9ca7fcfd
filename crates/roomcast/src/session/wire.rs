//! Which form frames take on the wire of a session.
//!
//! In: frames that a session takes from its outbox. Out: the same frames, each in the session's form; in the plain form,
//! that of a WebSocket of this revision, they are what they were. What is odd: what was made of a frame that others have
//! as well is remembered by the thread, so that it is made once and not for each of them, and forgotten when nobody has
//! that frame any longer, at the latest when a turn ends.

use std::cell::RefCell;
use std::collections::VecDeque;

use proto::engine::{Dialect, Frame, WeakFrame};

use super::compression::Shared;

/// The most frames whose other form a thread remembers: about what leaves to a session with one write.
const MAX_KNOWN: usize = 64;
/// The most bytes of these; a single frame may have more.
const MAX_KNOWN_BYTES: usize = 256 * 1024;

/// The form of a session's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wire {
    /// As they are encoded.
    #[default]
    Plain,
    /// A WebSocket of Engine.IO 3.
    Revision3,
    /// The same for a client that takes no bytes.
    Revision3Base64,
    /// The stream of a WebTransport session.
    #[cfg(feature = "webtransport")]
    WebTransport,
    /// A WebSocket with compressed messages, of any dialect.
    Deflated(Shared),
}

impl Wire {
    /// The form for a client that asked for a WebSocket in this dialect.
    pub(crate) fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::V4 => Self::Plain,
            Dialect::V3 => Self::Revision3,
            Dialect::V3Base64 => Self::Revision3Base64,
        }
    }

    /// Whether it takes so little work that it can be done in another session's place, however much waits.
    pub(super) fn is_light(self) -> bool {
        !matches!(self, Self::Deflated(_))
    }

    /// Whether frames are what they were.
    #[inline]
    pub(crate) fn is_plain(self) -> bool {
        matches!(self, Self::Plain)
    }

    /// Gives the frames their form; those that have it already keep it.
    #[inline]
    pub(crate) fn form<'a>(self, frames: impl IntoIterator<Item = &'a mut Frame>) {
        if !self.is_plain() {
            self.transform(frames);
        }
    }

    fn transform<'a>(self, frames: impl IntoIterator<Item = &'a mut Frame>) {
        KNOWN.with_borrow_mut(|known| {
            for frame in frames {
                if let Some(formed) = known.form(self, frame) {
                    *frame = formed;
                }
            }
        });
    }

    pub(super) fn make(self, frame: &Frame) -> Option<Frame> {
        match self {
            Self::Plain => None,
            Self::Revision3 => frame.revision3(),
            Self::Revision3Base64 => frame.revision3_base64(),
            #[cfg(feature = "webtransport")]
            Self::WebTransport => frame.webtransport(),
            Self::Deflated(shared) => shared.make(frame),
        }
    }
}

thread_local! {
    static KNOWN: RefCell<Known> = const { RefCell::new(Known { forms: VecDeque::new(), next: 0, bytes: 0 }) };
}

/// The forms that were made on this thread.
struct Known {
    forms: VecDeque<Form>,
    /// Where the next frame of a broadcast would be, if this session takes the same as the one before.
    next: usize,
    bytes: usize,
}

struct Form {
    of: WeakFrame,
    wire: Wire,
    /// `None`: it is the same as before.
    formed: Option<Frame>,
    bytes: usize,
}

impl Known {
    fn form(&mut self, wire: Wire, frame: &Frame) -> Option<Frame> {
        if frame.is_formed() {
            return None;
        }
        let fits = |form: &Form| form.wire == wire && form.of.is(frame);
        let place = match self.forms.get(self.next) {
            Some(form) if fits(form) => Some(self.next),
            _ => self.forms.iter().position(fits),
        };
        if let Some(place) = place {
            self.next = place + 1;
            return self.forms[place].formed.clone();
        }
        let formed = wire.make(frame);
        if frame.is_shared() {
            let bytes = frame.websocket_len() + formed.as_ref().map_or(0, Frame::websocket_len);
            self.learn(Form { of: frame.downgrade(), wire, formed: formed.clone(), bytes });
        }
        formed
    }

    fn learn(&mut self, form: Form) {
        while self.forms.len() >= MAX_KNOWN || self.bytes + form.bytes > MAX_KNOWN_BYTES {
            let Some(oldest) = self.forms.pop_front() else { break };
            self.bytes -= oldest.bytes;
        }
        self.bytes += form.bytes;
        self.forms.push_back(form);
        self.next = 0;
    }
}

/// A turn has ended: what was made of frames that nobody has any longer is forgotten.
pub(super) fn forget_forms() {
    KNOWN.with_borrow_mut(|known| {
        if known.forms.is_empty() {
            return;
        }
        known.forms.retain(|form| !form.of.is_gone());
        known.bytes = known.forms.iter().map(|form| form.bytes).sum();
        known.next = 0;
        if known.forms.is_empty() {
            known.forms = VecDeque::new();
        }
    });
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proto::websocket::Agreement;

    use super::*;
    use crate::session::PerMessageDeflate;

    fn binary(byte: u8, length: usize) -> Frame {
        Frame::binary(Bytes::from(vec![byte; length]))
    }

    fn formed(wire: Wire, frames: &[Frame]) -> Vec<Frame> {
        let mut frames = frames.to_vec();
        wire.form(&mut frames);
        frames
    }

    fn known() -> (usize, usize) {
        KNOWN.with_borrow(|known| (known.forms.len(), known.bytes))
    }

    #[test]
    fn plain_frames_stay_what_they_are_and_text_of_revision_3_as_well() {
        let frames = [binary(1, 3), Frame::text("a")];
        let plain = formed(Wire::Plain, &frames);
        assert!(plain.iter().zip(&frames).all(|(one, other)| one.is_same(other)));
        assert_eq!(known(), (0, 0));
        let revision3 = formed(Wire::Revision3, &frames);
        assert!(!revision3[0].is_same(&frames[0]) && revision3[1].is_same(&frames[1]));
    }

    #[test]
    fn sessions_of_one_thread_share_what_was_made_of_a_frame() {
        let frames: Vec<_> = (0..100).map(|n| binary(n, 10)).collect();
        let few = formed(Wire::Revision3, &frames[..40]);
        let order: Vec<_> = frames[..40].iter().rev().cloned().collect();
        let again = formed(Wire::Revision3, &order);
        assert!(few.iter().zip(again.iter().rev()).all(|(one, other)| one.is_same(other)));

        formed(Wire::Revision3, &frames);
        assert_eq!(known().0, MAX_KNOWN);
    }

    #[test]
    fn a_form_is_formed_no_further() {
        let once = formed(Wire::Revision3, &[binary(1, 3)]);
        let twice = formed(Wire::Revision3, &once);
        assert!(once[0].is_same(&twice[0]));
    }

    #[test]
    fn what_nobody_has_any_longer_is_forgotten_and_what_nobody_else_has_is_not_remembered() {
        let mut alone = vec![binary(1, 3)];
        Wire::Revision3.form(&mut alone);
        assert_eq!(known(), (0, 0));

        let mut frames = vec![binary(1, 3), binary(2, 3)];
        formed(Wire::Revision3, &frames);
        forget_forms();
        assert_eq!(known().0, 2);
        frames.pop();
        forget_forms();
        assert_eq!(known().0, 1);
        drop(frames);
        forget_forms();
        assert_eq!(known(), (0, 0));
    }

    #[test]
    fn large_frames_are_remembered_one_at_a_time() {
        let frames: Vec<_> = (0..5).map(|n| binary(n, MAX_KNOWN_BYTES)).collect();
        let first = formed(Wire::Revision3, &frames);
        assert_eq!(known().0, 1);
        let again = formed(Wire::Revision3, &frames[4..]);
        assert!(first[4].is_same(&again[0]));
    }

    #[test]
    fn a_broadcast_is_compressed_once_for_all_sessions_with_the_same_window() {
        let deflated = |bits| {
            let offers = [format!("permessage-deflate; server_max_window_bits={bits}")];
            let options = PerMessageDeflate::new();
            let agreement = Agreement::negotiate(offers.iter().map(String::as_str), options.terms());
            let compression = options.agreed(agreement.unwrap().unwrap());
            Wire::Deflated(compression.shared(Dialect::V4).unwrap())
        };
        let broadcast = [Frame::text(&"x".repeat(2000)), Frame::text("small")];
        let sessions = [15, 12, 15, 12].map(|bits| formed(deflated(bits), &broadcast));
        assert!(sessions[0][0].websocket_len() < 100 && !sessions[0][0].is_same(&broadcast[0]));
        assert!(sessions[0][0].is_same(&sessions[2][0]) && sessions[1][0].is_same(&sessions[3][0]));
        assert!(!sessions[0][0].is_same(&sessions[1][0]));
        assert!(sessions.iter().all(|frames| frames[1].is_same(&broadcast[1])));
    }
}
