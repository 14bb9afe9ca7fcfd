//! What is left of clients when they have gone: it has to be nothing.
//!
//! In: a server, and what its clients do to it. Out: a failure, if a session, a task, a socket, a room, a namespace made on
//! demand, or memory is left. What is odd: all of it happens several times, on one thread and in virtual time. What the first
//! time leaves behind are tables and caches that the next time finds; what every time adds is a leak.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use roomcast::{Io, IoBuilder, Limits};
use tokio::io::DuplexStream;
use tokio::runtime::{Builder, Handle};

use super::allocations;
use super::{Http, WebSocket, pipe, until};

const ROUNDS: usize = 4;

/// What a round may add; less than one connection needs.
const SLACK: isize = 1024;

/// Tests of one program may run beside each other, and memory is counted for the whole program.
static ALONE: Mutex<()> = Mutex::new(());

/// A server whose clients are found out soon, with all that limits them in use.
pub(crate) fn impatient() -> IoBuilder {
    let second = Duration::from_secs(1);
    Io::builder()
        .ping_interval(second)
        .ping_timeout(second)
        .upgrade_timeout(second)
        .connect_timeout(second)
        .limits(
            Limits::internet()
                .handshakes(None)
                .handshakes_per_address(None)
                .head_timeout(second)
                .body_timeout(second)
                .write_timeout(second),
        )
}

/// Nothing is left of what `act` does to the server that `make` makes.
pub(crate) fn nothing_is_left(make: impl Fn() -> Io, act: impl AsyncFn(&Io)) {
    let make = || {
        let io = make();
        let mut paths = io.namespaces();
        paths.sort();
        (io, paths)
    };
    nothing_is_left_of(make, async |(io, _)| act(io).await, async |(io, paths)| gone(io, paths).await);
}

/// The same of whatever serves; `gone` waits until its clients have left it.
pub(crate) fn nothing_is_left_of<S>(make: impl Fn() -> S, act: impl AsyncFn(&S), gone: impl AsyncFn(&S)) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime can be made").block_on(async {
        let server = make();
        let mut grown = isize::MAX;
        for _ in 0..ROUNDS {
            let before = allocations::bytes();
            act(&server).await;
            gone(&server).await;
            until("every task has ended", || Handle::current().metrics().num_alive_tasks() == 0).await;
            grown = grown.min(allocations::bytes() - before);
        }
        assert!(grown < SLACK, "{grown} bytes are left");
    });
}

async fn gone(io: &Io, paths: &[String]) {
    until("every session has ended", || io.sessions() == 0).await;
    until("the namespaces made on demand are gone", || {
        let mut now = io.namespaces();
        now.sort();
        now == paths
    })
    .await;
    for path in paths {
        let namespace = io.of(path);
        let empty = || namespace.is_empty() && namespace.rooms().is_empty();
        until("every socket has left its rooms", empty).await;
    }
}

/// A connection in memory, from an address.
pub(crate) fn connect(io: &Io) -> DuplexStream {
    pipe(io, Some("198.51.100.1:4711"), 16 * 1024)
}

/// A session on a WebSocket in memory, its open packet read.
pub(crate) async fn websocket(io: &Io) -> WebSocket<DuplexStream> {
    let mut client = WebSocket::on(connect(io), "EIO=4&transport=websocket").await;
    assert!(client.text().await.starts_with("0{"));
    client
}

/// The same in the main namespace.
pub(crate) async fn join(io: &Io) -> WebSocket<DuplexStream> {
    let mut client = websocket(io).await;
    client.enter("/").await;
    client
}

/// A connection in memory with a session that polls, and where its requests go.
pub(crate) async fn polling(io: &Io) -> (Http<DuplexStream>, String) {
    let mut http = Http::on(connect(io));
    let open = http.get("/socket.io/?EIO=4&transport=polling").await;
    assert_eq!(open.status, 200, "{}", open.text());
    let sid = open.text().split('"').nth(3).expect("the open packet names the session").to_owned();
    (http, format!("/socket.io/?EIO=4&transport=polling&sid={sid}"))
}

/// The request that brings a WebSocket to the session of such a target.
pub(crate) fn probe_request(target: &str) -> Vec<u8> {
    let target = target.replace("polling", "websocket");
    format!(
        "GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes()
}

/// A short frame of a client, masked by zeros.
pub(crate) fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).ok().filter(|&length| length < 126).expect("a short frame");
    [&[head, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

/// A short text message.
pub(crate) fn text(payload: &str) -> Vec<u8> {
    frame(0x81, payload.as_bytes())
}
