//! Other forms of a frame, for connections that are not plain WebSockets of this revision.
//!
//! A frame comes in; the same frame with other bytes goes out, or nothing where the bytes are the same. What is odd:
//! the other form counts what the first one counted, because an outbox gives back what it has charged. It is for one kind of
//! connection only: it has no packets for polling, and no further form is made of it.

use std::sync::Arc;

use super::{Attached, Attachment, Frame, Repr};
use crate::websocket::{COMPRESSED, Context, Deflater, MAX_HEADER, OpCode, encode_header};

/// How the messages of a frame are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflating {
    /// Messages with fewer bytes are left as they are.
    pub threshold: usize,
    /// Whether messages refer to those before them. If not, one that would not shrink is left as it is.
    pub context: Context,
    /// Whether a byte 4 precedes binary messages, as in [`Frame::revision3`].
    pub revision3: bool,
}

/// The type digit of a message as a byte, which precedes binary messages in Engine.IO 3.
const MESSAGE: u8 = 4;

impl Frame {
    /// Whether this is another form of a frame already.
    #[must_use]
    pub fn is_formed(&self) -> bool {
        matches!(&self.0, Repr::Attached(attached) if attached.formed)
    }

    /// The frame for a WebSocket of Engine.IO 3, where a byte 4, for "message", precedes the bytes of a binary message.
    /// `None` if it is the same: without attachments, or already in another form.
    #[must_use]
    pub fn revision3(&self) -> Option<Self> {
        let Repr::Attached(attached) = &self.0 else { return None };
        if attached.formed || attached.attachments.is_empty() {
            return None;
        }
        let attachments = attached.attachments.iter().map(Attachment::with_type).collect();
        Some(self.formed(attached.text.clone(), attachments))
    }

    /// The frame for a WebSocket with permessage-deflate. `None` if it is the same: control frames, those that must not be
    /// compressed, and those without a message that is large enough.
    #[must_use]
    pub fn deflated(&self, deflater: &mut Deflater, how: Deflating) -> Option<Self> {
        if self.is_formed() {
            return None;
        }
        let prefix: &[u8] = if how.revision3 { &[MESSAGE] } else { &[] };
        let mut any = false;
        let mut deflate = |opcode, message: [&[u8]; 2]| {
            let compressed = self.may_compress().then(|| how.deflate(deflater, opcode, message))?;
            any |= compressed.is_some();
            compressed
        };
        let text = match self.text_packet() {
            [] => None,
            packet => deflate(OpCode::Text, [packet, &[]]),
        };
        let attachments: Box<[_]> = self
            .attachments()
            .iter()
            .map(|attachment| match deflate(OpCode::Binary, [prefix, &attachment.data]) {
                Some((header, header_len, data)) => Attachment { header, header_len, data: data.into() },
                None if how.revision3 => attachment.with_type(),
                None => attachment.clone(),
            })
            .collect();
        let formed = any || (how.revision3 && !attachments.is_empty());
        formed.then(|| match text {
            Some((header, header_len, packet)) => {
                let prefix = [1, header_len];
                let text = [&prefix[..], &header[..usize::from(header_len)], &packet].concat();
                self.formed(text.into(), attachments)
            }
            None => self.formed(self.text_part().into(), attachments),
        })
    }

    /// Another form of this frame; `text` begins with [`Repr::PREFIX`].
    fn formed(&self, text: Box<[u8]>, attachments: Box<[Attachment]>) -> Self {
        let behind = attachments.iter().map(|a| a.header().len() + a.data.len()).sum::<usize>();
        let websocket_len = text.len() - Repr::PREFIX + behind;
        let cost = self.cost();
        Self(Repr::Attached(Arc::new(Attached { text, attachments, websocket_len, cost, formed: true })))
    }
}

impl Deflating {
    /// Header and payload of a message, if it is compressed.
    fn deflate(
        self,
        deflater: &mut Deflater,
        opcode: OpCode,
        message: [&[u8]; 2],
    ) -> Option<([u8; MAX_HEADER], u8, Vec<u8>)> {
        let length = message[0].len() + message[1].len();
        // An empty message has nothing to flush.
        if length < self.threshold.max(1) {
            return None;
        }
        if self.context == Context::PerMessage {
            deflater.reset();
        }
        let mut payload = Vec::new();
        deflater.deflate(message, &mut payload).ok()?;
        // What is in the window has to be sent.
        if self.context == Context::PerMessage && payload.len() >= length {
            return None;
        }
        let mut header = [0; MAX_HEADER];
        let header_len = encode_header(&mut header, opcode, true, payload.len() as u64, None);
        header[0] |= COMPRESSED;
        Some((header, u8::try_from(header_len).ok()?, payload))
    }
}

impl Attachment {
    /// The same bytes behind a header that ends with their type.
    fn with_type(&self) -> Self {
        let mut attachment = self.clone();
        let length = self.data.len() as u64 + 1;
        let end = encode_header(&mut attachment.header, OpCode::Binary, true, length, None);
        // A header without a key is at most ten bytes.
        attachment.header[end] = MESSAGE;
        attachment.header_len = end as u8 + 1;
        attachment
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn wire(frame: &Frame) -> Vec<u8> {
        frame.websocket_slices(0).flatten().copied().collect()
    }

    fn with_attachments(attachments: Vec<Bytes>) -> Frame {
        Frame::encode(&mut Vec::new(), |out| {
            out.extend_from_slice(b"52-[\"a\",{\"_placeholder\":true,\"num\":0}]");
            Ok::<_, ()>(attachments)
        })
        .unwrap()
    }

    #[test]
    fn in_revision_3_a_byte_4_precedes_binary_messages() {
        let frame = Frame::binary(Bytes::from_static(&[0xDE, 0xAD])).revision3().unwrap();
        assert_eq!(wire(&frame), [0x82, 3, 4, 0xDE, 0xAD]);
        assert_eq!(frame.websocket_len(), 5);

        let parts = vec![Bytes::from_static(b"x"), Bytes::from(vec![7; 125]), Bytes::from(vec![7; 65_535])];
        let plain = with_attachments(parts);
        let text = plain.websocket_slices(0).next().unwrap().to_vec();
        let formed = plain.revision3().unwrap();
        let expected = [
            &text[..],
            &[0x82, 2, 4, b'x'],
            &[0x82, 126, 0, 126, 4],
            &[7; 125],
            &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0, 4],
            &[7; 65_535],
        ]
        .concat();
        assert!(wire(&formed) == expected);
        assert_eq!(formed.websocket_len(), expected.len());
        for skip in [0, 1, text.len(), text.len() + 3, expected.len() - 1, expected.len()] {
            let rest: Vec<u8> = formed.websocket_slices(skip).flatten().copied().collect();
            assert!(rest == expected[skip..], "from byte {skip}");
        }
    }

    #[test]
    fn another_form_counts_what_the_first_one_counted() {
        let plain = with_attachments(vec![Bytes::from(vec![7; 125])]);
        let formed = plain.revision3().unwrap();
        assert_eq!(formed.cost(), plain.cost());
        assert_ne!(formed.websocket_len(), plain.websocket_len());
        assert!(formed.is_formed() && !plain.is_formed());
        assert_eq!(formed.clone().compress(false).cost(), plain.cost());
    }

    #[test]
    fn text_is_the_same_in_revision_3_and_no_form_is_made_twice() {
        assert!(Frame::text("hello").revision3().is_none());
        assert!(Frame::ping().revision3().is_none());
        assert!(Frame::binary(Bytes::new()).revision3().unwrap().revision3().is_none());
    }
}
