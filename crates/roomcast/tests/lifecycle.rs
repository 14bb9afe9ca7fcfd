//! How a socket comes in and how it leaves.

mod support;

use roomcast::{ConnectError, Io, Namespace, Reason, Room, Socket, State};
use serde::Deserialize;
use tokio::sync::Semaphore;

use support::{Lines, Log, Polling, WebSocket, answer_sync, hush_panics, serve, until};

#[derive(Deserialize)]
struct Login {
    token: String,
}

fn logging() -> (Io, Lines) {
    let (log, lines) = Log::new();
    let io = Io::new();
    io.manage(log.clone());
    io.on_error(move |failure| log.say(format!("{} failed", failure.event)));
    answer_sync(&io);
    (io, lines)
}

/// The rooms of a socket but its own.
fn rooms(socket: &Socket) -> String {
    let names =
        socket.rooms().iter().map(Room::to_string).filter(|room| room != socket.id()).collect::<Vec<_>>();
    format!("{names:?}")
}

#[tokio::test]
async fn middlewares_run_in_order_and_the_first_error_refuses_with_its_data() {
    let (io, mut lines) = logging();
    io.middleware(async |socket: Socket, log: State<Log>| {
        log.say("first");
        socket.join("lobby");
        tokio::task::yield_now().await;
        log.say(format!("first goes on, connected: {}", socket.is_connected()));
    });
    io.middleware(async |login: Login, log: State<Log>| {
        log.say("second");
        match login.token.as_str() {
            "secret" => Ok(()),
            _ => Err(ConnectError::new("wrong token").data(serde_json::json!({ "left": 2 }))),
        }
    });
    io.middleware(async |log: State<Log>| log.say("third"));
    io.on_connect(async |socket: Socket, login: Login, log: State<Log>| {
        log.say(format!("in {} by {}", rooms(&socket), login.token));
    });
    io.on_disconnect(async |log: State<Log>| log.say("never"));
    let mut client = WebSocket::open(serve(&io).await).await;
    client.send(r#"40{"token":"guess"}"#).await;
    client.expect(&[r#"44{"message":"wrong token","data":{"left":2}}"#]).await;
    lines.expect(&["first", "first goes on, connected: false", "second"]).await;
    assert_eq!((io.room_len("lobby"), io.len()), (0, 0));
    // The connection is still there for another try.
    client.send(r#"40{"token":"secret"}"#).await;
    assert!(client.text().await.starts_with(r#"40{"sid":""#));
    lines.expect(&["first", "first goes on, connected: false", "second", "third"]).await;
    lines.expect(&[r#"in ["lobby"] by secret"#]).await;
    assert_eq!((io.room_len("lobby"), io.len()), (1, 1));
    assert!(lines.rest().is_empty());
}

#[tokio::test]
async fn a_middleware_that_panics_or_cannot_read_the_auth_refuses() {
    hush_panics();
    let (io, mut lines) = logging();
    io.of("/login").middleware(async |_: Login| {});
    io.of("/panic").middleware(async || -> () { panic!("on purpose") });
    io.of("/panic").on_connect(async |log: State<Log>| log.say("never"));
    let mut client = WebSocket::open(serve(&io).await).await;
    client.send("40/login,").await;
    assert!(client.text().await.starts_with(r#"44/login,{"message":"invalid auth: "#));
    client.send("40/panic,").await;
    client.expect(&[r#"44/panic,{"message":"internal error"}"#]).await;
    client.send("40/nowhere,").await;
    client.expect(&[r#"44/nowhere,{"message":"Invalid namespace"}"#]).await;
    client.enter("/").await;
    assert_eq!(lines.rest(), ["middleware failed", "middleware failed"]);
}

#[tokio::test]
async fn a_socket_that_goes_while_its_middleware_runs_never_comes_in() {
    let (io, mut lines) = logging();
    io.manage(Semaphore::new(0));
    io.middleware(async |socket: Socket, gate: State<Semaphore>, log: State<Log>| {
        socket.join("lobby");
        log.say("in the middleware");
        gate.acquire().await.expect("the gate is never closed").forget();
        log.say("at its end");
    });
    io.on_connect(async |log: State<Log>, gate: State<Semaphore>| {
        gate.add_permits(1);
        log.say("came in");
    });
    io.of("/open").on_connect(async |gate: State<Semaphore>| gate.add_permits(1));
    let address = serve(&io).await;
    let mut client = WebSocket::open(address).await;
    client.send("40").await;
    lines.expect(&["in the middleware"]).await;
    client.close().await;
    until("the session has ended", || io.sessions() == 0).await;
    WebSocket::join(address, "/open").await;
    lines.expect(&["at its end"]).await;
    until("its room has ended", || io.room_len("lobby") == 0).await;
    assert!(lines.rest().is_empty());
}

#[tokio::test]
async fn what_on_connect_registers_before_it_suspends_misses_no_event() {
    let (io, _lines) = logging();
    io.on_connect(async |socket: Socket| {
        socket.on("early", async || "heard");
        socket.emit("welcome", ());
        std::future::pending::<()>().await;
    });
    let address = serve(&io).await;
    for _ in 0..100 {
        let mut client = WebSocket::open(address).await;
        client.send("40").await;
        assert!(client.text().await.starts_with("40{"));
        client.send(r#"421["early"]"#).await;
        client.expect(&[r#"42["welcome"]"#, r#"431["heard"]"#]).await;
    }
}

#[tokio::test]
async fn who_is_leaving_still_has_rooms_and_who_has_left_has_none() {
    let (io, mut lines) = logging();
    io.on_connect(async |socket: Socket| {
        socket.join("a");
        socket.on_disconnecting(async |socket: Socket, reason: Reason, log: State<Log>| {
            log.say(format!("leaving {} by {reason}", rooms(&socket)));
            assert!(socket.emit("too late", ()).result().is_err());
        });
        socket.on_disconnect(async |socket: Socket, reason: Reason, log: State<Log>| {
            log.say(format!("left {} by {reason}", rooms(&socket)));
            socket.join("b");
        });
    });
    io.on_disconnecting(async |io: Io, log: State<Log>| log.say(format!("{} in a", io.room_len("a"))));
    io.on_disconnect(async |io: Io, here: Namespace, log: State<Log>| {
        log.say(format!("{} in a, {} in all, {} in b", io.room_len("a"), here.len(), io.room_len("b")));
    });
    let mut client = WebSocket::connect(serve(&io).await).await;
    client.send("41").await;
    let reason = "client namespace disconnect";
    lines.expect(&["1 in a", &format!(r#"leaving ["a"] by {reason}"#)]).await;
    lines.expect(&["0 in a, 0 in all, 0 in b", &format!("left [] by {reason}")]).await;
    // Joining after the end is joining nothing; the client may come again.
    client.enter("/").await;
    client.expect_nothing().await;
    assert_eq!((io.room_len("b"), io.room_len("a"), io.len()), (0, 1, 1));
}

#[tokio::test]
async fn disconnecting_a_socket_leaves_the_others_of_its_connection() {
    let (io, mut lines) = logging();
    io.of("/other")
        .on_disconnect(async |reason: Reason, log: State<Log>| log.say(format!("other: {reason}")));
    io.on_disconnect(async |reason: Reason, log: State<Log>| log.say(format!("main: {reason}")));
    io.on("leave", async |socket: Socket| {
        socket.emit("last", ());
        socket.disconnect();
        assert!(!socket.is_connected());
        socket.emit("too late", ());
        socket.disconnect();
    });
    io.of("/other").on("ping", async || "pong");
    let mut client = WebSocket::connect(serve(&io).await).await;
    client.enter("/other").await;
    client.send(r#"42["leave"]"#).await;
    client.expect(&[r#"42["last"]"#, "41"]).await;
    lines.expect(&["main: server namespace disconnect"]).await;
    client.send(r#"42/other,1["ping"]"#).await;
    client.expect(&[r#"43/other,1["pong"]"#]).await;
    client.close().await;
    lines.expect(&["other: transport close"]).await;
}

#[tokio::test]
async fn disconnecting_the_connection_tells_every_namespace_and_closes() {
    let (io, mut lines) = logging();
    io.of("/other")
        .on_disconnect(async |reason: Reason, log: State<Log>| log.say(format!("other: {reason}")));
    io.on_disconnect(async |reason: Reason, log: State<Log>| log.say(format!("main: {reason}")));
    io.on("leave", async |socket: Socket| {
        socket.emit("last", ());
        socket.disconnect_connection();
    });
    let address = serve(&io).await;
    let mut client = WebSocket::connect(address).await;
    client.enter("/other").await;
    client.send(r#"42["leave"]"#).await;
    assert_eq!(client.closed().await, [r#"42["last"]"#, "41", "41/other,"]);
    lines.expect(&["main: server namespace disconnect", "other: server namespace disconnect"]).await;
    let mut client = Polling::connect(address).await;
    client.send(r#"42["leave"]"#).await;
    // The goodbye, then, with the next GET, the end.
    client.expect(&[r#"42["last"]"#, "41", "6", "1"]).await;
    until("the session has ended", || io.sessions() == 0).await;
}
