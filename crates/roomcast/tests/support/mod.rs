//! What the integration tests share: a server on a port of its own, raw clients that speak wire strings, waiting.
//!
//! What is odd: each test file is a program of its own and uses a part of this, so dead code is allowed here.
#![allow(dead_code, unused_imports, reason = "every test program uses another part of it")]

// The other side of the wire: bare and wire are for counting, on TCP and without sockets.
pub(crate) mod bare;
pub(crate) mod http;
pub(crate) mod polling;
pub(crate) mod websocket;
pub(crate) mod wire;

// Seeing what the server's handlers did, and waiting for it.
pub(crate) mod log;
pub(crate) mod wait;

// Counting what the program allocates, and whose it is; only programs that install it as their allocator pay for it.
pub(crate) mod allocations;
pub(crate) mod owners;
pub(crate) mod remains;

use std::net::SocketAddr;

use roomcast::Io;
use tokio::io::DuplexStream;
use tokio::net::TcpListener;

pub(crate) use http::Http;
pub(crate) use log::{Lines, Log};
pub(crate) use polling::Polling;
pub(crate) use wait::{DEADLINE, soon, until};
pub(crate) use websocket::WebSocket;

/// Serves on a free port, in the background.
pub(crate) async fn serve(io: &Io) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("a bound listener has an address");
    let io = io.clone();
    tokio::spawn(async move { io.serve(listener).await });
    address
}

/// A pipe in memory to the server, of that size both ways, as if from that address; nothing happens on it but what the test
/// does, so that time may be virtual.
pub(crate) fn pipe(io: &Io, address: Option<&str>, size: usize) -> DuplexStream {
    let (client, server) = tokio::io::duplex(size);
    let (io, address) = (io.clone(), address.map(|address| address.parse().expect("it is an address")));
    tokio::spawn(async move { io.serve_stream(server, address).await });
    client
}

/// Lets clients ask whether anything else has come; see [`WebSocket::expect_nothing`].
pub(crate) fn answer_sync(io: &Io) {
    io.on("sync", async || {});
}

/// A client of each kind gets in, is answered, and can upgrade: the server is mounted well. It has to `answer_sync`.
pub(crate) async fn try_all_transports(address: SocketAddr) {
    let mut websocket = WebSocket::connect(address).await;
    websocket.expect_nothing().await;
    let mut polling = Polling::connect(address).await;
    polling.send(r#"421["sync"]"#).await;
    polling.expect(&["431[]"]).await;
    let mut upgraded = WebSocket::probe(address, &polling.sid).await;
    upgraded.send("2probe").await;
    upgraded.expect(&["3probe"]).await;
    upgraded.send("5").await;
    upgraded.expect_nothing().await;
    upgraded.close().await;
    websocket.close().await;
}

/// Keeps the panics that a test causes on purpose, with a message that begins so, out of its output.
pub(crate) fn hush_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic.payload().downcast_ref::<&str>().copied().unwrap_or_default();
        if !message.starts_with("on purpose") {
            usual(panic);
        }
    }));
}
