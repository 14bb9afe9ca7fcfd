//! The examples of the specification, and what no client of good will sends.

use bytes::Bytes;

use super::*;
use crate::engine::{Dialect, Message, Payload};

type Read<'a> = Result<Packet<'a>, InvalidPacket>;

fn text(message: &str) -> Read<'_> {
    Ok(Packet::Message(Message::Text(message)))
}

fn binary(message: &'static [u8]) -> Read<'static> {
    Ok(Packet::Message(Message::Binary(Bytes::from_static(message))))
}

fn attached() -> Frame {
    Frame::encode(&mut Vec::new(), |out| {
        out.extend_from_slice("51-[\"ä\",{\"_placeholder\":true,\"num\":0}]".as_bytes());
        Ok::<_, ()>(vec![Bytes::from_static(&[0xDE, 0xAD])])
    })
    .unwrap()
}

#[test]
fn text_is_counted_in_utf_16_code_units() {
    let table: [(&str, &[Read<'_>]); 9] = [
        ("6:4hello", &[text("hello")]),
        ("4:4hé!2:40", &[text("hé!"), text("0")]),
        // Beyond the basic plane a character is two units.
        ("3:4🦀1:6", &[text("🦀"), Ok(Packet::Noop)]),
        ("4:4漢字!1:2", &[text("漢字!"), Ok(Packet::Ping(""))]),
        ("6:4hello10:b4AQIDBA==", &[text("hello"), binary(&[1, 2, 3, 4])]),
        // Padding may be missing, as everywhere.
        ("8:b4AQIDBA", &[binary(&[1, 2, 3, 4])]),
        ("2:b4", &[binary(&[])]),
        // Nothing, and nothing between two packets.
        ("0:", &[]),
        ("1:60:1:6", &[Ok(Packet::Noop), Ok(Packet::Noop)]),
    ];
    for (body, packets) in table {
        assert_eq!(TextPackets::new(body).collect::<Vec<_>>(), packets, "{body}");
    }
}

#[test]
fn text_that_is_no_payload_ends_behind_what_could_be_read() {
    let broken = [
        "",
        "abc",
        ":",
        ":6",
        "2:6",
        "x:6",
        "-1:6",
        "1e0:6",
        " 1:6",
        "99999999999999999999999:6",
        "1",
        "1:7",
        "1:b",
        "3:b2A",
        "2:bA",
        // Half a crab.
        "2:4🦀",
    ];
    for body in broken {
        assert_eq!(TextPackets::new(body).collect::<Vec<_>>(), [Err(InvalidPacket)], "{body}");
        let behind = format!("1:6{body}");
        let packets: Vec<_> = TextPackets::new(&behind).collect();
        let expected: &[_] =
            if body.is_empty() { &[Ok(Packet::Noop)] } else { &[Ok(Packet::Noop), Err(InvalidPacket)] };
        assert_eq!(packets, expected, "{behind}");
    }
}

#[test]
fn bytes_are_counted_in_bytes() {
    let table: [(&[u8], &[Read<'_>]); 5] = [
        (b"\x00\x03\xff4hi\x01\x03\xff\x04\xde\xad", &[text("hi"), binary(&[0xDE, 0xAD])]),
        ("\u{0}\u{3}".as_bytes(), &[Err(InvalidPacket)]),
        (b"\x00\x01\x00\xff4123456789", &[text("123456789")]),
        (b"\x00\x05\xff4\xf0\x9f\xa6\x80", &[text("🦀")]),
        (b"", &[]),
    ];
    for (body, packets) in table {
        assert_eq!(BinaryPackets::new(body).collect::<Vec<_>>(), packets, "{body:?}");
    }
}

#[test]
fn bytes_that_are_no_payload_end_behind_what_could_be_read() {
    let broken: [&[u8]; 12] = [
        b"\x00",
        b"\x00\xff",
        b"\x00\x01",
        b"\x00\x02\xff6",
        b"\x00\x0a\xff6",
        b"\x02\x01\xff6",
        b"\x00\x00\xff",
        b"\x01\x00\xff",
        b"\x01\x01\xff\x07",
        b"\x00\x02\xff4\xc3",
        b"\x00\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\xff6",
        b"6:4hello",
    ];
    for body in broken {
        assert_eq!(BinaryPackets::new(body).collect::<Vec<_>>(), [Err(InvalidPacket)], "{body:?}");
        let behind = [b"\x00\x01\xff6", body].concat();
        assert_eq!(
            BinaryPackets::new(&behind).collect::<Vec<_>>(),
            [Ok(Packet::Noop), Err(InvalidPacket)],
            "{behind:?}"
        );
    }
}

#[test]
fn frames_become_text_or_bytes_as_the_client_can_take_them() {
    let frames = [Frame::packet("3"), attached(), Frame::websocket_control(b"\x8a\x00")];
    let header = "451-[\"ä\",{\"_placeholder\":true,\"num\":0}]";
    let expected = format!("1:3{}:{header}6:b43q0=", header.chars().count());
    assert_eq!(Dialect::V3Base64.encode(&frames), Payload::Text(expected.into_bytes()));

    let length = header.len().to_string();
    let digits: Vec<u8> = length.bytes().map(|digit| digit - b'0').collect();
    let expected =
        [b"\x00\x01\xff3\x00", &digits[..], b"\xff", header.as_bytes(), b"\x01\x03\xff\x04\xde\xad"].concat();
    assert_eq!(Dialect::V3.encode(&frames), Payload::Binary(expected));

    // Without anything binary both get text.
    for dialect in [Dialect::V3, Dialect::V3Base64] {
        let frames = [Frame::text("hé!"), Frame::text("🦀")];
        assert_eq!(dialect.encode(&frames), Payload::Text("4:4hé!3:4🦀".into()));
    }
}

#[test]
fn what_is_written_reads_as_the_same() {
    let messages = ["", "hé!", "🦀🦀", &"x".repeat(1000), &"ä".repeat(70_000)];
    let mut frames: Vec<_> = messages.map(Frame::text).into();
    let mut expected: Vec<_> = messages.map(text).into();
    let check = |dialect: Dialect, frames: &[Frame], expected: &[_]| match dialect.encode(frames) {
        Payload::Text(body) => {
            let body = String::from_utf8(body).unwrap();
            assert!(dialect.decode(&body).collect::<Vec<_>>() == expected);
        }
        Payload::Binary(body) => assert!(dialect.decode_binary(&body).collect::<Vec<_>>() == expected),
    };
    check(Dialect::V3, &frames, &expected);
    frames.push(Frame::binary(Bytes::from_static(&[4, 0, 255])));
    expected.push(binary(&[4, 0, 255]));
    check(Dialect::V3, &frames, &expected);
    check(Dialect::V3Base64, &frames, &expected);
}

#[test]
fn revision_4_has_no_bytes() {
    assert_eq!(Dialect::V4.decode_binary(b"6").collect::<Vec<_>>(), [Err(InvalidPacket)]);
}
