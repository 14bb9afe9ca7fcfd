//! A stream of bytes both ways: TCP, which is recognised, or anything else, behind a pointer.
//!
//! What is odd: of a TCP connection the half that writes can be given to others while the driver sleeps; it comes back before
//! the driver writes.

use std::any::Any;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

/// What frames travel on.
#[derive(Debug)]
pub(crate) enum Stream {
    /// A TCP connection, taken out of its HTTP connection.
    Tcp(TcpStream),
    /// A TCP connection whose other half others write to, while the driver sleeps.
    Shared(OwnedReadHalf),
    /// Any other, TLS for example.
    Other(Box<dyn ReadWrite>),
    /// For a moment, while it becomes another.
    Nothing,
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
            Some(tcp) => Self::Tcp(tcp),
            None => Self::Other(Box::new(stream.expect("it was not taken"))),
        }
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Shared(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Other(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Nothing => Poll::Ready(Ok(())),
        }
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Shared(stream) => loop {
                match try_write(stream.as_ref(), slices) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        ready!(stream.as_ref().poll_write_ready(cx))?;
                    }
                    result => return Poll::Ready(result),
                }
            },
            Self::Other(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Nothing => Poll::Ready(Ok(0)),
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            // There is no buffer between here and the kernel.
            Self::Tcp(_) | Self::Shared(_) | Self::Nothing => Poll::Ready(Ok(())),
            Self::Other(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            // The half that writes is closed by dropping it.
            Self::Shared(_) | Self::Nothing => Poll::Ready(Ok(())),
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
