//! Other forms of a frame, for connections that are not plain WebSockets of this revision.
//!
//! A frame comes in; the same frame with other bytes goes out, or nothing where the bytes are the same. What is odd:
//! the other form counts what the first one counted, because an outbox gives back what it has charged. It is for one kind of
//! connection only: it has no packets for polling, and no further form is made of it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::{Attached, Attachment, Frame, Repr};
use crate::engine::packet::MESSAGE;
use crate::websocket::{MAX_HEADER, OpCode, encode_header};

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

    /// The frame for a WebSocket of Engine.IO 3 whose client takes no bytes: binary messages are text messages of `b4` and
    /// base64. `None` if it is the same.
    #[must_use]
    pub fn revision3_base64(&self) -> Option<Self> {
        let Repr::Attached(attached) = &self.0 else { return None };
        if attached.formed || attached.attachments.is_empty() {
            return None;
        }
        let attachments = attached.attachments.iter().map(Attachment::to_base64).collect();
        Some(self.formed(attached.text.clone(), attachments))
    }

    /// Another form of this frame; `text` begins with [`Repr::PREFIX`].
    fn formed(&self, text: Box<[u8]>, attachments: Box<[Attachment]>) -> Self {
        let behind = attachments.iter().map(|a| a.header().len() + a.data.len()).sum::<usize>();
        let websocket_len = text.len() - Repr::PREFIX + behind;
        let cost = self.cost();
        Self(Repr::Attached(Arc::new(Attached { text, attachments, websocket_len, cost, formed: true })))
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

    /// The same as text.
    fn to_base64(&self) -> Self {
        let mut text = String::with_capacity("b4".len() + self.data.len().div_ceil(3) * 4);
        text.push_str("b4");
        STANDARD.encode_string(&self.data, &mut text);
        let data = Bytes::from(text);
        let mut header = [0; MAX_HEADER];
        let length = encode_header(&mut header, OpCode::Text, true, data.len() as u64, None);
        Self { header, header_len: length as u8, data }
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
    fn in_revision_3_base64_is_a_text_message() {
        let frame = Frame::binary(Bytes::from_static(&[0xDE, 0xAD])).revision3_base64().unwrap();
        assert_eq!(wire(&frame), b"\x81\x06b43q0=");
        let plain = with_attachments(vec![Bytes::from_static(&[1, 2, 3, 4]), Bytes::new()]);
        let formed = plain.revision3_base64().unwrap();
        assert!(wire(&formed).ends_with(b"}]\x81\x0ab4AQIDBA==\x81\x02b4"));
        assert_eq!(formed.websocket_len(), wire(&formed).len());
        assert_eq!(formed.cost(), plain.cost());
        assert!(Frame::text("hello").revision3_base64().is_none() && formed.revision3_base64().is_none());
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
