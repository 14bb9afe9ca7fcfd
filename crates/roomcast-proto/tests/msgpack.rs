//! The MessagePack parser: bytes recorded from socket.io-msgpack-parser 3.0.2 (notepack.io 2.2.0), another implementation of
//! the format, and what peers may try.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report, in its helpers too")]

use bytes::Bytes;
use proptest::prelude::*;
use roomcast_proto::socket::parser::{MessagePack, Parser, ParserError};
use roomcast_proto::socket::{
    Args, Binary, Body, Connection, Decision, Event, Limits, Map, Packet, Value, read_back,
};
use serde::{Deserialize, Serialize};

fn decode_with(message: &[u8], limits: Limits) -> Result<Packet<'static>, ParserError> {
    let packet = MessagePack.decoder(limits).binary(Bytes::copy_from_slice(message))?;
    Ok(packet.expect("each message is a packet"))
}

fn decode(message: &[u8]) -> Result<Packet<'static>, ParserError> {
    decode_with(message, Limits::default())
}

fn encode(packet: &Packet<'_>) -> Vec<u8> {
    let (text, binaries) = MessagePack.encode(packet).unwrap().into_parts();
    assert_eq!((text, binaries.len()), (None, 1), "each packet is one binary message");
    binaries[0].to_vec()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One line: `namespace type id name arguments`, and the binary values.
fn describe(packet: &Packet<'_>) -> String {
    let list = |args: &Args<'_>| {
        let json = args.iter().collect::<Vec<_>>().join(" ");
        args.attachments().iter().fold(json, |json, bytes| format!("{json} +{}", hex(bytes)))
    };
    let id = |id: &Option<u64>| id.map(|id| format!(" #{id}")).unwrap_or_default();
    let said = match &packet.body {
        Body::Connect(auth) => format!("connect {}", auth.as_deref().unwrap_or("-")),
        Body::Disconnect => "disconnect".to_owned(),
        Body::Event { id: ack, event } => {
            format!("event{} {}: {}", id(ack), event.name(), list(event.args()))
        }
        Body::Ack { id: ack, args } => format!("ack{} {}", id(ack), list(args)),
        Body::ConnectError(reason) => format!("refused {}", reason.as_deref().unwrap_or("-")),
        other => format!("{other:?}"),
    };
    format!("{} {said}", packet.namespace)
}

#[test]
fn what_the_official_parser_writes_is_read_as_json_would_have_come() {
    let table = [
        // A connect without `auth`: `data` is undefined.
        ("83a47479706500a464617461d40000a36e7370a12f", "/ connect -"),
        (
            "83a47479706500a46461746182a36a7774a3782e79a162c4020102a36e7370a52f73686f70",
            r#"/shop connect {"jwt":"x.y","b":[1,2]}"#,
        ),
        // A server's reply: `pid` is undefined.
        (
            "83a47479706500a46461746182a3736964a3616263a3706964d40000a36e7370a12f",
            r#"/ connect {"sid":"abc"}"#,
        ),
        ("83a47479706501a76f7074696f6e7381a8636f6d7072657373c3a36e7370a52f73686f70", "/shop disconnect"),
        (
            "84a47479706502a46461746192a16101a76f7074696f6e7381a8636f6d7072657373c3a36e7370a12f",
            "/ event a: 1",
        ),
        (
            "85a47479706502a46461746192a3627579a4626f6f6ba76f7074696f6e7381a8636f6d7072657373c3a2696407a36e7370a52f7368\
             6f70",
            r#"/shop event #7 buy: "book""#,
        ),
        (
            "83a47479706502a464617461dc0018a16e007fcc80ccffcd0100cdffffce00010000ceffffffffcf0000000100000000cf001fffff\
             ffffffffffe0d0dfd080d1ff7fd18000d2ffff7fffd280000000d3ffffffff7fffffffcb3ff8000000000000cbbfb999999999999a\
             cb7ff8000000000000cb7ff0000000000000a36e7370a12f",
            "/ event n: 0 127 128 255 256 65535 65536 4294967295 4294967296 9007199254740991 -1 -32 -33 -128 -129 \
             -32768 -32769 -2147483648 -2147483649 1.5 -0.1 null null",
        ),
        (
            "83a47479706502a4646174619aa176c0d40000c3c2a8c3a9f09f9880220aa0908082a175d40000a17881a1799201d40000a36e7370\
             a12f",
            r#"/ event v: null null true false "é😀\"\n" "" [] {} {"x":{"y":[1,null]}}"#,
        ),
        (
            "83a47479706502a46461746194a164d7000000018df4dc5495d700ffffffffffffffff81a26174d7000000000000000000a36e7370\
             a12f",
            r#"/ event d: "2024-02-29T12:34:56.789Z" "1969-12-31T23:59:59.999Z" {"at":"1970-01-01T00:00:00.000Z"}"#,
        ),
        // A buffer, an empty one deep inside, a typed array, an array buffer.
        (
            "83a47479706502a46461746195a162c40301020381a46465657091c400c7040001000200c7010009a36e7370a12f",
            r#"/ event b: {"_placeholder":true,"num":0} {"deep":[{"_placeholder":true,"num":1}]} {"_placeholder":true,"num":2} {"_placeholder":true,"num":3} +010203 + +01000200 +09"#,
        ),
        ("83a47479706502a4646174619203a178a36e7370a12f", r#"/ event 3: "x""#),
        ("83a47479706502a46461746192a17481a16101a36e7370a12f", r#"/ event t: {"a":1}"#),
        ("84a2696400a47479706503a46461746191c3a36e7370a12f", "/ ack #0 true"),
        ("84a26964cd012ca47479706503a46461746190a36e7370a52f73686f70", "/shop ack #300 "),
        (
            "83a47479706504a46461746182a76d657373616765a86e6f20656e747279a46461746181a57265747279c2a36e7370a52f73686f70",
            r#"/shop refused {"message":"no entry","data":{"retry":false}}"#,
        ),
    ];
    for (message, expected) in table {
        assert_eq!(describe(&decode(&bytes(message)).unwrap()), expected, "{message}");
    }
}

#[test]
fn what_is_written_is_what_the_official_parser_writes() {
    let ks = (0..17).map(|k| format!(r#""k{k}":[{k}]"#)).collect::<Vec<_>>().join(",");
    let long = format!(r#"2["l",[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15],{{{ks}}}]"#);
    let s40 = format!(r#"2["s","{}"]"#, "x".repeat(40));
    let table: [(&str, &[&[u8]], &str); 9] = [
        (r#"0/a,{"sid":"abc"}"#, &[], "83a47479706500a46461746181a3736964a3616263a36e7370a22f61"),
        ("1/shop,", &[], "82a47479706501a36e7370a52f73686f70"),
        (r#"2["a",1]"#, &[], "83a47479706502a46461746192a16101a36e7370a12f"),
        (
            r#"2/shop,7["buy","book"]"#,
            &[],
            "84a47479706502a46461746192a3627579a4626f6f6ba2696407a36e7370a52f73686f70",
        ),
        (
            r#"2["n",0,127,128,255,256,65535,65536,4294967295,4294967296,9007199254740991,-1,-32,-33,-128,-129,-32768,-32769,-2147483648,-2147483649,1.5,-0.1]"#,
            &[],
            "83a47479706502a464617461dc0016a16e007fcc80ccffcd0100cdffffce00010000ceffffffffcf0000000100000000cf001fffff\
             ffffffffffe0d0dfd080d1ff7fd18000d2ffff7fffd280000000d3ffffffff7fffffffcb3ff8000000000000cbbfb999999999999a\
             a36e7370a12f",
        ),
        (
            r#"52-["b",{"_placeholder":true,"num":0},{"deep":[{"_placeholder":true,"num":1}]}]"#,
            &[&[1, 2, 3], &[]],
            "83a47479706502a46461746193a162c40301020381a46465657091c400a36e7370a12f",
        ),
        (
            r#"4/shop,{"message":"no entry","data":{"retry":false}}"#,
            &[],
            "83a47479706504a46461746182a76d657373616765a86e6f20656e747279a46461746181a57265747279c2a36e7370a52f73686f70",
        ),
        (
            &s40,
            &[],
            "83a47479706502a46461746192a173d92878787878787878787878787878787878787878787878787878787878787878787878787878787878a36e7370a12f",
        ),
        (
            &long,
            &[],
            "83a47479706502a46461746193a16cdc0010000102030405060708090a0b0c0d0e0fde0011a26b309100a26b319101a26b329102a26\
             b339103a26b349104a26b359105a26b369106a26b379107a26b389108a26b399109a36b3130910aa36b3131910ba36b3132910ca36b\
             3133910da36b3134910ea36b3135910fa36b31369110a36e7370a12f",
        ),
    ];
    for (text, attachments, expected) in table {
        let attachments = attachments.iter().map(|bytes| Bytes::copy_from_slice(bytes));
        assert_eq!(hex(&encode(&read_back(text, attachments).unwrap())), expected, "{text}");
    }
    // The official one writes an ack's id first; order has no meaning.
    assert_eq!(
        hex(&encode(&read_back("3/shop,300[]", []).unwrap())),
        "84a47479706503a46461746190a26964cd012ca36e7370a52f73686f70"
    );
}

/// A packet's map from pieces of MessagePack.
fn map(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = vec![0x80 | members.len() as u8];
    for (key, value) in members {
        out.push(0xA0 | key.len() as u8);
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(value);
    }
    out
}

/// An event `e` with one argument.
fn event(value: &[u8]) -> Vec<u8> {
    map(&[("type", &[2]), ("nsp", b"\xA1/"), ("data", &[b"\x92\xA1e", value].concat())])
}

fn argument(value: &[u8]) -> Result<String, ParserError> {
    decode(&event(value)).map(|packet| describe(&packet).strip_prefix("/ event e: ").unwrap().to_owned())
}

#[test]
fn packets_are_checked_as_the_official_parser_checks_them() {
    const NSP: (&str, &[u8]) = ("nsp", b"\xA1/");
    type Members<'a> = &'a [(&'a str, &'a [u8])];
    let table: [(Members<'_>, Result<&str, &str>); 33] = [
        // In any order, with members that nobody knows.
        (
            &[("x", b"\x82\xA1a\x91\xC0\x01\x02"), ("data", b"\x91\xA1e"), NSP, ("type", &[2])],
            Ok("/ event e: "),
        ),
        (&[("type", &[9]), ("type", &[1]), NSP], Ok("/ disconnect")),
        (&[NSP, ("type", &[0]), ("data", b"\x80")], Ok("/ connect {}")),
        (&[NSP, ("type", &[0])], Ok("/ connect -")),
        (&[NSP, ("type", &[4]), ("data", b"\xA2no")], Ok(r#"/ refused "no""#)),
        (&[NSP, ("type", &[3]), ("data", b"\x90")], Ok("/ ack ")),
        (&[NSP, ("type", &[3]), ("data", b"\x90"), ("id", b"\xD4\x00\x00")], Ok("/ ack ")),
        // JavaScript knows one kind of number.
        (
            &[
                NSP,
                ("type", b"\xCB\x40\0\0\0\0\0\0\0"),
                ("data", b"\x91\xA1e"),
                ("id", b"\xCB\x40\x1C\0\0\0\0\0\0"),
            ],
            Ok("/ event #7 e: "),
        ),
        (&[NSP, ("type", b"\xCA\x40\x40\0\0"), ("data", b"\x90")], Ok("/ ack ")),
        (&[("type", &[1]), ("nsp", b"\xA0")], Ok(" disconnect")),
        (&[("type", &[1]), ("nsp", b"\xA1\xFF")], Ok("\u{FFFD} disconnect")),
        (&[NSP], Err("invalid packet type")),
        (&[NSP, ("type", &[5]), ("data", b"\x90")], Err("invalid packet type")),
        (&[NSP, ("type", &[0xFF])], Err("invalid packet type")),
        (&[NSP, ("type", b"\xA11")], Err("invalid packet type")),
        (&[NSP, ("type", b"\xCB\x3F\xF8\0\0\0\0\0\0")], Err("invalid packet type")),
        (&[NSP, ("type", b"\xD4\0\0")], Err("invalid packet type")),
        (&[("type", &[1])], Err("invalid namespace")),
        (&[("type", &[1]), ("nsp", b"\xC4\x01/")], Err("invalid namespace")),
        (&[("type", &[1]), ("nsp", &[7])], Err("invalid namespace")),
        (&[NSP, ("type", &[2]), ("data", b"\x91\xA1e"), ("id", b"\xC0")], Err("invalid packet id")),
        (&[NSP, ("type", &[2]), ("data", b"\x91\xA1e"), ("id", b"\xA17")], Err("invalid packet id")),
        (&[NSP, ("type", &[2]), ("data", b"\x91\xA1e"), ("id", b"\xFF")], Err("invalid packet id")),
        (&[NSP, ("type", &[0]), ("data", b"\xC0")], Err("invalid payload")),
        (&[NSP, ("type", &[0]), ("data", b"\x90")], Err("invalid payload")),
        (&[NSP, ("type", &[0]), ("data", b"\xA1x")], Err("invalid payload")),
        (&[NSP, ("type", &[1]), ("data", b"\x80")], Err("invalid payload")),
        (&[NSP, ("type", &[2])], Err("invalid payload")),
        (&[NSP, ("type", &[2]), ("data", b"\x80")], Err("invalid payload")),
        (&[NSP, ("type", &[3])], Err("invalid payload")),
        (&[NSP, ("type", &[4])], Err("invalid payload")),
        // What the default parser refuses, and the official one does not see.
        (&[NSP, ("type", &[2]), ("data", b"\x90")], Err("invalid payload")),
        (&[NSP, ("type", &[2]), ("data", b"\x91\xC0")], Err("invalid payload")),
    ];
    for (members, expected) in table {
        let message = map(members);
        let read = decode(&message).map(|packet| describe(&packet)).map_err(|error| error.to_string());
        assert_eq!(read.as_deref().map_err(String::as_str), expected, "{}", hex(&message));
    }
    for (message, expected) in [
        (&b""[..], "Could not parse"),
        (b"\xC1", "Could not parse"),
        (b"\x01", "invalid packet type"),
        (b"\x91\x80", "invalid packet type"),
        (b"\x81\x80\x01", "Could not parse"),
        (b"\x82\xA4type\x01\xA3nsp\xA1/\xC0", "trailing bytes"),
    ] {
        assert_eq!(decode(message).unwrap_err().to_string(), expected, "{}", hex(message));
    }
    let mut decoder = MessagePack.decoder(Limits::default());
    assert!(decoder.text("4").is_err() && decoder.waiting().is_none());
}

#[test]
fn values_that_json_does_not_have_become_what_javascript_makes_of_them() {
    let table: [(&[u8], &str); 27] = [
        (b"\xCF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "18446744073709551615"),
        (b"\xD3\x80\0\0\0\0\0\0\0", "-9223372036854775808"),
        (b"\xD3\0\0\0\0\0\0\0\x07", "7"),
        (b"\xD0\x07", "7"),
        (b"\xCA\x3F\xC0\0\0", "1.5"),
        (b"\xCB\x7F\xF8\0\0\0\0\0\0", "null"),
        (b"\xCA\xFF\x80\0\0", "null"),
        (b"\xCB\x80\0\0\0\0\0\0\0", "-0.0"),
        (b"\xCB\x44\x15\xAF\x1D\x78\xB5\x8C\x40", "1e+20"),
        (b"\xA3a\xFFb", "\"a\u{FFFD}b\""),
        (b"\xD9\x01\x01", r#""\u0001""#),
        (b"\xDA\0\x01\"", r#""\"""#),
        (b"\xDB\0\0\0\x01x", r#""x""#),
        // Keys are texts.
        (b"\x81\x07\xA1x", r#"{"7":"x"}"#),
        (b"\x81\xFF\x01", r#"{"-1":1}"#),
        (b"\x81\xCB\x3F\xF8\0\0\0\0\0\0\x01", r#"{"1.5":1}"#),
        (b"\x82\xC3\x01\xC0\x02", r#"{"true":1,"null":2}"#),
        (b"\x81\xC4\x01k\x01", r#"{"k":1}"#),
        (b"\x83\xA1a\xD4\0\0\xA1b\x01\xA1c\xD4\0\xFF", r#"{"b":1}"#),
        // Dates, notepack's and MessagePack's own.
        (b"\xD7\0\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "null"),
        (b"\xD6\xFF\0\0\0\x01", r#""1970-01-01T00:00:01.000Z""#),
        (b"\xD7\xFF\x1D\x6F\x34\x54\0\0\0\x01", r#""1970-01-01T00:00:01.123Z""#),
        (b"\xC7\x0C\xFF\x1D\xCD\x65\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", r#""1969-12-31T23:59:59.500Z""#),
        // Other extensions: type and bytes.
        (b"\xD4\x05\x2A", r#"[5,{"_placeholder":true,"num":0}] +2a"#),
        (b"\xD5\0\x01\x02", r#"[0,{"_placeholder":true,"num":0}] +0102"#),
        (b"\xC8\0\x01\0\x2A", r#"{"_placeholder":true,"num":0} +2a"#),
        (b"\xC9\0\0\0\x01\xFE\x2A", r#"[-2,{"_placeholder":true,"num":0}] +2a"#),
    ];
    for (value, expected) in table {
        assert_eq!(argument(value).as_deref(), Ok(expected), "{}", hex(value));
    }
    for value in [&b"\x81\x90\x01"[..], b"\x81\x80\x01", b"\x81\xD4\0\0\x01", b"\xC1"] {
        assert_eq!(argument(value).unwrap_err().to_string(), "Could not parse", "{}", hex(value));
    }
}

#[test]
fn a_length_is_believed_only_as_far_as_there_are_bytes() {
    for head in [
        &b"\xC6\xFF\xFF\xFF\xFF"[..],
        b"\xC9\xFF\xFF\xFF\xFF\0",
        b"\xDB\xFF\xFF\xFF\xFF",
        b"\xDD\xFF\xFF\xFF\xFF",
        b"\xDF\xFF\xFF\xFF\xFF",
        b"\xDD\xFF\xFF\xFF\xFF\xDD\xFF\xFF\xFF\xFF\xDF\xFF\xFF\xFF\xFF",
        b"\xD8\0",
        b"\xC4",
        b"\x9F",
    ] {
        assert_eq!(argument(head).unwrap_err().to_string(), "Could not parse", "{}", hex(head));
        assert!(decode(&map(&[("junk", head)])).is_err(), "{}", hex(head));
    }
    assert!(decode(b"\xDF\xFF\xFF\xFF\xFF").is_err());
}

#[test]
fn every_beginning_of_a_packet_is_refused() {
    let packet =
        read_back(r#"51-/a,7["e",{"_placeholder":true,"num":0},{"x":[1.5,-7,"text",null]}]"#, ["bin".into()]);
    let whole = encode(&packet.unwrap());
    assert!(decode(&whole).is_ok());
    for end in 0..whole.len() {
        assert!(decode(&whole[..end]).is_err(), "{end} bytes");
    }
}

#[test]
fn depth_is_bounded_and_skipping_does_not_recurse() {
    for depth in [1, 2, 127, 128, 129, 400_000] {
        let arrays = [vec![0x91; depth - 1], vec![0x90]].concat();
        let maps = [b"\x81\xA0".repeat(depth - 1), vec![0x80]].concat();
        for value in [arrays, maps] {
            match argument(&value) {
                Ok(_) => assert!(depth <= 127, "{depth}"),
                Err(error) => {
                    assert_eq!((depth > 127, &*error.to_string()), (true, "payload nested too deeply"));
                }
            }
            // Nobody reads what nobody knows.
            assert!(decode(&map(&[("junk", &value), ("type", &[1]), ("nsp", b"\xA1/")])).is_ok());
        }
    }
    // What stands for a binary value is a level, too, and all that is taken can be read.
    for (leaf, levels) in [(&b"\xC4\x01x"[..], 1), (b"\xD4\x05x", 2), (b"\xD7\0\0\0\0\0\0\0\0\0", 0)] {
        for depth in 120..130 {
            let taken = decode(&event(&[&vec![0x91; depth][..], leaf].concat()));
            assert_eq!(taken.is_ok(), depth + levels <= 127, "{depth} around {}", hex(leaf));
            if let Ok(Packet { body: Body::Event { event, .. }, .. }) = taken {
                assert!(event.args().get::<Value>(0).is_ok(), "{depth} around {}", hex(leaf));
            }
        }
    }
    let mut limits = Limits::default();
    limits.max_depth = 2;
    assert!(decode_with(&event(b"\x90"), limits).is_ok());
    assert!(decode_with(&event(b"\x91\x90"), limits).is_err());
}

#[test]
fn the_number_of_binary_values_is_bounded() {
    let many = |count: u16| [&b"\xDC"[..], &count.to_be_bytes(), &b"\xC4\0".repeat(count.into())].concat();
    assert!(argument(&many(10_000)).is_ok());
    assert_eq!(argument(&many(10_001)).unwrap_err().to_string(), "too many attachments");
    let mut limits = Limits::default();
    limits.max_attachments = 20_000;
    assert!(decode_with(&event(&many(10_001)), limits).is_ok());
}

#[test]
fn an_object_that_looks_like_a_placeholder_is_none() {
    let forged = b"\x82\xAC_placeholder\xC3\xA3num\x07";
    let packet = decode(&event(forged)).unwrap();
    let Body::Event { event: alone, .. } = &packet.body else { panic!("an event") };
    assert_eq!(alone.args().get::<Value>(0).unwrap().get("num"), Some(&7.into()));
    assert_eq!(encode(&packet), encode(&decode(&encode(&packet)).unwrap()));
    // Beside binary values the two could not be told apart.
    let both = [&b"\x92\xC4\x01x"[..], forged].concat();
    assert_eq!(decode(&event(&both)).unwrap_err().to_string(), "illegal attachments");
}

#[test]
fn a_small_binary_value_does_not_keep_a_large_message() {
    let message = Bytes::from(event(&[&b"\x92\xC4\x01x\xC5\x10\0"[..], &[7; 4096]].concat()));
    let packet = MessagePack.decoder(Limits::default()).binary(message.clone()).unwrap().unwrap();
    let Body::Event { event, .. } = packet.body else { panic!("an event") };
    let (small, large) = event.args().get::<(Binary, Binary)>(0).unwrap();
    let range = message.as_ptr_range();
    assert_eq!((range.contains(&small.as_ptr()), range.contains(&large.as_ptr())), (false, true));
}

#[test]
fn half_a_surrogate_pair_is_written_as_a_replacement() {
    let packet = read_back(r#"2["e",["\ud83d","\ud83d\ude00"],{"\ude00":"é"}]"#, []).unwrap();
    let again = decode(&encode(&packet)).unwrap();
    assert_eq!(describe(&again), "/ event e: [\"\u{FFFD}\",\"😀\"] {\"\u{FFFD}\":\"é\"}");
}

#[test]
fn a_number_beyond_every_double_cannot_be_written() {
    assert!(MessagePack.encode(&read_back(r#"2["e",[1e400]]"#, []).unwrap()).is_err());
}

#[test]
fn a_connection_speaks_it_and_refuses_reserved_events_and_impossible_namespaces() {
    let mut connection = Connection::with_parser(&MessagePack, Limits::default(), 10);
    let connect = |nsp: &[u8]| Bytes::from(map(&[("type", &[0]), ("nsp", nsp)]));
    let slot = match connection.handle_binary(connect(b"\xA1/")).unwrap() {
        Decision::Connect { slot, .. } => slot,
        other => panic!("{other:?}"),
    };
    connection.end_of_batch();
    assert!(connection.accept(slot));
    for nsp in [&b"\xA4/a,b"[..], b"\xA1x", b"\xA0"] {
        assert!(matches!(connection.handle_binary(connect(nsp)), Ok(Decision::Refuse { .. })));
    }
    assert!(matches!(connection.handle_binary(event(b"\x01").into()), Ok(Decision::Event { .. })));
    assert!(!connection.is_reassembling());
    let reserved = map(&[("type", &[2]), ("nsp", b"\xA1/"), ("data", b"\x91\xAAdisconnect")]);
    assert!(connection.handle_binary(reserved.into()).unwrap_err().raises_error());
    assert!(connection.handle_text("2").unwrap_err().raises_error());
}

/// A packet as another implementation reads and writes it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Named {
    r#type: u8,
    nsp: String,
    data: Vec<Value>,
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-300..300_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a-z\"\\\\\u{1}é]{0,60}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| Value::Binary(bytes.into())),
    ];
    leaf.prop_recursive(4, 40, 17, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..18).prop_map(Value::Array),
            prop::collection::vec((any::<String>(), inner), 0..18)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map>())),
        ]
    })
}

/// NaN and the infinities have become null, as in a `Value` of ours.
fn values() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(value(), 0..18)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_come_back_and_another_implementation_reads_and_writes_the_same(values in values()) {
        let args = Args::from_values(&values).unwrap();
        let packet = Packet { namespace: "/p".into(), body: Body::Event { id: None, event: Event::new("e", args) } };
        let written = encode(&packet);
        let read = |packet: Packet<'_>| -> Vec<Value> {
            let Body::Event { event, .. } = packet.body else { panic!("an event") };
            (0..event.args().len()).map(|index| event.args().get(index).unwrap()).collect()
        };
        prop_assert_eq!(&read(decode(&written).unwrap()), &values);
        let data = std::iter::once("e".into()).chain(values.iter().cloned()).collect();
        let named = Named { r#type: 2, nsp: "/p".into(), data };
        prop_assert_eq!(&rmp_serde::from_slice::<Named>(&written).unwrap(), &named);
        prop_assert_eq!(&read(decode(&rmp_serde::to_vec_named(&named).unwrap()).unwrap()), &values);
    }

    #[test]
    fn whatever_comes_is_refused_or_can_be_sent_on(message in prop::collection::vec(any::<u8>(), 0..200)) {
        for message in [message.clone(), event(&message), [&b"\x83\xA4type\x02\xA3nsp\xA1/\xA4data"[..], &message].concat()] {
            if let Ok(packet) = decode(&message) {
                let again = encode(&packet);
                prop_assert_eq!(encode(&decode(&again).unwrap()), again);
            }
        }
    }
}
