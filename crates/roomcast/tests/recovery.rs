//! Connection state recovery as a client sees it, on virtual time and pipes in memory.

#[path = "recovery/client.rs"]
mod client;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proto::socket::Binary;
use roomcast::{ConnectError, ConnectionStateRecovery, Io, Reason, Socket, State};
use serde_json::json;
use tokio::sync::mpsc;

use client::{Client, Lost, is_offset, short};
use support::{Log, until};

fn server() -> Io {
    with(ConnectionStateRecovery::default())
}

fn with(recovery: ConnectionStateRecovery) -> Io {
    let io = Io::builder().connection_state_recovery(recovery).build();
    io.on("join", async |socket: Socket, room: String| socket.join(room));
    io.on("leave", async |socket: Socket| socket.disconnect());
    io.on("leave all", async |socket: Socket| socket.disconnect_connection());
    io.on("close", async |socket: Socket| socket.close_session());
    support::answer_sync(&io);
    io
}

fn socket(io: &Io, client: &Client) -> Socket {
    io.socket(&client.sid).expect("it is there")
}

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

/// What a client does, and whether it is kept.
#[tokio::test(start_paused = true)]
async fn a_session_is_kept_unless_somebody_ended_it() {
    let io = server();
    io.on_disconnect(async |socket: Socket| _ = socket.emit("late", ()));
    for (packet, kept) in [
        ("", true),
        ("1", true),
        ("2", true),
        (r#"42["close"]"#, true),
        ("40", true),
        ("4abc", true),
        ("41", false),
        (r#"42["leave"]"#, false),
        (r#"42["leave all"]"#, false),
        ("9", false),
    ] {
        let mut client = Client::connect(&io).await;
        if !packet.is_empty() {
            client.wire.send(packet).await;
            until("the socket has left", || io.is_empty()).await;
        }
        let lost = client.lose(&io).await;
        if kept {
            assert_eq!(lost.back(&io).await.early(), ["late"], "{packet}");
        } else {
            lost.anew(&io).await;
        }
        until("the socket has left", || io.is_empty()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_answer_pings_is_kept_with_what_it_was_sent() {
    let io = server();
    let (log, mut lines) = Log::new();
    io.manage(log).on_disconnect(async |reason: Reason, log: State<Log>| log.say(reason));
    let client = Client::connect(&io).await;
    io.emit("into the void", 1);
    lines.expect(&["ping timeout"]).await;
    assert_eq!(client.lost().back(&io).await.early(), ["into the void 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_used_once() {
    let io = server();
    let client = Client::connect(&io).await;
    let lost = client.lose(&io).await;
    let first = lost.clone().back(&io).await;
    // The second one finds the first one living and takes over from it.
    let second = lost.clone().back(&io).await;
    assert_eq!(first.wire.closed().await, [""; 0]);
    drop(socket(&io, &second).namespace().clone());
    socket(&io, &second).disconnect();
    until("it has left", || io.is_empty()).await;
    lost.anew(&io).await;
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_begins_anew() {
    let io = server();
    let mut client = Client::connect(&io).await;
    io.emit("a", 1);
    client.expect(&["a 1"]).await;
    let good = client.lost();
    let (pid, offset) = (good.pid.clone(), good.offset.clone().expect("an event came"));
    for auth in [
        r#"{"pid":"aaaaaaaaaaaaaaaaaaaa","offset":"x"}"#.to_owned(),
        r#"{"pid":"short"}"#.to_owned(),
        r#"{"pid":7,"offset":"x"}"#.to_owned(),
        r#"{"offset":"x"}"#.to_owned(),
        format!(r#"{{"pid":"{}","offset":"nonsense"}}"#, pid),
        format!(r#"{{"pid":"{}","offset":"{}zzzzzzzz"}}"#, pid, &offset[..4]),
        format!(r#"{{"pid":"{}","offset":5}}"#, pid),
        format!(r#"{{"pid":["{}"],"offset":"{}"}}"#, pid, offset),
        format!(r#"{{"pid":{{}},"offset":"{}"}}"#, offset),
        "{}".to_owned(),
    ] {
        let client = Client::enter(&io, "/", &auth).await;
        assert_ne!(client.sid, good.sid, "{auth}");
        assert!(client.early.is_empty(), "{auth}");
        client.lose(&io).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_belongs_to_its_namespace() {
    let io = server();
    io.of("/other").on("e", async || {});
    let lost = Client::connect(&io).await.lose(&io).await;
    let stranger = Client::enter(&io, "/other", &lost.auth()).await;
    assert_ne!(stranger.sid, lost.sid);
    // And it is still there.
    lost.back(&io).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_back_before_its_loss_was_noticed_takes_over() {
    let io = server();
    let (log, mut lines) = Log::new();
    io.manage(log).on_connect(async |socket: Socket, log: State<Log>| {
        log.say(format_args!("connect {}", socket.recovered()));
    });
    io.on_disconnect(async |socket: Socket, reason: Reason, log: State<Log>| {
        socket.insert("a last word".to_owned());
        log.say(format_args!("disconnect {reason}"));
    });
    let mut old = Client::connect(&io).await;
    socket(&io, &old).join("room");
    io.emit("seen", 1);
    old.expect(&["seen 1"]).await;
    io.to("room").emit("on its way", 2);
    let new = old.lost().back(&io).await;
    assert_eq!(new.early(), ["on its way 2"]);
    lines.expect(&["connect false", "disconnect forced close", "connect true"]).await;
    assert_eq!(socket(&io, &new).get::<String>().as_deref().map(String::as_str), Some("a last word"));
    assert_eq!((io.len(), io.room_len("room")), (1, 1));
    assert_eq!(old.wire.closed().await.len(), 1, "what was on its way, and the end");
}

#[tokio::test(start_paused = true)]
async fn a_client_cannot_take_over_from_itself() {
    let io = server();
    let mut client = Client::connect(&io).await;
    let lost = client.lost();
    // A second connect on the same connection breaks the protocol.
    client.wire.send(&format!("40{}", lost.auth())).await;
    client.wire.closed().await;
    until("the socket has left", || io.is_empty()).await;
    lost.back(&io).await;
}

#[tokio::test(start_paused = true)]
async fn middlewares_are_skipped_for_who_is_recovered_and_run_for_who_is_not() {
    let io = server();
    let (log, mut lines) = Log::new();
    io.manage(log).middleware(async |socket: Socket, log: State<Log>| log.say(socket.recovered()));
    let lost = Client::connect(&io).await.lose(&io).await;
    assert_eq!(lines.rest(), ["false"]);
    let lost = lost.back(&io).await.lose(&io).await;
    assert_eq!(lines.rest(), [""; 0]);
    Lost { pid: "aaaaaaaaaaaaaaaaaaaa".into(), ..lost }.anew(&io).await;
    assert_eq!(lines.rest(), ["false"]);
}

#[tokio::test(start_paused = true)]
async fn middlewares_that_are_kept_see_the_old_socket_and_what_comes_meanwhile_comes_in_order() {
    let io = with(ConnectionStateRecovery::default().skip_middlewares(false));
    let (log, mut lines) = Log::new();
    io.manage(log).middleware(async |io: Io, socket: Socket, log: State<Log>| {
        tokio::task::yield_now().await;
        if socket.recovered() {
            assert_eq!(socket.volatile().emit("too early", "text").dropped_volatile(), 1);
            assert_eq!(socket.volatile().emit("too early", 1).dropped_volatile(), 1);
        }
        io.emit("meanwhile", socket.recovered());
        socket.emit("from within", socket.recovered());
        socket.emit_wait("waited", ()).await.expect("there is room");
        log.say(format_args!("{} {}", socket.recovered(), socket.rooms().len()));
    });
    let client = Client::connect(&io).await;
    assert_eq!(lines.rest(), ["false 0"]);
    assert_eq!(client.early(), ["from within false", "waited"]);
    socket(&io, &client).join("room");
    let lost = client.lose(&io).await;
    io.emit("missed", 1);
    let client = lost.back(&io).await;
    assert_eq!(lines.rest(), ["true 1"]);
    assert_eq!(client.early(), ["missed 1", "meanwhile true", "from within true", "waited"]);
}

#[tokio::test(start_paused = true)]
async fn who_is_refused_by_a_middleware_may_try_again() {
    let io = with(ConnectionStateRecovery::default().skip_middlewares(false));
    io.middleware(async |socket: Socket| match socket.auth::<serde_json::Value>() {
        Ok(auth) if auth["refuse"] == true => Err(ConnectError::new("not now")),
        _ => Ok(()),
    });
    let lost = Client::connect(&io).await.lose(&io).await;
    io.emit("missed", 1);
    let auth = lost.auth().replace('{', r#"{"refuse":true,"#);
    let mut refused = Client::knock(&io, "/", &auth).await;
    refused.wire.expect(&[r#"44{"message":"not now"}"#]).await;
    assert_eq!(lost.back(&io).await.early(), ["missed 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_lost_again_on_the_way_in_costs_nothing() {
    let io = with(ConnectionStateRecovery::default().skip_middlewares(false));
    io.middleware(async |socket: Socket| {
        if socket.recovered() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let lost = Client::connect(&io).await.lose(&io).await;
    io.emit("missed", 1);
    drop(Client::knock(&io, "/", &lost.auth()).await);
    assert_eq!(lost.back(&io).await.early(), ["missed 1"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_said_to_the_old_socket_goes_to_the_new_one() {
    let io = server();
    let client = Client::connect(&io).await;
    let old = socket(&io, &client);
    let mut client = client.lose(&io).await.back(&io).await;
    let emitted = old.emit("to you", 1);
    assert_eq!((emitted.queued(), emitted.recorded()), (1, true));
    client.expect(&["to you 1"]).await;
    // To one that has left for good nothing can be said.
    let new = socket(&io, &client);
    new.disconnect();
    until("it has left", || io.is_empty()).await;
    assert!(new.emit("to nobody", ()).result().is_err());
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
async fn a_session_expires_on_time_and_nothing_is_left() {
    let io = with(ConnectionStateRecovery::default().max_disconnection_duration(Duration::from_secs(10)));
    let (dropped, mut drops) = mpsc::unbounded_channel::<()>();
    for (away, kept) in [(9_990, true), (10_000, false)] {
        let client = Client::connect(&io).await;
        let lost = client.lose(&io).await;
        io.emit("missed", 1);
        tokio::time::sleep(Duration::from_millis(away - 1)).await;
        if kept {
            lost.back(&io).await.lose(&io).await;
        } else {
            tokio::time::sleep(Duration::from_millis(1)).await;
            lost.anew(&io).await.lose(&io).await;
        }
    }
    // What was kept for it goes, too, though nobody asks.
    let client = Client::connect(&io).await;
    socket(&io, &client).insert(dropped);
    client.lose(&io).await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(drops.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
    assert!(!io.emit("nobody", ()).recorded());
}

#[tokio::test(start_paused = true)]
async fn a_namespace_made_on_demand_waits_for_its_clients_and_then_goes() {
    let io = with(ConnectionStateRecovery::default().max_disconnection_duration(Duration::from_secs(10)));
    io.of_pattern("/team/{name}");
    let client = Client::enter(&io, "/team/a", "").await;
    let pid = client.pid.clone().expect("recovery is on");
    drop(client);
    until("it has left", || io.sessions() == 0).await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(io.namespaces().len(), 2);
    let client = Client::enter(&io, "/team/a", &format!(r#"{{"pid":"{pid}"}}"#)).await;
    assert_eq!(client.pid.as_deref(), Some(&*pid));
    drop(client);
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(io.namespaces(), ["/"]);
}

#[tokio::test(start_paused = true)]
async fn who_has_missed_more_than_is_kept_begins_anew() {
    let io = with(ConnectionStateRecovery::default().max_packets(3));
    for (missed, kept) in [(3, true), (4, false)] {
        let lost = Client::connect(&io).await.lose(&io).await;
        for n in 0..missed {
            io.emit("n", n);
        }
        match kept {
            true => assert_eq!(lost.back(&io).await.early().len(), 3),
            false => drop(lost.anew(&io).await),
        }
        until("it has left", || io.is_empty()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn when_too_many_are_away_the_oldest_begin_anew() {
    let io = with(ConnectionStateRecovery::default().max_sessions(2));
    let mut lost = Vec::new();
    for _ in 0..3 {
        lost.push(Client::connect(&io).await.lose(&io).await);
    }
    io.emit("missed", 1);
    let [first, second, third] = lost.try_into().expect("three");
    assert_eq!(third.back(&io).await.early(), ["missed 1"]);
    assert_eq!(second.back(&io).await.early(), ["missed 1"]);
    first.anew(&io).await;
}

#[tokio::test(start_paused = true)]
async fn more_than_half_of_an_outbox_is_not_sent_again() {
    let recovery = ConnectionStateRecovery::default();
    let io = Io::builder().max_outbox_packets(10).connection_state_recovery(recovery).build();
    for (missed, kept) in [(5, true), (6, false)] {
        let lost = Client::connect(&io).await.lose(&io).await;
        for n in 0..missed {
            io.emit("n", n);
        }
        match kept {
            true => drop(lost.back(&io).await.lose(&io).await),
            false => drop(lost.anew(&io).await.lose(&io).await),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn many_clients_are_lost_and_come_back() {
    let io = server();
    let mut all = Vec::new();
    for n in 0..200 {
        let client = Client::connect(&io).await;
        socket(&io, &client).join(format!("room {}", n % 7));
        all.push(client);
    }
    let mut lost = Vec::new();
    for client in all {
        lost.push(client.lose(&io).await);
    }
    for room in 0..7 {
        io.to(format!("room {room}")).emit("room", room);
    }
    for (n, lost) in lost.into_iter().enumerate().rev() {
        let client = lost.back(&io).await;
        assert_eq!(client.early(), [format!("room {}", n % 7)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_forgets_everybody() {
    let io = server();
    let (dropped, mut drops) = mpsc::unbounded_channel::<()>();
    let clients = [Client::connect(&io).await, Client::connect(&io).await];
    for client in &clients {
        socket(&io, client).insert(dropped.clone());
    }
    drop(dropped);
    let [away, here] = clients;
    away.lose(&io).await;
    io.close().await;
    drop(here);
    assert_eq!(drops.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
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

/// The one thing that needs threads: emits from everywhere, connections lost anywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_doubled_or_reordered_however_many_emit_at_once() {
    const EMITTERS: usize = 3;
    const EVENTS: u64 = 2_000;
    let io = server();
    let mut client = Client::connect(&io).await;
    socket(&io, &client).join("room");
    let old = socket(&io, &client);
    let all_seen = Arc::new(AtomicU64::new(0));
    let emitters: Vec<_> = (0..EMITTERS)
        .map(|emitter| {
            let (io, old, all_seen) = (io.clone(), old.clone(), all_seen.clone());
            tokio::spawn(async move {
                for n in 0..EVENTS {
                    // Not so far ahead that everything is over before a connection is lost.
                    while n > all_seen.load(Ordering::Relaxed) / EMITTERS as u64 + 100 {
                        tokio::task::yield_now().await;
                    }
                    match n % 3 {
                        0 => io.emit("e", (emitter, n)),
                        1 => io.to("room").emit("e", (emitter, n)),
                        _ => old.emit("e", (emitter, n)),
                    };
                    io.volatile().emit("tick", "tock");
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let mut next = [0; EMITTERS];
    let mut losses = 0;
    let mut count = |event: &serde_json::Value| {
        if event[0] == "e" {
            let emitter = event[1].as_u64().expect("a number") as usize;
            assert_eq!(event[2].as_u64(), Some(next[emitter]), "of emitter {emitter}: {}", short(event));
            next[emitter] += 1;
            all_seen.fetch_add(1, Ordering::Relaxed);
        }
        next.iter().sum::<u64>()
    };
    let mut seen = 0;
    while seen < EMITTERS as u64 * EVENTS {
        for _ in 0..rand::random_range(1..200) {
            if seen == EMITTERS as u64 * EVENTS {
                break;
            }
            seen = count(&client.next().await);
        }
        losses += 1;
        // Half of the time the client is back before the server has noticed anything.
        let lost = match rand::random() {
            true => client.lose(&io).await,
            false => client.lost(),
        };
        client = lost.back(&io).await;
        for event in std::mem::take(&mut client.early) {
            seen = count(&event);
        }
    }
    for emitter in emitters {
        emitter.await.expect("it has not panicked");
    }
    assert!(losses > 10, "{losses}");
}

#[tokio::test(start_paused = true)]
async fn who_was_told_to_leave_is_not_kept_although_its_connection_is_lost_before_it_could_be_told() {
    let io = server();
    let (log, mut lines) = Log::new();
    io.manage(log).on_disconnect(async |reason: Reason, log: State<Log>| log.say(reason));
    for packet in [r#"42["leave"]"#, r#"42["leave all"]"#] {
        let mut client = Client::connect(&io).await;
        // The end of the connection comes in one piece with the event.
        client.wire.send(packet).await;
        let lost = client.lose(&io).await;
        lines.expect(&["server namespace disconnect"]).await;
        lost.anew(&io).await.lose(&io).await;
        lines.expect(&["transport close"]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_said_while_the_session_ends_is_kept_and_no_failure() {
    let io =
        Io::builder().connection_state_recovery(ConnectionStateRecovery::default()).max_handlers(1).build();
    let (log, mut lines) = Log::new();
    io.manage(log);
    io.on("sleep", async |socket: Socket| {
        while socket.is_connected() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    // It waits behind the other one until the session ends.
    io.on("say", async |socket: Socket, log: State<Log>| {
        let emitted = socket.emit("said", 1);
        log.say(format_args!("{} {:?}", emitted.recorded(), emitted.result()));
        log.say(format_args!("{:?}", socket.emit_wait("said", 2).await));
    });
    let mut client = Client::connect(&io).await;
    client.wire.send(r#"42["sleep"]"#).await;
    client.wire.send(r#"42["say"]"#).await;
    let lost = client.lose(&io).await;
    lines.expect(&["true Ok(0)", "Ok(())"]).await;
    assert_eq!(lost.back(&io).await.early(), ["said 1", "said 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_made_on_demand_goes_with_the_last_session_that_finds_no_room() {
    let io = with(ConnectionStateRecovery::default().max_sessions(1));
    io.of_pattern("/team/{name}");
    let mut lost = None;
    for path in ["/team/a", "/team/b"] {
        let client = Client::enter(&io, path, "").await;
        lost = Some(client.lost());
        drop(client);
        until("it has left", || io.sessions() == 0).await;
    }
    let mut paths = io.namespaces();
    paths.sort();
    assert_eq!(paths, ["/", "/team/b"]);
    lost.expect("two were lost").back_in(&io, "/team/b").await;
}

/// A value that does not end well.
struct Stubborn;

impl Drop for Stubborn {
    fn drop(&mut self) {
        panic!("on purpose, while ending");
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_panics_when_its_session_expires_hurts_nobody() {
    support::hush_panics();
    let short = Duration::from_secs(10);
    let io = with(ConnectionStateRecovery::default().max_disconnection_duration(short));
    io.of_pattern("/team/{name}").on_connect(async |socket: Socket| socket.insert(Stubborn));
    drop(Client::enter(&io, "/team/a", "").await);
    until("it has left", || io.sessions() == 0).await;
    assert_eq!(io.namespaces().len(), 2);
    until("it has expired", || io.namespaces().len() == 1).await;
}
