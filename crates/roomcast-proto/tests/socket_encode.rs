//! What packets look like on the wire, and that a failure leaves no trace.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report, in its helpers too")]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use roomcast_proto::socket::{
    AckOutcome, Binary, EncodeError, Head, Value, encode_ack, encode_connect, encode_connect_error,
    encode_disconnect, encode_event,
};
use serde::{Serialize, Serializer};
use serde_json::json;

const ROOT: Head<'static> = Head { namespace: "/", id: None };

fn event<T: Serialize + ?Sized>(args: &T) -> String {
    let mut out = Vec::new();
    assert!(encode_event(&mut out, ROOT, "e", args).unwrap().is_empty());
    String::from_utf8(out).unwrap()
}

fn ack<T: Serialize + ?Sized>(value: &T) -> String {
    let mut out = Vec::new();
    match encode_ack(&mut out, Head { namespace: "/", id: Some(4) }, value).unwrap() {
        AckOutcome::Encoded(attachments) => assert!(attachments.is_empty()),
        AckOutcome::Failed(error) => panic!("{error}"),
    }
    String::from_utf8(out).unwrap()
}

#[derive(Serialize)]
struct Point(i32, i32);

#[derive(Serialize)]
struct Nothing;

#[test]
fn a_tuple_is_several_arguments_and_anything_else_is_one() {
    assert_eq!(event(&()), r#"2["e"]"#);
    assert_eq!(event(&(1,)), r#"2["e",1]"#);
    assert_eq!(event(&(1, "two", [3])), r#"2["e",1,"two",[3]]"#);
    assert_eq!(event(&&(1, (2, 3))), r#"2["e",1,[2,3]]"#);
    assert_eq!(event(&1), r#"2["e",1]"#);
    assert_eq!(event("text"), r#"2["e","text"]"#);
    assert_eq!(event(&"text"), r#"2["e","text"]"#);
    assert_eq!(event(&[1, 2]), r#"2["e",[1,2]]"#);
    assert_eq!(event(&[(1, 2)][..]), r#"2["e",[[1,2]]]"#);
    assert_eq!(event(&vec![(); 2]), r#"2["e",[null,null]]"#);
    assert_eq!(event(&None::<(i32, i32)>), r#"2["e",null]"#);
    assert_eq!(event(&Some((1, 2))), r#"2["e",[1,2]]"#);
    assert_eq!(event(&Point(1, 2)), r#"2["e",[1,2]]"#);
    assert_eq!(event(&Nothing), r#"2["e",null]"#);
    assert_eq!(event(&json!({"z": 1, "a": [null]})), r#"2["e",{"z":1,"a":[null]}]"#);
}

#[test]
fn an_ack_takes_arguments_as_an_event_does() {
    assert_eq!(ack(&()), "34[]");
    assert_eq!(ack(&(1,)), "34[1]");
    assert_eq!(ack(&(1, "two")), r#"34[1,"two"]"#);
    assert_eq!(ack(&[1, 2]), "34[[1,2]]");
    assert_eq!(ack(&None::<i32>), "34[null]");
    assert_eq!(ack("x"), r#"34["x"]"#);
}

#[test]
fn an_ack_looks_into_a_result() {
    assert_eq!(ack(&Ok::<_, String>(7)), "34[7]");
    assert_eq!(ack(&Ok::<_, String>((1, 2))), "34[1,2]");
    assert_eq!(ack(&&Ok::<_, String>(())), "34[]");
    assert_eq!(ack(&Ok::<_, ()>(Err::<i32, _>("inner"))), r#"34[{"Err":"inner"}]"#);
    assert_eq!(ack(&(Ok::<_, ()>(1),)), r#"34[{"Ok":1}]"#);

    let mut out = b"before".to_vec();
    let head = Head { namespace: "/", id: Some(4) };
    match encode_ack(&mut out, head, &Err::<(), _>(json!({"code": 3}))).unwrap() {
        AckOutcome::Failed(error) => assert_eq!(error, json!({"code": 3})),
        AckOutcome::Encoded(_) => panic!("an error was acknowledged"),
    }
    assert_eq!(out, b"before");

    let Ok(AckOutcome::Encoded(attachments)) =
        encode_ack(&mut out, head, &Ok::<_, ()>(Binary(Bytes::from_static(b"x"))))
    else {
        panic!("encoded")
    };
    assert_eq!(out, br#"before61-4[{"_placeholder":true,"num":0}]"#);
    assert_eq!(attachments, ["x"]);
}

#[test]
fn head_and_name_are_written_as_javascript_writes_them() {
    let mut out = Vec::new();
    encode_event(&mut out, Head { namespace: "/shop", id: Some(7) }, "buy", "book").unwrap();
    out.push(b'\n');
    encode_event(&mut out, Head { namespace: "/shop", id: None }, "q\"\\\n\u{2028}", &()).unwrap();
    out.push(b'\n');
    encode_event(&mut out, Head { namespace: "/", id: Some(u64::MAX) }, "", &()).unwrap();
    let lines = "2/shop,7[\"buy\",\"book\"]\n2/shop,[\"q\\\"\\\\\\n\u{2028}\"]\n218446744073709551615[\"\"]";
    assert_eq!(String::from_utf8(out).unwrap(), lines);
}

#[test]
fn connects_refusals_and_leaves_are_written() {
    let mut out = Vec::new();
    encode_connect(&mut out, "/", None::<&()>).unwrap();
    out.push(b' ');
    encode_connect(&mut out, "/shop", Some(&json!({"sid": "x"}))).unwrap();
    out.push(b' ');
    encode_connect_error(&mut out, "/random", &json!({"message": "Invalid namespace"})).unwrap();
    out.push(b' ');
    encode_disconnect(&mut out, "/");
    out.push(b' ');
    encode_disconnect(&mut out, "/shop");
    assert_eq!(out, br#"0 0/shop,{"sid":"x"} 4/random,{"message":"Invalid namespace"} 1 1/shop,"#);

    let before = out.clone();
    assert!(matches!(encode_connect(&mut out, "/", Some(&[1])), Err(EncodeError::NotAnObject)));
    assert!(matches!(encode_connect_error(&mut out, "/", "text"), Err(EncodeError::NotAnObject)));
    assert_eq!(out, before);
}

#[test]
fn attachments_are_numbered_in_the_order_they_are_met() {
    let mut out = b"before ".to_vec();
    let nested = json!([null]);
    let args = (Bytes::from_static(b"one"), ("x", Value::Binary(Bytes::from_static(b"two"))), nested);
    let sent = encode_event(&mut out, Head { namespace: "/a", id: Some(0) }, "up", &args).unwrap();
    let text =
        r#"before 52-/a,0["up",{"_placeholder":true,"num":0},["x",{"_placeholder":true,"num":1}],[null]]"#;
    assert_eq!(String::from_utf8(out).unwrap(), text);
    assert_eq!(sent, ["one", "two"]);

    let mut out = Vec::new();
    let many = vec![Binary(Bytes::new()); 12];
    assert_eq!(encode_event(&mut out, ROOT, "up", &many).unwrap().len(), 12);
    assert!(out.starts_with(br#"512-["up",[{"_placeholder":true,"num":0},"#));
}

#[test]
fn what_json_cannot_say_is_null() {
    assert_eq!(event(&(f64::NAN, f32::INFINITY)), r#"2["e",null,null]"#);
}

#[test]
fn reserved_names_are_refused() {
    for name in ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"] {
        let mut out = Vec::new();
        assert!(matches!(encode_event(&mut out, ROOT, name, &()), Err(EncodeError::ReservedEvent)));
        assert!(out.is_empty());
    }
    assert!(encode_event(&mut Vec::new(), ROOT, "error", &()).is_ok());
}

struct Refuses;

impl Serialize for Refuses {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no"))
    }
}

struct Panics;

impl Serialize for Panics {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("a bug in the user's code")
    }
}

#[test]
fn a_value_that_fails_leaves_the_buffer_as_it_was() {
    let mut out = b"before".to_vec();
    let with_binary = (Bytes::from_static(b"x"), Refuses);
    assert!(matches!(encode_event(&mut out, ROOT, "e", &with_binary), Err(EncodeError::Value(_))));
    assert!(matches!(encode_ack(&mut out, ROOT, &(1, Refuses)), Err(EncodeError::Value(_))));
    assert!(matches!(encode_ack(&mut out, ROOT, &Ok::<_, ()>(Refuses)), Err(EncodeError::Value(_))));
    assert!(matches!(encode_ack(&mut out, ROOT, &Err::<(), _>(Refuses)), Err(EncodeError::Value(_))));
    assert!(matches!(encode_connect(&mut out, "/", Some(&Refuses)), Err(EncodeError::Value(_))));
    let keys = BTreeMap::from([((1, 2), 3)]);
    assert!(matches!(encode_event(&mut out, ROOT, "e", &keys), Err(EncodeError::Value(_))));
    assert_eq!(out, b"before");

    let caught = catch_unwind(AssertUnwindSafe(|| encode_event(&mut out, ROOT, "e", &(1, Panics))));
    assert!(caught.is_err());
    assert_eq!(out, b"before");
}

#[test]
fn numeric_keys_become_text_as_in_javascript() {
    assert_eq!(event(&BTreeMap::from([(1, 2), (10, 3)])), r#"2["e",{"1":2,"10":3}]"#);
}
