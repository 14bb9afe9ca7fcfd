//! Any bytes of a WebTransport stream: decoding them in pieces is decoding them at once, errors included.
//!
//! The first bytes of the input choose the limit and the cuts; the rest is the wire. Odd: a cut repeats when its list ends,
//! so short inputs are cut often too.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roomcast_fuzz::read_in_pieces;
use roomcast_proto::websocket::Event;
use roomcast_proto::webtransport::{Decoder, Error};

fuzz_target!(|data: &[u8]| {
    let Some((choice, wire)) = data.split_first_chunk::<6>() else { return };
    let limit = usize::from(u16::from_le_bytes([choice[0], choice[1]]));
    let whole = read(limit, wire, &[u8::MAX]);
    assert_eq!(read(limit, wire, &choice[2..]), whole);
    assert_eq!(read(limit, wire, &[1]), whole);
    // What is no UTF-8 is replaced, by up to three bytes for each.
    assert!(whole.0.iter().all(|(text, packet)| packet.len() <= if *text { 3 * limit } else { limit }));
});

/// Whether it is text, and the packet.
type Seen = (bool, Vec<u8>);

fn read(limit: usize, wire: &[u8], pieces: &[u8]) -> (Vec<Seen>, Result<(), Error>) {
    let mut decoder = Decoder::new(limit);
    read_in_pieces(wire, pieces, |input| {
        decoder.decode(input).map(|step| (step.consumed, step.event.map(owned)))
    })
}

fn owned(event: Event<'_>) -> Seen {
    match event {
        Event::Text(text) => (true, text.as_bytes().to_vec()),
        Event::Binary(payload) => (false, payload.to_vec()),
        _ => panic!("there is nothing else on such a stream"),
    }
}
