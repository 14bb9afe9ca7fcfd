//! What the decoder makes of single messages: tables recorded from socket.io-parser 4.2.7, and our own bounds.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report, in its helpers too")]

use bytes::Bytes;
use roomcast_proto::socket::{
    Body, DecodeError, Decoder, Head, Limits, Packet, Value, encode_ack_args, encode_connect,
    encode_connect_error, encode_disconnect, encode_event, encode_event_args,
};
use serde_json::value::RawValue;

fn decode(text: &str, attachments: &[&[u8]]) -> Result<Option<Packet<'static>>, DecodeError> {
    let text: &'static str = text.to_owned().leak();
    let mut decoder = Decoder::new(Limits::default());
    let mut packet = decoder.text(text)?;
    for attachment in attachments {
        assert!(packet.is_none() && decoder.is_reassembling(), "{text}: complete too early");
        packet = decoder.binary(Bytes::copy_from_slice(attachment))?;
    }
    assert_eq!(decoder.is_reassembling(), packet.is_none());
    Ok(packet)
}

/// One line per packet: `namespace type id name arguments`.
fn describe(packet: &Packet<'_>) -> String {
    let said = match &packet.body {
        Body::Connect(auth) => format!("connect {}", auth.as_deref().unwrap_or("-")),
        Body::Disconnect => "disconnect".to_owned(),
        Body::Event { id, event } if event.is_nameless() => format!("nameless {id:?}"),
        Body::Event { id, event } => {
            format!("event {id:?} {} {:?}", event.name(), event.args().iter().collect::<Vec<_>>())
        }
        Body::Ack { id, args } => format!("ack {id:?} {:?}", args.iter().collect::<Vec<_>>()),
        Body::ConnectError(reason) => format!("refused {}", reason.as_deref().unwrap_or("-")),
        other => format!("{other:?}"),
    };
    format!("{} {said}", packet.namespace)
}

fn encode_again(packet: &Packet<'_>) -> (String, Vec<Bytes>) {
    let mut out = Vec::new();
    let namespace = &*packet.namespace;
    let json = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let attachments = match &packet.body {
        Body::Connect(auth) => {
            encode_connect(&mut out, namespace, auth.as_deref().map(json).as_ref()).unwrap();
            Vec::new()
        }
        Body::Disconnect => {
            encode_disconnect(&mut out, namespace);
            Vec::new()
        }
        Body::Event { id, event } => {
            encode_event_args(&mut out, Head { namespace, id: *id }, event.name(), event.args()).unwrap()
        }
        Body::Ack { id, args } => encode_ack_args(&mut out, Head { namespace, id: *id }, args),
        Body::ConnectError(reason) => {
            encode_connect_error(&mut out, namespace, &json(reason.as_deref().unwrap())).unwrap();
            Vec::new()
        }
        other => panic!("{other:?}"),
    };
    (String::from_utf8(out).unwrap(), attachments)
}

#[test]
fn packets_written_by_javascript_are_read_and_written_alike() {
    let table: &[(&str, &[&[u8]], &str)] = &[
        ("0", &[], "/ connect -"),
        (r#"0/shop,{"jwt":"x.y"}"#, &[], r#"/shop connect {"jwt":"x.y"}"#),
        (r#"0/shop,{"sid":"mU4v0o8r3bQy2TzLAAAD"}"#, &[], r#"/shop connect {"sid":"mU4v0o8r3bQy2TzLAAAD"}"#),
        (
            r#"4/shop,{"message":"no entry","data":{"retry":false}}"#,
            &[],
            r#"/shop refused {"message":"no entry","data":{"retry":false}}"#,
        ),
        (r#"2["move",{"x":1},[2]]"#, &[], r#"/ event None move ["{\"x\":1}", "[2]"]"#),
        (r#"2/shop,7["buy","book"]"#, &[], r#"/shop event Some(7) buy ["\"book\""]"#),
        ("3/shop,7[true]", &[], r#"/shop ack Some(7) ["true"]"#),
        ("37[]", &[], "/ ack Some(7) []"),
        (
            r#"52-["up",{"_placeholder":true,"num":0},{"n":{"_placeholder":true,"num":1}}]"#,
            &[&[1, 2, 3], &[4, 5, 6]],
            r#"/ event None up ["{\"_placeholder\":true,\"num\":0}", "{\"n\":{\"_placeholder\":true,\"num\":1}}"]"#,
        ),
        (
            r#"61-9[{"_placeholder":true,"num":0}]"#,
            &[&[255]],
            r#"/ ack Some(9) ["{\"_placeholder\":true,\"num\":0}"]"#,
        ),
        (
            r#"51-["empty",{"_placeholder":true,"num":0}]"#,
            &[&[]],
            r#"/ event None empty ["{\"_placeholder\":true,\"num\":0}"]"#,
        ),
        (
            r#"2["n",123456789012345680000,0.1,1e+21,5e-324,0]"#,
            &[],
            r#"/ event None n ["123456789012345680000", "0.1", "1e+21", "5e-324", "0"]"#,
        ),
        ("1", &[], "/ disconnect"),
        ("1/shop,", &[], "/shop disconnect"),
        (
            r#"51-/a,0["deep",[[{"b":{"_placeholder":true,"num":0}}]],null,"\ud83d","é"]"#,
            &[&[9, 8]],
            r#"/a event Some(0) deep ["[[{\"b\":{\"_placeholder\":true,\"num\":0}}]]", "null", "\"\\ud83d\"", "\"é\""]"#,
        ),
    ];
    for (text, attachments, expected) in table {
        let packet = decode(text, attachments).unwrap().unwrap();
        assert_eq!(describe(&packet), *expected);
        let (again, sent) = encode_again(&packet);
        assert_eq!(again, *text);
        assert_eq!(sent, *attachments);
    }
}

#[test]
fn unusual_packets_mean_what_they_mean_in_javascript() {
    let table: &[(&str, &[&[u8]], &str)] = &[
        ("2", &[], "/ nameless None"),
        ("27", &[], "/ nameless Some(7)"),
        ("3", &[], "/ ack None []"),
        ("3[]", &[], "/ ack None []"),
        ("51-", &[&[1]], "/ nameless None"),
        ("61-", &[&[1]], "/ ack None []"),
        ("1/", &[], "/ disconnect"),
        ("1/shop", &[], "/shop disconnect"),
        ("0/shop", &[], "/shop connect -"),
        ("0/x?y=1,", &[], "/x?y=1 connect -"),
        (r#"0123{"a":1}"#, &[], r#"/ connect {"a":1}"#),
        (r#"2/a["b"]"#, &[], r#"/a["b"] nameless None"#),
        (r#"2/,["a"]"#, &[], "/ event None a []"),
        (r#"2007["a"]"#, &[], "/ event Some(7) a []"),
        (r#"218446744073709551615["a"]"#, &[], "/ event Some(18446744073709551615) a []"),
        (r#"2[3,"x"]"#, &[], r#"/ event None 3 ["\"x\""]"#),
        ("2[-0.5e1]", &[], "/ event None -0.5e1 []"),
        (r#"2[""]"#, &[], "/ event None  []"),
        (r#"2["\u0061\"\n"]"#, &[], "/ event None a\"\n []"),
        (r#"2["\ud83d"]"#, &[], "/ event None \u{fffd} []"),
        (r#"2["error","x"]"#, &[], r#"/ event None error ["\"x\""]"#),
        (r#"2["connection"]"#, &[], "/ event None connection []"),
        (r#"3["connect"]"#, &[], r#"/ ack None ["\"connect\""]"#),
        ("2[ \"a\" ,\t1 ] \r\n", &[], r#"/ event None a ["1"]"#),
        ("2[1e400]", &[], "/ event None 1e400 []"),
        (r#"4"no""#, &[], r#"/ refused "no""#),
        ("4", &[], "/ refused -"),
        (r#"51-["a"]"#, &[&[1]], "/ event None a []"),
        (
            r#"51-["a",{"_placeholder":1,"num":9}]"#,
            &[&[1]],
            r#"/ event None a ["{\"_placeholder\":1,\"num\":9}"]"#,
        ),
        (
            r#"2["a",{"_placeholder":true,"num":9}]"#,
            &[],
            r#"/ event None a ["{\"_placeholder\":true,\"num\":9}"]"#,
        ),
    ];
    for (text, attachments, expected) in table {
        let packet = decode(text, attachments).unwrap_or_else(|error| panic!("{text}: {error}")).unwrap();
        assert_eq!(describe(&packet), *expected, "{text}");
    }
}

#[test]
fn bad_packets_are_refused_with_the_text_javascript_has() {
    let table = [
        ("abc", "unknown packet type NaN"),
        ("7", "unknown packet type 7"),
        ("9[]", "unknown packet type 9"),
        ("é", "unknown packet type NaN"),
        ("2{}", "invalid payload"),
        ("2[]", "invalid payload"),
        ("2[null]", "invalid payload"),
        ("2[true]", "invalid payload"),
        (r#"2[["a"]]"#, "invalid payload"),
        (r#"2["a""#, "invalid payload"),
        (r#"2["a"]x"#, "invalid payload"),
        ("2[\"a\",\u{a0}1]", "invalid payload"),
        (r#"2abc["x"]"#, "invalid payload"),
        (r#"2-1["a"]"#, "invalid payload"),
        (r#"21.5["a"]"#, "invalid payload"),
        ("2é", "invalid payload"),
        ("39{}", "invalid payload"),
        ("0[]", "invalid payload"),
        (r#"0"x""#, "invalid payload"),
        ("0{", "invalid payload"),
        ("1{}", "invalid payload"),
        ("4[]", "invalid payload"),
        (r#"2["connect"]"#, "invalid payload"),
        (r#"2["connec\u0074"]"#, "invalid payload"),
        (r#"2["connect_error"]"#, "invalid payload"),
        (r#"2["disconnect"]"#, "invalid payload"),
        (r#"2["disconnecting"]"#, "invalid payload"),
        (r#"2["newListener"]"#, "invalid payload"),
        (r#"2["removeListener","x"]"#, "invalid payload"),
        (r#"51-[{"_placeholder":true,"num":0}]"#, "invalid payload"),
        (r#"50-["a"]"#, "Illegal attachments"),
        (r#"51["a"]"#, "Illegal attachments"),
        (r#"5x-["a"]"#, "Illegal attachments"),
        (r#"5-["a"]"#, "Illegal attachments"),
        ("5", "Illegal attachments"),
        ("6é", "Illegal attachments"),
        (r#"511-["a"]"#, "too many attachments"),
        (r#"599999999999999999999999-["a"]"#, "too many attachments"),
        (r#"51-["a",{"_placeholder":true,"num":1}]"#, "illegal attachments"),
        (r#"51-["a",{"_placeholder":true,"num":"0"}]"#, "illegal attachments"),
        (r#"51-["a",[{"x":{"num":-1,"_placeholder":true}}]]"#, "illegal attachments"),
        (r#"61-9[{"_placeholder":true}]"#, "illegal attachments"),
    ];
    for (text, expected) in table {
        let error = decode(text, &[]).expect_err(text);
        assert_eq!(error.to_string(), expected, "{text}");
    }
}

#[test]
fn where_javascript_reads_loosely_the_decoder_refuses() {
    let table = [
        ("", DecodeError::UnknownPacketType(None)),
        (" ", DecodeError::UnknownPacketType(None)),
        (r#"2 ["a"]"#, DecodeError::InvalidPayload),
        (r#"27 ["a"]"#, DecodeError::InvalidPayload),
        ("2\u{feff}[\"a\"]", DecodeError::InvalidPayload),
        (r#"218446744073709551616["a"]"#, DecodeError::InvalidPayload),
        ("0 {}", DecodeError::InvalidPayload),
        (r#"51e0-["a"]"#, DecodeError::InvalidAttachmentCount),
        (r#"51-["a",{"_placeholder":true,"num":0.5}]"#, DecodeError::IllegalAttachments),
    ];
    for (text, expected) in table {
        assert_eq!(decode(text, &[]).expect_err(text), expected, "{text}");
    }
}

#[test]
fn attachments_follow_their_packet_with_nothing_in_between() {
    let header = r#"52-["a",{"_placeholder":true,"num":0}]"#;
    let mut decoder = Decoder::new(Limits::default());
    assert_eq!(decoder.binary(Bytes::new()).unwrap_err(), DecodeError::UnexpectedBinary);

    assert!(decoder.text(header).unwrap().is_none());
    assert!(decoder.binary(Bytes::from_static(b"x")).unwrap().is_none());
    assert_eq!(decoder.text(r#"2["b"]"#).unwrap_err(), DecodeError::UnexpectedText);
    assert!(!decoder.is_reassembling(), "an error forgets what was awaited");
    assert_eq!(decoder.binary(Bytes::new()).unwrap_err(), DecodeError::UnexpectedBinary);

    assert!(decoder.text(header).unwrap().is_none());
    assert_eq!(decoder.text("x").unwrap_err().to_string(), "got plaintext data when reconstructing a packet");
}

#[test]
fn attachments_are_bounded_in_count_and_together_in_bytes() {
    let mut limits = Limits::default();
    limits.max_attachments = 2;
    limits.max_attachment_bytes = 10;
    let mut decoder = Decoder::new(limits);
    assert_eq!(decoder.text(r#"53-["a"]"#).unwrap_err(), DecodeError::TooManyAttachments);
    assert!(decoder.text(r#"52-["a"]"#).unwrap().is_none());
    assert!(decoder.binary(Bytes::from_static(b"12345")).unwrap().is_none());
    assert!(decoder.binary(Bytes::from_static(b"67890")).unwrap().is_some());
    assert!(decoder.text(r#"52-["a"]"#).unwrap().is_none());
    assert!(decoder.binary(Bytes::from_static(b"12345")).unwrap().is_none());
    assert_eq!(decoder.binary(Bytes::from_static(b"678901")).unwrap_err(), DecodeError::AttachmentsTooLarge);
    assert!(!decoder.is_reassembling());
}

#[test]
fn nesting_is_bounded_and_what_passes_can_be_read_and_sent_back() {
    let nested = |depth: usize| format!(r#"2["a",{}{}]"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
    let deepest = decode(&nested(128), &[]).unwrap().unwrap();
    let Body::Event { event, .. } = &deepest.body else { panic!("an event") };
    let value: Value = event.args().get(0).unwrap();
    let mut out = Vec::new();
    encode_event(&mut out, Head { namespace: "/", id: None }, "a", &value).unwrap();
    assert_eq!(out, nested(128).into_bytes());

    assert_eq!(decode(&nested(129), &[]).unwrap_err(), DecodeError::TooDeep);
    assert_eq!(decode(&nested(400_000), &[]).unwrap_err(), DecodeError::TooDeep);
    let auth = format!(r#"0{{"a":{}{}}}"#, "[".repeat(128), "]".repeat(128));
    assert_eq!(decode(&auth, &[]).unwrap_err(), DecodeError::TooDeep);

    let mut limits = Limits::default();
    limits.max_depth = 2;
    assert!(Decoder::new(limits).text(r#"2["a",{"b":"[[[[[[[["},[]]"#).is_ok());
    assert_eq!(Decoder::new(limits).text(r#"2["a",{"b":[]}]"#).unwrap_err(), DecodeError::TooDeep);
}

#[test]
fn an_idle_decoder_is_small() {
    assert!(size_of::<Decoder>() <= 40, "{}", size_of::<Decoder>());
}
