//! One client: its connection, what it still has to get, what of its input is not whole yet.
//!
//! Comes in: frames to send. Goes out: bytes. What is odd: a frame lies once in a buffer that all clients share, and a client that
//! waits for the end of the pass keeps only where; frames that lie side by side leave as one piece. A client that has nothing
//! under way is this struct and nothing else.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::mem;

use mio::net::TcpStream;

use crate::sending::{Frame, Sending, Way};

/// What a client may have waiting before it is closed, beside what the kernel holds: several of the largest messages,
/// and half of what the slow readers of the benchmark leave behind.
pub(crate) const MAX_WAITING: usize = 8 * 1024 * 1024;

/// Pieces of one write.
const PIECES: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Handshake,
    Open,
    /// In the namespace.
    Connected,
}

pub(crate) struct Client {
    stream: TcpStream,
    pub(crate) phase: Phase,
    /// Shall be closed, and gets nothing more.
    pub(crate) doomed: bool,
    /// Pings without an answer.
    pub(crate) missed: u16,
    /// The number of its namespace.
    pub(crate) namespace: u32,
    /// What leaves at the end of the pass.
    queued: Vec<Frame>,
    /// What the kernel did not take; while there is any, nothing is written before it says that it would.
    backlog: Option<Box<Backlog>>,
    pub(crate) partial: Option<Box<Partial>>,
    /// The acknowledgement that waits for its attachment.
    pub(crate) pending: Option<Box<[u8]>>,
    pub(crate) rooms: Vec<u32>,
}

struct Backlog {
    bytes: Vec<u8>,
    gone: usize,
}

/// The beginning of a frame, in a buffer with room for all of it.
#[derive(Default)]
pub(crate) struct Partial {
    pub(crate) buffer: Vec<u8>,
    pub(crate) filled: usize,
}

impl Client {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            phase: Phase::Handshake,
            doomed: false,
            missed: 0,
            namespace: 0,
            queued: Vec::new(),
            backlog: None,
            partial: None,
            pending: None,
            rooms: Vec::new(),
        }
    }

    /// Reads once. Nothing there is `Ok(None)`.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.stream.read(buffer) {
                Ok(read) => return Ok(Some(read)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends a frame, at once or at the end of the pass.
    pub(crate) fn send(&mut self, own: u32, frame: Frame, sending: &mut Sending) {
        match sending.way {
            Way::Direct => self.send_now(own, frame, &[], sending),
            Way::Batch if self.doomed => {}
            Way::Batch => {
                if self.queued.is_empty() {
                    sending.dirty.push(own);
                    self.queued = sending.pool.pop().unwrap_or_default();
                }
                match self.queued.last_mut() {
                    Some(last) if last.end == frame.start => last.end = frame.end,
                    _ => self.queued.push(frame),
                }
            }
        }
    }

    /// Sends a frame and bytes that lie elsewhere, at once.
    pub(crate) fn send_now(&mut self, own: u32, frame: Frame, body: &[u8], sending: &mut Sending) {
        self.flush(own, sending);
        if !self.doomed {
            let written = self.write(&[IoSlice::new(sending.bytes(frame)), IoSlice::new(body)]);
            self.after(own, written, sending);
        }
    }

    /// Writes what waits for the end of the pass.
    pub(crate) fn flush(&mut self, own: u32, sending: &mut Sending) {
        if self.queued.is_empty() {
            return;
        }
        let mut queued = mem::take(&mut self.queued);
        if let [frame] = queued[..] {
            if !self.doomed {
                let written = self.write(&[IoSlice::new(sending.bytes(frame))]);
                self.after(own, written, sending);
            }
            queued.clear();
        }
        for frames in queued.chunks(PIECES) {
            if !self.doomed {
                let mut pieces = [IoSlice::new(&[]); PIECES];
                for (piece, &frame) in pieces.iter_mut().zip(frames) {
                    *piece = IoSlice::new(sending.bytes(frame));
                }
                let written = self.write(&pieces[..frames.len()]);
                self.after(own, written, sending);
            }
        }
        queued.clear();
        sending.pool.push(queued);
    }

    /// Writes what the kernel takes, and keeps the rest.
    fn write(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<()> {
        let mut written = 0;
        if self.backlog.is_none() {
            let result = match pieces {
                [piece] => self.stream.write(piece),
                [piece, last] if last.is_empty() => self.stream.write(piece),
                _ => self.stream.write_vectored(pieces),
            };
            written = match result {
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                result => result?,
            };
        }
        for piece in pieces {
            let rest = &piece[written.min(piece.len())..];
            written = written.saturating_sub(piece.len());
            if !rest.is_empty() {
                let empty = || Box::new(Backlog { bytes: Vec::new(), gone: 0 });
                self.backlog.get_or_insert_with(empty).bytes.extend_from_slice(rest);
            }
        }
        Ok(())
    }

    fn after(&mut self, own: u32, written: io::Result<()>, sending: &mut Sending) {
        let waiting = self.backlog.as_ref().map_or(0, |backlog| backlog.bytes.len() - backlog.gone);
        if written.is_err() || waiting > MAX_WAITING {
            self.doom(own, sending);
        }
    }

    /// The kernel has room again.
    pub(crate) fn writable(&mut self, own: u32, sending: &mut Sending) {
        let Some(mut backlog) = self.backlog.take() else { return };
        while backlog.gone < backlog.bytes.len() {
            match self.stream.write(&backlog.bytes[backlog.gone..]) {
                Ok(written) => backlog.gone += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    // One that is slow but alive shall not keep what it has got.
                    if backlog.gone * 2 >= backlog.bytes.len() {
                        backlog.bytes.drain(..mem::take(&mut backlog.gone));
                    }
                    self.backlog = Some(backlog);
                    return;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.doom(own, sending),
            }
        }
    }

    /// Marks for closing.
    pub(crate) fn doom(&mut self, own: u32, sending: &mut Sending) {
        if !self.doomed {
            self.doomed = true;
            sending.doomed.push(own);
        }
    }
}
