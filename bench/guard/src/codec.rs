//! Bytes to packets and back: WebSocket frames, Engine.IO and Socket.IO packets.

use std::hint::black_box;

use proto::engine::{Frame, decode_payload};
use proto::socket::{Body, Decoder as SocketDecoder, Head, Limits as SocketLimits, encode_event};
use proto::websocket::{Decoder, Limits, MAX_HEADER, OpCode, Role, encode_header, mask};

use crate::case::{Case, Work};

const KEY: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
const EVENT: &str =
    r#"2["message","general",{"text":"how are you?","time":1700000000000,"to":["ann","bob"]}]"#;

pub(crate) fn cases() -> Vec<Case> {
    let case = |name, units, prepare| Case { name, units, rounds: 100, prepare };
    vec![
        case("websocket: encode a header", 4, encode_headers),
        case("websocket: decode 32 bytes, masked", 10, || decode(32, 10)),
        case("websocket: decode 16 KiB, masked", 1, || decode(16 * 1024, 1)),
        case("engine: decode a polling body of 10 packets", 1, decode_polling_body),
        case("socket: decode an event, read its arguments", 1, decode_socket_event),
        case("socket: encode an event into a frame", 1, encode_socket_event),
    ]
}

/// One of each length that a header can have.
fn encode_headers() -> Box<dyn Work> {
    let mut out = [0; MAX_HEADER];
    Box::new(move || {
        for length in [5, 125, 1_000, 100_000] {
            let length = encode_header(&mut out, OpCode::Text, true, black_box(length), None);
            black_box(&out[..length]);
        }
    })
}

/// Text messages of that length, as many in one read.
fn decode(length: usize, messages: usize) -> Box<dyn Work> {
    let mut payload = vec![b'x'; length];
    mask(KEY, &mut payload, 0);
    let mut header = [0; MAX_HEADER];
    let header_length = encode_header(&mut header, OpCode::Text, true, length as u64, Some(KEY));
    let wire = [&header[..header_length], &payload].concat().repeat(messages);
    let mut decoder = Decoder::new(Role::Server, Limits::default());
    let mut buffer = wire.clone();
    Box::new(move || {
        // The decoder unmasks in place; the copy stands for the read that would have brought the bytes.
        buffer.copy_from_slice(&wire);
        let mut input = &mut buffer[..];
        let mut decoded = 0;
        loop {
            let step = decoder.decode(input).expect("these are good frames");
            let consumed = step.consumed;
            if black_box(step.event).is_none() {
                break;
            }
            decoded += 1;
            input = &mut input[consumed..];
        }
        assert_eq!(decoded, messages);
    })
}

fn decode_polling_body() -> Box<dyn Work> {
    let body = [format!("4{EVENT}").as_str(); 10].join("\u{1e}");
    Box::new(move || {
        let good = decode_payload(black_box(&body)).filter(|packet| black_box(packet).is_ok()).count();
        assert_eq!(good, 10);
    })
}

fn decode_socket_event() -> Box<dyn Work> {
    let mut decoder = SocketDecoder::new(SocketLimits::default());
    Box::new(move || {
        let packet = decoder.text(black_box(EVENT)).expect("a good packet").expect("a whole packet");
        let Body::Event { event, .. } = packet.body else { panic!("it is an event") };
        assert_eq!(event.name(), "message");
        let room: String = event.args().get(0).expect("a string");
        black_box((room, event.args().data(1)));
    })
}

fn encode_socket_event() -> Box<dyn Work> {
    let mut scratch = Vec::new();
    let recipients = vec!["ann".to_owned(), "bob".to_owned()];
    Box::new(move || {
        let head = Head { namespace: "/", id: None };
        let args = ("general", "how are you?", 1_700_000_000_000_u64, &recipients);
        let frame = Frame::encode(&mut scratch, |out| encode_event(out, head, "message", black_box(&args)));
        black_box(frame.expect("strings and numbers serialise"));
    })
}
