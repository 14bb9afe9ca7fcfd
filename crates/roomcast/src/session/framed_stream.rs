//! A stream of frames: a WebSocket after its handshake, or the stream of a WebTransport session.
//!
//! Bytes go in and out of the stream, frames are made of them by a sans-IO codec. What is odd: there is no read buffer here.
//! Every thread has one, which the streams it serves are read into by turns; only an incomplete frame is kept, by the
//! decoder. The two kinds differ by the header of a packet, and nothing is said before a WebTransport stream is closed.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use proto::engine::{CloseReason, Dialect, Frame, Transport};
use proto::websocket::{ControlFrame, Decoder, Error, Limits, Role, Step};
#[cfg(feature = "webtransport")]
use proto::webtransport;
use smallvec::SmallVec;
use tokio::io::ReadBuf;
use tokio::net::tcp::OwnedWriteHalf;

use super::compression::{Compression, Own};
use super::gather::{Audience, write_frames};
use super::stream::Stream;
use super::wire::Wire;
use crate::limits::Permit;

/// The read buffer of a thread: large enough for a burst, or a message of 64 KiB with its head, and small beside the
/// caches.
const READ_BUFFER: usize = 128 * 1024;

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

/// Makes messages of bytes.
#[derive(Debug)]
pub(super) enum Reader {
    WebSocket(Decoder),
    #[cfg(feature = "webtransport")]
    WebTransport(Box<webtransport::Decoder>),
}

/// What a peer did wrong: what the session ends with, and the code for the close frame, if there is one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Violation {
    pub(super) reason: CloseReason,
    pub(super) code: Option<u16>,
    pub(super) detail: &'static str,
}

impl Reader {
    #[inline]
    pub(super) fn decode<'a>(&'a mut self, input: &'a mut [u8]) -> Result<Step<'a>, Violation> {
        match self {
            Self::WebSocket(decoder) => decoder.decode(input).map_err(|error| Violation {
                reason: CloseReason::TransportError,
                code: Some(error.close_code()),
                detail: match error {
                    Error::TooLarge | Error::TooManyFragments => "max payload size exceeded",
                    _ => "invalid WebSocket frame",
                },
            }),
            #[cfg(feature = "webtransport")]
            Self::WebTransport(decoder) => decoder.decode(input).map_err(|_| Violation {
                reason: CloseReason::ParseError,
                code: None,
                detail: "not an engine packet",
            }),
        }
    }

    /// How many bytes compressed messages became since this was asked last.
    #[inline]
    pub(super) fn take_inflated(&mut self) -> usize {
        match self {
            Self::WebSocket(decoder) => decoder.take_inflated(),
            #[cfg(feature = "webtransport")]
            Self::WebTransport(_) => 0,
        }
    }

    fn inflating(self, compression: &Compression) -> Self {
        match self {
            Self::WebSocket(decoder) => Self::WebSocket(decoder.inflating(compression.inflater())),
            #[cfg(feature = "webtransport")]
            other => other,
        }
    }
}

/// One stream of frames, server side.
#[derive(Debug)]
pub(crate) struct FramedStream {
    stream: Stream,
    /// Bytes that were read, and wait for whoever reads next: with the handshake, behind a probe, or put off. Hardly any do.
    early: Option<Box<Early>>,
    pub(super) reader: Reader,
    /// The form of its frames that others can write as well ...
    wire: Wire,
    /// ... or what makes one that only it can.
    own: Option<Box<Own>>,
    /// Set when the end has come: the close frame and how much of it is written.
    goodbye: Option<Box<Goodbye>>,
    /// Held for as long as the connection is there.
    permit: Option<Permit>,
}

/// Bytes that were read already, and how many of them were given out.
#[derive(Debug)]
struct Early {
    bytes: Box<[u8]>,
    given: usize,
}

#[derive(Debug)]
struct Goodbye {
    frame: SmallVec<[u8; 4]>,
    written: usize,
    /// This side is done writing and waits for the peer to close.
    shut: bool,
}

impl Early {
    fn of(bytes: &[u8]) -> Option<Box<Self>> {
        (!bytes.is_empty()).then(|| Box::new(Self { bytes: bytes.into(), given: 0 }))
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.given..]
    }
}

impl FramedStream {
    /// A WebSocket whose handshake is done.
    pub(crate) fn websocket(stream: Stream, early: &[u8], max_message: usize, dialect: Dialect) -> Self {
        let reader = Reader::WebSocket(Decoder::new(Role::Server, Limits::new(max_message)));
        Self {
            stream,
            early: Early::of(early),
            reader,
            wire: Wire::of(dialect),
            own: None,
            goodbye: None,
            permit: None,
        }
    }

    /// Counts as a connection from now on.
    pub(crate) fn with_permit(mut self, permit: Option<Permit>) -> Self {
        self.permit = permit;
        self
    }

    /// The stream of a WebTransport session.
    #[cfg(feature = "webtransport")]
    pub(crate) fn webtransport(stream: Stream, early: &[u8], max_packet: usize) -> Self {
        Self {
            reader: Reader::WebTransport(Box::new(webtransport::Decoder::new(max_packet))),
            wire: Wire::WebTransport,
            ..Self::websocket(stream, early, max_packet, Dialect::V4)
        }
    }

    pub(super) fn transport(&self) -> Transport {
        match self.reader {
            Reader::WebSocket(_) => Transport::WebSocket,
            #[cfg(feature = "webtransport")]
            Reader::WebTransport(_) => Transport::WebTransport,
        }
    }

    /// Compresses messages, as was agreed on.
    pub(crate) fn compressed(self, compression: &Compression, dialect: Dialect) -> Self {
        Self {
            reader: self.reader.inflating(compression),
            wire: compression.shared(dialect).map_or(self.wire, Wire::Deflated),
            own: compression.own(dialect),
            ..self
        }
    }

    /// Gives frames their form. They have to be written then, in this order.
    #[inline]
    pub(super) fn form(&mut self, frames: &mut VecDeque<Frame>) {
        if self.own.is_some() || !self.wire.is_plain() {
            self.transform(frames);
        }
    }

    fn transform(&mut self, frames: &mut VecDeque<Frame>) {
        match &mut self.own {
            None => self.wire.form(frames),
            Some(own) => own.form(frames),
        }
    }

    /// Whether bytes wait here that were read already.
    pub(super) fn has_early(&self) -> bool {
        self.early.is_some()
    }

    /// Reads into `buffer`; 0 at the end of the stream.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if let Some(early) = &mut self.early {
            let rest = early.rest();
            let length = rest.len().min(buffer.len());
            buffer[..length].copy_from_slice(&rest[..length]);
            early.given += length;
            self.early.take_if(|early| early.rest().is_empty());
            return Poll::Ready(Ok(length));
        }
        let mut buffer = ReadBuf::new(buffer);
        ready!(self.stream.poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Bytes that were read but belong to whoever reads next.
    pub(super) fn give_back(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            let rest = self.early.as_ref().map_or(&[][..], |early| early.rest());
            self.early = Early::of(&[bytes, rest].concat());
        }
    }

    /// Lets others write, too, while the driver sleeps; where the stream is one that can be shared. Gives the form of what
    /// they write.
    pub(super) fn share(&mut self) -> (Option<OwnedWriteHalf>, Wire) {
        if self.own.is_some() {
            return (None, self.wire);
        }
        let half = match &mut self.stream {
            Stream::Tcp(_, write) => write.take(),
            Stream::Other(_) => None,
        };
        (half, self.wire)
    }

    /// Takes back what [`FramedStream::share`] gave.
    pub(super) fn unshare(&mut self, half: OwnedWriteHalf) {
        if let Stream::Tcp(_, write) = &mut self.stream {
            *write = Some(half);
        }
    }

    /// Writes frames with one write, from byte `skip` of the first on; gives the bytes written.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        frames: &VecDeque<Frame>,
        skip: usize,
    ) -> Poll<io::Result<usize>> {
        let mut pending = false;
        let written =
            write_frames(frames, skip, Audience::One, |slices| match self.stream.poll_write(cx, slices) {
                Poll::Ready(result) => result,
                Poll::Pending => {
                    pending = true;
                    Ok(0)
                }
            });
        match written {
            Ok(0) if pending => Poll::Pending,
            Ok(0) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            written => Poll::Ready(written),
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_flush(cx)
    }

    /// Begins the end: a close frame, if the stream stands between two frames, then the closing of the stream.
    pub(super) fn say_goodbye(&mut self, code: Option<u16>, between_frames: bool) {
        let frame = match between_frames && self.transport() == Transport::WebSocket {
            true => SmallVec::from_slice(&ControlFrame::close(code.map(|code| (code, "")), None)),
            false => SmallVec::new(),
        };
        self.goodbye.get_or_insert_with(|| Box::new(Goodbye { frame, written: 0, shut: false }));
    }

    /// Goes on with the end until the peer has closed as well. An error is the end, too.
    pub(super) fn poll_goodbye(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(goodbye) = &mut self.goodbye else { return Poll::Ready(()) };
        while goodbye.written < goodbye.frame.len() {
            match ready!(self.stream.poll_write(cx, &[IoSlice::new(&goodbye.frame[goodbye.written..])])) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(written) => goodbye.written += written,
            }
        }
        if !goodbye.shut {
            if ready!(self.stream.poll_shutdown(cx)).is_err() {
                return Poll::Ready(());
            }
            goodbye.shut = true;
        }
        // What the peer still sends is read and dropped: an unread byte would turn the close into a reset, and the
        // close frame could be lost with it.
        self.early = None;
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
