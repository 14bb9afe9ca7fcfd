//! What handlers read out of arguments: typed values, binary at any depth, text JavaScript may send.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report, in its helpers too")]

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use roomcast_proto::socket::{
    ArgError, Args, Arguments, Binary, Body, Data, Decoder, Head, Limits, Value, encode_ack, encode_event,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

fn args(text: &str, attachments: &[Bytes]) -> Args<'static> {
    let mut decoder = Decoder::new(Limits::default());
    let mut packet = decoder.text(text.to_owned().leak()).unwrap();
    for attachment in attachments {
        packet = decoder.binary(attachment.clone()).unwrap();
    }
    match packet.unwrap().body {
        Body::Event { event, .. } => event.into_parts().1,
        other => panic!("{other:?}"),
    }
}

fn one<T: DeserializeOwned>(json: &str) -> T {
    args(&format!(r#"2["a",{json}]"#), &[]).get(0).unwrap()
}

const HEAD: Head<'static> = Head { namespace: "/", id: None };

#[test]
fn arguments_are_read_as_the_types_asked_for() {
    let args = args(r#"2["a",1,"two",[3,4],{"five":null}]"#, &[]);
    assert_eq!((args.len(), args.is_empty()), (4, false));
    assert_eq!(args.get::<u8>(0).unwrap(), 1);
    assert_eq!(args.get::<String>(1).unwrap(), "two");
    assert_eq!(args.get::<(i32, i32)>(2).unwrap(), (3, 4));
    assert_eq!(args.get::<BTreeMap<String, Option<u8>>>(3).unwrap(), BTreeMap::from([("five".into(), None)]));
    assert_eq!(args.raw(3), Some(r#"{"five":null}"#));
    assert_eq!(args.raw(4), None);
    assert!(args.attachments().is_empty());
}

#[test]
fn a_missing_argument_is_none_or_an_error() {
    let args = args(r#"2["a",1]"#, &[]);
    assert_eq!(args.get::<Option<i32>>(0).unwrap(), Some(1));
    assert_eq!(args.get::<Option<i32>>(1).unwrap(), None);
    assert!(matches!(args.get::<i32>(1), Err(ArgError::Missing { index: 1 })));
    assert!(matches!(args.get::<Value>(1), Err(ArgError::Missing { index: 1 })));
    assert!(matches!(args.get::<String>(0), Err(ArgError::Mismatch { index: 0, .. })));
}

#[test]
fn half_a_surrogate_pair_becomes_the_replacement_character_and_stays_in_the_raw_text() {
    let args = args(r#"2["a",["\ud83d","\ud83d\ude00","\\ud83d"]]"#, &[]);
    assert_eq!(args.get::<Vec<String>>(0).unwrap(), ["\u{fffd}", "😀", "\\ud83d"]);
    assert_eq!(args.raw(0), Some(r#"["\ud83d","\ud83d\ude00","\\ud83d"]"#));
    let mut out = Vec::new();
    encode_event(&mut out, HEAD, "a", &args.data(0).unwrap()).unwrap();
    assert_eq!(out, br#"2["a",["\ud83d","\ud83d\ude00","\\ud83d"]]"#);
}

#[test]
fn half_a_surrogate_pair_beside_an_attachment_does_no_harm() {
    let args = args(
        r#"51-["a",{"k\ude00":"\ud83d","b":{"_placeholder":true,"num":0}}]"#,
        &[Bytes::from_static(b"xyz")],
    );
    let value: Value = args.get(0).unwrap();
    assert_eq!(value.get("k\u{fffd}").and_then(Value::as_str), Some("\u{fffd}"));
    assert_eq!(value.get("b").and_then(Value::as_bytes).unwrap(), "xyz");
}

#[test]
fn numbers_come_back_as_the_double_they_were() {
    for (json, double) in [
        ("123456789012345680000", 123456789012345680000_f64),
        ("0.1", 0.1),
        ("5e-324", 5e-324),
        ("1.7976931348623157e308", f64::MAX),
        ("9007199254740993", 9007199254740993_u64 as f64),
    ] {
        assert_eq!(one::<f64>(json).to_bits(), double.to_bits());
        let value: Value = one(json);
        assert_eq!(value.as_f64().unwrap().to_bits(), double.to_bits());
        let mut out = Vec::new();
        encode_event(&mut out, HEAD, "a", &value).unwrap();
        let again: f64 = args(std::str::from_utf8(&out).unwrap(), &[]).get(0).unwrap();
        assert_eq!(again.to_bits(), double.to_bits());
    }
}

#[test]
fn keys_keep_their_order_and_the_last_of_two_wins() {
    let value: Value = one(r#"{"z":1,"a":2,"\u0071":3,"z":4}"#);
    let members: Vec<_> = value.as_object().unwrap().iter().map(|(k, v)| (k.as_str(), v.as_i64())).collect();
    assert_eq!(members, [("z", Some(4)), ("a", Some(2)), ("q", Some(3))]);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Upload {
    name: String,
    #[serde(with = "serde_bytes")]
    head: Vec<u8>,
    parts: Vec<Option<Bytes>>,
    kind: Kind,
    sizes: HashMap<u32, i8>,
    note: Option<String>,
    tail: Binary,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Plain,
    Named(Bytes),
    Pair(u8, Bytes),
    Full { at: f32, bytes: serde_bytes::ByteBuf },
}

#[test]
fn binary_values_are_found_and_written_at_any_depth() {
    let kinds = [
        Kind::Plain,
        Kind::Named(Bytes::from_static(b"n")),
        Kind::Pair(7, Bytes::from_static(b"p")),
        Kind::Full { at: 1.5, bytes: serde_bytes::ByteBuf::from(*b"f") },
    ];
    for kind in kinds {
        let upload = Upload {
            name: "x".into(),
            head: vec![1, 2],
            parts: vec![None, Some(Bytes::from_static(b"part"))],
            kind,
            sizes: HashMap::from([(12, -1)]),
            note: None,
            tail: Binary(Bytes::from_static(b"tail")),
        };
        let mut out = Vec::new();
        let attachments = encode_event(&mut out, HEAD, "up", &("first", &upload)).unwrap();
        let args = args(std::str::from_utf8(&out).unwrap(), &attachments);
        assert_eq!(args.get::<String>(0).unwrap(), "first");
        assert_eq!(args.get::<Upload>(1).unwrap(), upload);
        assert_eq!(args.data(1).unwrap().get::<Upload>().unwrap(), upload);
    }
}

#[test]
fn an_attachment_can_be_read_as_any_byte_type() {
    let args = args(r#"51-["a",{"_placeholder":true,"num":0}]"#, &[Bytes::from_static(b"abc")]);
    assert_eq!(args.get::<Bytes>(0).unwrap(), "abc");
    assert_eq!(args.get::<serde_bytes::ByteBuf>(0).unwrap().as_ref(), b"abc");
    assert_eq!(args.get::<Vec<u8>>(0).unwrap(), b"abc");
    assert_eq!(args.get::<[u8; 3]>(0).unwrap(), *b"abc");
    assert_eq!(args.get::<Option<Binary>>(0).unwrap().unwrap(), Binary(Bytes::from_static(b"abc")));
    assert_eq!(args.get::<Value>(0).unwrap(), Value::Binary(Bytes::from_static(b"abc")));
    assert!(matches!(args.get::<i32>(0), Err(ArgError::Mismatch { .. })));
    assert!(
        matches!(args.get::<String>(0), Err(ArgError::Mismatch { .. })),
        "bytes are no text, even if they could be"
    );
}

#[test]
fn our_own_types_share_an_attachments_memory_in_and_out() {
    let attachment = Bytes::from(vec![7; 64]);
    let args = args(r#"51-["a",{"_placeholder":true,"num":0}]"#, std::slice::from_ref(&attachment));
    let binary: Binary = args.get(0).unwrap();
    let Value::Binary(value) = args.get(0).unwrap() else { panic!("binary") };
    let mut out = Vec::new();
    let sent =
        encode_event(&mut out, HEAD, "a", &(&binary, Value::Binary(value), args.data(0).unwrap())).unwrap();
    assert_eq!(sent.len(), 3);
    for bytes in &sent {
        assert_eq!(bytes.as_ptr(), attachment.as_ptr());
    }
}

#[test]
fn data_is_sent_on_with_its_attachments_renumbered() {
    let [first, second] = [Bytes::from_static(b"1"), Bytes::from_static(b"2")];
    let text = r#"52-["a",{"_placeholder":true,"num":0},"plain",[{"_placeholder":true,"num":1}]]"#;
    let args = args(text, &[first, second.clone()]);
    let list: Arguments = [2, 1].into_iter().filter_map(|index| args.data(index)).collect();
    let mut out = Vec::new();
    let sent = encode_event(&mut out, HEAD, "b", &list).unwrap();
    assert_eq!(out, br#"51-["b",[{"_placeholder":true,"num":0}],"plain"]"#);
    assert_eq!(sent, [second]);
}

#[test]
fn all_arguments_are_sent_on_untouched() {
    let args = args(r#"2["a", 1.0 ,{"b" : "\u0061"}]"#, &[]);
    let all = Arguments::from(&args);
    let mut out = Vec::new();
    encode_event(&mut out, HEAD, "b", &all).unwrap();
    assert_eq!(out, br#"2["b",1.0,{"b" : "\u0061"}]"#);
    out.clear();
    encode_ack(&mut out, Head { namespace: "/", id: Some(1) }, &all).unwrap();
    assert_eq!(out, br#"31[1.0,{"b" : "\u0061"}]"#);
    out.clear();
    encode_event(&mut out, HEAD, "b", &Arguments::default()).unwrap();
    assert_eq!(out, br#"2["b"]"#);
}

/// Text of which every part would change if it were read and written again.
const ODD: &str = r#"{"b" : 1.50, "a":[1e400, "\u0061\ud83d"],"a":-0}"#;

fn odd() -> Data {
    args(&format!(r#"2["a", {ODD} ]"#), &[]).data(0).unwrap()
}

#[derive(Serialize)]
struct Holder {
    field: Data,
    newtype: Newtype,
    maybe: Option<Data>,
    none: Option<Data>,
    list: Vec<Data>,
    map: BTreeMap<u8, Data>,
    boxed: Box<Data>,
    variant: Variant,
    tagged: Tagged,
    #[serde(flatten)]
    flat: BTreeMap<String, Data>,
}

#[derive(Serialize)]
struct Newtype(Data);

#[derive(Serialize)]
enum Variant {
    One(Data),
}

#[derive(Serialize)]
#[serde(tag = "kind")]
enum Tagged {
    One { data: Data },
}

fn holder() -> Holder {
    Holder {
        field: odd(),
        newtype: Newtype(odd()),
        maybe: Some(odd()),
        none: None,
        list: vec![odd(), odd()],
        map: BTreeMap::from([(7, odd())]),
        boxed: Box::new(odd()),
        variant: Variant::One(odd()),
        tagged: Tagged::One { data: odd() },
        flat: BTreeMap::from([("flat".to_owned(), odd())]),
    }
}

#[test]
fn data_is_written_as_it_came_wherever_it_stands() {
    let expected = format!(
        r#"{{"field":{ODD},"newtype":{ODD},"maybe":{ODD},"none":null,"list":[{ODD},{ODD}],"map":{{"7":{ODD}}},"boxed":{ODD},"variant":{{"One":{ODD}}},"tagged":{{"kind":"One","data":{ODD}}},"flat":{ODD}}}"#,
    );
    assert_eq!(serde_json::to_string(&holder()).unwrap(), expected);
    let mut out = Vec::new();
    encode_event(&mut out, HEAD, "a", &(holder(), odd())).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), format!(r#"2["a",{expected},{ODD}]"#));
    let mut out = Vec::new();
    encode_ack(&mut out, Head { namespace: "/", id: Some(1) }, &Ok::<_, ()>(odd())).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), format!("31[{ODD}]"));
}

#[test]
fn data_is_to_other_serializers_what_raw_json_is() {
    let json = r#"{"b" : 1.50, "a":[null,"\u0061"]}"#;
    let data = args(&format!(r#"2["a",{json}]"#), &[]).data(0).unwrap();
    let raw = serde_json::value::RawValue::from_string(json.to_owned()).unwrap();
    assert_eq!(serde_json::to_value(&data).unwrap(), serde_json::to_value(&raw).unwrap());
    assert_eq!(
        serde_json::to_string_pretty(&[&data]).unwrap(),
        serde_json::to_string_pretty(&[&raw]).unwrap()
    );
    assert_eq!(serde_json::to_value(odd()).is_err(), serde_json::from_str::<serde_json::Value>(ODD).is_err());
    // As a key it is none, in both.
    assert!(serde_json::to_string(&HashMap::from([(KeyOf(data), 1)])).is_err());
}

/// Makes a key of what is none.
#[derive(Serialize)]
struct KeyOf(Data);

impl PartialEq for KeyOf {
    fn eq(&self, other: &Self) -> bool {
        self.0.raw() == other.0.raw()
    }
}

impl Eq for KeyOf {}

impl std::hash::Hash for KeyOf {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.raw().hash(state);
    }
}

/// Serialises its data by itself, in the middle of our encoder.
struct Twice(Data);

impl Serialize for Twice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let inner = serde_json::to_string(&self.0).map_err(serde::ser::Error::custom)?;
        (inner, &self.0).serialize(serializer)
    }
}

struct Panics;

impl Serialize for Panics {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("in the middle")
    }
}

#[test]
fn data_is_the_same_in_a_serializer_within_ours_and_after_a_panic() {
    let binary = Binary(Bytes::from_static(b"1"));
    let mut out = Vec::new();
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        encode_event(&mut out, HEAD, "a", &(odd(), &binary, Panics))
    }))
    .unwrap_err();
    assert_eq!(out, b"");
    let sent = encode_event(&mut out, HEAD, "a", &(&binary, Twice(odd()), &binary)).unwrap();
    let expected = format!(
        r#"52-["a",{{"_placeholder":true,"num":0}},[{},{ODD}],{{"_placeholder":true,"num":1}}]"#,
        serde_json::to_string(ODD).unwrap()
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    assert_eq!(sent.len(), 2);
}

#[test]
fn owned_arguments_outlive_their_text() {
    let owned = {
        let text = String::from(r#"2["a","kept"]"#);
        let packet = Decoder::new(Limits::default()).text(&text).unwrap().unwrap();
        let Body::Event { event, .. } = packet.body else { panic!("event") };
        event.into_owned()
    };
    assert_eq!((owned.name(), owned.args().get::<String>(0).unwrap().as_str()), ("a", "kept"));
}

#[test]
fn json_from_elsewhere_is_one_argument() {
    let args = Args::one(r#" {"token":"x\ud83d"} "#).unwrap();
    assert_eq!((args.len(), args.raw(0)), (1, Some(r#"{"token":"x\ud83d"}"#)));
    assert_eq!(args.get::<Value>(0).unwrap().get("token").and_then(Value::as_str), Some("x\u{fffd}"));
    assert!(Args::one("{").is_err());
    assert!(Args::one("1 2").is_err());
}

#[test]
fn values_are_made_and_looked_into() {
    let value: Value = [("n", Value::from(-1)), ("s", "x".into()), ("l", vec![Value::from(true)].into())]
        .into_iter()
        .collect();
    assert_eq!(value.get("n").and_then(Value::as_i64), Some(-1));
    assert_eq!(value.get("s").and_then(Value::as_str), Some("x"));
    assert_eq!(value.get("l").and_then(|list| list.at(0)).and_then(Value::as_bool), Some(true));
    assert_eq!(value.get("none"), None);
    assert_eq!(Value::from(f64::NAN), Value::Null);
    assert_eq!(Value::from(None::<bool>), Value::Null);
    assert_eq!(Value::from(serde_json::json!({"a": [1.5, null]})), one(r#"{"a":[1.5,null]}"#));
}

/// A handler's parameters are `DeserializeOwned`; ours must stay tellable from them.
#[test]
fn data_and_args_are_no_handler_parameters_by_type() {
    trait Ambiguous<Marker> {
        fn is_context() {}
    }
    impl<T: ?Sized> Ambiguous<()> for T {}
    struct Deserializable;
    impl<T: DeserializeOwned> Ambiguous<Deserializable> for T {}
    // Were one of them `DeserializeOwned`, the marker could not be inferred and this would not compile.
    <Data as Ambiguous<_>>::is_context();
    <Args<'static> as Ambiguous<_>>::is_context();
    <Arguments as Ambiguous<_>>::is_context();
}
