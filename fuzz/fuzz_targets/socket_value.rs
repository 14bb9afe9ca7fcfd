//! Round trip: a value made from the input is written, read back, and must be the same.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use roomcast_proto::socket::{Body, Decoder, Head, Limits, Value, encode_event};

/// Shallower than every bound on depth.
const MAX_DEPTH: usize = 100;

fuzz_target!(|input: &[u8]| {
    let mut input = input;
    let value = build(&mut input, MAX_DEPTH);
    let mut out = Vec::new();
    let head = Head { namespace: "/fuzz", id: Some(u64::from(take(&mut input))) };
    let attachments = encode_event(&mut out, head, "value", &value).expect("every value can be written");

    let mut limits = Limits::default();
    limits.max_attachments = usize::MAX;
    let mut decoder = Decoder::new(limits);
    let text = std::str::from_utf8(&out).expect("packets are text");
    let mut packet = decoder.text(text).expect("what was written can be read");
    for attachment in &attachments {
        packet = decoder.binary(attachment.clone()).expect("as many attachments as announced");
    }
    let Body::Event { event, .. } = packet.expect("complete").body else { panic!("an event") };
    assert_eq!(event.args().get::<Value>(0).expect("what was written can be read"), value);
    assert_eq!(event.args().data(0).expect("one argument").get::<Value>().expect("the same"), value);
});

fn take(input: &mut &[u8]) -> u8 {
    match input.split_first() {
        Some((&byte, rest)) => {
            *input = rest;
            byte
        }
        None => 0,
    }
}

fn take_slice<'a>(input: &mut &'a [u8]) -> &'a [u8] {
    let (slice, rest) = input.split_at(input.len().min(usize::from(take(input) % 16)));
    *input = rest;
    slice
}

fn take_text(input: &mut &[u8]) -> String {
    String::from_utf8_lossy(take_slice(input)).into_owned()
}

fn take_eight(input: &mut &[u8]) -> [u8; 8] {
    std::array::from_fn(|_| take(input))
}

fn build(input: &mut &[u8], depth: usize) -> Value {
    match take(input) % 9 {
        1 => Value::from(take(input) % 2 == 0),
        2 => Value::from(i64::from_le_bytes(take_eight(input))),
        3 => Value::from(u64::from_le_bytes(take_eight(input))),
        4 => Value::from(f64::from_le_bytes(take_eight(input))),
        5 => Value::from(take_text(input)),
        6 => Value::from(Bytes::copy_from_slice(take_slice(input))),
        7 if depth > 0 => (0..take(input) % 8).map(|_| build(input, depth - 1)).collect(),
        8 if depth > 0 => (0..take(input) % 8)
            // The underline keeps a key from being the mark of a placeholder, which no value can be told from.
            .map(|_| (format!("{}_", take_text(input)), build(input, depth - 1)))
            .collect(),
        _ => Value::Null,
    }
}
