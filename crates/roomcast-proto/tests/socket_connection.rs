//! The server's decisions, packet by packet and batch by batch.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report, in its helpers too")]

use bytes::Bytes;
use roomcast_proto::engine::Revision;
use roomcast_proto::socket::connection::{DEFAULT_MAX_NAMESPACES, MAX_NAMESPACE_LEN};
use roomcast_proto::socket::{Connection, Decision, Limits, NamespacePath, RefuseReason, SlotId, Violation};

fn connection() -> Connection {
    Connection::new(Limits::default(), DEFAULT_MAX_NAMESPACES)
}

/// Asks for a namespace and lets the client in, each in a batch of its own.
fn join(connection: &mut Connection, packet: &str) -> SlotId {
    let slot = ask(connection, packet);
    connection.end_of_batch();
    assert!(connection.accept(slot));
    connection.end_of_batch();
    slot
}

fn ask(connection: &mut Connection, packet: &str) -> SlotId {
    match connection.handle_text(packet).unwrap() {
        Decision::Connect { slot, .. } => slot,
        other => panic!("{packet}: {other:?}"),
    }
}

/// A word per outcome, so that tables can be read.
fn outcome(decision: Result<Decision<'_>, Violation>) -> String {
    match decision {
        Ok(Decision::Connect { namespace, auth, .. }) => {
            format!("connect {namespace} {}", auth.as_deref().unwrap_or("-"))
        }
        Ok(Decision::Refuse { namespace, reason }) => format!("refuse {namespace} {reason:?}"),
        Ok(Decision::Event { id, event, .. }) => format!("event {id:?} {}", event.name()),
        Ok(Decision::Ack { id, args, .. }) => format!("ack {id} {}", args.len()),
        Ok(Decision::Disconnect { .. }) => "disconnect".into(),
        Ok(Decision::Nothing) => "nothing".into(),
        Ok(other) => format!("{other:?}"),
        Err(violation) if violation.raises_error() => format!("error: {violation}"),
        Err(violation) => format!("closed: {violation:?}"),
    }
}

#[test]
fn bad_input_of_a_joined_client_ends_as_in_the_reference() {
    let table = [
        ("0", "closed: AlreadyJoined"),
        ("0/nope,", "connect /nope -"),
        ("0/x?y=1,", "connect /x?y=1 -"),
        (r#"0/a,{"t":1}"#, r#"connect /a {"t":1}"#),
        ("0[]", "error: invalid payload"),
        (r#"0"x""#, "error: invalid payload"),
        ("abc", "error: unknown packet type NaN"),
        ("7", "error: unknown packet type 7"),
        ("2{}", "error: invalid payload"),
        ("2[]", "error: invalid payload"),
        ("2[null]", "error: invalid payload"),
        (r#"2["a""#, "error: invalid payload"),
        (r#"2["disconnect"]"#, "error: invalid payload"),
        ("2", "nothing"),
        (r#"2["error","x"]"#, "event None error"),
        (r#"2 ["a"]"#, "error: invalid payload"),
        (r#"2abc["x"]"#, "error: invalid payload"),
        (r#"2["a"]x"#, "error: invalid payload"),
        ("3", "nothing"),
        ("3[]", "nothing"),
        ("39[]", "ack 9 0"),
        ("39{}", "error: invalid payload"),
        (r#"4{"message":"x"}"#, "closed: ConnectErrorFromClient"),
        ("4", "closed: ConnectErrorFromClient"),
        ("1{}", "error: invalid payload"),
        ("1/", "disconnect"),
        (r#"2/other,["a"]"#, "closed: NotJoined"),
        ("3/other,1[]", "closed: NotJoined"),
        ("1/other,", "closed: NotJoined"),
        (r#"50-["a"]"#, "error: Illegal attachments"),
        (r#"51["a"]"#, "error: Illegal attachments"),
        (r#"511-["a"]"#, "error: too many attachments"),
        (r#"51-["a",{"_placeholder":true,"num":1}]"#, "error: illegal attachments"),
    ];
    for (packet, expected) in table {
        let mut connection = connection();
        join(&mut connection, "0");
        assert_eq!(outcome(connection.handle_text(packet)), expected, "{packet}");
    }
}

#[test]
fn nothing_but_a_connect_comes_before_a_connect() {
    for packet in [r#"2["a"]"#, "2", "31[]", "3", "1"] {
        assert_eq!(outcome(connection().handle_text(packet)), "closed: NotJoined", "{packet}");
    }
    assert_eq!(outcome(connection().handle_text("4{}")), "closed: ConnectErrorFromClient");
}

#[test]
fn a_namespace_still_undecided_takes_no_packets() {
    for packet in [r#"2["a"]"#, "31[]", "1"] {
        let mut connection = connection();
        let slot = ask(&mut connection, "0");
        connection.end_of_batch();
        assert_eq!(connection.pending().count(), 1);
        assert_eq!(outcome(connection.handle_text(packet)), "closed: NotJoined", "{packet}");
        assert!(connection.accept(slot));
    }
}

#[test]
fn an_event_in_the_batch_of_its_connect_is_a_violation_even_if_the_server_is_fast() {
    let mut connection = connection();
    let slot = ask(&mut connection, "0");
    assert!(connection.accept(slot));
    assert!(connection.has_joined_any());
    assert_eq!(outcome(connection.handle_text(r#"2["a"]"#)), "closed: NotJoined");
    connection.end_of_batch();
    assert_eq!(outcome(connection.handle_text(r#"2["a"]"#)), "event None a");
}

#[test]
fn a_second_connect_makes_no_second_socket() {
    let mut connection = connection();
    let slot = ask(&mut connection, "0/a,");
    assert_eq!(outcome(connection.handle_text("0/a,")), "nothing", "the first is undecided");
    connection.end_of_batch();
    assert_eq!(outcome(connection.handle_text("0/a,")), "nothing", "the first is still undecided");
    assert_eq!(connection.pending().count(), 1);
    assert!(connection.accept(slot));
    assert_eq!(outcome(connection.handle_text("0/a,")), "closed: AlreadyJoined");
}

#[test]
fn what_comes_together_with_a_leave_is_dropped_and_what_comes_later_closes() {
    let mut connection = connection();
    let slot = join(&mut connection, "0");
    assert!(matches!(connection.handle_text("1"), Ok(Decision::Disconnect { slot: left }) if left == slot));
    assert!(!connection.has_joined_any());
    for packet in [r#"2["a"]"#, r#"27["a"]"#, "31[]", "1"] {
        assert_eq!(outcome(connection.handle_text(packet)), "nothing", "{packet}");
    }
    connection.end_of_batch();
    for packet in [r#"2["a"]"#, "31[]", "1/"] {
        assert_eq!(outcome(connection.handle_text(packet)), "closed: NotJoined", "{packet}");
    }
}

#[test]
fn other_namespaces_live_on_after_a_leave() {
    let mut connection = connection();
    let root = join(&mut connection, "0");
    join(&mut connection, "0/custom");
    assert_eq!(outcome(connection.handle_text("1/custom")), "disconnect");
    assert_eq!(outcome(connection.handle_text(r#"2["message"]"#)), "event None message");
    connection.end_of_batch();
    assert_eq!(connection.joined().collect::<Vec<_>>(), [(root, &NamespacePath::root())]);
}

#[test]
fn a_namespace_is_left_and_joined_again_even_in_one_batch() {
    let mut connection = connection();
    let first = join(&mut connection, "0/a,");
    join(&mut connection, "0");
    assert_eq!(outcome(connection.handle_text("1/a,")), "disconnect");
    let second = ask(&mut connection, "0/a,");
    assert_ne!(first, second);
    assert_eq!(outcome(connection.handle_text(r#"2["b"]"#)), "event None b");
    connection.end_of_batch();
    assert!(!connection.accept(first), "the old slot must not stand for the new socket");
    connection.remove(first);
    assert!(connection.accept(second));
    assert_eq!(outcome(connection.handle_text(r#"2/a,["c"]"#)), "event None c");

    assert_eq!(outcome(connection.handle_text("1/a,")), "disconnect");
    connection.end_of_batch();
    let third = ask(&mut connection, "0/a,");
    assert!(third != first && third != second);
}

#[test]
fn a_refused_client_may_ask_again() {
    let mut connection = connection();
    let slot = ask(&mut connection, "0/a,");
    connection.end_of_batch();
    connection.remove(slot);
    assert_eq!(connection.pending().count(), 0);
    assert!(!connection.accept(slot));
    assert_eq!(outcome(connection.handle_text(r#"2/a,["x"]"#)), "closed: NotJoined");
    assert_ne!(ask(&mut connection, "0/a,"), slot);
}

#[test]
fn packets_may_cross_a_disconnect_by_the_server() {
    let mut connection = connection();
    let slot = join(&mut connection, "0");
    assert_eq!(outcome(connection.handle_text(r#"2["kick me"]"#)), "event None kick me");
    connection.remove(slot);
    assert_eq!(outcome(connection.handle_text(r#"2["same batch"]"#)), "nothing");
    connection.end_of_batch();
    for packet in [r#"2["still on its way"]"#, "31[]", "1"] {
        assert_eq!(outcome(connection.handle_text(packet)), "nothing", "{packet}");
    }

    let slot = join(&mut connection, "0");
    connection.remove(slot);
    assert_eq!(connection.joined().count(), 0);
    assert_eq!(outcome(connection.handle_text("1")), "nothing");
    assert_eq!(outcome(connection.handle_text("0")), "connect / -");
}

#[test]
fn only_the_latest_dismissed_namespaces_are_remembered() {
    let mut connection = connection();
    for n in 0..20 {
        let slot = join(&mut connection, &format!("0/{n},"));
        connection.remove(slot);
    }
    assert_eq!(outcome(connection.handle_text(r#"2/19,["x"]"#)), "nothing");
    assert_eq!(outcome(connection.handle_text(r#"2/0,["x"]"#)), "closed: NotJoined");
}

#[test]
fn attachments_complete_a_packet_of_their_namespace() {
    let mut connection = connection();
    join(&mut connection, "0");
    let root = join(&mut connection, "0/a,");
    let header = r#"51-/a,5["up",{"_placeholder":true,"num":0}]"#;
    assert_eq!(outcome(connection.handle_text(header)), "nothing");
    assert!(connection.is_reassembling());
    connection.end_of_batch();
    match connection.handle_binary(Bytes::from_static(b"x")).unwrap() {
        Decision::Event { slot, id: Some(5), event } => {
            assert_eq!(slot, root);
            assert_eq!(event.args().get::<Bytes>(0).unwrap(), "x");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(outcome(connection.handle_text("51-")), "nothing");
    assert_eq!(outcome(connection.handle_binary(Bytes::new())), "nothing");
    assert_eq!(
        outcome(connection.handle_binary(Bytes::new())),
        "error: got binary data when not reconstructing a packet"
    );
    assert_eq!(outcome(connection.handle_text(header)), "nothing");
    assert_eq!(
        outcome(connection.handle_text(r#"2["a"]"#)),
        "error: got plaintext data when reconstructing a packet"
    );
}

#[test]
fn namespaces_are_bounded_in_number_and_length() {
    let mut connection = Connection::new(Limits::default(), 2);
    let first = join(&mut connection, "0");
    ask(&mut connection, "0/a,");
    assert_eq!(outcome(connection.handle_text("0/b,")), "refuse /b TooManyNamespaces");
    assert_eq!(outcome(connection.handle_text("1")), "disconnect");
    assert_eq!(
        outcome(connection.handle_text("0/b,")),
        "connect /b -",
        "a namespace that was left makes room"
    );
    connection.end_of_batch();
    assert_eq!(outcome(connection.handle_text("0")), "refuse / TooManyNamespaces");
    assert!(!connection.accept(first));

    let long = format!("0/{}", "x".repeat(MAX_NAMESPACE_LEN));
    match connection.handle_text(&long).unwrap() {
        Decision::Refuse { reason, .. } => assert_eq!(reason, RefuseReason::NameTooLong),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_connection_is_small() {
    assert!(size_of::<Connection>() <= 104, "{}", size_of::<Connection>());
}

#[test]
fn a_client_of_revision_3_comes_into_the_main_namespace_without_asking() {
    let mut connection = connection().with_revision(Revision::V3);
    let slot = connection.connect_main();
    assert_eq!(connection.pending().map(|(slot, _)| slot).collect::<Vec<_>>(), [slot]);
    assert!(matches!(connection.handle_text("0"), Ok(Decision::Nothing)), "one socket is enough");
    assert!(matches!(connection.handle_text(r#"2["a"]"#), Err(Violation::NotJoined)), "too early");
    assert!(connection.accept(slot));
    assert!(matches!(connection.handle_text(r#"2["a"]"#), Ok(Decision::Event { .. })));
    assert!(matches!(connection.handle_text("0"), Err(Violation::AlreadyJoined)));
}

#[test]
fn in_revision_3_the_query_of_a_namespace_is_what_the_client_says_of_itself() {
    let mut connection = connection().with_revision(Revision::V3);
    let table = [
        ("0/a?token=x&n=1,", r#"connect /a {"token":"x","n":"1"}"#),
        ("0/b?,", "connect /b {}"),
        ("0/c", "connect /c -"),
        // What revision 4 sends there is nothing here.
        (r#"0/d?x=1,{"x":2}"#, r#"connect /d {"x":"1"}"#),
        (r#"0/e,{"x":2}"#, "connect /e -"),
        ("0/käse?a=é", r#"connect /käse {"a":"é"}"#),
    ];
    for (packet, expected) in table {
        assert_eq!(outcome(connection.handle_text(packet)), expected, "{packet}");
    }
    let slot = join(&mut connection, "0/f?token=x,");
    for packet in [r#"2/f,["a"]"#, r#"2/f?token=x,["a"]"#, r#"2/f?other,["a"]"#] {
        assert!(
            matches!(connection.handle_text(packet), Ok(Decision::Event { slot: other, .. }) if other == slot),
            "{packet}"
        );
    }
    assert_eq!(outcome(connection.handle_text("0/f?again,")), "closed: AlreadyJoined");
    assert_eq!(outcome(connection.handle_text("1/f?x,")), "disconnect");
    assert_eq!(outcome(connection.handle_text(r#"2/g?x,["a"]"#)), "closed: NotJoined");
}

#[test]
fn in_revision_4_a_query_is_part_of_the_name() {
    let mut connection = connection();
    join(&mut connection, "0/a,");
    assert_eq!(outcome(connection.handle_text("0/a?x=1,")), "connect /a?x=1 -");
    assert_eq!(outcome(connection.handle_text(r#"2/a?x=1,["a"]"#)), "closed: NotJoined");
}
