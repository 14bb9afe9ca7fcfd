//! A WebSocket after its handshake: bytes in and out of the stream, frames by the sans-IO codec.
//!
//! What is odd: there is no read buffer here. Every thread has one, which the sockets it serves read into by turns;
//! only an incomplete frame is kept, by the decoder.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use proto::engine::Frame;
use proto::websocket::{ControlFrame, Decoder, Limits, Role};
use smallvec::SmallVec;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The read buffer of a thread: large enough for a burst, small beside the caches.
const READ_BUFFER: usize = 64 * 1024;
/// The most pieces of one vectored write.
const MAX_SLICES: usize = 64;

thread_local! {
    static BUFFER: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// Runs `work` with the thread's read buffer. A call inside `work` gets a buffer of its own.
pub(super) fn with_read_buffer<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut buffer = BUFFER.take().unwrap_or_else(|| vec![0; READ_BUFFER].into_boxed_slice());
    let result = work(&mut buffer);
    BUFFER.set(Some(buffer));
    result
}

/// What a WebSocket runs on.
#[derive(Debug)]
pub(crate) enum Stream {
    /// A TCP connection, taken out of its HTTP connection.
    Tcp(TcpStream),
    /// Whatever the HTTP server gave, TLS for example.
    Upgraded(TokioIo<Upgraded>),
}

impl Stream {
    fn pin(&mut self) -> Pin<&mut (dyn ReadWrite + Send + Unpin)> {
        match self {
            Self::Tcp(stream) => Pin::new(stream),
            Self::Upgraded(stream) => Pin::new(stream),
        }
    }
}

trait ReadWrite: AsyncRead + AsyncWrite {}
impl<T: AsyncRead + AsyncWrite> ReadWrite for T {}

/// One WebSocket, server side.
#[derive(Debug)]
pub(crate) struct WebSocket {
    stream: Stream,
    /// Bytes that came together with the handshake.
    early: Bytes,
    pub(super) decoder: Decoder,
    /// Set when the end has come: the close frame and how much of it is written.
    goodbye: Option<Goodbye>,
}

#[derive(Debug)]
struct Goodbye {
    frame: SmallVec<[u8; 4]>,
    written: usize,
    /// This side is done writing and waits for the peer to close.
    shut: bool,
}

impl WebSocket {
    pub(crate) fn new(stream: Stream, early: Bytes, max_message: usize) -> Self {
        let mut limits = Limits::default();
        limits.max_message = max_message;
        Self { stream, early, decoder: Decoder::new(Role::Server, limits), goodbye: None }
    }

    /// Reads into `buffer`; 0 at the end of the stream.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.early.is_empty() {
            let length = self.early.len().min(buffer.len());
            buffer[..length].copy_from_slice(&self.early.split_to(length));
            return Poll::Ready(Ok(length));
        }
        self.early = Bytes::new();
        let mut buffer = ReadBuf::new(buffer);
        ready!(self.stream.pin().poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Bytes that were read but belong to whoever reads next.
    pub(super) fn give_back(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.early = [bytes, &self.early].concat().into();
        }
    }

    /// Writes frames with one vectored write, from byte `skip` of the first on; gives the bytes written.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        frames: &VecDeque<Frame>,
        skip: usize,
    ) -> Poll<io::Result<usize>> {
        let mut slices: SmallVec<[IoSlice<'_>; MAX_SLICES]> = SmallVec::new();
        let mut skip = skip;
        for frame in frames {
            slices.extend(frame.websocket_slices(skip).map(IoSlice::new).take(MAX_SLICES - slices.len()));
            skip = 0;
            if slices.len() == MAX_SLICES {
                break;
            }
        }
        let written = ready!(self.stream.pin().poll_write_vectored(cx, &slices))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        Poll::Ready(Ok(written))
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.pin().poll_flush(cx)
    }

    /// Begins the end: a close frame, if the stream stands between two frames, then the closing of the stream.
    pub(super) fn say_goodbye(&mut self, code: Option<u16>, between_frames: bool) {
        let frame = match between_frames {
            true => SmallVec::from_slice(&ControlFrame::close(code.map(|code| (code, "")), None)),
            false => SmallVec::new(),
        };
        self.goodbye.get_or_insert(Goodbye { frame, written: 0, shut: false });
    }

    /// Goes on with the end until the peer has closed as well. An error is the end, too.
    pub(super) fn poll_goodbye(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(goodbye) = &mut self.goodbye else { return Poll::Ready(()) };
        while goodbye.written < goodbye.frame.len() {
            match ready!(self.stream.pin().poll_write(cx, &goodbye.frame[goodbye.written..])) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(written) => goodbye.written += written,
            }
        }
        if !goodbye.shut {
            if ready!(self.stream.pin().poll_shutdown(cx)).is_err() {
                return Poll::Ready(());
            }
            goodbye.shut = true;
        }
        // What the peer still sends is read and dropped: an unread byte would turn the close into a reset, and the
        // close frame could be lost with it.
        self.early = Bytes::new();
        with_read_buffer(|buffer| {
            loop {
                match ready!(self.poll_read(cx, buffer)) {
                    Ok(0) | Err(_) => return Poll::Ready(()),
                    Ok(_) => {}
                }
            }
        })
    }
}
