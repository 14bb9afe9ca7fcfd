//! Any sequence of messages against the decoder and the server's connection, with the server acting at random.
//!
//! The input is cut into steps at line ends; the first byte of a step says what happens, the rest is the message. As a
//! whole it is also the payload of an ack and of a connect, which must be valid JSON exactly where `serde_json` says so.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use roomcast_proto::socket::{
    Args, Arguments, Binary, Body, Connection, Decision, DecodeError, Decoder, Head,
};
use roomcast_proto::socket::{Limits, SlotId, Value, encode_event, encode_event_args};
use serde_json::value::RawValue;

const MAX_NAMESPACES: usize = 4;

fuzz_target!(|input: &[u8]| {
    if let Ok(text) = std::str::from_utf8(input) {
        compare_with_serde_json(text);
    }
    let mut connection = Connection::new(Limits::default(), MAX_NAMESPACES);
    let mut seen = HashSet::<SlotId>::new();
    let mut last = None;
    for step in input.split(|&byte| byte == b'\n') {
        let Some((&what, message)) = step.split_first() else {
            connection.end_of_batch();
            continue;
        };
        let decision = match (what, std::str::from_utf8(message)) {
            (b'a', _) => {
                if let Some(slot) = last {
                    connection.accept(slot);
                }
                continue;
            }
            (b'r', _) => {
                if let Some(slot) = last {
                    connection.remove(slot);
                    assert!(!connection.accept(slot));
                }
                continue;
            }
            (b'b', _) | (_, Err(_)) => connection.handle_binary(message.to_vec().into()),
            (_, Ok(text)) => connection.handle_text(text),
        };
        match decision {
            Ok(Decision::Connect { slot, .. }) => {
                assert!(seen.insert(slot), "a slot id was used twice");
                last = Some(slot);
            }
            Ok(Decision::Event { slot, event, .. }) => {
                assert!(seen.contains(&slot) && !event.is_nameless());
                read_all(event.args());
            }
            Ok(Decision::Ack { args, .. }) => read_all(&args),
            _ => {}
        }
        assert!(connection.joined().count() + connection.pending().count() <= MAX_NAMESPACES);
    }
});

fn compare_with_serde_json(text: &str) {
    let ack = format!("3[{text}");
    let elements: Result<Vec<&RawValue>, _> = serde_json::from_str(&ack[1..]);
    match Decoder::new(Limits::default()).text(&ack).map(|packet| packet.expect("no attachments").body) {
        Ok(Body::Ack { args, .. }) => {
            let expected = elements.expect("what is taken is valid");
            assert!(args.iter().eq(expected.iter().map(|element| element.get())));
        }
        Ok(other) => panic!("{other:?} is no ack"),
        Err(DecodeError::TooDeep) => assert!(elements.is_ok(), "broken is worse than deep"),
        Err(_) => assert!(elements.is_err(), "what is refused is invalid"),
    }

    let connect = format!("0{{{text}");
    let is_valid = serde_json::from_str::<&RawValue>(&connect[1..]).is_ok();
    match Decoder::new(Limits::default()).text(&connect) {
        Ok(_) | Err(DecodeError::TooDeep) => assert!(is_valid, "what is taken is valid"),
        Err(_) => assert!(!is_valid, "what is refused is invalid"),
    }
}

fn read_all(args: &Args<'_>) {
    for index in 0..args.len() {
        let _ = args.get::<String>(index);
        let _ = args.get::<Vec<Option<Binary>>>(index);
        let _ = args.get::<Value>(index);
    }
    let mut out = Vec::new();
    let head = Head { namespace: "/", id: None };
    encode_event_args(&mut out, head, "again", args).expect("what came in can go out");
    // A number beyond every double cannot be read as a value; text is sent on as it is.
    if args.attachments().is_empty() {
        encode_event(&mut out, head, "again", &Arguments::from(args)).expect("what came in can go out");
    }
    std::str::from_utf8(&out).expect("packets are text");
}
