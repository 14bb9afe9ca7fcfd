//! Any bytes, as a server and as a client: decoding them in pieces is decoding them at once, errors included.
//!
//! The first bytes of the input choose limits and cuts; the rest is the wire. Odd: a cut repeats when its list ends, so
//! short inputs are cut often too.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roomcast_fuzz::read_in_pieces;
use roomcast_proto::websocket::{Decoder, Error, Event, Limits, OpCode, Role};

type Seen = (OpCode, Vec<u8>);

fuzz_target!(|data: &[u8]| {
    let Some((choice, wire)) = data.split_first_chunk::<8>() else { return };
    let mut limits = Limits::new(usize::from(u16::from_le_bytes([choice[0], choice[1]])));
    limits.max_fragments = u32::from(choice[2]);
    for role in [Role::Server, Role::Client] {
        let whole = read(role, limits, wire, &[u8::MAX]);
        assert_eq!(read(role, limits, wire, &choice[3..]), whole);
        assert_eq!(read(role, limits, wire, &[1]), whole);
        for (opcode, payload) in &whole.0 {
            let most = if opcode.is_control() { 125 } else { limits.max_message };
            assert!(payload.len() <= most);
        }
    }
});

fn read(role: Role, limits: Limits, wire: &[u8], pieces: &[u8]) -> (Vec<Seen>, Result<(), Error>) {
    let mut decoder = Decoder::new(role, limits);
    read_in_pieces(wire, pieces, |input| {
        decoder.decode(input).map(|step| (step.consumed, step.event.map(owned)))
    })
}

fn owned(event: Event<'_>) -> Seen {
    match event {
        Event::Text(text) => (OpCode::Text, text.as_bytes().to_vec()),
        Event::Binary(payload) => (OpCode::Binary, payload.to_vec()),
        Event::Ping(payload) => (OpCode::Ping, payload.to_vec()),
        Event::Pong(payload) => (OpCode::Pong, payload.to_vec()),
        Event::Close(None) => (OpCode::Close, Vec::new()),
        Event::Close(Some(close)) => {
            (OpCode::Close, [&close.code.to_be_bytes(), close.reason.as_bytes()].concat())
        }
    }
}
