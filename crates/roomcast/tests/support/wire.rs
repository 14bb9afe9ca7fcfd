//! A connection without sockets: two ends of one pipe in memory, and a client on it that speaks raw frames.
//!
//! In: bytes that the client says. Out: bytes that the server wrote, kept until the client forgets them. Everything
//! happens on one thread, in an order that does not change from run to run, and nothing is allocated once the buffers
//! are there: what is counted while it is used is the server's. What is odd: nobody waits; a client gives the runtime a
//! number of turns and looks.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use roomcast::RoomcastService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Room for what the client has not forgotten, so that keeping it allocates nothing.
const KEPT: usize = 16 * 1024;

/// What a client has to say for a WebSocket, and no more.
pub(crate) const UPGRADE: &[u8] = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n\
    host: localhost:3000\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// No step of a server takes as many turns of the runtime; one that does will not happen.
const TURNS: usize = 10_000;

thread_local! {
    static WRITTEN: Cell<usize> = const { Cell::new(0) };
}

/// Bytes that servers of this thread have written into all wires together.
pub(crate) fn written() -> usize {
    WRITTEN.get()
}

/// Runs the other tasks until so many bytes have been written in all.
pub(crate) async fn until_written(bytes: usize) {
    for _ in 0..TURNS {
        if written() >= bytes {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{} bytes were written, not {bytes}", written());
}

/// Runs the other tasks until the condition holds.
pub(crate) async fn until_turns(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..TURNS {
        if condition() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("waited in vain until {what}");
}

#[derive(Debug)]
struct Pipe {
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    /// The server, waiting for bytes.
    reader: Option<Waker>,
    hung_up: bool,
}

/// The server's end.
#[derive(Debug)]
struct ServerEnd(Arc<Mutex<Pipe>>);

/// A client. It hangs up when it is dropped.
#[derive(Debug)]
pub(crate) struct Wire(Arc<Mutex<Pipe>>);

impl Wire {
    /// A pipe that no server is at yet; it has room for what is said and heard.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Pipe {
            to_server: Vec::with_capacity(KEPT),
            to_client: Vec::with_capacity(KEPT),
            reader: None,
            hung_up: false,
        })))
    }

    /// Puts a server at its other end, as one that accepted a connection would.
    pub(crate) fn serve(&self, service: &RoomcastService) {
        let stream = TokioIo::new(ServerEnd(self.0.clone()));
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let http = hyper::server::conn::http1::Builder::new();
            // A client that hangs up is an error to HTTP and none here.
            let _ = http.serve_connection(stream, service).with_upgrades().await;
        });
    }

    /// A WebSocket in the main namespace, all greetings heard and forgotten.
    pub(crate) async fn join(service: &RoomcastService) -> Self {
        let wire = Self::new();
        wire.serve(service);
        wire.greet().await;
        wire
    }

    /// The whole handshake, from the request to the answer of the main namespace.
    pub(crate) async fn greet(&self) {
        self.say(UPGRADE);
        // The open packet follows on the heels of the head.
        self.until_ending("}").await;
        self.heard(|heard| assert!(heard.starts_with(b"HTTP/1.1 101 ")));
        self.forget();
        self.say_text("40");
        self.until_ending("\"}").await;
        self.heard(|heard| assert!(heard[2..].starts_with(b"40{\"sid\"")));
        self.forget();
    }

    async fn until_ending(&self, end: &str) {
        until_turns("the server greets", || self.heard(|heard| heard.ends_with(end.as_bytes()))).await;
    }

    /// Bytes for the server.
    pub(crate) fn say(&self, bytes: &[u8]) {
        let waker = {
            let mut pipe = self.pipe();
            pipe.to_server.extend_from_slice(bytes);
            pipe.reader.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// A short text message, masked by zeros.
    pub(crate) fn say_text(&self, text: &str) {
        let mut frame = [0; 6 + 125];
        let length = u8::try_from(text.len()).ok().filter(|&n| n < 126).expect("a short message");
        frame[..2].copy_from_slice(&[0x81, 0x80 | length]);
        frame[6..6 + text.len()].copy_from_slice(text.as_bytes());
        self.say(&frame[..6 + text.len()]);
    }

    /// What the server has written since it was last forgotten.
    pub(crate) fn heard<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        look(&self.pipe().to_client)
    }

    /// Forgets what was heard; its room is kept.
    pub(crate) fn forget(&self) {
        self.pipe().to_client.clear();
    }

    fn pipe(&self) -> MutexGuard<'_, Pipe> {
        lock(&self.0)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let waker = {
            let mut pipe = self.pipe();
            pipe.hung_up = true;
            pipe.reader.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl AsyncRead for ServerEnd {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut pipe = lock(&self.0);
        if pipe.to_server.is_empty() && !pipe.hung_up {
            pipe.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let length = pipe.to_server.len().min(buffer.remaining());
        buffer.put_slice(&pipe.to_server[..length]);
        pipe.to_server.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ServerEnd {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut pipe = lock(&self.0);
        if pipe.hung_up {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        for slice in slices {
            pipe.to_client.extend_from_slice(slice);
        }
        let length = slices.iter().map(|slice| slice.len()).sum();
        WRITTEN.set(WRITTEN.get() + length);
        Poll::Ready(Ok(length))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn lock(pipe: &Mutex<Pipe>) -> MutexGuard<'_, Pipe> {
    pipe.lock().unwrap_or_else(PoisonError::into_inner)
}
