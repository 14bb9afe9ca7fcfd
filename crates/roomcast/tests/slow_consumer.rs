//! Who reads gets everything; who does not read is closed, with memory bounded, and nobody else notices.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

mod support;

use roomcast::{EmitError, Io, Reason, Socket, State};

use support::polling::SEPARATOR;
use support::{Log, Polling, WebSocket, serve, until};

const MAX_OUTBOX: usize = 256 * 1024;
/// One message, and the most that a frame of it may cost.
const MESSAGE: usize = 16 * 1024;
const FRAME: usize = MESSAGE + 256;
/// More than the kernel holds for a connection that nobody reads.
const ENOUGH: usize = 64 * 1024 * 1024;

/// A server that says who left and why.
fn small_outboxes() -> (Io, support::Lines) {
    let (log, lines) = Log::new();
    let io = Io::builder().max_outbox(MAX_OUTBOX).build();
    io.manage(log);
    io.on_disconnect(async |socket: Socket, reason: Reason, log: State<Log>| {
        log.say(format!("{} {reason}", socket.id()));
    });
    (io, lines)
}

fn burst() -> Io {
    let io = Io::new();
    io.on("burst", async |socket: Socket, count: u64| {
        for n in 0..count {
            assert_eq!(socket.emit("n", (n, "some text")).result().unwrap(), 1);
        }
    });
    io
}

#[tokio::test]
async fn ten_thousand_emits_of_one_handler_arrive_at_a_websocket_that_reads() {
    let mut client = WebSocket::connect(serve(&burst()).await).await;
    client.send(r#"42["burst",10000]"#).await;
    for n in 0..10_000 {
        assert_eq!(client.text().await, format!(r#"42["n",{n},"some text"]"#));
    }
}

#[tokio::test]
async fn ten_thousand_emits_of_one_handler_arrive_in_one_polling_body() {
    let mut client = Polling::connect(serve(&burst()).await).await;
    client.send(r#"42["burst",10000]"#).await;
    let reply = client.poll().await;
    let expected: Vec<_> = (0..10_000).map(|n| format!(r#"42["n",{n},"some text"]"#)).collect();
    assert_eq!(reply.text(), expected.join(SEPARATOR));
}

#[tokio::test]
async fn more_than_a_mebibyte_that_waits_for_a_poll_comes_in_several() {
    let io = Io::new();
    let mut client = Polling::connect(serve(&io).await).await;
    let sizes = [500_000, 500_000, 500_000, 2_000_000, 1];
    for size in sizes {
        assert_eq!(io.emit("n", "x".repeat(size)).queued(), 1);
    }
    // As many as fit, and always one.
    for bodies in [&sizes[..2], &sizes[2..3], &sizes[3..4], &sizes[4..]] {
        let expected: Vec<_> =
            bodies.iter().map(|size| format!(r#"42["n","{}"]"#, "x".repeat(*size))).collect();
        assert!(client.poll().await.text() == expected.join(SEPARATOR), "{bodies:?}");
    }
}

#[tokio::test]
async fn a_websocket_that_does_not_read_is_closed_and_the_others_lose_nothing() {
    let (io, mut lines) = small_outboxes();
    let address = serve(&io).await;
    let (_slow_client, slow_id) = WebSocket::join(address, "/").await;
    let (mut fast_client, fast_id) = WebSocket::join(address, "/").await;
    let (slow, fast) = (io.socket(&slow_id).unwrap(), io.socket(&fast_id).unwrap());
    let reader = tokio::spawn(async move {
        for n in 0.. {
            let text = fast_client.text().await;
            if text == r#"42["done"]"# {
                return (n, fast_client);
            }
            assert!(text.starts_with(&format!(r#"42["n",{n},"#)), "message {n} is missing");
        }
        unreachable!()
    });
    let message = "x".repeat(MESSAGE);
    let mut sent = 0;
    while slow.is_connected() {
        let emitted = io.emit("n", (sent, &message));
        assert!(slow.buffered().bytes <= MAX_OUTBOX + FRAME, "{} bytes wait", slow.buffered().bytes);
        sent += 1;
        match emitted.dropped() {
            0 => {}
            _ => assert!(matches!(emitted.result(), Err(EmitError::SlowConsumer))),
        }
        // The one who reads is never more than this one message behind.
        until("the reader has it", || fast.buffered().bytes == 0).await;
        assert!(sent * MESSAGE < ENOUGH, "nobody was closed");
    }
    assert_eq!(lines.next().await, format!("{slow_id} slow consumer"));
    assert_eq!(slow.buffered().bytes, 0);
    fast.emit("done", ());
    let (received, _client) = reader.await.unwrap();
    assert_eq!(received, sent);
    assert!(lines.rest().is_empty());
}

#[tokio::test]
async fn a_client_that_does_not_poll_is_closed_when_its_outbox_is_full() {
    let (io, mut lines) = small_outboxes();
    let mut client = Polling::connect(serve(&io).await).await;
    let socket = io.fetch_sockets().await.unwrap()[0].as_local().unwrap().clone();
    let message = "x".repeat(MESSAGE);
    let mut queued = 0;
    let refused = loop {
        match socket.emit("n", &message).result() {
            Ok(_) => queued += 1,
            Err(error) => break error,
        }
        assert!(socket.buffered().bytes <= MAX_OUTBOX);
    };
    assert!(matches!(refused, EmitError::SlowConsumer));
    assert!(MAX_OUTBOX - queued * MESSAGE < FRAME + queued * 128, "{queued} fit");
    assert_eq!(lines.next().await, format!("{} slow consumer", socket.id()));
    assert!(matches!(socket.emit("n", 0).result(), Err(EmitError::Disconnected)));
    assert_eq!(client.poll().await.status, 400);
}

#[tokio::test]
async fn one_message_that_is_larger_than_the_outbox_still_arrives() {
    let (io, _lines) = small_outboxes();
    let (mut client, id) = WebSocket::join(serve(&io).await, "/").await;
    let socket = io.socket(&id).unwrap();
    until("the greeting is written", || socket.buffered().bytes == 0).await;
    let message = "x".repeat(2 * MAX_OUTBOX);
    assert_eq!(socket.emit("large", &message).queued(), 1);
    client.expect(&[&format!(r#"42["large","{message}"]"#)]).await;
}

#[tokio::test]
async fn volatile_events_are_dropped_rather_than_queued() {
    let (io, mut lines) = small_outboxes();
    let (mut client, id) = WebSocket::join(serve(&io).await, "/").await;
    let socket = io.socket(&id).unwrap();
    let message = "x".repeat(MESSAGE);
    let (mut sent, mut dropped) = (0, 0);
    while dropped < 100 {
        let emitted = socket.volatile().emit("frame", (sent + dropped, &message));
        sent += emitted.queued();
        dropped += emitted.dropped();
        assert!(socket.buffered().bytes <= FRAME, "{} bytes wait", socket.buffered().bytes);
        assert!(sent * MESSAGE < ENOUGH, "nothing was dropped");
        tokio::task::yield_now().await;
    }
    socket.emit("done", ());
    for _ in 0..sent {
        assert!(client.text().await.starts_with(r#"42["frame","#));
    }
    client.expect(&[r#"42["done"]"#]).await;
    assert!(socket.is_connected() && lines.rest().is_empty());
}
