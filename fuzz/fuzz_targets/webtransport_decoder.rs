//! Any bytes of a WebTransport stream: decoding them in pieces is decoding them at once, errors included.
//!
//! The first bytes of the input choose the limit and the cuts; the rest is the wire. Odd: a cut repeats when its list ends,
//! so short inputs are cut often too.

#![no_main]

use libfuzzer_sys::fuzz_target;
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

/// Reads `wire` in pieces of the given lengths, over and over. 255 is all that is left.
fn read(limit: usize, wire: &[u8], pieces: &[u8]) -> (Vec<(bool, Vec<u8>)>, Result<(), Error>) {
    let mut decoder = Decoder::new(limit);
    let mut seen = Vec::new();
    let mut rest = wire;
    for &piece in pieces.iter().cycle() {
        let length = if piece == u8::MAX { rest.len() } else { rest.len().min(usize::from(piece).max(1)) };
        let (mut input, after) = rest.split_at(length);
        loop {
            let step = match decoder.decode(input) {
                Ok(step) => step,
                Err(error) => return (seen, Err(error)),
            };
            let consumed = step.consumed;
            match step.event {
                Some(Event::Text(text)) => seen.push((true, text.as_bytes().to_vec())),
                Some(Event::Binary(payload)) => seen.push((false, payload.to_vec())),
                Some(_) => panic!("there is nothing else on such a stream"),
                None => {
                    assert_eq!(consumed, input.len());
                    break;
                }
            }
            input = &input[consumed..];
        }
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    (seen, Ok(()))
}
