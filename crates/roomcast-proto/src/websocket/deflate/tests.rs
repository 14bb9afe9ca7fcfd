//! Vectors of the RFC, and messages there and back through whole frames.

use proptest::prelude::*;

use super::*;
use crate::websocket::{Decoder, Error, Event, Limits, MAX_HEADER, OpCode, Role, encode_header};

const COMPRESSED: u8 = 0x40;

/// Frames of a server: opcode, whether it is the last, whether it says "compressed", payload.
fn frame(opcode: OpCode, fin: bool, compressed: bool, payload: &[u8]) -> Vec<u8> {
    let mut header = [0; MAX_HEADER];
    let len = encode_header(&mut header, opcode, fin, payload.len() as u64, None);
    header[0] |= if compressed { COMPRESSED } else { 0 };
    [&header[..len], payload].concat()
}

fn deflated(deflater: &mut Deflater, message: &[u8]) -> Vec<u8> {
    let (first, second) = message.split_at(message.len() / 2);
    let mut out = b"kept".to_vec();
    deflater.deflate([first, second], &mut out).unwrap();
    out.split_off(4)
}

/// What a client reads, pings in capitals.
fn read(decoder: &mut Decoder, wire: &[u8], piece: usize) -> Result<Vec<Vec<u8>>, Error> {
    let mut seen = Vec::new();
    let mut wire = wire.to_vec();
    for mut input in wire.chunks_mut(piece) {
        loop {
            let step = decoder.decode(input)?;
            let consumed = step.consumed;
            match step.event {
                None => break,
                Some(Event::Text(text)) => seen.push(text.as_bytes().to_vec()),
                Some(Event::Binary(payload)) => seen.push(payload.to_vec()),
                Some(Event::Ping(payload)) => seen.push(payload.to_ascii_uppercase()),
                Some(Event::Pong(_) | Event::Close(_)) => {}
            }
            input = &mut input[consumed..];
        }
    }
    Ok(seen)
}

fn decoder(inflater: Inflater) -> Decoder {
    Decoder::new(Role::Client, Limits::new(100_000)).inflating(inflater)
}

/// RFC 7692, 7.2.3: payloads of "Hello".
const HELLO: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

#[test]
fn the_examples_of_the_rfc_are_read() {
    let fragments = [
        frame(OpCode::Text, false, true, &HELLO[..3]),
        frame(OpCode::Ping, true, false, b"ping"),
        frame(OpCode::Continuation, true, false, &HELLO[3..]),
    ]
    .concat();
    let table: &[(&[u8], &[&[u8]])] = &[
        (&frame(OpCode::Text, true, true, HELLO), &[b"Hello"]),
        (&fragments, &[b"PING", b"Hello"]),
        // A block without compression.
        (
            &frame(OpCode::Text, true, true, &[0, 5, 0, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0]),
            &[b"Hello"],
        ),
        // A final block.
        (&frame(OpCode::Text, true, true, &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]), &[b"Hello"]),
        // Two blocks.
        (
            &frame(
                OpCode::Text,
                true,
                true,
                &[0xf2, 0x48, 0x05, 0, 0, 0, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
            ),
            &[b"Hello"],
        ),
        // Nothing at all.
        (&frame(OpCode::Text, true, true, &[0]), &[b""]),
        // Not every message has to be compressed.
        (&frame(OpCode::Text, true, false, b"Hello"), &[b"Hello"]),
    ];
    for (wire, expected) in table {
        for inflater in [Inflater::per_message(), Inflater::kept(15)] {
            let mut decoder = decoder(inflater);
            for piece in [usize::MAX, 3, 1] {
                assert_eq!(read(&mut decoder, wire, piece).unwrap(), *expected, "{wire:x?}");
            }
        }
    }
    // The second message refers to the first.
    let two =
        [frame(OpCode::Text, true, true, HELLO), frame(OpCode::Text, true, true, &[0xf2, 0, 0x11, 0, 0])];
    let mut kept = decoder(Inflater::kept(15));
    assert_eq!(read(&mut kept, &two.concat(), 1000).unwrap(), [b"Hello", b"Hello"]);
    let mut per_message = decoder(Inflater::per_message());
    assert_eq!(read(&mut per_message, &two.concat(), 1000), Err(Error::InvalidCompression));
}

#[test]
fn hello_becomes_what_the_rfc_says() {
    let mut deflater = Deflater::new(6, 15);
    assert_eq!(deflated(&mut deflater, b"Hello"), HELLO);
    deflater.reset();
    assert_eq!(deflated(&mut deflater, b"Hello"), HELLO);
    // With the first message in the window it is shorter.
    assert!(deflated(&mut deflater, b"Hello").len() < HELLO.len());
}

#[test]
fn a_bomb_is_refused_where_it_passes_the_limit_and_holds_no_more_than_that() {
    let bomb = deflated(&mut Deflater::new(9, 15), &vec![0; 50_000_000]);
    assert!(bomb.len() < 100_000);
    for opcode in [OpCode::Binary, OpCode::Text] {
        let mut decoder = decoder(Inflater::per_message());
        assert_eq!(read(&mut decoder, &frame(opcode, true, true, &bomb), usize::MAX), Err(Error::TooLarge));
        assert!(decoder.holds_nothing());
        assert!(decoder.take_inflated() <= 100_000 && decoder.take_inflated() == 0);
    }
    let fits = deflated(&mut Deflater::new(9, 15), &vec![0; 100_000]);
    let mut decoder = decoder(Inflater::per_message());
    let seen = read(&mut decoder, &frame(OpCode::Binary, true, true, &fits), usize::MAX).unwrap();
    assert_eq!(seen[0].len(), 100_000);
    assert_eq!(decoder.take_inflated(), 100_000);
    let one_more = deflated(&mut Deflater::new(9, 15), &vec![0; 100_001]);
    let wire = frame(OpCode::Binary, true, true, &one_more);
    assert_eq!(read(&mut decoder, &wire, usize::MAX), Err(Error::TooLarge));
}

#[test]
fn compressed_data_counts_before_it_is_inflated_as_well() {
    let mut decoder = decoder(Inflater::per_message());
    let wire = frame(OpCode::Binary, false, true, &vec![0; 100_000]);
    assert_eq!(read(&mut decoder, &wire, 5000), Ok(vec![]));
    let wire = frame(OpCode::Continuation, true, false, &[0]);
    assert_eq!(read(&mut decoder, &wire, 5000), Err(Error::TooLarge));
}

#[test]
fn what_is_no_deflate_stream_or_no_text_is_refused() {
    let bad_text = deflated(&mut Deflater::new(6, 15), b"\xff\xfe");
    let table: &[(&[u8], Error)] = &[
        // A block type that does not exist.
        (&[0xff; 20], Error::InvalidCompression),
        // A stored block whose two lengths contradict each other.
        (&[0, 5, 0, 0, 0, 1, 2, 3, 4, 5], Error::InvalidCompression),
        // A distance beyond the beginning.
        (&[0xf2, 0, 0x11, 0, 0], Error::InvalidCompression),
        (&bad_text, Error::InvalidUtf8),
    ];
    for (payload, error) in table {
        for inflater in [Inflater::per_message(), Inflater::kept(9)] {
            let mut decoder = decoder(inflater);
            let wire = frame(OpCode::Text, true, true, payload);
            assert_eq!(read(&mut decoder, &wire, 7), Err(*error), "{payload:x?}");
            assert!(decoder.holds_nothing());
        }
    }
}

#[test]
fn without_agreement_nothing_may_be_compressed() {
    let mut decoder = Decoder::new(Role::Client, Limits::default());
    assert_eq!(
        read(&mut decoder, &frame(OpCode::Text, true, true, HELLO), usize::MAX),
        Err(Error::ReservedBits)
    );
}

#[test]
fn the_output_is_complete_whatever_room_it_finds() {
    // Content that does not shrink, so that the output runs through many sizes of the buffer.
    let mut state = 1_u32;
    let mut noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    for length in (1..400).chain([65_535, 65_536, 90_000]) {
        let message: Vec<u8> = noise.by_ref().take(length).collect();
        for level in [0, 1, 6] {
            let payload = deflated(&mut Deflater::new(level, 9), &message);
            let mut decoder = decoder(Inflater::per_message());
            let seen = read(&mut decoder, &frame(OpCode::Binary, true, true, &payload), usize::MAX);
            assert!(seen.unwrap() == [message.clone()], "{length} bytes, level {level}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn messages_come_back_in_every_window_level_context_and_cut(
        messages in prop::collection::vec(("[a-e]{0,30}", 1..400_usize), 1..8),
        level in 0..=9_u8,
        window_bits in MIN_WINDOW_BITS..=MAX_WINDOW_BITS,
        kept: bool,
        fragment in 1..3000_usize,
        piece in 1..3000_usize,
    ) {
        let messages: Vec<_> = messages.iter().map(|(part, times)| format!("4{}", part.repeat(*times))).collect();
        let mut deflater = Deflater::new(level, window_bits);
        let mut wire = Vec::new();
        for message in &messages {
            if !kept {
                deflater.reset();
            }
            let payload = deflated(&mut deflater, message.as_bytes());
            let count = payload.len().div_ceil(fragment);
            for (at, part) in payload.chunks(fragment).enumerate() {
                let opcode = if at == 0 { OpCode::Text } else { OpCode::Continuation };
                wire.extend(frame(opcode, at + 1 == count, at == 0, part));
                wire.extend(frame(OpCode::Ping, true, false, b"p"));
            }
        }
        let inflater = if kept { Inflater::kept(window_bits) } else { Inflater::per_message() };
        let mut seen = read(&mut decoder(inflater), &wire, piece).unwrap();
        seen.retain(|message| message != b"P");
        prop_assert_eq!(seen, messages.iter().map(|message| message.as_bytes().to_vec()).collect::<Vec<_>>());
    }
}
