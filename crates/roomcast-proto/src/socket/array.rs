//! An event as the bare array that nodes of a cluster hand each other: `["name",1,2]`, binary values beside it.
//!
//! In comes a name and anything `Serialize`, or such an array from another node; out goes the array, a packet with it, or
//! the event to read. What is odd: the array belongs to no namespace and no client, so no name is refused here. What it
//! becomes is up to who has it, who must refuse the library's own names where clients would get them.

use bytes::Bytes;
use serde::Serialize;

use super::args::Args;
use super::decode::{DecodeError, Limits, read_array, read_name};
use super::encode::{Attachments, Draft, EncodeError, Head, write_event_arguments, write_event_name};
use super::packet::{Event, PacketType};
use super::payload::{First, Spans};

/// Appends the array of an event. Values become arguments as in [`encode_event`](super::encode_event).
///
/// # Errors
/// [`EncodeError::Value`]; `out` then holds the beginning of the array.
pub fn encode_event_array<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    name: &str,
    args: &T,
) -> Result<Attachments, EncodeError> {
    let mut attachments = Attachments::new();
    write_event_name(out, name)?;
    write_event_arguments(out, &mut attachments, args)?;
    Ok(attachments)
}

/// Appends an event packet with an array that [`encode_event_array`] has written, here or on another node.
pub fn encode_event_of_array(out: &mut Vec<u8>, head: Head<'_>, array: &str, attachments: usize) {
    let draft = Draft::begin(out, PacketType::Event, head);
    draft.out.extend_from_slice(array.as_bytes());
    draft.finish(PacketType::BinaryEvent, attachments);
}

/// Reads the array of an event from another node.
///
/// # Errors
/// [`DecodeError`], if it is none, or if a placeholder means an attachment that is not there.
pub fn read_event_array<'a>(array: &'a str, attachments: &[Bytes]) -> Result<Event<'a>, DecodeError> {
    let mut spans = Spans::new();
    let limits = Limits::default();
    let read = read_array(array, First::Name, &mut spans, attachments.len(), &limits)?;
    let name = read.first.and_then(|span| read_name(span.of(array), read.escaped));
    let name = name.ok_or(DecodeError::InvalidPayload)?;
    Ok(Event::new(name, Args::new(array, spans).with_attachments(attachments)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::Binary;

    fn array<T: Serialize>(name: &str, args: &T) -> (String, Attachments) {
        let mut out = Vec::new();
        let attachments = encode_event_array(&mut out, name, args).unwrap();
        (String::from_utf8(out).unwrap(), attachments)
    }

    #[test]
    fn an_array_becomes_the_packet_that_the_event_would_have_become() {
        let binary = Binary(Bytes::from_static(b"\x01\x02"));
        let (text, attachments) = array("e\"", &(1, "é", binary));
        assert_eq!(text, r#"["e\"",1,"é",{"_placeholder":true,"num":0}]"#);
        let mut packet = Vec::new();
        let head = Head { namespace: "/a", id: Some(7) };
        encode_event_of_array(&mut packet, head, &text, attachments.len());
        assert_eq!(packet, format!("51-/a,7{text}").as_bytes());
        let mut packet = Vec::new();
        encode_event_of_array(&mut packet, Head { namespace: "/", id: None }, r#"["x"]"#, 0);
        assert_eq!(packet, br#"2["x"]"#);
    }

    #[test]
    fn what_was_written_reads_back() {
        let (text, attachments) = array("connect", &("a", Binary(Bytes::from_static(b"data"))));
        let event = read_event_array(&text, &attachments).unwrap();
        assert_eq!((event.name(), event.args().len()), ("connect", 2));
        assert_eq!(event.args().get::<Binary>(1).unwrap().0, "data");
        let (text, _) = array("none", &());
        assert!(read_event_array(&text, &[]).unwrap().args().is_empty());
    }

    #[test]
    fn what_is_no_event_or_lacks_an_attachment_is_refused() {
        for bad in ["", "{}", "[]", "[null]", r#"["a""#, r#"["a"]x"#] {
            assert!(read_event_array(bad, &[]).is_err(), "{bad}");
        }
        let missing = r#"["e",{"_placeholder":true,"num":1}]"#;
        assert!(read_event_array(missing, &[Bytes::from_static(b"x")]).is_err());
    }
}
