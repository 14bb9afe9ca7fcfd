//! Sessions without Socket.IO, and what a program hears of sessions in general.

mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::FutureExt;
use parking_lot::Mutex;
use roomcast::engine::{Engine, Message, NotSent, Sent, Session};
use roomcast::{Io, IoBuilder, ServerBuilder, Socket, Transport};
use tokio::net::TcpListener;

use support::{Polling, WebSocket, serve, soon, until};

/// An engine where the tools of these tests expect one, and its newest session.
async fn engine() -> (Engine, SocketAddr, Arc<Mutex<Option<Session>>>) {
    let newest = Arc::new(Mutex::new(None));
    let slot = newest.clone();
    let engine = Engine::builder()
        .path("/socket.io")
        .on_session_open(move |session| *slot.lock() = Some(session.clone()))
        .build(|session, message| match message {
            Message::Text(text) => session.send(text),
            Message::Binary(bytes) => session.send_binary(bytes),
        });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let serving = engine.clone();
    tokio::spawn(async move { serving.serve(listener).await });
    (engine, address, newest)
}

fn pending(sent: &mut Sent) -> bool {
    sent.now_or_never().is_none()
}

#[tokio::test]
async fn a_watched_message_is_told_when_it_leaves_by_a_poll_in_order() {
    let (engine, address, newest) = engine().await;
    let mut client = Polling::open(address).await;
    let session = newest.lock().clone().expect("a session has opened");
    let mut first = session.send_watched("first");
    session.send("unwatched");
    let mut second = session.send_binary_watched(&b"second"[..]);
    assert!(pending(&mut first) && pending(&mut second));
    assert_eq!(session.buffered().packets, 3);
    client.expect(&["4first", "4unwatched", "bc2Vjb25k"]).await;
    assert_eq!(soon("the first", &mut first).await, Ok(()));
    assert_eq!(soon("the second", &mut second).await, Ok(()));
    engine.close().await;
}

#[tokio::test]
async fn a_watched_message_is_told_when_it_leaves_by_a_websocket_each_once() {
    let (engine, address, newest) = engine().await;
    let mut client = WebSocket::open(address).await;
    let session = newest.lock().clone().expect("a session has opened");
    let told = Arc::new(Mutex::new(Vec::new()));
    for number in 0..100 {
        let (sent, told) = (session.send_watched(&number.to_string()), told.clone());
        tokio::spawn(async move {
            assert_eq!(sent.await, Ok(()));
            told.lock().push(number);
        });
    }
    for number in 0..100 {
        client.expect(&[&format!("4{number}")]).await;
    }
    until("all are told", || told.lock().len() == 100).await;
    assert_eq!(*told.lock(), (0..100).collect::<Vec<_>>());
    engine.close().await;
}

#[tokio::test]
async fn a_watched_message_is_told_across_an_upgrade() {
    let (engine, address, newest) = engine().await;
    let mut polling = Polling::open(address).await;
    let session = newest.lock().clone().expect("a session has opened");
    let mut websocket = WebSocket::probe(address, &polling.sid).await;
    websocket.send("2probe").await;
    websocket.expect(&["3probe"]).await;
    let mut sent = session.send_watched("late");
    assert!(pending(&mut sent));
    assert_eq!(session.transport(), Transport::Polling);
    polling.begin_poll().await;
    websocket.send("5").await;
    // It leaves by the one or the other.
    assert_eq!(soon("the message", &mut sent).await, Ok(()));
    until("it has moved", || session.transport() == Transport::WebSocket).await;
    let mut after = session.send_watched("after");
    assert_eq!(soon("the next", &mut after).await, Ok(()));
    engine.close().await;
}

#[tokio::test]
async fn a_watched_message_that_a_close_drops_is_told_as_not_sent() {
    let (engine, address, newest) = engine().await;
    let _client = Polling::open(address).await;
    let session = newest.lock().clone().expect("a session has opened");
    let mut dropped = session.send_watched("dropped");
    assert!(pending(&mut dropped));
    engine.close().await;
    assert_eq!(soon("the end", &mut dropped).await, Err(NotSent));
    assert!(session.is_closed());
    assert_eq!(session.send_watched("too late").await, Err(NotSent));
}

#[tokio::test]
async fn a_socket_knows_the_session_that_carries_it() {
    let newest = Arc::new(Mutex::new(None));
    let slot = newest.clone();
    let io = Io::builder().on_session_open(move |session| *slot.lock() = Some(session.id())).build();
    io.on("session", async |socket: Socket| {
        let session = socket.session();
        assert_ne!(session.id(), socket.id());
        assert_eq!(session.handshake().url(), socket.handshake().url());
        session.send(r#"2["raw"]"#);
        session.id()
    });
    io.on("close", async |socket: Socket| socket.session().close());
    let mut client = WebSocket::connect(serve(&io).await).await;
    client.send(r#"421["session"]"#).await;
    let id = newest.lock().clone().expect("a session has opened");
    client.expect(&[r#"42["raw"]"#, &format!(r#"431["{id}"]"#)]).await;
    client.send(r#"42["close"]"#).await;
    assert!(client.closed().await.is_empty());
    until("the end", || io.sessions() == 0).await;
}

/// Notes what happens to sessions.
fn noting<U>(builder: ServerBuilder<U>) -> (ServerBuilder<U>, Arc<Mutex<Vec<String>>>) {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let note = |kind: &'static str| {
        let notes = notes.clone();
        move |session: &Session| notes.lock().push(format!("{kind} {}", session.transport().name()))
    };
    let ends = notes.clone();
    let builder = builder
        .on_session_open(|_| panic!("on purpose"))
        .on_session_open(note("open"))
        .on_session_upgrade(note("upgrade"))
        .on_session_close(move |session, reason, detail| {
            assert_eq!(session.id().len(), 20);
            ends.lock().push(format!("close {reason} ({detail})"));
        });
    (builder, notes)
}

async fn open_upgrade_and_leave(address: SocketAddr, notes: &Mutex<Vec<String>>) {
    let polling = Polling::open(address).await;
    let mut websocket = WebSocket::probe(address, &polling.sid).await;
    websocket.send("2probe").await;
    websocket.expect(&["3probe"]).await;
    websocket.send("5").await;
    until("the upgrade", || notes.lock().len() == 2).await;
    websocket.close().await;
    until("the end", || notes.lock().len() == 3).await;
    let expected = ["open polling", "upgrade websocket", "close transport close (closed by the client)"];
    assert_eq!(*notes.lock(), expected);
}

#[tokio::test]
async fn the_program_hears_of_sessions_below_socket_io() {
    support::hush_panics();
    let (builder, notes): (IoBuilder, _) = noting(Io::builder());
    let io = builder.build();
    open_upgrade_and_leave(serve(&io).await, &notes).await;
    io.close().await;
}

#[tokio::test]
async fn the_program_hears_of_sessions_without_socket_io() {
    support::hush_panics();
    let (builder, notes) = noting(Engine::builder().path("/socket.io"));
    let engine = builder.build(|_, _| {});
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let serving = engine.clone();
    tokio::spawn(async move { serving.serve(listener).await });
    open_upgrade_and_leave(address, &notes).await;
    engine.close().await;
}
