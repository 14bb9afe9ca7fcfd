//! What holds for all packets: nothing a peer sends panics, and what is written is what is read.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report, in its helpers too")]

use std::collections::HashSet;

use bytes::Bytes;
use proptest::prelude::*;
use roomcast_proto::socket::{
    AckOutcome, Args, Arguments, Body, Connection, Decision, Decoder, Head, Limits, Packet, SlotId, Value,
    encode_ack, encode_event, encode_event_args,
};

/// One message of a peer.
#[derive(Debug, Clone)]
enum Message {
    Text(String),
    Binary(Vec<u8>),
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(|bytes| Value::from(Bytes::from(bytes))),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-z\"é_]{0,4}", inner), 0..5)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Text that often is nearly a packet.
fn text() -> impl Strategy<Value = String> {
    let begin = prop_oneof!["[0-9]{0,3}", Just("51-".into()), Just("52-".into()), "[0-6][0-9]?-?"];
    let namespace = prop_oneof![Just(String::new()), Just("/,".into()), Just("/a,".into()), "/[a-é,]{0,3}"];
    let piece = prop::sample::select(vec![
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"",
        "\\",
        "\\u",
        "\\ud83d",
        "\"a\"",
        "\"_placeholder\":true",
        "\"num\":",
        "0",
        "-1",
        "1e9",
        "null",
        " ",
        "é",
        "[\"a\"]",
        "{\"_placeholder\":true,\"num\":0}",
        "\"connect\"",
    ]);
    let payload = prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat());
    prop_oneof![
        1 => any::<String>(),
        4 => (begin, namespace, payload).prop_map(|(begin, namespace, payload)| format!("{begin}{namespace}{payload}")),
        4 => prop::sample::select(vec![
            "0", "0/a,", "1", "1/a,", "2[\"a\"]", "2/a,[\"a\",1]", "2", "31[]", "3/a,[]", "4{}",
            "51-[\"a\",{\"_placeholder\":true,\"num\":0}]", "61-/a,1[{\"_placeholder\":true,\"num\":0}]",
        ]).prop_map(str::to_owned),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        5 => text().prop_map(Message::Text),
        1 => prop::collection::vec(any::<u8>(), 0..4).prop_map(Message::Binary),
    ]
}

/// Asks for every argument in every way.
fn read_all(args: &Args<'_>) {
    for index in 0..=args.len() {
        let _ = args.get::<Value>(index);
        let _ = args.get::<String>(index);
        let _ = args.get::<Vec<Bytes>>(index);
        let _ = args.get::<std::collections::BTreeMap<i8, Option<f32>>>(index);
    }
    let mut out = Vec::new();
    let head = Head { namespace: "/", id: None };
    encode_event(&mut out, head, "again", &Arguments::from(args)).unwrap();
    encode_event_args(&mut out, head, "again", args).unwrap();
    assert!(std::str::from_utf8(&out).is_ok());
}

fn decode<'a>(text: &'a str, attachments: &[Bytes]) -> Packet<'a> {
    let mut decoder = Decoder::new(limits());
    let mut packet = decoder.text(text).unwrap();
    for attachment in attachments {
        assert!(packet.is_none());
        packet = decoder.binary(attachment.clone()).unwrap();
    }
    packet.unwrap()
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_attachments = 1000;
    limits
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_a_peer_sends_panics(messages in prop::collection::vec(message(), 1..12)) {
        let mut decoder = Decoder::new(Limits::default());
        for message in &messages {
            let packet = match message {
                Message::Text(text) => decoder.text(text),
                Message::Binary(bytes) => decoder.binary(Bytes::copy_from_slice(bytes)),
            };
            match packet.ok().flatten().map(|packet| packet.body) {
                Some(Body::Event { event, .. }) => read_all(event.args()),
                Some(Body::Ack { args, .. }) => read_all(&args),
                _ => {}
            }
        }
    }

    #[test]
    fn a_connection_keeps_its_promises(
        steps in prop::collection::vec((message(), any::<bool>(), any::<bool>(), 0..6_u8), 1..40),
    ) {
        const MAX: usize = 3;
        let mut connection = Connection::new(Limits::default(), MAX);
        let mut seen = HashSet::<SlotId>::new();
        let mut live = Vec::<SlotId>::new();
        for (message, accept, batch_ends, removed) in steps {
            let joined: HashSet<SlotId> = connection.joined().map(|(slot, _)| slot).collect();
            let decision = match &message {
                Message::Text(text) => connection.handle_text(text),
                Message::Binary(bytes) => connection.handle_binary(Bytes::copy_from_slice(bytes)),
            };
            match decision {
                Ok(Decision::Connect { slot, .. }) => {
                    prop_assert!(seen.insert(slot), "a slot id was used twice");
                    live.push(slot);
                    if accept {
                        prop_assert!(connection.accept(slot));
                    }
                }
                Ok(Decision::Event { slot, .. } | Decision::Ack { slot, .. }) => {
                    prop_assert!(joined.contains(&slot), "a packet for a socket that is not there");
                }
                Ok(Decision::Disconnect { slot }) => {
                    prop_assert!(joined.contains(&slot));
                    prop_assert!(!connection.accept(slot), "a socket that left came back");
                }
                _ => {}
            }
            if let Some(slot) = live.get(usize::from(removed)) {
                connection.remove(*slot);
                prop_assert!(!connection.accept(*slot));
                live.remove(usize::from(removed));
            }
            if batch_ends {
                connection.end_of_batch();
            }
            let names: Vec<_> = connection.joined().chain(connection.pending()).map(|(_, name)| name.clone()).collect();
            prop_assert!(names.len() <= MAX);
            prop_assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "one namespace, two sockets");
        }
    }

    #[test]
    fn what_is_written_is_what_is_read(
        name in "[a-z\"\\\\é\n]{0,8}",
        namespace in "(/[a-z/?é ]{1,6}|/)",
        id in any::<Option<u64>>(),
        first in value(),
        second in value(),
    ) {
        let mut out = Vec::new();
        let head = Head { namespace: &namespace, id };
        let attachments = encode_event(&mut out, head, &name, &(&first, &second)).unwrap();
        let text = std::str::from_utf8(&out).unwrap();
        let packet = decode(text, &attachments);
        prop_assert_eq!(&*packet.namespace, namespace.as_str());
        let Body::Event { id: read_id, event } = packet.body else { panic!("event") };
        prop_assert_eq!((read_id, event.name(), event.args().len()), (id, name.as_str(), 2));
        prop_assert_eq!(event.args().get::<Value>(0).unwrap(), first.clone());
        prop_assert_eq!(event.args().get::<Value>(1).unwrap(), second.clone());

        let mut again = Vec::new();
        let same = encode_event_args(&mut again, head, &name, event.args()).unwrap();
        prop_assert_eq!((&again, &same), (&out, &attachments));

        let mut out = Vec::new();
        let acknowledged = encode_ack(&mut out, head, &Ok::<_, ()>((second, first))).unwrap();
        let AckOutcome::Encoded(attachments) = acknowledged else { panic!("encoded") };
        let Body::Ack { args, .. } = decode(std::str::from_utf8(&out).unwrap(), &attachments).body else { panic!("ack") };
        prop_assert_eq!(args.get::<Value>(1).unwrap(), event.args().get::<Value>(0).unwrap());
    }

    #[test]
    fn without_attachments_arguments_read_as_serde_json_reads_them(value in value()) {
        let json = serde_json::to_string(&value).unwrap();
        let text = format!(r#"2["a",{json}]"#);
        let Body::Event { event, .. } = decode(&text, &[]).body else { panic!("event") };
        let args = event.args();
        prop_assert_eq!(args.raw(0), Some(json.as_str()));
        prop_assert_eq!(args.get::<serde_json::Value>(0).ok(), serde_json::from_str(&json).ok());
        prop_assert_eq!(args.get::<i64>(0).ok(), serde_json::from_str(&json).ok());
        prop_assert_eq!(args.get::<Vec<Option<String>>>(0).ok(), serde_json::from_str(&json).ok());
        prop_assert_eq!(args.data(0).unwrap().get::<serde_json::Value>().ok(), serde_json::from_str(&json).ok());
    }

    #[test]
    fn with_attachments_arguments_without_binary_read_as_serde_json_reads_them(value in value()) {
        // Written by serde_json, bytes are arrays of numbers; the escape makes the decoder look for placeholders.
        let json = format!(r#"[{},"\u0061"]"#, serde_json::to_string(&value).unwrap());
        let text = format!(r#"51-["a",{json}]"#);
        let Body::Event { event, .. } = decode(&text, &[Bytes::from_static(b"x")]).body else { panic!("event") };
        let args = event.args();
        prop_assert_eq!(args.get::<serde_json::Value>(0).ok(), serde_json::from_str(&json).ok());
        prop_assert_eq!(args.get::<(f64, String)>(0).ok(), serde_json::from_str(&json).ok());
        prop_assert_eq!(args.get::<(Option<Vec<u8>>, char)>(0).ok(), serde_json::from_str(&json).ok());
    }
}
