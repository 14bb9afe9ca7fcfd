//! A stream of bytes both ways: TCP, which is recognised, or anything else, behind a pointer.
//!
//! What is odd: the half of a TCP connection that writes can be given to others, who write while the driver sleeps. The driver
//! goes on writing by the other half, which is of the same socket; to close it, it gets that half back.

use std::any::Any;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// What frames travel on.
#[derive(Debug)]
pub(crate) enum Stream {
    /// A TCP connection, taken out of its HTTP connection. Without the half that writes while others write to it, too.
    Tcp(OwnedReadHalf, Option<OwnedWriteHalf>),
    /// Any other, TLS for example.
    Other(Box<dyn ReadWrite>),
}

/// A stream of bytes both ways.
pub(crate) trait ReadWrite: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> ReadWrite for T {}

impl std::fmt::Debug for dyn ReadWrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReadWrite")
    }
}

impl Stream {
    /// A stream of any type; a TCP connection is recognised.
    pub(crate) fn new(stream: impl ReadWrite) -> Self {
        let mut stream = Some(stream);
        match (&mut stream as &mut dyn Any).downcast_mut::<Option<TcpStream>>().and_then(Option::take) {
            Some(tcp) => Self::tcp(tcp),
            None => Self::Other(Box::new(stream.expect("it was not taken"))),
        }
    }

    /// A TCP connection.
    pub(crate) fn tcp(stream: TcpStream) -> Self {
        let (read, write) = stream.into_split();
        Self::Tcp(read, Some(write))
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(read, _) => Pin::new(read).poll_read(cx, buffer),
            Self::Other(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            // Both halves are of one socket, which either can reach.
            Self::Tcp(read, _) => loop {
                match try_write(read.as_ref(), slices) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        ready!(read.as_ref().poll_write_ready(cx))?;
                    }
                    result => return Poll::Ready(result),
                }
            },
            Self::Other(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            // There is no buffer between here and the kernel.
            Self::Tcp(..) => Poll::Ready(Ok(())),
            Self::Other(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(_, Some(write)) => Pin::new(write).poll_shutdown(cx),
            // Whoever has that half closes it by dropping it.
            Self::Tcp(_, None) => Poll::Ready(Ok(())),
            Self::Other(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// Writes without waiting.
pub(super) fn try_write(stream: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    match slices {
        [slice] => stream.try_write(slice),
        slices => stream.try_write_vectored(slices),
    }
}
