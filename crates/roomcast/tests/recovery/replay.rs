//! What is on the wire, and what comes again: private ids, offsets, missed events, rooms, data.

use std::time::Duration;

use proto::socket::Binary;
use roomcast::{Io, Socket, State};
use serde_json::json;
use tokio::sync::mpsc;

use crate::client::{Client, Lost, is_offset};
use crate::support::Log;
use crate::{server, socket};

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_connect_has_a_private_id_of_its_own() {
    let io = server();
    let client = Client::connect(&io).await;
    let pid = client.pid.clone().expect("recovery is on");
    assert_eq!(pid.len(), 20);
    assert_ne!(pid, client.sid);
    assert!(!socket(&io, &client).recovered());
}

#[tokio::test(start_paused = true)]
async fn without_recovery_nothing_of_it_is_on_the_wire() {
    let io = Io::new();
    let mut client = Client::enter(&io, "/", r#"{"pid":"aaaaaaaaaaaaaaaaaaaa","offset":"x"}"#).await;
    assert_eq!(client.pid, None);
    let emitted = socket(&io, &client).emit("a", 1);
    assert!(!emitted.recorded());
    assert_eq!(client.next().await, json!(["a", 1]));
    drop(io.emit("a", ()));
    assert_eq!(client.next().await, json!(["a"]));
}

#[tokio::test(start_paused = true)]
async fn every_event_has_an_offset_behind_its_arguments_and_offsets_grow() {
    let io = server();
    let mut client = Client::connect(&io).await;
    let socket = socket(&io, &client);
    socket.emit("direct", ());
    socket.emit("direct", (1, "text"));
    socket.emit("binary", Binary(vec![1, 2, 3].into()));
    io.emit("all", [1]);
    io.to(socket.id()).compress(false).emit("room", "x");
    socket.latest("key").emit("latest", 1);
    socket.emit_wait("waited", 1).await.expect("there is room");
    let mut offsets = Vec::new();
    for expected in [
        json!(["direct"]),
        json!(["direct", 1, "text"]),
        json!(["binary", { "_placeholder": true, "num": 0 }]),
        json!(["all", [1]]),
        json!(["room", "x"]),
        json!(["latest", 1]),
        json!(["waited", 1]),
    ] {
        let mut event = client.next().await;
        offsets.push(event.as_array_mut().and_then(Vec::pop).and_then(|o| o.as_str().map(String::from)));
        assert_eq!(event, expected);
        if expected[0] == "binary" {
            client.wire.expect_binary(&[1, 2, 3]).await;
        }
    }
    let offsets: Vec<_> = offsets.into_iter().flatten().collect();
    assert_eq!(offsets.len(), 7);
    assert!(offsets.iter().all(|offset| is_offset(offset)) && offsets.is_sorted(), "{offsets:?}");
}

#[tokio::test(start_paused = true)]
async fn questions_and_volatile_events_have_none() {
    let io = server();
    let mut client = Client::connect(&io).await;
    let socket = socket(&io, &client);
    let _answer = socket.emit_with_ack::<()>("question", "text");
    let _answers = io.emit_with_ack::<()>("questions", "text");
    client.wire.expect(&[r#"420["question","text"]"#, r#"421["questions","text"]"#]).await;
    client.wire.expect_nothing().await;
    socket.volatile().emit("volatile", (1, true));
    assert_eq!(client.next().await, json!(["volatile", 1, true]));
    client.wire.expect_nothing().await;
    io.volatile().emit("volatile", json!({ "a": "b" }));
    assert_eq!(client.next().await, json!(["volatile", { "a": "b" }]));
}

#[tokio::test(start_paused = true)]
async fn a_client_gets_what_it_missed_in_order_and_before_the_answer() {
    let io = server();
    let client = Client::connect(&io).await;
    let other = Client::connect(&io).await;
    let old = socket(&io, &client);
    old.join("news");
    old.join("muted");
    let lost = client.lose(&io).await;
    io.emit("all", 1);
    io.to("news").emit("room", 2);
    io.to("sport").emit("no", ());
    io.to(["sport", "news"]).emit("rooms", 3);
    io.except("muted").emit("no", ());
    io.to("news").except("muted").emit("no", ());
    io.except("sport").emit("except", 4);
    assert!(old.emit("direct", 5).recorded());
    io.to(old.id()).emit("by id", 6);
    old.broadcast().emit("no", ());
    io.volatile().emit("no", "text");
    old.volatile().emit("no", ());
    drop(old.emit_with_ack::<()>("no", ()));
    socket(&io, &other).emit("no", ());
    io.to("news").emit("last", 7);
    let client = lost.back(&io).await;
    assert_eq!(client.early(), ["all 1", "room 2", "rooms 3", "except 4", "direct 5", "by id 6", "last 7"]);
}

#[tokio::test(start_paused = true)]
async fn rooms_and_data_are_restored_and_the_socket_says_that_it_was() {
    struct Name(&'static str);
    let io = server();
    let (log, mut lines) = Log::new();
    io.manage(log).on_connect(async |socket: Socket, log: State<Log>| {
        let name = socket.get::<Name>().map(|name| name.0);
        let rooms: Vec<String> = socket.rooms().iter().map(ToString::to_string).collect();
        log.say(format_args!("{} {name:?} {}", socket.recovered(), rooms.join(" ")));
    });
    let client = Client::connect(&io).await;
    let sid = client.sid.clone();
    lines.expect(&[&format!("false None {sid}")]).await;
    let socket = socket(&io, &client);
    socket.insert(Name("Ann"));
    socket.set_data("travels").expect("it is JSON");
    socket.join("a");
    socket.join("b");
    let client = client.lose(&io).await.back(&io).await;
    lines.expect(&[&format!(r#"true Some("Ann") {sid} a b"#)]).await;
    assert!(io.socket(&client.sid).is_some_and(|socket| socket.recovered() && socket.is_connected()));
    assert_eq!(
        io.socket(&client.sid).and_then(|socket| socket.data::<String>().ok()).as_deref(),
        Some("travels")
    );
    assert!(!socket.is_connected());
    assert_eq!((io.len(), io.room_len("a")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_recovered_client_goes_on_and_can_be_recovered_again() {
    let io = server();
    let mut client = Client::connect(&io).await;
    for round in 0..3 {
        io.emit("seen", round);
        client.expect(&[&format!("seen {round}")]).await;
        let lost = client.lose(&io).await;
        io.emit("missed", round);
        client = lost.back(&io).await;
        assert_eq!(client.early(), [format!("missed {round}")]);
        client.wire.expect_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_on_its_way_is_sent_again() {
    let io = server();
    let mut client = Client::connect(&io).await;
    for n in 0..10 {
        io.emit("n", n);
    }
    client.expect(&["n 0", "n 1", "n 2"]).await;
    let client = client.lose(&io).await.back(&io).await;
    assert_eq!(client.early(), ["n 3", "n 4", "n 5", "n 6", "n 7", "n 8", "n 9"]);
}

#[tokio::test(start_paused = true)]
async fn no_event_has_to_come_before_a_recovery() {
    let io = server();
    let client = Client::connect(&io).await;
    assert_eq!(client.offset, None);
    // Once nothing was ever sent, once all of it was lost on its way.
    let lost = client.lose(&io).await;
    io.emit("missed", 1);
    let client = lost.back(&io).await;
    assert_eq!(client.early(), ["missed 1"]);
    io.emit("on its way", 2);
    let lost = Lost { offset: None, ..client.lose(&io).await };
    let client = lost.back(&io).await;
    assert_eq!(client.early(), ["missed 1", "on its way 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_client_is_recovered_however_long_ago_it_heard_something() {
    let io = server();
    let mut client = Client::connect(&io).await;
    let mut quiet = Client::connect(&io).await;
    socket(&io, &client).emit("once", 1);
    client.expect(&["once 1"]).await;
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_secs(20)).await;
        // Both answer the heartbeat meanwhile.
        client.wire.expect_nothing().await;
        quiet.wire.expect_nothing().await;
        io.to("others").emit("noise", ());
    }
    let lost = [client.lose(&io).await, quiet.lose(&io).await];
    io.emit("missed", 2);
    for lost in lost {
        assert_eq!(lost.back(&io).await.early(), ["missed 2"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_volatile_text_does_not_take_the_place_of_the_offset() {
    let io = server();
    let mut client = Client::connect(&io).await;
    io.emit("seen", 1);
    client.expect(&["seen 1"]).await;
    let offset = client.offset.clone();
    // A client takes the text, or the name where there is no argument, for an offset.
    for volatile in [json!(["tick", "tock"]), json!(["tick"])] {
        client.wire.expect_nothing().await;
        match volatile.get(1) {
            Some(_) => io.volatile().emit("tick", "tock"),
            None => socket(&io, &client).volatile().emit("tick", ()),
        };
        client.next().await;
        assert_eq!(client.offset, offset);
    }
    let lost = client.lose(&io).await;
    io.emit("missed", 2);
    assert_eq!(lost.back(&io).await.early(), ["missed 2"]);
}

#[tokio::test(start_paused = true)]
async fn binary_events_are_sent_again_with_their_attachments() {
    let io = server();
    let client = Client::connect(&io).await;
    let lost = client.lose(&io).await;
    io.emit("binary", (1, Binary(vec![1, 2, 3].into())));
    io.emit("text", 2);
    let mut client = Client::knock(&io, "/", &lost.auth()).await;
    let text = client.wire.text().await;
    assert!(text.starts_with(r#"451-["binary",1,{"_placeholder":true,"num":0},""#), "{text}");
    client.wire.expect_binary(&[1, 2, 3]).await;
    client.arrive().await;
    assert_eq!((client.sid, client.early.len()), (lost.sid, 1));
}

#[tokio::test(start_paused = true)]
async fn events_that_replace_each_other_or_wait_keep_the_order_of_their_offsets() {
    let io = server();
    let mut client = Client::connect(&io).await;
    let socket = socket(&io, &client);
    // In one turn, so that all of them wait.
    socket.latest("k").emit("latest", 1);
    io.emit("between", 2);
    socket.latest("k").emit("latest", 3);
    io.emit("behind", 4);
    client.expect(&["between 2", "latest 3"]).await;
    let lost = client.lose(&io).await;
    assert_eq!(lost.back(&io).await.early(), ["behind 4"]);
}

#[tokio::test(start_paused = true)]
async fn listeners_of_what_goes_out_do_not_see_offsets() {
    let io = server();
    let (heard, mut hears) = mpsc::unbounded_channel();
    let client = Client::connect(&io).await;
    socket(&io, &client).on_any_outgoing(move |_, outgoing| {
        heard.send((outgoing.name().to_owned(), outgoing.args().len())).expect("the test listens");
    });
    socket(&io, &client).emit("direct", 1);
    io.emit("all", (1, 2));
    assert_eq!(hears.recv().await, Some(("direct".into(), 1)));
    assert_eq!(hears.recv().await, Some(("all".into(), 2)));
}
