//! Why a socket left: the reference's text for each way to end.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use roomcast::{Io, IoBuilder, Reason, ReasonDetail, Socket, State};

use support::http::request;
use support::{Http, Lines, Log, Polling, WebSocket, serve, until};

fn logging(builder: IoBuilder) -> (Io, Lines) {
    let (log, lines) = Log::new();
    let io = builder.build();
    io.manage(log);
    io.on_disconnect(async |reason: Reason, log: State<Log>| log.say(reason));
    io.on("leave", async |socket: Socket| socket.disconnect());
    io.on("leave all", async |socket: Socket| socket.disconnect_connection());
    io.on_error(|_| {});
    (io, lines)
}

/// What a client on a WebSocket does, and what becomes of it.
#[tokio::test]
async fn a_websocket_ends_for_the_reason_of_the_reference() {
    let (io, mut lines) = logging(Io::builder().max_payload(1_000));
    let address = serve(&io).await;
    let large = format!(r#"42["{}"]"#, "x".repeat(1_000));
    let table = [
        ("41", "client namespace disconnect"),
        (r#"42["leave"]"#, "server namespace disconnect"),
        (r#"42["leave all"]"#, "server namespace disconnect"),
        (large.as_str(), "transport error"),
        // A ping is the server's to send.
        ("2", "transport error"),
        ("9", "parse error"),
        ("", "parse error"),
        // A second connect, what is no packet, and an event of a namespace that was never joined.
        ("40", "forced close"),
        ("4abc", "forced close"),
        (r#"42/other,["e"]"#, "forced close"),
        (r#"42["connect"]"#, "forced close"),
        ("42{}", "forced close"),
        ("44{}", "forced close"),
        (r#"4511-["e"]"#, "forced close"),
        (r#"451-["e",{"_placeholder":true,"num":1}]"#, "forced close"),
    ];
    for (packet, reason) in table {
        let mut client = WebSocket::connect(address).await;
        client.send(packet).await;
        if packet.starts_with("451-") {
            client.send_binary(b"1").await;
        }
        assert_eq!(lines.next().await, reason, "{packet}");
        drop(client);
    }
    until("every session has ended", || io.sessions() == 0).await;
    assert!(lines.rest().is_empty());
}

#[tokio::test]
async fn a_websocket_that_is_closed_or_cut_ends_by_its_transport() {
    let (io, mut lines) = logging(Io::builder());
    let address = serve(&io).await;
    WebSocket::connect(address).await.close().await;
    lines.expect(&["transport close"]).await;
    drop(WebSocket::connect(address).await);
    lines.expect(&["transport close"]).await;
    WebSocket::connect(address).await.reset();
    lines.expect(&["transport error"]).await;
    // A binary message that nobody announced.
    let mut client = WebSocket::connect(address).await;
    client.send_binary(b"1").await;
    lines.expect(&["forced close"]).await;
    client.closed().await;
}

#[tokio::test]
async fn the_end_of_a_session_is_told_in_detail_and_that_of_a_namespace_alone_is_not() {
    let io = Io::builder().max_payload(1_000).build();
    let (log, mut lines) = Log::new();
    io.manage(log);
    io.on("leave", async |socket: Socket| socket.disconnect());
    io.on("leave all", async |socket: Socket| socket.disconnect_connection());
    let say = async |reason: Reason, detail: ReasonDetail, log: State<Log>| {
        log.say(format_args!("{reason}: {}", detail.0.unwrap_or("-")));
    };
    io.on_disconnecting(say);
    io.on_disconnect(say);
    let address = serve(&io).await;
    let large = format!(r#"42["{}"]"#, "x".repeat(1_000));
    for (packet, line) in [
        ("41", "client namespace disconnect: -"),
        (r#"42["leave"]"#, "server namespace disconnect: -"),
        (r#"42["leave all"]"#, "server namespace disconnect: -"),
        (large.as_str(), "transport error: max payload size exceeded"),
    ] {
        let mut client = WebSocket::connect(address).await;
        client.send(packet).await;
        lines.expect(&[line, line]).await;
    }
    WebSocket::connect(address).await.close().await;
    let line = "transport close: closed by the client";
    lines.expect(&[line, line]).await;
}

#[tokio::test]
async fn silence_ends_in_a_ping_timeout_on_either_transport() {
    let short = Duration::from_millis(50);
    let (io, mut lines) = logging(Io::builder().ping_interval(short).ping_timeout(short));
    let address = serve(&io).await;
    let websocket = WebSocket::connect(address).await;
    lines.expect(&["ping timeout"]).await;
    drop(websocket);
    let polling = Polling::connect(address).await;
    lines.expect(&["ping timeout"]).await;
    drop(polling);
}

/// Whether a GET waits while the packet is posted.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Get {
    Waits,
    IsMissing,
}

async fn post(address: SocketAddr, packet: &str, get: Get) -> Polling {
    let mut client = Polling::connect(address).await;
    if get == Get::Waits {
        client.begin_poll().await;
    }
    let reply = client.post(packet).await;
    assert_eq!((reply.status, reply.text()), (200, "ok"), "{packet}");
    client
}

#[tokio::test]
async fn a_polling_session_ends_for_the_reason_of_the_reference() {
    let (io, mut lines) = logging(Io::builder());
    let address = serve(&io).await;
    // The packet, whether a GET waits, the reason, what that GET is told.
    let table = [
        ("1", Get::Waits, "transport close", "6"),
        ("9", Get::Waits, "parse error", "1"),
        ("", Get::Waits, "parse error", "1"),
        ("2", Get::Waits, "transport error", "1"),
        ("4abc", Get::Waits, "forced close", "1"),
    ];
    for (packet, get, reason, told) in table {
        let mut client = post(address, packet, get).await;
        assert_eq!(lines.next().await, reason, "{packet}");
        assert_eq!(client.poll().await.text(), told, "{packet}");
    }
    // With nobody to tell, the end waits for the next GET.
    let mut client = post(address, "4abc", Get::IsMissing).await;
    client.expect(&["6", "1"]).await;
    lines.expect(&["forced server close"]).await;
    let mut client = post(address, r#"42["leave all"]"#, Get::IsMissing).await;
    client.expect(&["41", "6", "1"]).await;
    lines.expect(&["server namespace disconnect"]).await;
    until("every session has ended", || io.sessions() == 0).await;
}

#[tokio::test]
async fn requests_that_overlap_or_break_off_end_a_polling_session() {
    let (io, mut lines) = logging(Io::builder());
    let address = serve(&io).await;

    let mut client = Polling::connect(address).await;
    client.begin_poll().await;
    let target = client.target();
    // The first is on its way before the second is sent, but on another connection: either may come first.
    let second = Http::connect(address).await.get(&target).await;
    let first = client.poll().await;
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    lines.expect(&["transport error"]).await;

    let mut client = Polling::connect(address).await;
    client.begin_poll().await;
    client.post(r#"42["e"]"#).await;
    client.gets.reset();
    lines.expect(&["transport error"]).await;

    let mut client = Polling::connect(address).await;
    let whole = request("POST", &client.target(), &[], r#"42["e"]"#);
    client.posts.write(&whole[..whole.len() - 3]).await;
    client.posts.reset();
    lines.expect(&["transport error"]).await;

    let mut client = Polling::connect(address).await;
    let target = client.target();
    let half =
        format!("POST {target} HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n");
    client.posts.write(&half).await;
    // The server has begun to read the body once it asks for it.
    assert_eq!(client.posts.response().await.status, 100);
    let overlapping = Http::connect(address).await.request("POST", &target, &[], "3").await;
    assert_eq!(overlapping.status, 400);
    lines.expect(&["transport error"]).await;

    let mut client = Polling::connect(address).await;
    let target = client.target();
    let binary = [("content-type", "application/octet-stream")];
    assert_eq!(client.posts.request("POST", &target, &binary, "3").await.status, 400);
    lines.expect(&["transport error"]).await;
    until("every session has ended", || io.sessions() == 0).await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_and_the_session_lives_on() {
    let (io, mut lines) = logging(Io::builder().max_payload(100));
    io.on("e", async || "answer");
    let mut client = Polling::connect(serve(&io).await).await;
    assert_eq!(client.post(&"x".repeat(101)).await.status, 413);
    client.posts = Http::connect(client.posts.peer()).await;
    client.send(r#"421["e"]"#).await;
    client.expect(&[r#"431["answer"]"#]).await;
    assert!(lines.rest().is_empty());
}
