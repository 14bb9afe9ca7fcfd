//! Whose session is kept, and who may have it: reasons, middlewares, clients that are back too early, or twice.

use std::time::Duration;

use roomcast::{ConnectError, ConnectionStateRecovery, Io, Reason, Socket, State};

use crate::client::{Client, Lost};
use crate::support::{Log, until};
use crate::{server, socket, with};

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
async fn a_client_that_reads_too_slowly_is_kept_if_it_has_missed_little() {
    let recovery = ConnectionStateRecovery::default();
    let io = Io::builder().max_outbox_packets(10).connection_state_recovery(recovery).build();
    let (log, mut lines) = Log::new();
    io.manage(log).on_disconnect(async |reason: Reason, log: State<Log>| log.say(reason));
    let client = Client::connect(&io).await;
    let slow = socket(&io, &client);
    io.emit("missed", 1);
    // Questions fill the outbox as well, but nobody misses them later.
    let asked: Vec<_> = (0..10).map(|n| slow.emit_with_ack::<u32>("question", n)).collect();
    lines.expect(&["slow consumer"]).await;
    drop(asked);
    assert_eq!(client.lost().back(&io).await.early(), ["missed 1"]);
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
