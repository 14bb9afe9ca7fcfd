//! More than fits: into one write, into the handlers, into the outbox. Nothing is lost, nothing blocks what it waits for.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use roomcast::{Io, Socket};
use support::{Log, WebSocket, serve, until};

#[tokio::test(flavor = "multi_thread")]
async fn every_number_of_frames_in_one_turn_arrives_whole() {
    let io = Io::new();
    io.on("burst", async |socket: Socket, count: usize| {
        for n in 0..count {
            socket.emit("n", n);
        }
        count
    });
    let address = serve(&io).await;
    let mut client = WebSocket::connect(address).await;
    // Around the number of pieces that one vectored write takes, and its multiples.
    for count in (60..70).chain(126..132).chain([190, 193, 257]) {
        client.send(&format!(r#"421["burst",{count}]"#)).await;
        for n in 0..count {
            client.expect(&[&format!(r#"42["n",{n}]"#)]).await;
        }
        client.expect(&[&format!("431[{count}]")]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_beyond_the_suspended_calls_wait_and_are_handled_in_order() {
    let io = Io::builder().max_handlers(1).build();
    io.on("slow", async |n: usize| {
        tokio::task::yield_now().await;
        n
    });
    let address = serve(&io).await;
    let mut client = WebSocket::connect(address).await;
    for n in 0..50 {
        client.feed(&format!(r#"42{n}["slow",{n}]"#)).await;
    }
    client.flush().await;
    for n in 0..50 {
        client.expect(&[&format!("43{n}[{n}]")]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_for_an_acknowledgement_gets_it_even_if_no_other_call_fits() {
    let io = Io::builder().max_handlers(1).build();
    io.on("ask", async |socket: Socket| socket.emit_with_ack::<i64>("question", ()).await.unwrap_or(-1));
    let address = serve(&io).await;
    let mut client = WebSocket::connect(address).await;
    client.feed(r#"421["ask"]"#).await;
    client.send(r#"422["ask"]"#).await;
    client.expect(&[r#"420["question"]"#]).await;
    client.send("430[7]").await;
    client.expect(&["431[7]", r#"421["question"]"#]).await;
    client.send("431[8]").await;
    client.expect(&["432[8]"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_faster_than_it_reads_is_no_slow_consumer_as_long_as_it_reads() {
    let io = Io::builder().max_outbox(1_000_000).build();
    io.on("big", async || "x".repeat(8_000));
    let address = serve(&io).await;
    let mut client = WebSocket::connect(address).await;
    let questions = 1_000;
    for n in 0..questions {
        client.feed(&format!(r#"42{n}["big"]"#)).await;
    }
    client.flush().await;
    for n in 0..questions {
        let answer = client.text().await;
        assert!(answer.starts_with(&format!("43{n}[")), "answer {n} is {:.20}", answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deferred_is_still_handled_when_the_client_leaves() {
    let io = Io::builder().max_handlers(1).build();
    let handled = Arc::new(AtomicUsize::new(0));
    let counter = handled.clone();
    io.on("slow", move || {
        let counter = counter.clone();
        async move {
            tokio::task::yield_now().await;
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    let address = serve(&io).await;
    let mut client = WebSocket::connect(address).await;
    for _ in 0..20 {
        client.feed(r#"42["slow"]"#).await;
    }
    client.send("41").await;
    until("all are handled", || handled.load(Ordering::Relaxed) == 20).await;
}

/// Looks at its socket when it ends, as user values may.
struct Nosy(Socket, Log);

impl Drop for Nosy {
    fn drop(&mut self) {
        let _ = self.0.get::<String>();
        self.1.say("dropped");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_owns_its_socket_is_dropped_with_it() {
    let io = Io::new();
    let (seen, mut lines) = Log::new();
    io.on_connect(move |socket: Socket| {
        let nosy = Arc::new(Nosy(socket.clone(), seen.clone()));
        async move {
            socket.on("x", move || {
                let nosy = nosy.clone();
                async move { drop(nosy) }
            });
        }
    });
    let address = serve(&io).await;
    WebSocket::connect(address).await.close().await;
    lines.expect(&["dropped"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_registered_after_the_end_is_let_go_at_once() {
    let io = Io::new();
    let (seen, mut lines) = Log::new();
    io.on_connect(move |socket: Socket| {
        let seen = seen.clone();
        async move {
            while socket.is_connected() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let nosy = Arc::new(Nosy(socket.clone(), seen));
            socket.on("x", move || {
                let nosy = nosy.clone();
                async move { drop(nosy) }
            });
        }
    });
    let address = serve(&io).await;
    WebSocket::connect(address).await.close().await;
    lines.expect(&["dropped"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_breaks_the_protocol_behind_a_connect_does_not_get_in() {
    let io = Io::new();
    let (seen, mut lines) = Log::new();
    io.on_connect(move || {
        let seen = seen.clone();
        async move { seen.say("connected") }
    });
    let address = serve(&io).await;
    let mut client = WebSocket::open(address).await;
    client.feed("40").await;
    client.feed(r#"42["a"]"#).await;
    client.flush().await;
    assert_eq!(client.closed().await, Vec::<String>::new());
    until("the session is gone", || io.sessions() == 0).await;
    assert_eq!(lines.rest(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_a_namespace_does_not_let_more_calls_in_than_fit() {
    let io = Io::builder().max_handlers(4).build();
    let _other = io.of("/b");
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let seen = most.clone();
    io.on("slow", move || {
        let (running, most) = (running.clone(), seen.clone());
        async move {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            running.fetch_sub(1, Ordering::SeqCst);
        }
    });
    io.on("last", async || {});
    let address = serve(&io).await;
    let mut client = WebSocket::connect(address).await;
    for _ in 0..3 {
        client.enter("/b").await;
        for _ in 0..200 {
            client.feed(r#"42["slow"]"#).await;
        }
        client.send("41/b,").await;
        client.send(r#"427["last"]"#).await;
        client.expect(&["437[]"]).await;
    }
    assert!(most.load(Ordering::SeqCst) <= 5, "{} calls at once", most.load(Ordering::SeqCst));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_too_busy_to_read_does_not_time_out_its_clients() {
    let short = Duration::from_millis(100);
    let io = Io::builder().max_handlers(1).ping_interval(short).ping_timeout(short).build();
    io.on("slow", async |text: String| {
        // Longer than a heartbeat; the text fills what may wait.
        tokio::time::sleep(Duration::from_millis(400)).await;
        text.len()
    });
    let address = serve(&io).await;
    let mut client = WebSocket::connect(address).await;
    let text = "x".repeat(600_000);
    for n in 0..3 {
        client.feed(&format!(r#"42{n}["slow","{text}"]"#)).await;
    }
    client.flush().await;
    for n in 0..3 {
        client.expect(&[&format!("43{n}[600000]")]).await;
    }
}
