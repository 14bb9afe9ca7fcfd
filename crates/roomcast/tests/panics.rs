//! A panic in any function of the program ends that one call. The others of the same client go on, other clients notice
//! nothing, and nothing is left. Functions in the way of HTTP requests: `http_hooks.rs`.

mod support;

use std::time::Duration;

use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use roomcast::engine::{Engine, Message};
use roomcast::{Ack, Io, Namespace, Socket};
use serde::{Serialize, Serializer};
use tokio::io::DuplexStream;

use support::allocations::Counting;
use support::remains::{connect, impatient, join, nothing_is_left, nothing_is_left_of, polling, websocket};
use support::{WebSocket, answer_sync, hush_panics, until};

#[global_allocator]
static COUNTING: Counting = Counting;

/// A value that cannot be written.
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("on purpose, while writing")
    }
}

/// A value that cannot be read.
struct Unreadable;

impl<'de> serde::Deserialize<'de> for Unreadable {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("on purpose, while reading")
    }
}

/// A value that does not even end well.
struct Stubborn;

impl Drop for Stubborn {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("on purpose, while ending")
        }
    }
}

/// Every function may panic, and every one of those that are called for all is the first of two.
fn server() -> Io {
    let io = impatient().build();
    answer_sync(&io);
    io.on_error(|_| panic!("on purpose, in the error hook"));
    io.on("at once", async || -> () { panic!("on purpose") });
    io.on("before", |_: u32| -> std::future::Ready<()> { panic!("on purpose, before there is a future") });
    io.on("later", async || -> () {
        tokio::time::sleep(Duration::from_millis(1)).await;
        panic!("on purpose")
    });
    io.on("answer", async || Unwritable);
    io.on("answer by hand", async |ack: Ack| ack.send(Unwritable));
    io.on("read", async |_: Unreadable| ());
    io.on("emit", async |socket: Socket| _ = socket.emit("never", Unwritable));
    io.on("to all", async |io: Io| _ = io.emit("never", Unwritable));
    io.on("ask", async |socket: Socket| _ = socket.emit_with_ack::<Unreadable>("question", ()).await);
    io.on("outgoing", async |socket: Socket| {
        socket.on_any_outgoing(|_, _| panic!("on purpose, on the way out"));
        _ = socket.emit("arrives", ());
    });
    io.on("drain", async |socket: Socket| {
        socket.on_drain(async || -> () { panic!("on purpose, when empty") });
        _ = socket.emit("arrives", ());
    });
    io.on("own", async |socket: Socket| {
        let handler = async || -> () { panic!("on purpose, for one socket") };
        socket.on("mine", handler);
        socket.on_disconnecting(handler);
        socket.on_disconnect(handler);
    });
    io.on("once", async |socket: Socket| {
        socket.once("mine", async || -> () { panic!("on purpose, once") });
    });
    io.on("capture", async |socket: Socket| {
        let captured = std::sync::Arc::new(Stubborn);
        socket.on("mine", move || {
            let captured = captured.clone();
            async move { std::mem::forget(captured) }
        });
    });
    io.on("keep", async |socket: Socket| socket.insert(Stubborn));
    io.of("/middleware").middleware(async || -> () { panic!("on purpose, in a middleware") });
    io.of("/auth").middleware(async |_: Unreadable| ());
    for path in ["/any", "/packet", "/connect", "/leave"] {
        io.of(path).on("sync", async || {});
    }
    io.of("/any").on_any(async || -> () { panic!("on purpose, for any event") });
    io.of("/packet").packet_middleware(|incoming| match incoming.name() {
        "sync" => Ok(()),
        _ => panic!("on purpose, in a packet middleware"),
    });
    io.of("/connect").on_connect(async |socket: Socket| -> () {
        socket.join("room");
        panic!("on purpose, while connecting")
    });
    let leave = io.of("/leave");
    leave.on_disconnecting(async || -> () { panic!("on purpose, while leaving") });
    leave.on_disconnect(async || -> () { panic!("on purpose, after leaving") });
    io.of_fn(async |path, _| {
        assert_ne!(path, "/decide", "on purpose, while deciding");
        path == "/made"
    })
    .on_connect(async |_: Namespace| -> () { panic!("on purpose, in a namespace made on demand") });
    io
}

/// Does it once, with another client beside.
fn check(act: impl AsyncFn(&Io, &mut WebSocket<DuplexStream>)) {
    hush_panics();
    nothing_is_left(server, async |io| {
        let mut there = join(io).await;
        let mut client = join(io).await;
        act(io, &mut client).await;
        client.expect_nothing().await;
        there.expect_nothing().await;
        client.close().await;
        there.close().await;
    });
}

const FAILED: &str = r#"{"error":"internal error"}"#;

#[test]
fn in_a_handler_and_in_what_it_answers_emits_or_reads() {
    check(async |_, client| {
        for (number, event) in [
            r#""at once""#,
            r#""before",1"#,
            r#""later""#,
            r#""answer""#,
            r#""answer by hand""#,
            r#""read",1"#,
            r#""emit""#,
        ]
        .into_iter()
        .chain([r#""to all""#])
        .enumerate()
        {
            client.send(&format!("42{number}[{event}]")).await;
            client.expect(&[&format!("43{number}[{FAILED}]")]).await;
            // And where nobody waits for an answer.
            client.send(&format!("42[{event}]")).await;
            client.expect_nothing().await;
        }
    });
}

#[test]
fn in_the_reading_of_an_answer() {
    check(async |_, client| {
        client.send(r#"421["ask"]"#).await;
        let question = client.text().await;
        let id = question.trim_start_matches("42").trim_end_matches(r#"["question"]"#);
        client.send(&format!("43{id}[1]")).await;
        client.expect(&[&format!("431[{FAILED}]")]).await;
    });
}

#[test]
fn in_what_listens_to_one_socket() {
    check(async |_, client| {
        client.send(r#"421["outgoing"]"#).await;
        client.expect(&[r#"42["arrives"]"#, "431[]"]).await;
        client.send(r#"422["drain"]"#).await;
        client.expect(&[r#"42["arrives"]"#, "432[]"]).await;
        client.send(r#"423["once"]"#).await;
        client.expect(&["433[]"]).await;
        client.send(r#"424["mine"]"#).await;
        client.expect(&[&format!("434[{FAILED}]")]).await;
        client.send(r#"425["own"]"#).await;
        client.expect(&["435[]"]).await;
        client.send(r#"426["mine"]"#).await;
        client.expect(&[&format!("436[{FAILED}]")]).await;
    });
}

#[test]
fn in_what_decides_about_a_connect() {
    check(async |_, client| {
        for (path, message) in [
            ("/middleware", "internal error"),
            ("/auth", "internal error"),
            ("/decide", "Invalid namespace"),
            ("/nobody", "Invalid namespace"),
        ] {
            client.send(&format!("40{path},")).await;
            client.expect(&[&format!(r#"44{path},{{"message":"{message}"}}"#)]).await;
        }
    });
}

#[test]
fn in_what_is_called_for_every_socket_of_a_namespace() {
    check(async |_, client| {
        for path in ["/any", "/packet", "/connect", "/leave", "/made"] {
            client.enter(path).await;
        }
        for path in ["/any", "/packet", "/connect", "/leave"] {
            client.send(&format!(r#"42{path},7["sync"]"#)).await;
            client.expect(&[&format!("43{path},7[]")]).await;
        }
        client.send(r#"42/packet,8["other"]"#).await;
        client.expect(&[&format!("43/packet,8[{FAILED}]")]).await;
        for path in ["/any", "/packet", "/connect", "/leave", "/made"] {
            client.send(&format!("41{path},")).await;
        }
    });
}

#[test]
fn in_the_last_handlers_of_clients_that_are_cut_off_or_thrown_out() {
    hush_panics();
    nothing_is_left(server, async |io| {
        for number in 0..4 {
            let mut client = websocket(io).await;
            client.enter("/leave").await;
            let id = client.enter("/").await;
            client.send(r#"421["own"]"#).await;
            client.expect(&["431[]"]).await;
            match number {
                0 => drop(client),
                1 => client.close().await,
                2 => io.socket(&id).expect("it is there").disconnect_connection(),
                _ => io.socket(&id).expect("it is there").close_session(),
            }
        }
    });
}

#[test]
fn in_the_end_of_a_value_that_a_socket_keeps() {
    hush_panics();
    nothing_is_left(server, async |io| {
        let mut there = join(io).await;
        let mut client = join(io).await;
        client.enter("/connect").await;
        client.send(r#"421["keep"]"#).await;
        client.expect(&["431[]"]).await;
        client.send(r#"422["capture"]"#).await;
        client.expect(&["432[]"]).await;
        drop(client);
        until("it has left", || io.len() == 1 && io.of("/connect").is_empty()).await;
        there.expect_nothing().await;
        there.close().await;
    });
}

#[test]
fn in_a_function_of_a_bare_engine() {
    hush_panics();
    let make = || {
        Engine::builder()
            .on_session_open(|session| {
                assert_ne!(session.handshake().query("open").as_deref(), Some("1"), "on purpose")
            })
            .on_session_close(|_, _, _| panic!("on purpose, at the end"))
            .build(|session, message| match message {
                Message::Text("panic") => panic!("on purpose"),
                Message::Text(text) => session.send(text),
                Message::Binary(_) => {}
            })
    };
    let act = async |engine: &Engine| {
        let mut there = open(engine, "").await;
        assert!(there.text().await.starts_with("0{"));
        let mut client = open(engine, "").await;
        client.send("4panic").await;
        client.closed().await;
        drop(open(engine, "&open=1").await);
        there.send("4hello").await;
        there.expect(&["4hello"]).await;
        there.close().await;
    };
    let gone = async |engine: &Engine| until("every session has ended", || engine.sessions() == 0).await;
    nothing_is_left_of(make, act, gone);
}

#[test]
fn of_polling_clients_as_well() {
    hush_panics();
    nothing_is_left(server, async |io| {
        let (mut http, target) = polling(io).await;
        http.request("POST", &target, &[], "40\u{1e}40/leave,").await;
        http.get(&target).await;
        http.request("POST", &target, &[], "421[\"at once\"]\u{1e}422[\"sync\"]").await;
        let mut heard = String::new();
        while !heard.contains("432[]") {
            let poll = http.get(&target).await;
            assert_eq!(poll.status, 200);
            heard += poll.text();
        }
        assert!(heard.contains(&format!("431[{FAILED}]")), "{heard}");
        drop(connect(io));
    });
}

/// A WebSocket in memory to a bare engine; nothing of it is read.
async fn open(engine: &Engine, query: &str) -> WebSocket<DuplexStream> {
    let (client, server) = tokio::io::duplex(16 * 1024);
    let service = TowerToHyperService::new(engine.service());
    tokio::spawn(async move {
        let http = hyper::server::conn::http1::Builder::new();
        // A client that hangs up is an error to HTTP and none here.
        let _ = http.serve_connection(TokioIo::new(server), service).with_upgrades().await;
    });
    WebSocket::at(client, &format!("/engine.io/?EIO=4&transport=websocket{query}")).await
}
