//! However much waits for a client, its heartbeats go on as long as it reads; one that does not read is a slow consumer.
//!
//! In memory and on a paused clock, so that a slow client takes no time. What is odd: the pipe between the two holds
//! little, as a kernel does that is told so.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

mod support;

use std::time::Duration;

use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use roomcast::{Bytes, Io, Reason, Socket, State};
use tokio::io::DuplexStream;
use tokio::time::Instant;
use tokio_websockets::Message;
use tower::ServiceExt;

use support::{Lines, Log, WebSocket};

/// What is on its way between server and client.
const PIPE: usize = 64 * 1024;
const MESSAGE: usize = 16 * 1024;
/// A slow client's time for one message.
const PACE: Duration = Duration::from_millis(100);
const INTERVAL: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(3);

fn server() -> (Io, Lines) {
    let (log, lines) = Log::new();
    let io = Io::builder().ping_interval(INTERVAL).ping_timeout(TIMEOUT).allow_eio3(true).build();
    io.manage(log);
    io.on_disconnect(async |reason: Reason, log: State<Log>| log.say(reason));
    (io, lines)
}

/// A client at the other end of a pipe, its open packet read.
async fn session(io: &Io, query: &str) -> WebSocket<DuplexStream> {
    let (ours, theirs) = tokio::io::duplex(PIPE);
    let service = TowerToHyperService::new(io.service());
    tokio::spawn(async move {
        let http = hyper::server::conn::http1::Builder::new();
        // A client that goes is no failure of the test.
        let _ = http.serve_connection(TokioIo::new(theirs), service).with_upgrades().await;
    });
    let mut client = WebSocket::on(ours, query).await;
    assert!(client.text().await.starts_with("0{"));
    client
}

/// The same in the main namespace.
async fn client(io: &Io) -> (WebSocket<DuplexStream>, Socket) {
    let mut client = session(io, "EIO=4&transport=websocket").await;
    let id = client.enter("/").await;
    (client, io.socket(&id).unwrap())
}

fn emit(socket: &Socket, count: u32) {
    let text = "x".repeat(MESSAGE);
    for n in 0..count {
        socket.emit("n", (n, &text)).result().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_to_a_slow_client_does_not_stop_its_heartbeats() {
    let (io, mut lines) = server();
    let (mut client, socket) = client(&io).await;
    let count = 600;
    emit(&socket, count);
    let begun = Instant::now();
    let (mut next, mut pings, mut longest, mut last) = (0, 0, Duration::ZERO, begun);
    while next < count {
        let message = client.raw().await.expect("the session lives");
        let text = message.as_text().unwrap();
        if text == "2" {
            client.send("3").await;
            pings += 1;
            longest = longest.max(last.elapsed());
            last = Instant::now();
            continue;
        }
        assert!(text.starts_with(&format!(r#"42["n",{next},"#)), "{text:.20}");
        next += 1;
        tokio::time::sleep(PACE).await;
    }
    // Many timeouts long.
    assert!(begun.elapsed() >= PACE * count);
    assert!(pings >= 10, "{pings} pings");
    // They wait behind what is being written and what is in the pipe, not behind the queue.
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    assert!(socket.is_connected() && lines.rest().is_empty());
    assert_eq!(io.counters().closed_slow, 0);
}

/// Reads a long queue slowly, asks for a sign of life every interval, and gives how many came before the queue was empty.
async fn answers_during(
    client: &mut WebSocket<DuplexStream>,
    count: u32,
    ask: impl AsyncFn(&mut WebSocket<DuplexStream>),
    is_answer: impl Fn(&Message) -> bool,
) -> u32 {
    let (mut next, mut answers, mut asked) = (0, 0, Instant::now());
    while next < count {
        let message = client.raw().await.expect("the session lives");
        if is_answer(&message) {
            answers += 1;
        } else if message.as_text() == Some("2") {
            client.send("3").await;
        } else {
            next += 1;
            tokio::time::sleep(PACE).await;
        }
        if asked.elapsed() >= INTERVAL {
            ask(client).await;
            asked = Instant::now();
        }
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_for_signs_of_life_gets_each_while_its_queue_is_never_empty() {
    let (io, _lines) = server();
    let count = 300;
    let (mut client, socket) = client(&io).await;
    emit(&socket, count);
    let ping = async |client: &mut WebSocket<_>| client.ping().await;
    let answers = answers_during(&mut client, count, ping, Message::is_pong).await;
    assert!(answers >= 15, "{answers} pongs of the WebSocket");

    let mut old = session(&io, "EIO=3&transport=websocket").await;
    assert_eq!(old.text().await, "40");
    let sockets = io.fetch_sockets().await.unwrap();
    let socket = sockets.iter().find(|other| other.id() != socket.id()).unwrap().as_local().unwrap().clone();
    emit(&socket, count);
    let ping = async |client: &mut WebSocket<_>| client.send("2").await;
    let answers = answers_during(&mut old, count, ping, |message| message.as_text() == Some("3")).await;
    assert!(answers >= 15, "{answers} pongs of revision 3");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_longer_for_a_ping_than_its_timeout_lives_as_long_as_it_reads() {
    let (io, mut lines) = server();
    let (mut client, socket) = client(&io).await;
    emit(&socket, 60);
    let (mut next, mut pings) = (0, 0);
    while next < 40 {
        let message = client.raw().await.expect("the session lives");
        match message.as_text() {
            Some("2") => {
                client.send("3").await;
                pings += 1;
            }
            _ => next += 1,
        }
        tokio::time::sleep(TIMEOUT * 2 / 3).await;
    }
    assert!(pings >= 2, "{pings} pings");
    assert!(socket.is_connected() && lines.rest().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_socket_is_full_because_it_does_not_read_is_a_slow_consumer() {
    let (io, mut lines) = server();
    let (_client, socket) = client(&io).await;
    emit(&socket, 20);
    let begun = Instant::now();
    lines.expect(&["slow consumer"]).await;
    assert!(begun.elapsed() <= INTERVAL + TIMEOUT + Duration::from_secs(1));
    assert_eq!(io.counters().closed_slow, 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_but_does_not_answer_is_still_a_ping_timeout() {
    let (io, mut lines) = server();
    let (mut client, socket) = client(&io).await;
    emit(&socket, 20);
    while client.raw().await.is_some() {}
    lines.expect(&["ping timeout"]).await;
    assert_eq!(io.counters().closed_slow, 0);
}

/// A polling request answered in memory.
async fn request(io: &Io, method: Method, query: &str, body: &str) -> (u16, String) {
    let uri = format!("/socket.io/?EIO=4&transport=polling{query}");
    let request = Request::builder().method(method).uri(uri);
    let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
    let (parts, body) = io.service().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_polling_client_gets_its_pings_first_and_its_queue_in_bounded_bodies() {
    let (io, mut lines) = server();
    let (_, open) = request(&io, Method::GET, "", "").await;
    let sid = format!("&sid={}", open.split('"').nth(3).unwrap());
    request(&io, Method::POST, &sid, "40").await;
    let (_, connected) = request(&io, Method::GET, &sid, "").await;
    assert!(connected.starts_with("40{"), "{connected}");
    let socket = io.fetch_sockets().await.unwrap()[0].as_local().unwrap().clone();
    let count = 600;
    emit(&socket, count);
    let (mut next, mut bodies, mut pings) = (0, 0, 0);
    while next < count {
        // The time that the last body took to get there. A ping fell due meanwhile, and is answered late.
        tokio::time::sleep(TIMEOUT - INTERVAL / 2).await;
        let (status, body) = request(&io, Method::GET, &sid, "").await;
        assert_eq!(status, 200, "{body}");
        assert!(body.len() <= 1024 * 1024);
        bodies += 1;
        let mut packets = body.split('\u{1e}').peekable();
        if packets.next_if(|packet| *packet == "2").is_some() {
            pings += 1;
            tokio::time::sleep(TIMEOUT - INTERVAL / 2).await;
            request(&io, Method::POST, &sid, "3").await;
        }
        for packet in packets {
            assert!(packet.starts_with(&format!(r#"42["n",{next},"#)), "{packet:.20}");
            next += 1;
        }
    }
    assert!(bodies >= 10 && pings >= 5, "{bodies} bodies, {pings} pings");
    assert!(socket.is_connected() && lines.rest().is_empty());
}
