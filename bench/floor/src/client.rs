//! One client: its connection, what it still has to get, what of its input is not whole yet.
//!
//! Comes in: frames to send. Goes out: bytes. What is odd: buffers are taken from a pool when they are needed and given back when
//! they are empty, so that an idle client is this struct and nothing else.

use std::io::{self, ErrorKind, IoSlice, Read, Write};

use mio::net::TcpStream;

/// What a client may have waiting before it is closed: as much as Roomcast's default.
const MAX_WAITING: usize = 16 * 1024 * 1024;

/// A frame of this size is not copied into a batch: copying it would cost more than a `send` of its own.
const LARGE: usize = 16 * 1024;

/// Buffers that wait to be used again, at most.
const POOL: usize = 1024;

/// When bytes leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Each frame at once, with a `send` of its own.
    Direct,
    /// All frames of a pass of the loop in one `send`.
    Batch,
}

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
    /// Pings without an answer.
    pub(crate) missed: u16,
    /// The kernel takes no more bytes for now.
    blocked: bool,
    /// On the list of those to flush at the end of the pass.
    dirty: bool,
    /// Shall be closed, and gets nothing more.
    pub(crate) doomed: bool,
    waiting: Vec<u8>,
    /// How much of `waiting` has left.
    gone: usize,
    pub(crate) partial: Option<Box<Partial>>,
    /// The acknowledgement that waits for its attachment.
    pub(crate) pending: Option<Box<[u8]>>,
    pub(crate) rooms: Vec<u32>,
}

/// The beginning of a frame, in a buffer with room for all of it.
#[derive(Default)]
pub(crate) struct Partial {
    pub(crate) buffer: Vec<u8>,
    pub(crate) filled: usize,
}

/// What all clients share on the way out.
pub(crate) struct Sending {
    pub(crate) way: Way,
    /// Who has something to flush at the end of this pass.
    pub(crate) dirty: Vec<u32>,
    /// Who is to be closed.
    pub(crate) doomed: Vec<u32>,
    pool: Vec<Vec<u8>>,
}

impl Sending {
    pub(crate) fn new(way: Way) -> Self {
        Self { way, dirty: Vec::new(), doomed: Vec::new(), pool: Vec::new() }
    }
}

impl Client {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            phase: Phase::Handshake,
            missed: 0,
            blocked: false,
            dirty: false,
            doomed: false,
            waiting: Vec::new(),
            gone: 0,
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

    /// Sends two parts as one, the second of which may be empty.
    pub(crate) fn send(&mut self, own: u32, head: &[u8], body: &[u8], sending: &mut Sending) {
        if self.doomed {
            return;
        }
        let large = head.len() + body.len() >= LARGE;
        if large && self.dirty && !self.blocked {
            self.flush(own, sending);
        }
        let at_once = sending.way == Way::Direct || large;
        let mut sent = 0;
        if at_once && self.waiting.is_empty() {
            let written = match body {
                [] => self.stream.write(head),
                _ => self.stream.write_vectored(&[IoSlice::new(head), IoSlice::new(body)]),
            };
            match written {
                Ok(written) => sent = written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return self.doom(own, sending),
            }
            if sent == head.len() + body.len() {
                return;
            }
            // The kernel says when there is room again.
            self.blocked = true;
        }
        self.wait(&head[sent.min(head.len())..], &body[sent.saturating_sub(head.len())..], sending);
        if self.waiting.len() - self.gone > MAX_WAITING {
            self.doom(own, sending);
        } else if !self.blocked && !self.dirty {
            self.dirty = true;
            sending.dirty.push(own);
        }
    }

    fn wait(&mut self, head: &[u8], body: &[u8], sending: &mut Sending) {
        if self.waiting.capacity() == 0 {
            self.waiting = sending.pool.pop().unwrap_or_default();
        }
        self.waiting.extend_from_slice(head);
        self.waiting.extend_from_slice(body);
    }

    /// The kernel has room again.
    pub(crate) fn writable(&mut self, own: u32, sending: &mut Sending) {
        if self.blocked {
            self.blocked = false;
            self.flush(own, sending);
        }
    }

    /// Writes what waits.
    pub(crate) fn flush(&mut self, own: u32, sending: &mut Sending) {
        self.dirty = false;
        while self.gone < self.waiting.len() && !self.blocked && !self.doomed {
            match self.stream.write(&self.waiting[self.gone..]) {
                Ok(written) => self.gone += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.blocked = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.doom(own, sending),
            }
        }
        if self.gone == self.waiting.len() {
            let mut buffer = std::mem::take(&mut self.waiting);
            self.gone = 0;
            if buffer.capacity() <= LARGE && sending.pool.len() < POOL {
                buffer.clear();
                sending.pool.push(buffer);
            }
        } else if self.gone >= LARGE && self.gone * 2 >= self.waiting.len() {
            // One that is slow but alive shall not keep what it has got.
            self.waiting.drain(..self.gone);
            self.gone = 0;
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
