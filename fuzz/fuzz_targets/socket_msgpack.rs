//! Any bytes against the MessagePack parser, as a message and as the argument of an event.
//!
//! What is read must be JSON of a bounded size, and must be the same again when it is written and read once more.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roomcast_proto::socket::parser::{MessagePack, Parser};
use roomcast_proto::socket::{Args, Body, Limits, Packet, Value};
use serde_json::value::RawValue;

/// `{"type": 2, "nsp": "/", "data": ["e", ` and one value.
const EVENT: &[u8] = b"\x83\xA4type\x02\xA3nsp\xA1/\xA4data\x92\xA1e";

fuzz_target!(|input: &[u8]| {
    for message in [input.to_vec(), [EVENT, input].concat()] {
        let Some(packet) = decode(&message) else { continue };
        let length = check(&packet);
        // An empty byte string of two bytes becomes a placeholder of up to 33.
        assert!(length <= 32 * message.len(), "{length} bytes of JSON from {}", message.len());
        // A number of another format may be beyond every double; nothing else can be read and not written.
        let Some(written) = encode(&packet) else { continue };
        let again = decode(&written).expect("what was written can be read");
        check(&again);
        assert_eq!(encode(&again).expect("what was read can be written"), written);
    }
});

fn decode(message: &[u8]) -> Option<Packet<'static>> {
    MessagePack.decoder(Limits::default()).binary(message.to_vec().into()).ok().flatten()
}

fn encode(packet: &Packet<'_>) -> Option<Vec<u8>> {
    let (text, binaries) = MessagePack.encode(packet).ok()?.into_parts();
    assert!(text.is_none() && binaries.len() == 1, "each packet is one binary message");
    Some(binaries[0].to_vec())
}

/// All of it is JSON; how long it is.
fn check(packet: &Packet<'_>) -> usize {
    let json = |text: &str| {
        serde_json::from_str::<&RawValue>(text).expect("what is given out is JSON");
        text.len()
    };
    let arguments = |args: &Args<'_>| {
        for index in 0..args.len() {
            args.get::<Value>(index).expect("every value can be read");
        }
        args.iter().map(json).sum::<usize>()
    };
    match &packet.body {
        Body::Connect(text) | Body::ConnectError(text) => text.as_deref().map_or(0, json),
        Body::Event { event, .. } => arguments(event.args()),
        Body::Ack { args, .. } => arguments(args),
        _ => 0,
    }
}
