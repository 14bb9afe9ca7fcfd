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
use crate::engine::Dialect;
use crate::engine::packet::MESSAGE;
use crate::websocket::{COMPRESSED, Context, Deflater, MAX_HEADER, OpCode, encode_header};

/// How the messages of a frame are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflating {
    /// Messages with fewer bytes are left as they are.
    pub threshold: usize,
    /// Whether messages refer to those before them. If not, one that would not shrink is left as it is.
    pub context: Context,
    /// What binary messages are before they are compressed.
    pub dialect: Dialect,
}

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

    /// The frame for the stream of a WebTransport session. `None` if it is that already.
    #[must_use]
    pub fn webtransport(&self) -> Option<Self> {
        if self.is_formed() {
            return None;
        }
        // The header of a server's WebSocket frame, less its first byte, is the one in front of a packet here.
        let text = match self.text_packet() {
            [] => [0; Repr::PREFIX].into(),
            _ => {
                let part = self.text_part();
                [&[part[0], part[1] - 1], &part[Repr::PREFIX + 1..]].concat().into()
            }
        };
        let attachments = self.attachments().iter().map(Attachment::on_stream).collect();
        Some(self.formed(text, attachments))
    }

    /// The frame for a WebSocket with permessage-deflate. `None` if it is the same: control frames, those that must not be
    /// compressed, and those without a message that is large enough.
    #[must_use]
    pub fn deflated(&self, deflater: &mut Deflater, how: Deflating) -> Option<Self> {
        if self.is_formed() {
            return None;
        }
        let (opcode, prefix): (_, &[u8]) = match how.dialect {
            Dialect::V4 => (OpCode::Binary, &[]),
            Dialect::V3 => (OpCode::Binary, &[MESSAGE]),
            Dialect::V3Base64 => (OpCode::Text, &[]),
        };
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
            .map(|attachment| {
                let attachment = match how.dialect {
                    Dialect::V4 => attachment.clone(),
                    Dialect::V3 => attachment.with_type(),
                    Dialect::V3Base64 => attachment.to_base64(),
                };
                match deflate(opcode, [prefix, &attachment.data]) {
                    Some((header, header_len, data)) => Attachment { header, header_len, data: data.into() },
                    None => attachment,
                }
            })
            .collect();
        let formed = any || (how.dialect != Dialect::V4 && !attachments.is_empty());
        formed.then(|| match text {
            Some((header, header_len, packet)) => {
                let prefix = [1, header_len];
                let text = [&prefix[..], &header[..usize::from(header_len)], &packet].concat();
                self.formed(text.into(), attachments)
            }
            None => self.formed(self.text_part().into(), attachments),
        })
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

    /// The same with the header of a packet on a stream. One without a byte would be an error there, so it is base64, which
    /// is text and accepted everywhere.
    fn on_stream(&self) -> Self {
        const EMPTY: &[u8] = b"b";
        let mut attachment = self.clone();
        if self.data.is_empty() {
            attachment.data = Bytes::from_static(EMPTY);
            attachment.header[0] = EMPTY.len() as u8;
            attachment.header_len = 1;
            return attachment;
        }
        attachment.header.copy_within(1.., 0);
        attachment.header[0] |= 0x80;
        attachment.header_len -= 1;
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
    use crate::websocket::{Decoder, Event, Inflater, Limits, Payload, Role};
    use crate::webtransport;

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

    /// Header bytes and inflated payload of each frame on the wire.
    fn inflated(frame: &Frame) -> Vec<(u8, Vec<u8>)> {
        let mut decoder = Decoder::new(Role::Client, Limits::default()).inflating(Inflater::per_message());
        let mut seen = Vec::new();
        let mut wire = wire(frame);
        let mut input = &mut wire[..];
        while let [first, ..] = *input {
            let step = decoder.decode(input).unwrap();
            let consumed = step.consumed;
            seen.push((
                first,
                match step.event.unwrap() {
                    Event::Text(text) => text.as_bytes().to_vec(),
                    Event::Binary(payload) => payload.to_vec(),
                    other => panic!("{other:?}"),
                },
            ));
            input = &mut input[consumed..];
        }
        seen
    }

    #[test]
    fn on_a_stream_every_packet_brings_its_length() {
        let table = [
            (Frame::text("hey"), &b"\x044hey"[..]),
            (Frame::ping(), b"\x012"),
            (Frame::probe_pong(), b"\x063probe"),
            (Frame::binary(Bytes::from_static(&[0xAA, 0xBB, 0xCC])), &[0x83, 0xAA, 0xBB, 0xCC]),
            // An attachment without a byte, as base64.
            (Frame::binary(Bytes::new()), b"\x01b"),
        ];
        for (frame, expected) in table {
            let formed = frame.webtransport().unwrap();
            assert_eq!(wire(&formed), expected);
            assert_eq!((formed.websocket_len(), formed.cost()), (expected.len(), frame.cost()));
            assert!(formed.webtransport().is_none());
        }
        for length in [125, 126, 65_535, 65_536, 1_000_000] {
            let plain = with_attachments(vec![Bytes::from(vec![7; length]), Bytes::from_static(b"x")]);
            let mut decoder = webtransport::Decoder::new(1_000_000);
            let bytes = wire(&plain.webtransport().unwrap());
            let text = String::from_utf8(plain.text_packet().to_vec()).unwrap();
            let step = decoder.decode(&bytes).unwrap();
            assert_eq!(step.event, Some(Event::Text(&text)));
            let at = step.consumed;
            let step = decoder.decode(&bytes[at..]).unwrap();
            assert!(step.event == Some(Event::Binary(Payload::Borrowed(&vec![7; length]))));
            let at = at + step.consumed;
            assert_eq!(bytes[at..], [0x81, b'x']);
        }
    }

    #[test]
    fn each_message_of_a_frame_is_compressed_by_its_own_length() {
        let parts = vec![Bytes::from_static(b"small"), Bytes::from(vec![b'x'; 99])];
        let plain = with_attachments(parts);
        let text = plain.text_packet().to_vec();
        // Dialect, first bytes of the frames of both attachments, what is in them.
        let small64 = b"b4c21hbGw=".to_vec();
        let large64 = [&b"b4"[..], &b"eHh4".repeat(33)].concat();
        let typed = |data: &[u8]| [&[4], data].concat();
        let table = [
            (Dialect::V4, [(0x82, b"small".to_vec()), (0xC2, vec![b'x'; 99])]),
            (Dialect::V3, [(0x82, typed(b"small")), (0xC2, typed(&[b'x'; 99]))]),
            (Dialect::V3Base64, [(0x81, small64), (0xC1, large64)]),
        ];
        for (dialect, attachments) in table {
            for context in [Context::PerMessage, Context::Kept] {
                let how = Deflating { threshold: 60, context, dialect };
                let formed = plain.deflated(&mut Deflater::new(6, 15), how).unwrap();
                let expected = [&[(0x81, text.clone())], &attachments[..]].concat();
                assert_eq!(inflated(&formed), expected, "{dialect:?}");
                assert_eq!(formed.cost(), plain.cost());
                let again = formed.deflated(&mut Deflater::new(6, 15), how);
                assert!(formed.is_formed() && again.is_none());
            }
        }
    }

    #[test]
    fn what_is_small_declines_or_does_not_shrink_is_sent_as_it_is() {
        let how = Deflating { threshold: 10, context: Context::PerMessage, dialect: Dialect::V4 };
        let deflated = |frame: &Frame, how| frame.deflated(&mut Deflater::new(6, 15), how);
        let large = Frame::text(&"x".repeat(100));
        assert_eq!(inflated(&deflated(&large, how).unwrap())[0].0, 0xC1);
        assert!(deflated(&Frame::text("12345678"), how).is_none());
        assert!(deflated(&large.compress(false), how).is_none());
        for control in [Frame::ping(), Frame::probe_pong(), Frame::websocket_control(b"\x8A\x02hi")] {
            assert!(deflated(&control, Deflating { threshold: 0, ..how }).is_none());
        }
        assert!(deflated(&Frame::binary(Bytes::new()), Deflating { threshold: 0, ..how }).is_none());
        let noise = Frame::text("0sW$q9Zx7!pLk2");
        assert!(deflated(&noise, how).is_none());
        assert!(deflated(&noise, Deflating { context: Context::Kept, ..how }).is_some());
        // The one that declines still has the form of its revision.
        let binary = Frame::binary(Bytes::from(vec![1; 100])).compress(false);
        let formed = deflated(&binary, Deflating { dialect: Dialect::V3, ..how }).unwrap();
        assert_eq!(inflated(&formed), [(0x82, [&[4], &[1; 100][..]].concat())]);
    }
}
