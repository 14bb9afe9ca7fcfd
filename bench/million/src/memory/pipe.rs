//! A connection without sockets: two byte queues, of which an idle one owns nothing.
//!
//! In: what the server writes, what a client sends. Out: the same on the other side. What is odd: only the server's side
//! waits by a waker; a client's number is put into [`Ready`], and one thread plays all of them. As with a socket, the
//! server can write only so much ahead.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::ready::Ready;

/// What the server may write ahead of its client; half of what the kernel grants a small socket.
const AHEAD: usize = 8 * 1024;

#[derive(Debug)]
struct Pipe {
    ready: Arc<Ready>,
    number: u32,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    /// Of the one task that reads and writes at the server's side.
    waker: Option<Waker>,
    /// The client's number is in [`Ready`].
    queued: bool,
    client_left: bool,
    server_left: bool,
}

/// The end that is served.
#[derive(Debug)]
pub(super) struct ServerEnd(Arc<Pipe>);

/// The end of a client; dropping it closes the connection.
#[derive(Debug)]
pub(super) struct ClientEnd(Arc<Pipe>);

/// A new connection on which the client has said something already.
pub(super) fn pipe(ready: &Arc<Ready>, number: u32, first: &[u8]) -> (ServerEnd, ClientEnd) {
    ready.begin();
    let inner = Mutex::new(Inner { to_server: first.to_vec(), ..Inner::default() });
    let pipe = Arc::new(Pipe { ready: ready.clone(), number, inner });
    (ServerEnd(pipe.clone()), ClientEnd(pipe))
}

impl ClientEnd {
    pub(super) fn send(&self, bytes: &[u8]) {
        let waker = {
            let mut inner = self.0.inner.lock();
            inner.to_server.extend_from_slice(bytes);
            inner.waker.take()
        };
        wake(waker);
    }

    /// All that the server has written, and whether it is gone. The next write puts the client into [`Ready`] again.
    pub(super) fn take(&self) -> (Vec<u8>, bool) {
        let (bytes, left, waker) = {
            let mut inner = self.0.inner.lock();
            inner.queued = false;
            let bytes = std::mem::take(&mut inner.to_client);
            // The server waits for room only if there was none.
            let waker = if bytes.len() >= AHEAD { inner.waker.take() } else { None };
            (bytes, inner.server_left, waker)
        };
        wake(waker);
        (bytes, left)
    }

    /// Puts back what was taken too early.
    pub(super) fn put_back(&self, bytes: &[u8]) {
        if !bytes.is_empty() {
            let mut inner = self.0.inner.lock();
            inner.to_client.splice(..0, bytes.iter().copied());
        }
    }

    /// Bytes of heap: the pipe itself, with its two counters of references, and what waits in it.
    pub(super) fn heap(&self) -> usize {
        let inner = self.0.inner.lock();
        2 * size_of::<usize>() + size_of::<Pipe>() + inner.to_server.capacity() + inner.to_client.capacity()
    }
}

impl Drop for ClientEnd {
    fn drop(&mut self) {
        let waker = {
            let mut inner = self.0.inner.lock();
            inner.client_left = true;
            inner.to_client = Vec::new();
            inner.waker.take()
        };
        wake(waker);
    }
}

impl ServerEnd {
    fn write(&self, cx: &Context<'_>, slices: &[&[u8]]) -> Poll<io::Result<usize>> {
        let mut inner = self.0.inner.lock();
        if inner.client_left {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let mut room = AHEAD.saturating_sub(inner.to_client.len());
        if room == 0 {
            inner.remember(cx.waker());
            return Poll::Pending;
        }
        let total = slices.iter().map(|slice| slice.len()).sum::<usize>().min(room);
        inner.to_client.reserve_exact(total);
        for slice in slices {
            let piece = &slice[..slice.len().min(room)];
            inner.to_client.extend_from_slice(piece);
            room -= piece.len();
        }
        let first = !std::mem::replace(&mut inner.queued, true);
        drop(inner);
        if first {
            self.0.ready.push(self.0.number);
        }
        Poll::Ready(Ok(total))
    }
}

impl Inner {
    fn remember(&mut self, waker: &Waker) {
        if !self.waker.as_ref().is_some_and(|old| old.will_wake(waker)) {
            self.waker = Some(waker.clone());
        }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl AsyncRead for ServerEnd {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut inner = self.0.inner.lock();
        if inner.to_server.is_empty() {
            if inner.client_left {
                return Poll::Ready(Ok(()));
            }
            inner.remember(cx.waker());
            return Poll::Pending;
        }
        let length = inner.to_server.len().min(buffer.remaining());
        buffer.put_slice(&inner.to_server[..length]);
        if length == inner.to_server.len() {
            inner.to_server = Vec::new();
        } else {
            inner.to_server.drain(..length);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ServerEnd {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, &[bytes])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices {
            [one] => self.write(cx, &[one]),
            many => self.write(cx, &many.iter().map(|slice| &**slice).collect::<Vec<_>>()),
        }
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

impl Drop for ServerEnd {
    fn drop(&mut self) {
        let waker = {
            let mut inner = self.0.inner.lock();
            inner.server_left = true;
            inner.to_server = Vec::new();
            inner.waker.take()
        };
        // It may hold the last reference to the task that is ending.
        drop(waker);
        self.0.ready.end(self.0.number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn waiting(ready: &Ready) -> Vec<u32> {
        let mut batch = Vec::new();
        ready.take(&mut batch, Instant::now());
        batch
    }

    #[tokio::test]
    async fn bytes_pass_both_ways_and_an_idle_pipe_owns_nothing() {
        let ready = Arc::new(Ready::default());
        let (mut server, client) = pipe(&ready, 7, b"hello");
        let mut buffer = [0; 3];
        server.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"hel");
        client.send(b" you");
        let mut buffer = [0; 6];
        server.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"lo you");
        let idle = client.heap();
        server.write_all(b"welcome ").await.unwrap();
        server.write_all(b"home").await.unwrap();
        assert_eq!(waiting(&ready), [7]);
        assert!(client.heap() > idle);
        assert_eq!(client.take(), (b"welcome home".to_vec(), false));
        client.put_back(b"home");
        server.write_all(b"!").await.unwrap();
        assert_eq!(client.take(), (b"home!".to_vec(), false));
        assert_eq!((client.heap(), waiting(&ready)), (idle, vec![7]));
    }

    #[tokio::test]
    async fn a_server_waits_for_a_client_that_does_not_read() {
        let ready = Arc::new(Ready::default());
        let (mut server, client) = pipe(&ready, 1, b"");
        let writing = tokio::spawn(async move {
            server.write_all(&[5; AHEAD + 10]).await.unwrap();
            server
        });
        while client.0.inner.lock().waker.is_none() {
            tokio::task::yield_now().await;
        }
        assert_eq!(client.take().0.len(), AHEAD);
        let _server = writing.await.unwrap();
        assert_eq!(client.take(), (vec![5; 10], false));
    }

    #[tokio::test]
    async fn each_end_sees_the_other_leave() {
        let ready = Arc::new(Ready::default());
        let (server, client) = pipe(&ready, 3, b"");
        assert_eq!(ready.served(), 1);
        drop(server);
        assert_eq!((waiting(&ready), ready.served()), (vec![3], 0));
        assert_eq!(client.take(), (Vec::new(), true));

        let (mut server, client) = pipe(&ready, 4, b"");
        let reading = tokio::spawn(async move {
            assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
            server.write_all(b"late").await
        });
        tokio::task::yield_now().await;
        drop(client);
        assert_eq!(reading.await.unwrap().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
