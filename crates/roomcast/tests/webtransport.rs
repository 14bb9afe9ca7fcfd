//! Sessions over WebTransport, with a client that speaks packets by hand.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

#[path = "support/certificate.rs"]
mod certificate;
#[path = "support/streams.rs"]
mod streams;
mod support;

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use roomcast::{Io, IoBuilder, Limits, Reason, RefusalContext, Socket};
use tokio::sync::oneshot;
use tokio_rustls::rustls::ServerConfig;
use wtransport::error::ConnectionError;

use streams::{ALL, Client, House, configurations, encoded};
use support::{Http, Lines, Log, Polling, soon};

/// Why each socket left.
fn note_reasons(io: &Io) -> Lines {
    let (log, lines) = Log::new();
    io.on_disconnect(move |reason: Reason| {
        let log = log.clone();
        async move { log.say(reason) }
    });
    lines
}

#[tokio::test]
async fn a_session_opens_on_the_first_stream_and_carries_text_and_bytes() {
    let house = House::usual().await;
    house.io.on("echo", async |value: roomcast::Value| value);
    house.io.on("about", async |socket: Socket| {
        let handshake = socket.handshake();
        (handshake.is_secure(), handshake.headers().len(), handshake.query("EIO"))
    });
    let mut client = house.say("0").await;
    let opening = client.text().await;
    assert!(opening.contains(r#""upgrades":[]"#) && opening.starts_with("0{\"sid\":\""), "{opening}");
    client.send("40").await;
    assert!(client.text().await.starts_with("40{"));
    client.send(r#"421["about"]"#).await;
    assert_eq!(client.text().await, r#"431[true,0,null]"#);

    for length in [1, 125, 126, 65_536, 900_000] {
        client.send(r#"451-2["echo",{"_placeholder":true,"num":0}]"#).await;
        client.send_binary(&vec![7; length]).await;
        assert_eq!(client.text().await, r#"461-2[{"_placeholder":true,"num":0}]"#);
        assert_eq!(client.next().await.unwrap(), (true, vec![7; length]), "{length}");
        let text = "x".repeat(length);
        client.send(&format!(r#"423["echo","{text}"]"#)).await;
        assert_eq!(client.text().await, format!(r#"433["{text}"]"#));
    }
    // An attachment without a byte has a form on a stream, too.
    client.send(r#"451-4["echo",{"_placeholder":true,"num":0}]"#).await;
    client.send("b").await;
    assert_eq!(client.text().await, r#"461-4[{"_placeholder":true,"num":0}]"#);
    assert_eq!(client.text().await, "b");
}

#[tokio::test]
async fn a_polling_session_moves_to_webtransport() {
    let house = House::usual().await;
    let opening =
        support::Http::connect(house.address).await.get("/socket.io/?EIO=4&transport=polling").await;
    assert!(opening.text().contains(r#""upgrades":["websocket","webtransport"]"#), "{}", opening.text());

    let mut polling = Polling::connect(house.address).await;
    let mut client = house.say(&format!(r#"0{{"sid":"{}"}}"#, polling.sid)).await;
    client.send("2probe").await;
    assert_eq!(client.text().await, "3probe");
    polling.send(r#"421["sync"]"#).await;
    client.send("5").await;
    // The answer comes on either; what follows on the new one.
    client.send(r#"422["sync"]"#).await;
    let mut seen = Vec::new();
    while !seen.iter().any(|text| text == "432[]") {
        seen.push(client.text().await);
    }
    house.io.emit("news", 1);
    assert_eq!(client.text().await, r#"42["news",1]"#);
}

#[tokio::test]
async fn what_is_no_handshake_or_comes_late_closes_the_session() {
    let builder = Io::builder().transports(&ALL).upgrade_timeout(Duration::from_millis(300));
    let house = House::new(builder).await;
    let unknown = r#"0{"sid":"q7Zk1uT0mJ3vX9bYAAAB"}"#;
    for first in ["1", "4hello", "0{}", unknown, r#"0{"sid":"__proto__"}"#] {
        house.say(first).await.ended().await;
    }
    let mut binary = Client::new(house.session().await).await;
    binary.send_binary(b"0").await;
    binary.ended().await;
    // Nothing said, and no stream at all.
    let mut silent = Client::new(house.session().await).await;
    silent.bytes(b"\x02").await;
    silent.ended().await;
    soon("the end of the session", house.session().await.closed()).await;
    assert_eq!(house.io.sessions(), 0);
}

#[tokio::test]
async fn bad_framing_is_a_parse_error() {
    let house = House::usual().await;
    let mut log = note_reasons(&house.io);
    for wire in [&b"\0"[..], b"\x7f\0\0\0\0\0\x0f\x42\x41", b"\x01x"] {
        let mut client = house.join().await;
        client.bytes(wire).await;
        client.ended().await;
    }
    log.expect(&["parse error"; 3]).await;
}

#[tokio::test]
async fn each_side_can_close() {
    let house = House::usual().await;
    let mut log = note_reasons(&house.io);
    house.io.on("leave", async |socket: Socket| socket.disconnect());
    house.io.on("end", async |socket: Socket| {
        socket.emit("last", "x".repeat(500_000));
        socket.disconnect_connection();
    });
    // What waits is delivered before the end.
    let mut client = house.join().await;
    client.send(r#"42["end"]"#).await;
    assert!(client.text().await.starts_with(r#"42["last","xxx"#));
    client.ended().await;
    log.expect(&["server namespace disconnect"]).await;

    let client = house.join().await;
    client.connection.close(wtransport::VarInt::from_u32(0), b"");
    log.expect(&["transport close"]).await;

    let mut client = house.join().await;
    client.send.finish().await.unwrap();
    log.expect(&["transport close"]).await;
    client.ended().await;

    let mut client = house.join().await;
    house.io.close().await;
    client.ended().await;
    log.expect(&["server shutting down"]).await;
    assert_eq!(house.io.sessions(), 0);
}

/// Its runtime ends with it, as that of a program does whose last line it was.
fn serve_until(end: oneshot::Receiver<()>, socket: UdpSocket, config: Arc<ServerConfig>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let io = Io::builder().transports(&ALL).build();
        let closing = io.clone();
        tokio::spawn(async move {
            end.await.unwrap();
            closing.close().await;
        });
        io.serve_webtransport(socket, config).await.unwrap();
        io.close().await;
    });
}

#[tokio::test]
async fn clients_are_told_of_the_end_of_a_program_that_ends_with_its_server() {
    let (config, endpoint) = configurations();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}/socket.io/", socket.local_addr().unwrap().port());
    let (end, ends) = oneshot::channel();
    let program = std::thread::spawn(move || serve_until(ends, socket, config));
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = Client::new(soon("a session", endpoint.connect(&url)).await.unwrap()).await;
        client.send("0").await;
        assert!(client.text().await.starts_with("0{"));
        client.send("40").await;
        assert!(client.text().await.starts_with("40{"));
        clients.push(client);
    }
    end.send(()).unwrap();
    for mut client in clients {
        client.ended().await;
        let how = client.connection.closed().await;
        assert!(matches!(how, ConnectionError::ApplicationClosed(_)), "{how}");
    }
    program.join().unwrap();
}

#[tokio::test]
async fn the_heartbeat_is_the_same() {
    let builder = Io::builder()
        .transports(&ALL)
        .ping_interval(Duration::from_millis(50))
        .ping_timeout(Duration::from_millis(150));
    let house = House::new(builder).await;
    let mut log = note_reasons(&house.io);
    let mut client = house.join().await;
    for _ in 0..3 {
        assert_eq!(client.text().await, "2");
        client.send("3").await;
    }
    client.ended().await;
    log.expect(&["ping timeout"]).await;
}

#[tokio::test]
async fn whoever_may_refuse_requests_may_refuse_these() {
    let refusing = Io::builder().transports(&ALL).allow_request(|request| {
        assert!(request.is_secure() && request.header("user-agent").is_none());
        Err("no".into())
    });
    House::new(refusing).await.say("0").await.ended().await;

    let elsewhere = House::usual().await;
    assert!(elsewhere.session_at("/other/").await.is_none());

    let middleware = Io::builder().transports(&ALL).middleware(async |_, _| Ok(()));
    assert!(House::new(middleware).await.session_at("/socket.io/").await.is_none());

    let strict = roomcast::OriginPolicy::new(["https://example.com"]).require(true);
    let origins = Io::builder().transports(&ALL).allowed_origins(strict);
    assert!(House::new(origins).await.session_at("/socket.io/").await.is_none());
}

/// A server that notes what it is told of refusals.
async fn noting(builder: IoBuilder) -> (House, Arc<Mutex<Vec<RefusalContext>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let note = told.clone();
    let builder = builder.transports(&ALL).upgrade_timeout(Duration::from_millis(300));
    let builder = builder.on_connection_error(move |refused| {
        assert_eq!(refused.request().method().as_str(), "CONNECT");
        note.lock().push(refused.context().clone());
    });
    (House::new(builder).await, told)
}

#[tokio::test]
async fn the_program_is_told_of_each_session_that_is_refused_and_why() {
    let unknown = "q7Zk1uT0mJ3vX9bYAAAB";
    let (house, told) = noting(Io::builder().allow_eio3(true)).await;
    house.say("4hello").await.ended().await;
    soon("the end of the session", house.session().await.closed()).await;
    house.say(&format!(r#"0{{"sid":"{unknown}"}}"#)).await.ended().await;
    let old = Http::connect(house.address).await.get("/socket.io/?EIO=3&transport=polling").await;
    let old = old.text().split('"').nth(3).unwrap().to_owned();
    house.say(&format!(r#"0{{"sid":"{old}"}}"#)).await.ended().await;
    let expected = [
        RefusalContext::TransportHandshakeError,
        RefusalContext::TransportHandshakeError,
        RefusalContext::UnknownSid { sid: unknown.to_owned() },
        RefusalContext::ProtocolMismatch { protocol: 4, previous_protocol: Some(3) },
    ];
    assert_eq!(*told.lock(), expected);
    // One that goes away by itself was not refused, and one that is let in neither.
    drop(house.session().await);
    house.open().await;
    assert_eq!(told.lock().len(), expected.len());

    let (house, told) = noting(Io::builder().allow_request(|_| Err("no".into()))).await;
    house.say("0").await.ended().await;
    assert_eq!(*told.lock(), [RefusalContext::Forbidden { message: "no".to_owned() }]);

    let (house, told) = noting(Io::builder().generate_id(|_| Ok("short".to_owned()))).await;
    house.say("0").await.ended().await;
    assert!(matches!(told.lock()[..], [RefusalContext::IdGenerationError { .. }]));

    let (house, told) = noting(Io::builder().limits(Limits::new().sessions(1))).await;
    let _only = house.open().await;
    house.say("0").await.ended().await;
    assert_eq!(*told.lock(), [RefusalContext::Full]);

    let strict = roomcast::OriginPolicy::new(["https://example.com"]).require(true);
    let (house, told) = noting(Io::builder().allowed_origins(strict)).await;
    assert!(house.session_at("/socket.io/").await.is_none());
    assert!(matches!(told.lock()[..], [RefusalContext::ForeignOrigin { .. }]));

    let (house, told) = noting(Io::builder().middleware(async |_, _| Ok(()))).await;
    assert!(house.session_at("/socket.io/").await.is_none());
    assert!(house.session_at("/other/").await.is_none(), "nobody's path is nobody's refusal");
    assert!(matches!(told.lock()[..], [RefusalContext::MiddlewareFailure { .. }]));
}

#[tokio::test]
async fn a_server_without_the_transport_does_not_listen_for_it() {
    let (config, _) = configurations();
    let error = Io::new().listen_webtransport("127.0.0.1:0", config).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_client_whose_address_may_be_forged_takes_no_place_of_those_that_are_limited() {
    let limits = Limits::new().connections(1).connections_per_address(1);
    let house = House::new(Io::builder().transports(&ALL).limits(limits)).await;
    // What a forger sends comes from here, and what is answered goes nowhere.
    let forger = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/socket.io/", forger.local_addr().unwrap().port());
    let forging = async {
        let mut packet = [0; 2048];
        let (length, _) = forger.recv_from(&mut packet).await.unwrap();
        forger.send_to(&packet[..length], house.address).await.unwrap();
        while forger.recv_from(&mut packet).await.unwrap().1 != house.address {}
    };
    tokio::select! {
        _ = house.endpoint.connect(url) => panic!("nothing is answered"),
        () = soon("an answer to the forger", forging) => {}
    }
    house.open().await;
}

#[tokio::test]
async fn a_session_of_revision_3_does_not_move_to_webtransport() {
    let house = House::new(Io::builder().transports(&ALL).allow_eio3(true)).await;
    let opened = Http::connect(house.address).await.get("/socket.io/?EIO=3&transport=polling").await;
    let sid = opened.text().split('"').nth(3).unwrap();
    let mut client = Client::new(house.session().await).await;
    let hello = format!("0{{\"sid\":\"{sid}\"}}");
    client.bytes(&[encoded(0, hello.as_bytes()), encoded(0, b"2probe")].concat()).await;
    assert_eq!(client.next().await, None, "a probe that is let in is answered");
    client.ended().await;
}
