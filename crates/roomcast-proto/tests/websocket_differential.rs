//! Our WebSocket decoder beside that of tokio-websockets: from the same bytes both take the same messages, and where
//! one refuses them, the other does so with the same close code. Each difference we accept is in [`accepted`], with
//! its reason.
//!
//! Random streams come in, right ones and damaged ones, for both roles. Odd: what the other side answers is read with
//! our decoder in the opposite role, so each run also proves that we understand what it writes.

use futures_util::{FutureExt, SinkExt, StreamExt};
use proptest::prelude::*;
use roomcast_proto::websocket::{
    Decoder, Error, Event, Limits, MAX_HEADER, OpCode, Role, encode_header, mask,
};
use tokio_websockets::{ClientBuilder, Config, Message, ServerBuilder, WebSocketStream};

const MAX_MESSAGE: usize = 1_000;

/// A message or control frame: what it is, and its bytes.
type Seen = (OpCode, Vec<u8>);

/// What a decoder made of a stream: what it took, and the code it refused the rest with.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    seen: Vec<Seen>,
    refused: Option<u16>,
}

fn seen(event: Event<'_>) -> Seen {
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

/// Our reading, cut at the given places.
fn ours(role: Role, wire: &[u8], cuts: &[prop::sample::Index]) -> (Vec<Seen>, Result<(), Error>) {
    let mut decoder = Decoder::new(role, Limits::new(MAX_MESSAGE));
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len() + 1)).collect();
    places.extend([0, wire.len()]);
    places.sort_unstable();
    let mut all = Vec::new();
    for piece in places.windows(2) {
        let mut piece = wire[piece[0]..piece[1]].to_vec();
        let mut input = &mut piece[..];
        loop {
            let step = match decoder.decode(input) {
                Ok(step) => step,
                Err(error) => return (all, Err(error)),
            };
            let consumed = step.consumed;
            let Some(event) = step.event else { break };
            all.push(seen(event));
            input = &mut input[consumed..];
        }
    }
    (all, Ok(()))
}

/// The other implementation, on a connection that gives `wire` and then ends, and that keeps what is written.
fn other(role: Role, wire: &[u8]) -> WebSocketStream<tokio::io::Join<&[u8], Vec<u8>>> {
    let io = tokio::io::join(wire, Vec::new());
    let limits = tokio_websockets::Limits::default().max_payload_len(Some(MAX_MESSAGE));
    match role {
        Role::Server => ServerBuilder::new().limits(limits).serve(io),
        Role::Client => ClientBuilder::new().limits(limits).take_over(io),
    }
}

/// The other implementation's reading.
fn theirs(role: Role, wire: &[u8]) -> Outcome {
    let mut stream = other(role, wire);
    let mut all = Vec::new();
    let mut refused = None;
    let mut next = || stream.next().now_or_never().expect("memory never waits");
    while let Some(message) = next() {
        match message {
            Ok(message) => {
                let opcode = match () {
                    () if message.is_text() => OpCode::Text,
                    () if message.is_binary() => OpCode::Binary,
                    () if message.is_ping() => OpCode::Ping,
                    () if message.is_pong() => OpCode::Pong,
                    () => OpCode::Close,
                };
                // The raw payload: its `as_text` trusts a validation that is not always right, see `accepted`.
                all.push((opcode, message.into_payload().to_vec()));
            }
            // The end of the stream inside a frame.
            Err(tokio_websockets::Error::Io(_)) => break,
            Err(tokio_websockets::Error::PayloadTooLong { .. }) => {
                refused = Some(1009);
                break;
            }
            // The next call writes the close frame.
            Err(tokio_websockets::Error::Protocol(_)) => refused = Some(0),
            Err(error) => panic!("{error}"),
        }
    }
    let (_, written) = stream.into_inner().into_inner();
    if refused == Some(0) {
        let opposite = match role {
            Role::Server => Role::Client,
            Role::Client => Role::Server,
        };
        let (answers, end) = ours(opposite, &written, &[]);
        assert_eq!(end, Ok(()), "we read what it writes");
        let Some((OpCode::Close, payload)) = answers.last() else { panic!("no close in {answers:?}") };
        refused = Some(u16::from_be_bytes([payload[0], payload[1]]));
    }
    Outcome { seen: all, refused }
}

/// Why the two may differ here, if they may.
fn accepted(ours: &[Seen], error: Option<Error>, theirs: &Outcome) -> Option<&'static str> {
    match (error?, theirs.refused) {
        (Error::LengthOverflow, Some(1009)) if theirs.seen == ours => {
            Some("a length with its highest bit set breaks the protocol before it is too large")
        }
        (Error::TooLarge, None | Some(1007)) if theirs.seen == ours => {
            Some("we refuse a fragment that makes the message too large by its header, not after its payload")
        }
        (Error::InvalidUtf8, _)
            if theirs.seen.starts_with(ours)
                && theirs.seen.get(ours.len()).is_some_and(|(opcode, payload)| {
                    *opcode == OpCode::Text && std::str::from_utf8(payload).is_err()
                }) =>
        {
            Some("it takes text that ends inside a character where the last fragment is empty")
        }
        _ => None,
    }
}

/// One frame as written.
#[derive(Clone, Debug)]
struct Frame {
    opcode: OpCode,
    fin: bool,
    payload: Vec<u8>,
}

impl Frame {
    fn write(&self, to: Role, wire: &mut Vec<u8>) {
        let key = (to == Role::Server).then_some([0x5A, 0xC3, 0x01, self.payload.len() as u8]);
        let mut header = [0; MAX_HEADER];
        let len = encode_header(&mut header, self.opcode, self.fin, self.payload.len() as u64, key);
        wire.extend(&header[..len]);
        let start = wire.len();
        wire.extend(&self.payload);
        if let Some(key) = key {
            mask(key, &mut wire[start..], 0);
        }
    }
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "\\PC{0,30}".prop_map(String::into_bytes),
        2 => "[a-z]{120,130}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (0..1_200_usize).prop_map(|len| vec![b'x'; len]),
    ]
}

/// A message in fragments, with control frames between them.
fn message() -> impl Strategy<Value = Vec<Frame>> {
    let control =
        (prop::sample::select(vec![OpCode::Ping, OpCode::Pong]), prop::collection::vec(any::<u8>(), 0..130));
    let cuts = prop_oneof![Just(Vec::new()), prop::collection::vec(any::<prop::sample::Index>(), 1..4)];
    (any::<bool>(), payload(), cuts, prop::option::weighted(0.3, control)).prop_map(
        |(text, payload, cuts, control)| {
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
            places.extend([0, payload.len()]);
            places.sort_unstable();
            let mut frames = Vec::new();
            for (i, piece) in places.windows(2).enumerate() {
                let opcode = match (i, text) {
                    (0, true) => OpCode::Text,
                    (0, false) => OpCode::Binary,
                    _ => OpCode::Continuation,
                };
                let fin = i == places.len() - 2;
                frames.push(Frame { opcode, fin, payload: payload[piece[0]..piece[1]].to_vec() });
                if let Some((opcode, payload)) = control.clone() {
                    frames.push(Frame { opcode, fin: true, payload });
                }
            }
            frames
        },
    )
}

fn close() -> impl Strategy<Value = Vec<Frame>> {
    let code = prop_oneof![998..1_018_u16, 2_990..5_010_u16, any::<u16>()];
    let payload = prop_oneof![
        Just(Vec::new()),
        Just(vec![3]),
        (code, prop_oneof![Just(Vec::new()), payload()]).prop_map(|(code, reason)| [
            &code.to_be_bytes()[..],
            &reason
        ]
        .concat()),
    ];
    payload.prop_map(|payload| vec![Frame { opcode: OpCode::Close, fin: true, payload }])
}

/// Single frames in any order, so that the rules of continuation are broken.
fn disorder() -> impl Strategy<Value = Vec<Frame>> {
    let opcode = prop::sample::select(vec![
        OpCode::Continuation,
        OpCode::Text,
        OpCode::Binary,
        OpCode::Ping,
        OpCode::Close,
    ]);
    prop::collection::vec(
        (opcode, any::<bool>(), payload()).prop_map(|(opcode, fin, payload)| Frame { opcode, fin, payload }),
        1..4,
    )
}

/// A stream for `to`, and what is then done to it: bytes changed, put in, taken out, or the end cut off.
fn stream(to: Role) -> impl Strategy<Value = Vec<u8>> {
    let frames = prop_oneof![10 => message(), 1 => close(), 1 => disorder()];
    let damage = (0..4_u8, any::<prop::sample::Index>(), any::<u8>());
    let damages = prop_oneof![Just(Vec::new()), prop::collection::vec(damage, 1..4)];
    (prop::collection::vec(frames, 0..5), damages).prop_map(move |(frames, damages)| {
        let mut wire = Vec::new();
        for frame in frames.iter().flatten() {
            frame.write(to, &mut wire);
        }
        for (kind, place, byte) in damages {
            let place = place.index(wire.len() + 1);
            match kind {
                0 => wire.insert(place, byte),
                1 => wire.truncate(place),
                _ if place == wire.len() => {}
                2 => wire[place] = byte,
                _ => drop(wire.remove(place)),
            }
        }
        wire
    })
}

fn compare(role: Role, wire: &[u8], cuts: &[prop::sample::Index]) -> Result<(), TestCaseError> {
    let (seen, end) = ours(role, wire, cuts);
    let theirs = theirs(role, wire);
    let error = end.err();
    let ours = Outcome { seen, refused: error.map(Error::close_code) };
    if ours != theirs {
        let reason = accepted(&ours.seen, error, &theirs);
        prop_assert!(reason.is_some(), "we: {ours:?} ({error:?})\nthey: {theirs:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn a_server_takes_and_refuses_the_same(
        wire in stream(Role::Server),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        compare(Role::Server, &wire, &cuts)?;
    }

    #[test]
    fn a_client_takes_and_refuses_the_same(
        wire in stream(Role::Client),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        compare(Role::Client, &wire, &cuts)?;
    }
}

proptest! {
    #[test]
    fn what_it_writes_in_fragments_we_read(
        messages in prop::collection::vec((any::<bool>(), "\\PC{0,200}"), 0..5),
        frame_size in 1..50_usize,
        to_server: bool,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let config = Config::default().frame_size(frame_size).flush_threshold(usize::MAX);
        let io = tokio::io::join(&[][..], Vec::new());
        let (role, mut stream) = if to_server {
            (Role::Server, ClientBuilder::new().config(config).take_over(io))
        } else {
            (Role::Client, ServerBuilder::new().config(config).serve(io))
        };
        let mut expected = Vec::new();
        for (text, content) in messages {
            let bytes = content.clone().into_bytes();
            expected.push((if text { OpCode::Text } else { OpCode::Binary }, bytes.clone()));
            let message = if text { Message::text(content) } else { Message::binary(bytes) };
            stream.send(message).now_or_never().expect("memory never waits").unwrap();
        }
        let (_, wire) = stream.into_inner().into_inner();
        prop_assert_eq!(ours(role, &wire, &cuts), (expected, Ok(())));
    }
}

#[test]
fn every_kind_of_header_at_the_borders_of_the_length_is_judged_the_same() {
    let tails: [&[u8]; 6] = [
        &[],
        &[0; 6],
        &[0, 125, 0, 0, 0, 0],
        &[0, 126, 0, 0, 0, 0],
        &[0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0],
        &[0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
    ];
    for role in [Role::Server, Role::Client] {
        for first in 0..=u8::MAX {
            for second in [0x00, 0x01, 0x7D, 0x7E, 0x7F, 0x80, 0x81, 0xFD, 0xFE, 0xFF] {
                for tail in tails {
                    compare(role, &[&[first, second], tail].concat(), &[]).unwrap();
                }
            }
        }
    }
}

#[test]
fn every_close_code_is_judged_the_same() {
    for code in (0..=5_100_u16).chain([u16::MAX]) {
        let payload = code.to_be_bytes().to_vec();
        let mut wire = Vec::new();
        Frame { opcode: OpCode::Close, fin: true, payload }.write(Role::Client, &mut wire);
        compare(Role::Client, &wire, &[]).unwrap();
    }
}

/// Each reason in [`accepted`] is still one: where the other side changes, this fails and the reason can go.
#[test]
fn the_accepted_differences_are_still_there() {
    let too_long = vec![0x82, 127, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    let mut second_fragment = Vec::new();
    Frame { opcode: OpCode::Binary, fin: false, payload: vec![0; 999] }
        .write(Role::Client, &mut second_fragment);
    second_fragment.extend([0x80, 2]);
    let half_character = b"\x01\x01\xC3\x80\x00".to_vec();
    for (wire, code) in [(too_long, 1002), (second_fragment, 1009), (half_character, 1007)] {
        let (seen, end) = ours(Role::Client, &wire, &[]);
        let error = end.unwrap_err();
        assert_eq!(error.close_code(), code);
        let theirs = theirs(Role::Client, &wire);
        assert_ne!(theirs, Outcome { seen: seen.clone(), refused: Some(code) });
        assert!(accepted(&seen, Some(error), &theirs).is_some(), "{theirs:?}");
    }
}
