//! Events of one socket reach its handlers in the order they were sent, whatever they travel on.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use roomcast::{Io, Socket, State};
use tokio::sync::Semaphore;

use support::polling::SEPARATOR;
use support::{Log, Polling, WebSocket, serve};

/// How many events one socket sends.
const EVENTS: u64 = 20_000;
/// How many of them fit into one polling body.
const BATCH: u64 = 1_000;

/// Counts events, and finds the first that is out of order.
#[derive(Default)]
struct Order {
    next: AtomicU64,
    wrong: AtomicU64,
}

impl Order {
    fn see(&self, n: u64) {
        let expected = self.next.fetch_add(1, Ordering::SeqCst);
        if expected != n {
            self.wrong.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// How many came, how many of them at a wrong place.
    fn result(&self) -> (u64, u64) {
        (self.next.load(Ordering::SeqCst), self.wrong.load(Ordering::SeqCst))
    }
}

/// A server that watches the order of `n`, and says at `done` what it saw.
fn watching() -> Io {
    let io = Io::new();
    io.manage(Order::default());
    io.on("n", async |n: u64, order: State<Order>| order.see(n));
    io.on("echo", async |socket: Socket, n: u64, order: State<Order>| {
        order.see(n);
        socket.emit("echo", n);
    });
    io.on("done", async |order: State<Order>| order.result());
    io
}

fn events(name: &str, numbers: impl Iterator<Item = u64>) -> Vec<String> {
    numbers.map(|n| format!(r#"42["{name}",{n}]"#)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_events_keep_their_order_on_a_websocket() {
    let mut client = WebSocket::connect(serve(&watching()).await).await;
    for event in events("n", 0..EVENTS) {
        client.feed(&event).await;
    }
    client.send(r#"421["done"]"#).await;
    client.expect(&["431[20000,0]"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_events_keep_their_order_in_polling_bodies() {
    let mut client = Polling::connect(serve(&watching()).await).await;
    for start in (0..EVENTS).step_by(1_000) {
        client.send(&events("n", start..start + BATCH).join(SEPARATOR)).await;
    }
    client.send(r#"421["done"]"#).await;
    client.expect(&["431[20000,0]"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_under_fire_keeps_the_order_of_both_directions() {
    let address = serve(&watching()).await;
    let mut polling = Polling::connect(address).await;
    let mut echoed = 0;
    let batch = |number: u64| events("echo", number * BATCH..(number + 1) * BATCH).join(SEPARATOR);
    // Some before, some while the probe is answered, the rest behind the `5`: the server still holds echoes then.
    polling.send(&batch(0)).await;
    let mut websocket = WebSocket::probe(address, &polling.sid).await;
    polling.send(&batch(1)).await;
    websocket.send("2probe").await;
    polling.send(&batch(2)).await;
    websocket.expect(&["3probe"]).await;
    let reply = polling.poll().await;
    for packet in reply.text().split(SEPARATOR).filter(|packet| *packet != "6") {
        assert_eq!(packet, format!(r#"42["echo",{echoed}]"#));
        echoed += 1;
    }
    polling.send(&batch(3)).await;
    websocket.feed("5").await;
    for event in events("echo", 4 * BATCH..EVENTS) {
        websocket.feed(&event).await;
    }
    websocket.send(r#"421["done"]"#).await;
    while echoed < EVENTS {
        assert_eq!(websocket.text().await, format!(r#"42["echo",{echoed}]"#));
        echoed += 1;
    }
    websocket.expect(&["431[20000,0]"]).await;
}

#[tokio::test]
async fn async_handlers_start_in_order_and_finish_when_they_can() {
    let io = Io::new();
    let (log, mut lines) = Log::new();
    let gate = Arc::new(Semaphore::new(0));
    io.manage(log).manage(gate.clone());
    io.on("n", async |n: u64, log: State<Log>, gate: State<Arc<Semaphore>>| {
        log.say(format!("start {n}"));
        if n.is_multiple_of(2) {
            gate.acquire().await.expect("the gate is never closed").forget();
        }
        log.say(format!("end {n}"));
    });
    let mut client = WebSocket::connect(serve(&io).await).await;
    for event in events("n", 0..4) {
        client.feed(&event).await;
    }
    client.flush().await;
    lines.expect(&["start 0", "start 1", "end 1", "start 2", "start 3", "end 3"]).await;
    gate.add_permits(2);
    lines.expect(&["end 0", "end 2"]).await;
}

#[tokio::test]
async fn events_wait_while_too_many_handlers_are_suspended_and_lose_nothing_of_their_order() {
    const LIMIT: usize = 2;
    let io = Io::builder().max_handlers(LIMIT).build();
    let (log, mut lines) = Log::new();
    let gate = Arc::new(Semaphore::new(0));
    io.manage(log).manage(gate.clone());
    io.on("n", async |n: u64, log: State<Log>, gate: State<Arc<Semaphore>>| {
        log.say(n);
        gate.acquire().await.expect("the gate is never closed").forget();
    });
    let address = serve(&io).await;
    let mut client = Polling::connect(address).await;
    client.send(&events("n", 0..100).join(SEPARATOR)).await;
    lines.expect(&["0", "1"]).await;
    // Other sockets do not wait with it, and nothing else has been started meanwhile.
    let mut other = WebSocket::connect(address).await;
    other.send(r#"42["n",1000]"#).await;
    lines.expect(&["1000"]).await;
    gate.add_permits(1 + LIMIT);
    for n in 2..100 {
        lines.expect(&[&n.to_string()]).await;
        gate.add_permits(1);
    }
    assert!(lines.rest().is_empty());
}
