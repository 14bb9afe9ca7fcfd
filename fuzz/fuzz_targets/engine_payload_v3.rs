//! Any polling body of revision 3, as text and as bytes: reading never panics, and what was read is written, in either way,
//! to a body that reads as the same.
//!
//! In: bytes. Out: nothing. What is odd: a second reading may differ from the bytes, as a length with zeros in front does,
//! but never from the packets.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roomcast_fuzz::frame_of;
use roomcast_proto::engine::{Dialect, InvalidPacket, Message, Packet, Packets, Payload};

fuzz_target!(|body: &[u8]| {
    let text = String::from_utf8_lossy(body);
    check(Dialect::V3.decode(&text));
    check(Dialect::V3.decode_binary(body));
});

fn check(packets: Packets<'_>) {
    let packets: Vec<_> = packets.collect();
    let good: Vec<_> = packets.iter().filter_map(|packet| packet.clone().ok()).collect();
    let bad = packets.len() - good.len();
    assert!(
        bad <= 1 && (bad == 0 || packets.last() == Some(&Err(InvalidPacket))),
        "nothing follows an error"
    );
    if good.is_empty() {
        return;
    }
    let frames: Vec<_> = good.iter().map(frame_of).collect();
    for dialect in [Dialect::V3, Dialect::V3Base64] {
        let binary = good.iter().any(|packet| matches!(packet, Packet::Message(Message::Binary(_))));
        match dialect.encode(&frames) {
            Payload::Text(body) => {
                assert!(!binary || dialect == Dialect::V3Base64);
                let body = String::from_utf8(body).expect("a body of text is text");
                reads_as(dialect.decode(&body), &good);
            }
            Payload::Binary(body) => {
                assert!(binary && dialect == Dialect::V3);
                reads_as(dialect.decode_binary(&body), &good);
            }
        }
    }
}

fn reads_as(read: Packets<'_>, packets: &[Packet<'_>]) {
    let read: Vec<_> = read.map(|packet| packet.expect("our own packets are valid")).collect();
    assert_eq!(read, packets);
}
