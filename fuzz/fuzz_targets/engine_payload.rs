//! Any polling body: reading never panics, and what was read is written to a body that reads as the same.
//!
//! In: text. Out: nothing. What is odd: only the text of a packet counts, so a second reading may differ from the
//! bytes, as base64 without padding does, but never from the packets.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roomcast_fuzz::frame_of;
use roomcast_proto::engine::client::{PostBody, Taken};
use roomcast_proto::engine::{Packet, SEPARATOR, decode_payload};

fuzz_target!(|body: &str| {
    let lines = body.split(char::from(SEPARATOR)).count();
    let packets: Vec<_> = decode_payload(body).collect();
    assert_eq!(packets.len(), lines, "each line is one packet");
    let packets: Vec<_> = packets.into_iter().filter_map(Result::ok).collect();
    if packets.is_empty() {
        return;
    }

    let frames: Vec<_> = packets.iter().map(frame_of).collect();
    let mut payload = Vec::new();
    frames.iter().for_each(|frame| frame.write_payload(&mut payload));
    reads_as(&payload, &packets);

    // The client packs the same frames in bodies of any size.
    let limit = u64::from(body.as_bytes()[0]);
    let mut read = 0;
    let mut body = PostBody::new(Some(limit));
    for frame in &frames {
        if body.take(frame, 0) != Taken::All {
            let full = std::mem::replace(&mut body, PostBody::new(Some(limit))).into_bytes();
            read += decode_payload(text(&full)).count();
            assert_eq!(body.take(frame, 0), Taken::All, "an empty body takes any packet");
        }
    }
    read += decode_payload(text(&body.into_bytes())).count();
    assert_eq!(read, packets.len());
});

fn reads_as(payload: &[u8], packets: &[Packet<'_>]) {
    let read: Vec<_> =
        decode_payload(text(payload)).map(|packet| packet.expect("our own packets are valid")).collect();
    assert_eq!(read, packets);
}

fn text(payload: &[u8]) -> &str {
    std::str::from_utf8(payload).expect("a payload is text")
}
