//! The codec as a whole: what one side writes, the other reads, however the bytes are cut; and what no peer may do.

use proptest::prelude::*;

use super::*;

/// An [`Event`] that owns what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Got {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<Event<'_>> for Got {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::Text(text.to_owned()),
            Event::Binary(payload) => Self::Binary(payload.to_vec()),
            Event::Ping(payload) => Self::Ping(payload.to_vec()),
            Event::Pong(payload) => Self::Pong(payload.to_vec()),
            Event::Close(close) => Self::Close(close.map(|close| (close.code, close.reason.to_owned()))),
        }
    }
}

/// Reads all of `input`, as a front does.
fn feed(decoder: &mut Decoder, mut input: &mut [u8], got: &mut Vec<Got>) -> Result<(), Error> {
    loop {
        let step = decoder.decode(input)?;
        let consumed = step.consumed;
        let Some(event) = step.event else {
            assert_eq!(consumed, input.len(), "without an event all is consumed");
            return Ok(());
        };
        got.push(event.into());
        input = &mut input[consumed..];
    }
}

/// Reads `wire` cut at the given places.
fn read(
    role: Role,
    limits: Limits,
    wire: &[u8],
    cuts: &[prop::sample::Index],
) -> (Vec<Got>, Result<(), Error>) {
    let mut decoder = Decoder::new(role, limits);
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len() + 1)).collect();
    places.extend([0, wire.len()]);
    places.sort_unstable();
    let mut got = Vec::new();
    for piece in places.windows(2) {
        let mut piece = wire[piece[0]..piece[1]].to_vec();
        if let Err(error) = feed(&mut decoder, &mut piece, &mut got) {
            assert_eq!(decoder.decode(&mut []), Err(error), "an error stays");
            return (got, Err(error));
        }
    }
    (got, Ok(()))
}

/// One frame with its payload, masked where a client sends it.
fn frame(to: Role, opcode: OpCode, fin: bool, payload: &[u8]) -> Vec<u8> {
    let key = (to == Role::Server).then_some([0x9A, 0x01, 0xFF, payload.len() as u8]);
    let mut header = [0; MAX_HEADER];
    let header_len = encode_header(&mut header, opcode, fin, payload.len() as u64, key);
    let mut payload = payload.to_vec();
    if let Some(key) = key {
        mask(key, &mut payload, 0);
    }
    [&header[..header_len], &payload].concat()
}

/// What to send: a message with the places of its cuts, and a control frame after each fragment where there is one.
#[derive(Clone, Debug)]
struct Sent {
    message: Got,
    cuts: Vec<prop::sample::Index>,
    between: Option<Got>,
}

impl Sent {
    fn write(&self, to: Role, wire: &mut Vec<u8>, expected: &mut Vec<Got>) {
        let (opcode, payload) = match &self.message {
            Got::Text(text) => (OpCode::Text, text.as_bytes()),
            Got::Binary(bytes) => (OpCode::Binary, &bytes[..]),
            control => {
                wire.extend(control_frame(to, control));
                expected.push(control.clone());
                return;
            }
        };
        let mut places: Vec<usize> = self.cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
        places.extend([0, payload.len()]);
        places.sort_unstable();
        let last = places.len() - 2;
        for (i, piece) in places.windows(2).enumerate() {
            let opcode = if i == 0 { opcode } else { OpCode::Continuation };
            wire.extend(frame(to, opcode, i == last, &payload[piece[0]..piece[1]]));
            if let Some(control) = self.between.as_ref().filter(|_| i < last) {
                wire.extend(control_frame(to, control));
                expected.push(control.clone());
            }
        }
        expected.push(self.message.clone());
    }
}

fn control_frame(to: Role, control: &Got) -> Vec<u8> {
    let key = (to == Role::Server).then_some([1, 2, 3, 4]);
    match control {
        Got::Ping(payload) => ControlFrame::ping(payload, key).to_vec(),
        Got::Pong(payload) => ControlFrame::pong(payload, key).to_vec(),
        Got::Close(close) => {
            ControlFrame::close(close.as_ref().map(|(code, reason)| (*code, &**reason)), key).to_vec()
        }
        message => panic!("{message:?} is no control frame"),
    }
}

fn any_role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Server), Just(Role::Client)]
}

fn any_control() -> impl Strategy<Value = Got> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..=125).prop_map(Got::Ping),
        prop::collection::vec(any::<u8>(), 0..=125).prop_map(Got::Pong),
    ]
}

fn any_message() -> impl Strategy<Value = Got> {
    let bytes = prop_oneof![
        6 => prop::collection::vec(any::<u8>(), 0..300),
        // The borders between the forms of the length.
        1 => (prop::sample::select(vec![125, 126, 127, 65_535, 65_536]), any::<u8>())
            .prop_map(|(len, byte)| vec![byte; len]),
    ];
    prop_oneof![bytes.prop_map(Got::Binary), "\\PC{0,100}".prop_map(Got::Text)]
}

fn any_sent() -> impl Strategy<Value = Sent> {
    let message = prop_oneof![4 => any_message(), 1 => any_control()];
    let cuts = prop_oneof![Just(Vec::new()), prop::collection::vec(any::<prop::sample::Index>(), 1..5)];
    (message, cuts, prop::option::of(any_control())).prop_map(|(message, cuts, between)| Sent {
        message,
        cuts,
        between,
    })
}

/// Headers that are mostly right, so that random bytes reach the deeper rules.
fn nearly_frames() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        8 => prop::sample::select(vec![0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8A_u8]),
        1 => any::<u8>(),
    ];
    let frame = (first, any::<bool>(), prop::collection::vec(any::<u8>(), 0..20), any::<u8>(), 0..40_u8);
    let bytes = frame.prop_map(|(first, masked, payload, second, odds)| {
        let mut bytes = vec![first, payload.len() as u8 | if masked { 0x80 } else { 0 }];
        if odds == 0 {
            bytes[1] = second;
        }
        if masked {
            bytes.extend([0, 0, 0, 0]);
        }
        bytes.extend(payload.iter().map(|byte| if odds % 2 == 0 { byte & 0x7F } else { *byte }));
        bytes
    });
    prop::collection::vec(bytes, 0..8).prop_map(|frames| frames.concat())
}

proptest! {
    #[test]
    fn what_is_sent_arrives_however_it_is_fragmented_and_cut(
        role in any_role(),
        sent in prop::collection::vec(any_sent(), 0..8),
        close in prop::option::of(prop::option::of((prop::sample::select(vec![1000_u16, 1001, 4999]), "\\PC{0,20}"))),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let (mut wire, mut expected) = (Vec::new(), Vec::new());
        for sent in &sent {
            sent.write(role, &mut wire, &mut expected);
        }
        if let Some(close) = close {
            let close = Got::Close(close);
            wire.extend(control_frame(role, &close));
            expected.push(close);
            // Nothing after it matters.
            wire.extend([0xFF; 5]);
        }
        prop_assert_eq!(read(role, Limits::default(), &wire, &cuts), (expected, Ok(())));
    }

    #[test]
    fn one_byte_at_a_time_is_the_same(role in any_role(), sent in prop::collection::vec(any_sent(), 0..3)) {
        let (mut wire, mut expected) = (Vec::new(), Vec::new());
        for sent in &sent {
            sent.write(role, &mut wire, &mut expected);
        }
        let mut decoder = Decoder::new(role, Limits::default());
        let mut got = Vec::new();
        for byte in wire {
            prop_assert_eq!(feed(&mut decoder, &mut [byte], &mut got), Ok(()));
        }
        prop_assert_eq!(got, expected);
        prop_assert!(decoder.holds_nothing());
    }

    #[test]
    fn any_bytes_mean_the_same_however_they_are_cut(
        role in any_role(),
        wire in prop_oneof![nearly_frames(), prop::collection::vec(any::<u8>(), 0..100)],
        max_message in 0..60_usize,
        max_fragments in 1..4_u32,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let limits = Limits { max_message, max_fragments };
        let got = read(role, limits, &wire, &cuts);
        prop_assert_eq!(&got, &read(role, limits, &wire, &[]));
        for got in got.0 {
            if let Got::Text(text) = &got { prop_assert!(text.len() <= max_message) }
            if let Got::Binary(bytes) = &got { prop_assert!(bytes.len() <= max_message) }
        }
    }

    #[test]
    fn the_short_way_gives_what_the_rules_give(
        role in any_role(),
        wire in prop_oneof![
            nearly_frames(),
            prop::collection::vec(any::<u8>(), 0..12),
            (any_role(), prop::collection::vec(any_sent(), 0..4)).prop_map(|(to, sent)| {
                let mut wire = Vec::new();
                sent.iter().for_each(|sent| sent.write(to, &mut wire, &mut Vec::new()));
                wire
            }),
        ],
        max_message in prop_oneof![0..60_usize, Just(1_000), Just(100_000)],
    ) {
        let limits = Limits { max_message, ..Limits::default() };
        let (mut short, mut rules) = (Decoder::new(role, limits), Decoder::new(role, limits));
        let (mut wire, mut same_wire) = (wire.clone(), wire);
        let (mut input, mut same) = (&mut wire[..], &mut same_wire[..]);
        loop {
            let consumed = {
                let step = short.decode(input);
                prop_assert_eq!(&step, &rules.decode_any(same));
                let Ok(Step { consumed, event: Some(_) }) = step else { break };
                consumed
            };
            (input, same) = (&mut input[consumed..], &mut same[consumed..]);
            prop_assert_eq!(&input, &same, "what follows is untouched");
        }
        prop_assert_eq!(short.decode(&mut []), rules.decode_any(&mut []));
    }
}

#[test]
fn a_frame_that_lies_whole_in_the_input_is_lent_from_there_and_allocates_nothing() {
    for (opcode, payload) in [(OpCode::Text, "text"), (OpCode::Binary, "bytes"), (OpCode::Ping, "ping")] {
        let mut wire = frame(Role::Server, opcode, true, payload.as_bytes());
        let range = wire.as_ptr_range();
        let mut decoder = Decoder::new(Role::Server, Limits::default());
        let lent = match decoder.decode(&mut wire).unwrap().event {
            Some(Event::Text(text)) => text.as_bytes(),
            Some(Event::Binary(Payload::Borrowed(bytes))) => bytes,
            Some(Event::Ping(bytes)) => bytes,
            event => panic!("{event:?}"),
        };
        assert_eq!(lent, payload.as_bytes());
        assert!(range.contains(&lent.as_ptr()));
        assert!(decoder.holds_nothing());
    }
}

#[test]
fn an_idle_decoder_is_small_and_holds_nothing() {
    assert!(size_of::<Decoder>() <= 64, "{}", size_of::<Decoder>());
    let mut decoder = Decoder::new(Role::Client, Limits::default());
    let mut got = Vec::new();
    // An incomplete header alone needs no allocation either.
    feed(&mut decoder, &mut [0x81, 126, 1], &mut got).unwrap();
    assert!(decoder.holds_nothing());
    feed(&mut decoder, &mut [0], &mut got).unwrap();
    assert!(!decoder.holds_nothing());
    feed(&mut decoder, &mut [b'x'; 256], &mut got).unwrap();
    assert_eq!(got, [Got::Text("x".repeat(256))]);
    assert!(decoder.holds_nothing());
    // A control frame in pieces, inside a fragmented message.
    for piece in [&b"\x01\x01a"[..], b"\x89\x02p", b"i"] {
        feed(&mut decoder, &mut piece.to_vec(), &mut got).unwrap();
    }
    assert_eq!(got.last(), Some(&Got::Ping(b"pi".to_vec())));
    assert!(!decoder.holds_nothing());
    feed(&mut decoder, &mut b"\x80\x01b".to_vec(), &mut got).unwrap();
    assert_eq!(got.last(), Some(&Got::Text("ab".to_owned())));
    assert!(decoder.holds_nothing());
}

#[test]
fn an_announced_length_allocates_nothing_before_its_bytes_arrive() {
    let mut decoder = Decoder::new(Role::Client, Limits::new(usize::MAX));
    let mut got = Vec::new();
    feed(&mut decoder, &mut [0x82, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], &mut got).unwrap();
    assert_eq!(decoder.message_capacity(), 0);
    for arrived in 1..=5_000 {
        feed(&mut decoder, &mut [0], &mut got).unwrap();
        assert!(decoder.message_capacity() <= (2 * arrived).max(256));
    }
    assert_eq!(got, []);
}

#[test]
fn a_message_in_pieces_is_owned_without_spare_memory() {
    let wire = frame(Role::Client, OpCode::Binary, true, &[7; 10_000]);
    let mut decoder = Decoder::new(Role::Client, Limits::default());
    let (mut head, mut tail) = (wire[..100].to_vec(), wire[100..].to_vec());
    assert_eq!(decoder.decode(&mut head), Ok(Step { consumed: 100, event: None }));
    let step = decoder.decode(&mut tail).unwrap();
    let Some(Event::Binary(payload @ Payload::Owned(_))) = step.event else { panic!("{step:?}") };
    let bytes = Vec::from(payload.into_bytes());
    assert_eq!(bytes, [7; 10_000]);
    assert_eq!(bytes.capacity(), 10_000);
}

#[test]
fn a_message_is_too_large_by_its_fragments_together() {
    let limits = Limits::new(10);
    for opcode in [OpCode::Text, OpCode::Binary] {
        let mut wire = frame(Role::Client, opcode, false, b"12345");
        wire.extend(frame(Role::Client, OpCode::Continuation, true, b"67890"));
        assert_eq!(read(Role::Client, limits, &wire, &[]).1, Ok(()));

        let mut wire = frame(Role::Client, opcode, false, b"12345");
        // The header is enough.
        wire.extend([0x80, 6]);
        assert_eq!(read(Role::Client, limits, &wire, &[]).1, Err(Error::TooLarge));
    }
}

#[test]
fn endless_empty_fragments_end() {
    let limits = Limits { max_message: 10, max_fragments: 3 };
    let mut wire = frame(Role::Client, OpCode::Text, false, b"");
    for _ in 0..2 {
        wire.extend(frame(Role::Client, OpCode::Continuation, false, b""));
    }
    assert_eq!(read(Role::Client, limits, &wire, &[]), (vec![], Ok(())));
    wire.extend(frame(Role::Client, OpCode::Continuation, true, b""));
    let error = read(Role::Client, limits, &wire, &[]).1.unwrap_err();
    assert_eq!((error, error.close_code()), (Error::TooManyFragments, 1009));
}

#[test]
fn bad_text_is_refused_at_its_first_wrong_byte() {
    // A surrogate: wrong with its second byte, in a frame whose end has not come.
    let mut decoder = Decoder::new(Role::Client, Limits::default());
    let mut got = Vec::new();
    assert_eq!(feed(&mut decoder, &mut b"\x81\x7Dabc\xED".to_vec(), &mut got), Ok(()));
    assert_eq!(feed(&mut decoder, &mut b"\xA0".to_vec(), &mut got), Err(Error::InvalidUtf8));
    assert!(decoder.holds_nothing());
    // A character is cut by the end of the message, even if its last fragment is empty.
    for last in [&b"\xC3"[..], b""] {
        let mut wire = frame(Role::Client, OpCode::Text, false, b"a\xC3");
        wire.extend(frame(Role::Client, OpCode::Continuation, true, last));
        assert_eq!(read(Role::Client, Limits::default(), &wire, &[]), (vec![], Err(Error::InvalidUtf8)));
    }
    // In one fragment that is not the last.
    let wire = frame(Role::Client, OpCode::Text, false, b"\xFF");
    assert_eq!(read(Role::Client, Limits::default(), &wire, &[]).1, Err(Error::InvalidUtf8));
    // Binary messages are not text.
    let wire = frame(Role::Client, OpCode::Binary, true, b"\xFF");
    assert_eq!(read(Role::Client, Limits::default(), &wire, &[]).0, [Got::Binary(vec![0xFF])]);
}

#[test]
fn nothing_is_read_after_a_close_or_an_error() {
    let mut wire = frame(Role::Client, OpCode::Close, true, b"\x03\xE8");
    wire.extend(frame(Role::Client, OpCode::Text, true, b"late"));
    let (got, end) = read(Role::Client, Limits::default(), &wire, &[]);
    assert_eq!((got, end), (vec![Got::Close(Some((1000, String::new())))], Ok(())));

    let mut wire = frame(Role::Client, OpCode::Text, true, b"early");
    wire.extend(frame(Role::Client, OpCode::Close, true, &1005_u16.to_be_bytes()));
    let (got, end) = read(Role::Client, Limits::default(), &wire, &[]);
    assert_eq!((got, end), (vec![Got::Text("early".to_owned())], Err(Error::InvalidCloseCode(1005))));
}
