//! An event gets room for its offset: one more argument behind the others.
//!
//! In: an event as it is encoded. Out: the same with a text of an offset's length at its end, which the log overwrites when
//! it knows the position. What is odd: this is done before the log is locked, so that nothing is encoded under its lock.

use proto::engine::Frame;
use roomcast_adapter::recovery::{OFFSET_LEN, Offsets, Position};

use crate::deliver::Encoder;

/// Stands for the offset until that is known.
const PLACEHOLDER: &str = "~~~offset~~~";
const _: () = assert!(PLACEHOLDER.len() == OFFSET_LEN);

/// An event with room for its offset.
pub(super) struct Stamped(Frame);

/// What an event has an offset for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is recorded, and has the offset of its own place.
    Recorded,
    /// It is not, but clients would take its last argument for an offset, because that is a text. So it repeats the offset
    /// of the last one that was recorded. Other events are left as they are.
    Preserved,
}

impl Stamped {
    /// `None` if the event needs no offset, or its form does not show where that is.
    pub(super) fn new(encoder: &Encoder, namespace: &str, frame: &Frame, purpose: Purpose) -> Option<Self> {
        if purpose == Purpose::Preserved && !encoder.ends_with_text(frame) {
            return None;
        }
        let mut extended = encoder.extended(namespace, frame, PLACEHOLDER).ok()?;
        // A parser of the user's may hide its texts, by compressing them for example.
        let shows =
            encoder.parser().is_none() || extended.overwrite(PLACEHOLDER.as_bytes(), PLACEHOLDER.as_bytes());
        shows.then_some(Self(extended))
    }

    /// The event with its offset.
    pub(super) fn with(&mut self, offsets: &Offsets, position: Position) -> &Frame {
        self.0.overwrite(PLACEHOLDER.as_bytes(), &offsets.write(position));
        &self.0
    }

    /// Takes the offset back, because the event found no place yet.
    pub(super) fn without(&mut self, offsets: &Offsets, position: Position) {
        self.0.overwrite(&offsets.write(position), PLACEHOLDER.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use proto::socket::parser::{Encoded, PacketDecoder, Parser, ParserError, PlainPacket};
    use proto::socket::{Head, Limits, Packet};

    use super::*;

    fn stamped(text: &str, purpose: Purpose) -> Option<String> {
        let offsets = Offsets::new(0);
        let mut stamped = Stamped::new(&Encoder::default(), "/", &Frame::text(text), purpose)?;
        let text = stamped.with(&offsets, Position(5)).text_packet().to_vec();
        stamped.without(&offsets, Position(5));
        assert!(stamped.0.text_packet().ends_with(b",\"~~~offset~~~\"]"));
        Some(String::from_utf8(text).unwrap())
    }

    #[test]
    fn every_event_that_is_recorded_ends_with_its_offset() {
        for (text, expected) in [
            (r#"2["a"]"#, r#"42["a","-----------4"]"#),
            (r#"2/x,["a",1]"#, r#"42/x,["a",1,"-----------4"]"#),
            (r#"2["a","~~~offset~~~"]"#, r#"42["a","~~~offset~~~","-----------4"]"#),
        ] {
            assert_eq!(stamped(text, Purpose::Recorded).as_deref(), Some(expected));
        }
    }

    #[test]
    fn of_others_only_those_that_end_with_a_text_do() {
        assert_eq!(stamped(r#"2["a",1]"#, Purpose::Preserved), None);
        assert_eq!(stamped(r#"2["a",["b"]]"#, Purpose::Preserved), None);
        assert_eq!(stamped(r#"2["a",{"b":"c"}]"#, Purpose::Preserved), None);
        // A client takes the name for an offset, too.
        for text in [r#"2["a"]"#, r#"2["a","b"]"#, r#"2["a","\""]"#] {
            assert!(stamped(text, Purpose::Preserved).is_some(), "{text}");
        }
    }

    #[test]
    fn attachments_and_the_wish_not_to_be_compressed_stay() {
        let frame = Frame::encode(&mut Vec::new(), |out| {
            out.extend_from_slice(br#"51-["a",{"_placeholder":true,"num":0}]"#);
            Ok::<_, ()>(vec![Bytes::from_static(b"bytes")])
        });
        let frame = frame.unwrap().compress(false);
        let mut stamped = Stamped::new(&Encoder::default(), "/", &frame, Purpose::Recorded).unwrap();
        let stamped = stamped.with(&Offsets::new(0), Position(0)).clone();
        assert_eq!(stamped.text_packet(), br#"451-["a",{"_placeholder":true,"num":0},"------------"]"#);
        assert_eq!(stamped.attachments()[0].data(), frame.attachments()[0].data());
        assert!(!stamped.may_compress());
    }

    struct AsBytes(bool);

    impl Parser for AsBytes {
        fn encode(&self, packet: &Packet<'_>) -> Result<Encoded, ParserError> {
            let plain = PlainPacket::try_from(packet)?;
            let json = serde_json::to_vec(&plain).map_err(ParserError::new)?;
            // In the clear, or with nothing of it to be seen.
            let bytes = if self.0 { json } else { json.iter().map(|byte| !byte).collect() };
            Ok(Encoded::binary(bytes))
        }

        fn decoder(&self, _: Limits) -> Box<dyn PacketDecoder> {
            Box::new(Self(self.0))
        }
    }

    impl PacketDecoder for AsBytes {
        fn binary(&mut self, message: Bytes) -> Result<Option<Packet<'static>>, ParserError> {
            let json = if self.0 { message.to_vec() } else { message.iter().map(|byte| !byte).collect() };
            let plain: PlainPacket = serde_json::from_slice(&json).map_err(ParserError::new)?;
            plain.try_into().map(Some)
        }
    }

    #[test]
    fn another_parser_appends_an_offset_unless_it_hides_its_texts() {
        for in_the_clear in [true, false] {
            let encoder = Encoder::new(Arc::new(AsBytes(in_the_clear)));
            let head = Head { namespace: "/n", id: None };
            let frame = encoder.event(head, "e", &(1, "text")).unwrap();
            let stamped = Stamped::new(&encoder, "/n", &frame, Purpose::Preserved);
            assert_eq!(stamped.is_some(), in_the_clear);
            let Some(mut stamped) = stamped else { continue };
            let stamped = stamped.with(&Offsets::new(0), Position(5));
            let json: serde_json::Value = serde_json::from_slice(stamped.attachments()[0].data()).unwrap();
            assert_eq!(json["data"], serde_json::json!(["e", 1, "text", "-----------4"]));
            assert_eq!(json["nsp"], "/n");
        }
        let encoder = Encoder::new(Arc::new(AsBytes(true)));
        let frame = encoder.event(Head { namespace: "/", id: None }, "e", &1).unwrap();
        assert!(Stamped::new(&encoder, "/", &frame, Purpose::Preserved).is_none());
    }
}
