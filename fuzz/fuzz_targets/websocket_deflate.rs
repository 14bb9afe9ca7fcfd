//! Compressed messages: any bytes are read within the limit however they are cut, and what is compressed comes back.
//!
//! The first bytes of the input choose limit, windows, level and cuts. What follows is a wire, messages, and a header field
//! at the same time.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roomcast_fuzz::read_in_pieces;
use roomcast_proto::websocket::{
    Agreement, Context, Decoder, Deflater, Error, Event, Inflater, Limits, MAX_HEADER, OpCode, Role, Terms,
    encode_header,
};

const COMPRESSED: u8 = 0x40;

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first_chunk::<8>() else { return };
    read_anything(choice, rest);
    read_a_payload(choice, rest);
    come_back(choice, rest);
    agree(choice, rest);
});

/// A wire is what it is, however it is cut.
fn read_anything(choice: &[u8; 8], wire: &[u8]) {
    for role in [Role::Server, Role::Client] {
        let whole = read(decoder(choice, role), wire, &[u8::MAX]);
        assert_eq!(read(decoder(choice, role), wire, &choice[3..]), whole);
        assert_eq!(read(decoder(choice, role), wire, &[1]), whole);
        let most = Limits::new(limit(choice)).max_message.max(125);
        assert!(whole.0.iter().all(|message| message.len() <= most));
    }
}

/// The same for bytes that are all payload, so that more of them reach the decompressor.
fn read_a_payload(choice: &[u8; 8], payload: &[u8]) {
    let wire = frame(OpCode::Binary, true, payload);
    let whole = read(decoder(choice, Role::Client), &wire, &[u8::MAX]);
    assert_eq!(read(decoder(choice, Role::Client), &wire, &choice[3..]), whole);
    assert!(whole.0.iter().all(|message| message.len() <= limit(choice)));
}

/// Messages, each as long as its first byte says, come back.
fn come_back(choice: &[u8; 8], mut rest: &[u8]) {
    let kept = choice[2] & 1 != 0;
    let window_bits = window_bits(choice);
    let mut deflater = Deflater::new(choice[3] % 10, window_bits);
    let (mut wire, mut messages) = (Vec::new(), Vec::new());
    while let Some((&length, after)) = rest.split_first() {
        let (message, after) = after.split_at(after.len().min(usize::from(length)));
        rest = after;
        if message.is_empty() {
            continue;
        }
        if !kept {
            deflater.reset();
        }
        // In two parts, and long enough for several blocks now and then.
        let message = message.repeat(1 + usize::from(choice[4]));
        let mut payload = Vec::new();
        let (first, second) = message.split_at(message.len() / 3);
        deflater.deflate([first, second], &mut payload).expect("every message can be compressed");
        wire.extend(frame(OpCode::Binary, true, &payload));
        messages.push(message);
    }
    let inflater = if kept { Inflater::kept(window_bits) } else { Inflater::per_message() };
    let decoder = Decoder::new(Role::Client, Limits::new(usize::MAX / 4)).inflating(inflater);
    assert_eq!(read(decoder, &wire, &choice[5..]), (messages, Ok(())));
}

/// What is agreed on is an offer that leads to the same.
fn agree(choice: &[u8; 8], field: &[u8]) {
    let Ok(field) = std::str::from_utf8(field) else { return };
    let mut terms = Terms::default();
    terms.server_context = if choice[2] & 2 != 0 { Context::Kept } else { Context::PerMessage };
    terms.client_context = if choice[2] & 4 != 0 { Context::Kept } else { Context::PerMessage };
    if let Ok(Some(agreement)) = Agreement::negotiate([field], terms) {
        let answer = agreement.to_string();
        let again = Agreement::negotiate([answer.as_str()], terms);
        assert_eq!(again.map(|again| again.map(|again| again.to_string())), Ok(Some(answer)));
    }
}

fn limit(choice: &[u8; 8]) -> usize {
    usize::from(u16::from_le_bytes([choice[0], choice[1]]))
}

fn window_bits(choice: &[u8; 8]) -> u8 {
    9 + (choice[2] >> 3) % 7
}

fn decoder(choice: &[u8; 8], role: Role) -> Decoder {
    let inflater = match choice[2] & 1 {
        0 => Inflater::per_message(),
        _ => Inflater::kept(window_bits(choice)),
    };
    Decoder::new(role, Limits::new(limit(choice))).inflating(inflater)
}

/// A compressed message in one frame of a server.
fn frame(opcode: OpCode, fin: bool, payload: &[u8]) -> Vec<u8> {
    let mut header = [0; MAX_HEADER];
    let len = encode_header(&mut header, opcode, fin, payload.len() as u64, None);
    header[0] |= COMPRESSED;
    [&header[..len], payload].concat()
}

fn read(mut decoder: Decoder, wire: &[u8], pieces: &[u8]) -> (Vec<Vec<u8>>, Result<(), Error>) {
    read_in_pieces(wire, pieces, |input| {
        decoder.decode(input).map(|step| (step.consumed, step.event.map(owned)))
    })
}

fn owned(event: Event<'_>) -> Vec<u8> {
    match event {
        Event::Text(text) => text.as_bytes().to_vec(),
        Event::Binary(payload) => payload.to_vec(),
        Event::Ping(payload) | Event::Pong(payload) => payload.to_vec(),
        Event::Close(_) => b"close".to_vec(),
    }
}
