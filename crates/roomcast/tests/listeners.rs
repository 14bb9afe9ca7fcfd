//! Handlers that come and go, that hear everything, that stand in between.

mod support;

use roomcast::{Binary, EventName, HandlerError, HandlerId, Io, Rest, Socket, State};

use support::{Lines, Log, Polling, WebSocket, answer_sync, hush_panics, serve};

async fn server_and_client(declare: impl FnOnce(&Io)) -> (WebSocket, Lines) {
    let (log, lines) = Log::new();
    let io = Io::new();
    answer_sync(&io);
    io.manage(log.clone());
    io.on_error(move |failure| log.say(format!("{} failed: {}", failure.event, failure.cause)));
    declare(&io);
    (WebSocket::connect(serve(&io).await).await, lines)
}

#[tokio::test]
async fn every_handler_of_an_event_is_called_and_the_first_value_is_the_answer() {
    let (mut client, mut lines) = server_and_client(|io| {
        io.on("e", async |log: State<Log>| log.say("namespace, no value"));
        io.on_connect(async |socket: Socket| {
            socket.on("e", async |log: State<Log>| {
                log.say("socket, first");
                1
            });
            socket.on("e", async |log: State<Log>| {
                log.say("socket, second");
                2
            });
        });
    })
    .await;
    client.send(r#"421["e"]"#).await;
    client.expect(&["431[1]"]).await;
    client.expect_nothing().await;
    lines.expect(&["namespace, no value", "socket, first", "socket, second"]).await;
}

#[tokio::test]
async fn once_is_once_and_off_is_off() {
    struct Kept(HandlerId);
    let (mut client, mut lines) = server_and_client(|io| {
        io.on_connect(async |socket: Socket| {
            socket.once("e", async |log: State<Log>| log.say("once"));
            let kept = socket.on("e", async |log: State<Log>| log.say("first"));
            socket.on("e", async |log: State<Log>| log.say("second"));
            socket.on("f", async |log: State<Log>| log.say("f"));
            socket.insert(Kept(kept));
        });
        io.on("off first", async |socket: Socket| socket.off_handler(socket.get::<Kept>().unwrap().0));
        io.on("off", async |socket: Socket, event: String| socket.off(&event));
    })
    .await;
    for packet in [
        r#"42["e"]"#,
        r#"42["e"]"#,
        r#"42["off first"]"#,
        r#"42["e"]"#,
        r#"42["off","e"]"#,
        r#"42["e"]"#,
        r#"42["f"]"#,
    ] {
        client.send(packet).await;
    }
    lines.expect(&["once", "first", "second", "first", "second", "second", "f"]).await;
    client.expect_nothing().await;
    assert!(lines.rest().is_empty());
}

#[tokio::test]
async fn handlers_may_change_the_handlers_while_they_run() {
    let (mut client, mut lines) = server_and_client(|io| {
        io.on_connect(async |socket: Socket| {
            socket.on("e", async |socket: Socket, log: State<Log>| {
                log.say("first");
                socket.off("e");
                socket.on("e", async |log: State<Log>| log.say("new"));
            });
            socket.on("e", async |log: State<Log>| log.say("second"));
        });
    })
    .await;
    client.send(r#"42["e"]"#).await;
    client.send(r#"42["e"]"#).await;
    lines.expect(&["first", "second", "new"]).await;
}

#[tokio::test]
async fn who_hears_everything_hears_it_first_and_does_not_answer() {
    let (mut client, mut lines) = server_and_client(|io| {
        io.on_any(async |name: EventName, rest: Rest, log: State<Log>| {
            log.say(format!("namespace {} {}", name.0, rest.0.len()));
            "no answer"
        });
        io.on_connect(async |socket: Socket| {
            let last =
                socket.on_any(async |name: EventName, log: State<Log>| log.say(format!("last {}", name.0)));
            socket.prepend_any(async |log: State<Log>| log.say("first"));
            socket.once("off", move |socket: Socket| async move { socket.off_handler(last) });
        });
        io.on("e", async |log: State<Log>| log.say("handler"));
    })
    .await;
    client.send(r#"421["e",1,2]"#).await;
    client.expect(&["431[]"]).await;
    client.send(r#"42["off"]"#).await;
    client.send(r#"42["unknown"]"#).await;
    lines.expect(&["namespace e 2", "first", "last e", "handler"]).await;
    lines.expect(&["namespace off 0", "first", "last off", "namespace unknown 0", "first"]).await;
    client.expect_nothing().await;
}

#[tokio::test]
async fn who_hears_what_goes_out_hears_emits_and_broadcasts_but_no_acknowledgements() {
    struct Kept(HandlerId);
    let (mut client, mut lines) = server_and_client(|io| {
        io.on_connect(async |socket: Socket, log: State<Log>| {
            let id = socket.on_any_outgoing(move |_, outgoing| {
                log.say(format!("{} {}", outgoing.name(), outgoing.args().len()));
            });
            socket.insert(Kept(id));
        });
        io.on("go", async |socket: Socket, io: Io| {
            socket.emit("one", 1);
            io.emit("all", (1, Binary::from(vec![1])));
            socket.broadcast().emit("others", ());
            "answer"
        });
        io.on("off", async |socket: Socket| socket.off_handler(socket.get::<Kept>().unwrap().0));
    })
    .await;
    client.send(r#"421["go"]"#).await;
    client.expect(&[r#"42["one",1]"#, r#"451-["all",1,{"_placeholder":true,"num":0}]"#]).await;
    client.expect_binary(&[1]).await;
    client.expect(&[r#"431["answer"]"#]).await;
    client.send(r#"42["off"]"#).await;
    client.send(r#"422["go"]"#).await;
    client.expect(&[r#"42["one",1]"#]).await;
    lines.expect(&["one 1", "all 2"]).await;
    assert!(lines.rest().is_empty());
}

#[tokio::test]
async fn who_hears_everything_can_be_put_in_front_and_sent_away() {
    let (mut client, mut lines) = server_and_client(|io| {
        io.on_connect(async |socket: Socket, log: State<Log>| {
            for name in ["second", "first"] {
                let (heard, sent) = (log.clone(), log.clone());
                socket.prepend_any(move || {
                    let heard = heard.clone();
                    async move { heard.say(format!("{name} hears")) }
                });
                socket.prepend_any_outgoing(move |_, _| sent.say(format!("{name} sees")));
            }
            socket.on_any_outgoing(move |_, _| log.say("last sees"));
        });
        io.on("go", async |socket: Socket| {
            socket.emit("went", ());
        });
        io.on("off", async |socket: Socket| {
            socket.off_any();
            socket.off_any_outgoing();
        });
    })
    .await;
    client.send(r#"42["go"]"#).await;
    client.expect(&[r#"42["went"]"#]).await;
    let seen = ["first hears", "second hears", "first sees", "second sees", "last sees"];
    lines.expect(&seen).await;
    client.send(r#"42["off"]"#).await;
    lines.expect(&["first hears", "second hears"]).await;
    client.send(r#"42["go"]"#).await;
    client.expect(&[r#"42["went"]"#]).await;
    assert!(lines.rest().is_empty());
}

#[tokio::test]
async fn a_packet_middleware_can_look_rewrite_and_refuse() {
    hush_panics();
    let (mut client, mut lines) = server_and_client(|io| {
        io.packet_middleware(|event| match event.name() {
            "secret" => Err(HandlerError::new("not for you")),
            "panic" => panic!("on purpose"),
            _ => Ok(()),
        });
        io.on_connect(async |socket: Socket, log: State<Log>| {
            socket.middleware(move |event| {
                log.say(format!("saw {} of {}", event.name(), event.len()));
                if event.name() == "old" {
                    let text: String = event.get(0)?;
                    event.rewrite("new", &(text.len(), Binary::from(text.into_bytes())))?;
                }
                Ok(())
            });
        });
        io.on("new", async |length: usize, data: Binary| (length, data.len()));
        io.on("old", async || "not rewritten");
        io.on("secret", async || "leaked");
    })
    .await;
    client.send(r#"421["old","four"]"#).await;
    client.expect(&["431[4,4]"]).await;
    client.send(r#"422["secret"]"#).await;
    client.expect(&[r#"432[{"error":"not for you"}]"#]).await;
    client.send(r#"423["panic"]"#).await;
    client.expect(&[r#"433[{"error":"internal error"}]"#]).await;
    client.send(r#"424["old",4]"#).await;
    assert!(client.text().await.starts_with(r#"434[{"error":""#));
    client.expect_nothing().await;
    lines
        .expect(&["saw old of 1", "secret failed: not for you", "panic failed: handler panicked: on purpose"])
        .await;
    lines.expect(&["saw old of 1"]).await;
    assert!(lines.next().await.starts_with("old failed: "));
}

#[tokio::test]
async fn reserved_events_are_not_sent_and_the_hook_is_told() {
    let (mut client, mut lines) = server_and_client(|io| {
        io.on("go", async |socket: Socket, io: Io| {
            let reserved =
                ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
            let sent =
                |name: &&str| socket.emit(name, ()).result().is_ok() || io.emit(name, ()).result().is_ok();
            reserved.iter().filter(|name| sent(name)).count()
        });
    })
    .await;
    client.send(r#"421["go"]"#).await;
    client.expect(&["431[0]"]).await;
    assert_eq!(lines.rest().len(), 12);
}

#[tokio::test]
async fn listeners_of_everything_are_listed_in_their_order_and_removed_together() {
    let (log, mut lines) = Log::new();
    let io = Io::new();
    answer_sync(&io);
    io.manage(log.clone());
    let (mut client, id) = WebSocket::join(serve(&io).await, "/").await;
    let socket = io.socket(&id).unwrap();
    let outgoing = |place: &'static str| {
        let log = log.clone();
        move |_: &Socket, event: &roomcast::Outgoing<'_>| log.say(format!("{place} out: {}", event.name()))
    };
    let last =
        socket.on_any(async |log: State<Log>, event: EventName| log.say(format!("last in: {}", event.0)));
    let first = socket
        .prepend_any(async |log: State<Log>, event: EventName| log.say(format!("first in: {}", event.0)));
    let outgoing_last = socket.on_any_outgoing(outgoing("last"));
    let outgoing_first = socket.prepend_any_outgoing(outgoing("first"));
    assert_eq!(socket.listeners_any(), [first, last]);
    assert_eq!(socket.listeners_any_outgoing(), [outgoing_first, outgoing_last]);

    client.send(r#"42["a"]"#).await;
    lines.expect(&["first in: a", "last in: a"]).await;
    socket.send((1, "x"));
    io.send(2);
    client.expect(&[r#"42["message",1,"x"]"#, r#"42["message",2]"#]).await;
    lines
        .expect(&["first out: message", "last out: message", "first out: message", "last out: message"])
        .await;

    socket.off_any();
    socket.off_any_outgoing();
    // Twice is once.
    socket.off_any_outgoing();
    assert!(socket.listeners_any().is_empty() && socket.listeners_any_outgoing().is_empty());
    client.send(r#"42["a"]"#).await;
    socket.send(3);
    client.expect(&[r#"42["message",3]"#]).await;
    client.expect_nothing().await;
    assert!(lines.rest().is_empty());
    // Who comes after that is heard again.
    let again = socket.on_any_outgoing(outgoing("again"));
    io.emit("b", ());
    lines.expect(&["again out: b"]).await;
    socket.off_handler(again);

    let ids = [socket.on("e", async || {}), socket.once("e", async || {})];
    assert_eq!(socket.listeners_of("e"), ids);
    assert!(socket.listeners_of("f").is_empty());
}

#[tokio::test]
async fn a_socket_hears_that_its_session_has_moved_to_a_websocket() {
    let (log, mut lines) = Log::new();
    let io = Io::new();
    answer_sync(&io);
    io.manage(log);
    io.on_connect(async |socket: Socket| {
        socket
            .on_upgrade(async |socket: Socket, log: State<Log>| log.say(format!("{:?}", socket.transport())));
    });
    let address = serve(&io).await;
    let polling = Polling::connect(address).await;
    let mut websocket = WebSocket::probe(address, &polling.sid).await;
    websocket.send("2probe").await;
    websocket.expect(&["3probe"]).await;
    assert!(lines.rest().is_empty());
    websocket.send("5").await;
    lines.expect(&["WebSocket"]).await;
    websocket.expect_nothing().await;
}

#[tokio::test]
async fn what_happens_to_rooms_is_told_in_order_and_once() {
    use roomcast::RoomEvent;
    hush_panics();
    let (log, mut lines) = Log::new();
    let io = Io::new();
    io.on_room_event(|_: RoomEvent<'_>| panic!("on purpose: it hurts nobody else"));
    io.on_room_event(move |event: RoomEvent<'_>| {
        log.say(match event {
            RoomEvent::Created { room } => format!("create {room}"),
            RoomEvent::Joined { room, id } => format!("join {room} {id}"),
            RoomEvent::Left { room, id } => format!("leave {room} {id}"),
            RoomEvent::Deleted { room } => format!("delete {room}"),
            _ => "something else".to_owned(),
        });
    });
    let address = serve(&io).await;
    let (one, a) = WebSocket::join(address, "/").await;
    lines.expect(&[&format!("create {a}"), &format!("join {a} {a}")]).await;
    let (_two, b) = WebSocket::join(address, "/").await;
    lines.expect(&[&format!("create {b}"), &format!("join {b} {b}")]).await;
    io.socket(&a).unwrap().join("room");
    io.sockets_join("room");
    io.sockets_join("room");
    io.to(b.as_str()).sockets_leave(["room", "nowhere"]);
    one.close().await;
    lines.expect(&["create room", &format!("join room {a}"), &format!("join room {b}")]).await;
    lines.expect(&[&format!("leave room {b}"), &format!("leave {a} {a}"), &format!("delete {a}")]).await;
    lines.expect(&[&format!("leave room {a}"), "delete room"]).await;
}
