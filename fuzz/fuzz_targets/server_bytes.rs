//! A whole server fed raw bytes over pipes in memory: no panic, and when the clients are gone, nothing is left.
//!
//! In: bytes, read as a script: open a pipe, send bytes or a well-formed request, let time pass, let the server emit,
//! cut. Out: nothing. What is odd: time is virtual, so that deadlines of minutes pass in an instant; and a task that
//! panics ends the process, because libFuzzer's hook aborts before anything can catch it.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use roomcast::parser::MessagePack;
use roomcast::{Data, Io, Socket};
use roomcast_fuzz::Script;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::runtime::Builder;
use tokio::task::JoinHandle;

/// The most pipes at the same time.
const MAX_PIPES: usize = 4;
/// The most that the server says and nobody has read.
const PIPE: usize = 4096;
/// How much of its answers is kept, to find the session's id in.
const KEPT: usize = 8192;
/// Longer than every deadline of the server below, one after the other.
const LONG: Duration = Duration::from_secs(600);

fuzz_target!(|bytes: &[u8]| {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime without threads needs nothing").block_on(run(bytes));
});

/// One connection.
struct Pipe {
    client: DuplexStream,
    heard: Vec<u8>,
    serving: JoinHandle<()>,
}

impl Pipe {
    fn open(io: &Io) -> Self {
        let (client, server) = duplex(PIPE);
        let io = io.clone();
        Self {
            client,
            heard: Vec::new(),
            serving: tokio::spawn(async move { io.serve_stream(server, None).await }),
        }
    }

    /// Writes as much as the server takes now.
    async fn write(&mut self, bytes: &[u8]) {
        // A server that has closed, or reads no more for now, is one of the cases.
        let _ = tokio::time::timeout(Duration::from_millis(1), self.client.write_all(bytes)).await;
        settle().await;
    }

    /// Reads what is there.
    async fn read(&mut self) {
        let mut buffer = [0; 1024];
        while let Ok(Ok(length)) =
            tokio::time::timeout(Duration::from_millis(1), self.client.read(&mut buffer)).await
            && length > 0
        {
            self.heard.extend_from_slice(&buffer[..length]);
            if self.heard.len() > KEPT {
                self.heard.clear();
            }
        }
    }

    /// The engine's session id, if an answer has named one.
    fn sid(&self) -> Option<String> {
        const BEFORE: &[u8] = br#""sid":""#;
        let at = self.heard.windows(BEFORE.len()).position(|window| window == BEFORE)? + BEFORE.len();
        Some(String::from_utf8_lossy(self.heard.get(at..at + 20)?).into_owned())
    }
}

/// Lets the tasks of the server run.
async fn settle() {
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
}

fn server(options: u8) -> Io {
    let second = Duration::from_secs(1);
    let mut builder = Io::builder();
    if options & 4 != 0 {
        builder = builder.parser(MessagePack);
    }
    let io = builder
        .allow_eio3(options & 2 != 0)
        .ping_interval(second * 5)
        .ping_timeout(second * 5)
        .upgrade_timeout(second * 2)
        .connect_timeout(second * 10)
        .max_payload(if options & 1 == 0 { 100_000 } else { 100 })
        .max_outbox(16 * 1024)
        .max_attachments(3)
        .max_namespaces(3)
        .max_rooms(3)
        .max_handlers(3)
        .build();
    io.on_error(|_| {});
    for handlers in [&*io.of("/"), &*io.of_pattern("/team/{name}")] {
        handlers.on("echo", async |payload: Data| payload);
        handlers.on("tell", async |socket: Socket, payload: Data| {
            socket.emit("told", payload);
        });
        handlers.on("join", async |socket: Socket, room: String| {
            socket.join(room);
        });
        handlers.on("room", async |socket: Socket, room: String, payload: Data| {
            socket.to(room).emit("told", payload);
        });
        handlers.on("ask", async |socket: Socket| {
            // Whatever the answer is, or that none comes.
            let _ =
                socket.timeout(Duration::from_secs(3)).emit_with_ack::<roomcast::Value>("question", ()).await;
        });
        handlers.on("wait", async || tokio::time::sleep(Duration::from_secs(1)).await);
        handlers.on("leave", async |socket: Socket| socket.disconnect());
        handlers.on_any(async |_: roomcast::EventName| {});
    }
    io
}

/// A request that may well be understood, with the id of a session where there is one.
fn request(kind: u8, sid: Option<&str>, body: &[u8]) -> Vec<u8> {
    let sid = sid.map(|sid| format!("&sid={sid}")).unwrap_or_default();
    let (transport, more) = match kind % 8 {
        0 | 1 => ("polling", String::new()),
        2..=4 => ("polling", format!("Content-Length: {}\r\n", body.len())),
        _ => (
            "websocket",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                .to_owned(),
        ),
    };
    let method = if (2..=4).contains(&(kind % 8)) { "POST" } else { "GET" };
    let revision = if kind & 64 == 0 { 4 } else { 3 };
    let more_query = ["", "&b64=1", "&j=0", "&j=x"][usize::from(kind >> 3 & 3)];
    let head = format!(
        "{method} /socket.io/?EIO={revision}&transport={transport}{sid}{more_query} HTTP/1.1\r\nHost: a\r\n{more}\r\n"
    );
    let mut request = head.into_bytes();
    if method == "POST" {
        request.extend_from_slice(body);
    }
    request
}

/// A masked frame; the mask is zero, so that the fuzzer sees what it writes.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

async fn run(bytes: &[u8]) {
    let mut script = Script(bytes);
    let Some(options) = script.byte() else { return };
    let io = server(options);
    let mut pipes = vec![Pipe::open(&io)];
    while step(&io, &mut pipes, &mut script).await.is_some() {}
    for pipe in pipes {
        drop(pipe.client);
        pipe.serving.await.expect("no task panics");
    }
    // Every deadline passes: those who were cut off without a word are found by their silence.
    tokio::time::sleep(LONG).await;
    settle().await;
    assert_eq!(io.sessions(), 0, "a session is left");
    assert!(io.is_empty() && io.rooms().is_empty(), "a socket or a room is left");
    assert_eq!(io.namespaces(), ["/"], "a namespace is left");
    let begun = tokio::time::Instant::now();
    io.close().await;
    assert!(begun.elapsed() < Duration::from_secs(1), "a task is left");
}

async fn step(io: &Io, pipes: &mut Vec<Pipe>, script: &mut Script<'_>) -> Option<()> {
    let operation = script.byte()?;
    let index = usize::from(operation >> 4) % pipes.len();
    match operation & 15 {
        0 => {
            let bytes = script.bytes()?;
            pipes[index].write(bytes).await;
        }
        1..=3 => {
            let kind = script.byte()?;
            let body = script.bytes()?;
            let sid = pipes.iter().find_map(Pipe::sid).filter(|_| kind & 128 == 0);
            pipes[index].write(&request(kind, sid.as_deref(), body)).await;
            pipes[index].read().await;
        }
        4..=6 => {
            let payload = script.bytes()?;
            pipes[index].write(&frame(0x81, payload)).await;
        }
        7 => {
            let first = script.byte()?;
            let payload = script.bytes()?;
            pipes[index].write(&frame(first, payload)).await;
        }
        8 => tokio::time::sleep(Duration::from_millis(u64::from(script.byte()?) * 40)).await,
        9 | 10 => pipes[index].read().await,
        11 if pipes.len() < MAX_PIPES => pipes.push(Pipe::open(io)),
        12 if pipes.len() > 1 => {
            let pipe = pipes.swap_remove(index);
            drop(pipe.client);
            settle().await;
        }
        13 => _ = io.emit("news", "x".repeat(usize::from(script.byte()?) * 16)),
        14 => _ = io.volatile().emit("tick", 1),
        _ => io.disconnect_sockets(),
    }
    Some(())
}
