//! More is sent than a client reads: every policy drops what it says, tells so, and hurts nobody else.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use roomcast::{EmitError, Io, IoBuilder, OutboxLimits, Overflow, Reason, Socket, State};
use tokio::net::TcpSocket;

use support::allocations::{self, Counting};
use support::{DEADLINE, Lines, Log, WebSocket, serve, soon, until};

#[global_allocator]
static COUNTING: Counting = Counting;

/// What may wait for a client.
const BOUND: usize = 200 * 1024;
/// One message, and the most that a frame of it may cost.
const MESSAGE: usize = 16 * 1024;
const FRAME: usize = MESSAGE + 256;
/// More messages than the kernel holds for a connection that nobody reads.
const ENOUGH: usize = 4_000;

/// A server that says who left and why.
fn bounded(builder: IoBuilder) -> (Io, Lines) {
    let (log, lines) = Log::new();
    let io = builder.max_outbox(BOUND).build();
    io.manage(log);
    io.on_disconnect(async |socket: Socket, reason: Reason, log: State<Log>| {
        log.say(format!("{} {reason}", socket.id()));
    });
    (io, lines)
}

/// A client whose kernel takes little on its own.
async fn slow_client(io: &Io) -> (WebSocket, Socket) {
    let address = serve(io).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 * 1024).unwrap();
    let stream = socket.connect(address).await.unwrap();
    let mut client = WebSocket::on(stream, "EIO=4&transport=websocket").await;
    assert!(client.text().await.starts_with("0{"));
    let id = client.enter("/").await;
    let socket = io.socket(&id).unwrap();
    until("the greeting is written", || socket.buffered().packets == 0).await;
    (client, socket)
}

fn message() -> String {
    "x".repeat(MESSAGE)
}

/// The number in `42["event",n,..]`.
fn number(text: &str, event: &str) -> usize {
    let rest = text.strip_prefix(&format!(r#"42["{event}","#)).unwrap_or_else(|| panic!("{text:.40}"));
    rest.split([',', ']']).next().unwrap().parse().unwrap()
}

/// The numbers of an event up to `42["done"]`, and what else came.
async fn numbers(client: &mut WebSocket, event: &str) -> (Vec<usize>, Vec<String>) {
    let (mut numbers, mut others) = (Vec::new(), Vec::new());
    loop {
        let text = client.text().await;
        match &text[..] {
            r#"42["done"]"# => return (numbers, others),
            text if text.starts_with(&format!(r#"42["{event}""#)) => numbers.push(number(text, event)),
            _ => others.push(text),
        }
    }
}

fn is_rising(numbers: &[usize]) -> bool {
    numbers.windows(2).all(|pair| pair[0] < pair[1])
}

/// Lets the session's own task have its turn.
async fn pause() {
    tokio::task::yield_now().await;
}

#[tokio::test]
async fn the_oldest_events_are_dropped_and_everything_else_arrives_in_order() {
    let (io, mut lines) = bounded(Io::builder().overflow(Overflow::DropOldest));
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    io.on("ask", move |socket: Socket| {
        count.fetch_add(1, Ordering::Relaxed);
        let question = socket.emit_with_ack::<()>("question", ());
        async move {
            drop(question);
            "answer"
        }
    });
    let (mut client, socket) = slow_client(&io).await;
    let (text, mut sent, mut displaced) = (message(), 0, 0);
    while displaced < 50 {
        let emitted = socket.emit("n", (sent, &text));
        assert_eq!(emitted.queued(), 1);
        displaced += emitted.displaced();
        sent += 1;
        assert!(sent < ENOUGH && socket.buffered().bytes <= BOUND, "{:?}", socket.buffered());
        if displaced > 0 && asked.load(Ordering::Relaxed) == 0 {
            let before = io.counters().dropped_oldest;
            client.send(r#"427["ask"]"#).await;
            until("the question and the answer wait", || asked.load(Ordering::Relaxed) == 1).await;
            pause().await;
            // They made room, too.
            displaced += usize::try_from(io.counters().dropped_oldest - before).unwrap();
        }
        pause().await;
    }
    displaced += socket.emit("done", ()).displaced();
    assert_eq!(io.counters().dropped_oldest, displaced as u64);
    assert_eq!(io.of("/").counters(), io.counters());
    assert_eq!(io.of("/other").counters().dropped_oldest, 0);
    let (numbers, others) = numbers(&mut client, "n").await;
    assert!(is_rising(&numbers));
    assert_eq!(numbers.len() + displaced, sent);
    assert_eq!(numbers.last(), Some(&(sent - 1)));
    assert_eq!(others, [r#"420["question"]"#, r#"437["answer"]"#]);
    assert!(socket.is_connected() && lines.rest().is_empty());
}

#[tokio::test]
async fn a_slow_client_gets_the_latest_of_a_key_and_a_fast_one_all() {
    let (io, mut lines) = bounded(Io::builder());
    let (mut slow_client, slow) = slow_client(&io).await;
    let (mut fast_client, fast_id) = WebSocket::join(serve(&io).await, "/").await;
    let fast = io.socket(&fast_id).unwrap();
    let (text, mut sent, mut replaced) = (message(), 0, 0);
    while replaced < 50 {
        let emitted = io.latest("cursor").emit("cursor", (sent, &text));
        assert_eq!(emitted.queued(), 2);
        replaced += emitted.replaced();
        assert_eq!(number(&fast_client.text().await, "cursor"), sent);
        until("the fast one has it", || fast.buffered().packets == 0).await;
        sent += 1;
        // What is being written, and one that waits.
        assert!(sent < ENOUGH && slow.buffered().bytes <= 2 * FRAME, "{:?}", slow.buffered());
    }
    assert_eq!(io.counters().replaced, replaced as u64);
    // Another key is another thing.
    assert_eq!(slow.latest("other").emit("cursor", (sent, 0)).replaced(), 0);
    slow.emit("done", ());
    let (numbers, _) = numbers(&mut slow_client, "cursor").await;
    assert!(is_rising(&numbers));
    assert_eq!(numbers.len() + replaced, sent + 1);
    assert_eq!(numbers[numbers.len() - 2..], [sent - 1, sent]);
    assert!(lines.rest().is_empty());
}

#[tokio::test]
async fn volatile_events_may_wait_and_make_room_for_others_where_the_policy_says_so() {
    let (io, mut lines) = bounded(Io::builder().overflow(Overflow::DropVolatile));
    let (mut client, socket) = slow_client(&io).await;
    let (text, mut sent, mut displaced, mut waited) = (message(), 0, 0, 0);
    while displaced < 20 {
        let emitted = socket.volatile().emit("n", (sent, &text));
        assert_eq!(emitted.queued(), 1);
        waited += emitted.queued() - emitted.at_once();
        displaced += emitted.displaced();
        sent += 1;
        assert!(sent < ENOUGH && socket.buffered().bytes <= BOUND);
        pause().await;
    }
    assert!(waited > 0);
    for n in 0..5 {
        let emitted = socket.emit("reliable", (n, &text));
        assert_eq!((emitted.queued(), emitted.dropped()), (1, 0));
        displaced += emitted.displaced();
    }
    displaced += socket.emit("done", ()).displaced();
    let (numbers, others) = numbers(&mut client, "n").await;
    assert_eq!(numbers.len() + displaced, sent);
    assert!(is_rising(&numbers));
    let reliable: Vec<_> = others.iter().map(|text| number(text, "reliable")).collect();
    assert_eq!(reliable, [0, 1, 2, 3, 4]);
    assert!(lines.rest().is_empty());
}

#[tokio::test]
async fn a_broadcast_says_how_many_it_did_not_reach_and_why() {
    let (io, _lines) = bounded(Io::builder());
    let (_slow_client, slow) = slow_client(&io).await;
    let (mut fast_client, fast_id) = WebSocket::join(serve(&io).await, "/").await;
    let fast = io.socket(&fast_id).unwrap();
    let text = message();
    let mut sent = 0;
    // It is full when something waits although its session had its turns.
    while slow.buffered().packets < 4 {
        slow.emit("fill", &text);
        sent += 1;
        assert!(sent < ENOUGH);
        pause().await;
    }
    until("the fast one is idle", || fast.buffered().packets == 0).await;
    let emitted = io.volatile().emit("tick", ());
    assert_eq!((emitted.queued(), emitted.at_once()), (1, 1));
    assert_eq!((emitted.dropped_volatile(), emitted.dropped()), (1, 1));
    assert_eq!(io.counters().dropped_volatile, 1);
    fast_client.expect(&[r#"42["tick"]"#]).await;
    let closing = loop {
        let emitted = io.emit("n", &text);
        until("the fast one is idle", || fast.buffered().packets == 0).await;
        if emitted.closed_slow() > 0 {
            break emitted;
        }
        assert_eq!((emitted.queued(), emitted.dropped()), (2, 0));
        fast_client.text().await;
    };
    assert_eq!((closing.queued(), closing.closed_slow(), closing.dropped()), (1, 1, 1));
    assert!(matches!(closing.result(), Err(EmitError::SlowConsumer)));
    until("it is counted", || io.counters().closed_slow == 1).await;
    assert_eq!(io.of("/").counters().closed_slow, 1);
}

#[tokio::test]
async fn one_socket_may_have_bounds_and_a_policy_of_its_own() {
    let (io, mut lines) = bounded(Io::builder());
    let (_one_client, one) = slow_client(&io).await;
    let (_other_client, other) = slow_client(&io).await;
    assert_eq!(one.outbox_limits(), OutboxLimits::default().bytes(BOUND));
    one.set_outbox_limits(OutboxLimits::default().packets(3).overflow(Overflow::DropOldest));
    let text = message();
    while other.is_connected() {
        io.emit("n", &text);
        assert!(one.buffered().packets <= 3, "{:?}", one.buffered());
        pause().await;
    }
    assert_eq!(lines.next().await, format!("{} slow consumer", other.id()));
    assert!(one.is_connected() && io.counters().dropped_oldest > 0);
}

#[tokio::test]
async fn who_waits_for_room_sends_at_the_speed_of_the_client_and_loses_nothing() {
    let (io, mut lines) = bounded(Io::builder());
    let (mut client, socket) = slow_client(&io).await;
    let count = 500;
    let sender = tokio::spawn({
        let socket = socket.clone();
        async move {
            let text = message();
            for n in 0..count {
                socket.emit_wait("n", (n, &text)).await.unwrap();
                assert!(socket.buffered().bytes <= BOUND / 2);
            }
            socket.emit_wait("done", ()).await
        }
    });
    let (numbers, _) = numbers(&mut client, "n").await;
    assert!(numbers.into_iter().eq(0..count));
    sender.await.unwrap().unwrap();
    let counters = io.counters();
    assert!(counters.waited > 0 && counters.waited <= count as u64 + 1);
    assert_eq!((counters.closed_slow, counters.dropped_oldest), (0, 0));
    assert!(lines.rest().is_empty());
}

/// Sends until one would have to wait; how many were sent.
async fn fill(socket: &Socket) -> usize {
    let text = message();
    let mut sent = 0;
    while let Some(emitted) = socket.emit_wait("n", (sent, &text)).now_or_never() {
        emitted.unwrap();
        sent += 1;
        assert!(sent < ENOUGH);
        pause().await;
    }
    sent
}

#[tokio::test]
async fn an_emit_that_gave_up_waiting_was_never_sent() {
    let (io, _lines) = bounded(Io::builder());
    let (mut client, socket) = slow_client(&io).await;
    let sent = fill(&socket).await;
    assert_eq!(io.counters().waited, 1);
    assert!(socket.buffered().bytes <= BOUND / 2);
    // The other half of the bounds is for those that do not wait.
    socket.emit("done", ()).result().unwrap();
    let (numbers, _) = numbers(&mut client, "n").await;
    assert!(numbers.into_iter().eq(0..sent));
}

#[tokio::test]
async fn who_waits_is_told_when_the_socket_leaves() {
    for whole_connection in [false, true] {
        // Nothing else shall end the wait.
        let (io, _lines) = bounded(Io::builder().connect_timeout(DEADLINE * 2).ping_interval(DEADLINE * 2));
        let (mut client, socket) = slow_client(&io).await;
        fill(&socket).await;
        let leave = async {
            if whole_connection {
                return None;
            }
            client.send("41").await;
            Some(client)
        };
        let text = message();
        let all = async { tokio::join!(socket.emit_wait("n", &text), socket.drained(), leave) };
        let (emitted, drained, _client) = soon("the end of both waits", all).await;
        assert!(matches!(emitted, Err(EmitError::Disconnected)), "{emitted:?}");
        assert!(matches!(drained, Err(EmitError::Disconnected)), "{drained:?}");
        assert!(matches!(socket.drained().await, Err(EmitError::Disconnected)));
    }
}

#[tokio::test]
async fn a_drained_outbox_is_told_to_who_waits_and_to_who_listens() {
    let (io, _lines) = bounded(Io::builder());
    let (log, mut drains) = Log::new();
    let (mut client, socket) = slow_client(&io).await;
    socket.on_drain(move |socket: Socket| {
        let log = log.clone();
        async move { log.say(socket.buffered().packets) }
    });
    socket.drained().await.unwrap();
    fill(&socket).await;
    drains.rest();
    assert!(socket.drained().now_or_never().is_none());
    socket.emit("done", ());
    let read = async { while client.text().await != r#"42["done"]"# {} };
    let (drained, ()) = tokio::join!(socket.drained(), read);
    drained.unwrap();
    assert_eq!(socket.buffered().packets, 0);
    drains.expect(&["0"]).await;
}

#[tokio::test]
async fn a_drain_listener_may_send_more_again_and_again() {
    let io = Io::new();
    io.on("start", async |socket: Socket| {
        let sent = Arc::new(AtomicUsize::new(0));
        socket.on_drain(move |socket: Socket| {
            let n = sent.fetch_add(1, Ordering::Relaxed);
            async move {
                if n < 1_000 {
                    socket.emit("n", n);
                }
            }
        });
    });
    let mut client = WebSocket::connect(serve(&io).await).await;
    client.send(r#"421["start"]"#).await;
    client.expect(&["431[]"]).await;
    for n in 0..1_000 {
        client.expect(&[&format!(r#"42["n",{n}]"#)]).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_kernel_holds_little_for_a_client_that_does_not_read() {
    let io = Io::new();
    let (_client, id) = WebSocket::join(serve(&io).await, "/").await;
    let socket = io.socket(&id).unwrap();
    let text = message();
    let mut sent = 0;
    // More than is taken out of the queue for one write: it is the kernel that takes no more.
    while socket.buffered().bytes < 1024 * 1024 {
        socket.emit("n", &text);
        sent += MESSAGE;
        pause().await;
    }
    let taken = sent - socket.buffered().bytes;
    assert!(taken < 1024 * 1024, "{taken} bytes");
}

#[tokio::test]
async fn slow_readers_cost_the_others_nothing_and_are_closed_or_caught_up_in_order() {
    const CLIENTS: usize = 100;
    // They stop reading for good, or for a while.
    const STUCK: usize = 3;
    const LATE: usize = 2;
    const ROUNDS: usize = 300;
    const PAYLOAD: usize = 8 * 1024;
    let (io, mut lines) = bounded(Io::builder());
    let address = serve(&io).await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(WebSocket::join(address, "/").await);
    }
    let ids: Vec<_> = clients.iter().map(|(_, id)| id.clone()).collect();
    let sockets: Vec<_> = ids.iter().map(|id| io.socket(id).unwrap()).collect();
    let (stuck, others) = sockets.split_at(STUCK);
    let (late, fast) = others.split_at(LATE);
    late.iter().for_each(|socket| socket.set_outbox_limits(OutboxLimits::default().bytes(64 << 20)));
    let mut readers = clients.split_off(STUCK + LATE);
    let text = "x".repeat(PAYLOAD);
    let mut before = 0;
    for sent in 0..ROUNDS {
        assert!(io.emit("n", (sent, &text)).queued() >= CLIENTS - STUCK);
        for (reader, _) in &mut readers {
            assert_eq!(number(&reader.text().await, "n"), sent);
        }
        // Who reads is never more than this one message behind.
        until("they have it", || fast.iter().all(|socket| socket.buffered().packets == 0)).await;
        if sent == 10 {
            before = allocations::bytes();
        }
        assert!(stuck.iter().all(|socket| socket.buffered().bytes <= BOUND));
    }
    // All slow ones wait for the same bytes: there is one copy of each message.
    let growth = allocations::bytes() - before;
    let messages = isize::try_from(ROUNDS * (PAYLOAD + 1024)).unwrap();
    assert!(growth < messages + 1024 * 1024, "{growth} bytes");
    let mut closed = Vec::new();
    for _ in 0..STUCK {
        closed.push(lines.next().await);
    }
    closed.sort();
    let mut expected: Vec<_> = ids[..STUCK].iter().map(|id| format!("{id} slow consumer")).collect();
    expected.sort();
    assert_eq!(closed, expected);
    assert_eq!(io.counters().closed_slow, STUCK as u64);
    for socket in late {
        assert!(socket.is_connected());
        socket.emit("done", ());
    }
    for (client, _) in &mut clients[STUCK..] {
        let (numbers, _) = numbers(client, "n").await;
        assert!(numbers.into_iter().eq(0..ROUNDS));
    }
    // What the stuck ones got, they got without a gap.
    for (client, _) in &mut clients[..STUCK] {
        let mut n = 0;
        while let Some(message) = client.next().await {
            assert_eq!(number(message.as_text().unwrap(), "n"), n);
            n += 1;
        }
        assert!(n < ROUNDS);
    }
    assert!(lines.rest().is_empty());
}
