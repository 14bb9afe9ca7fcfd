//! From bytes to messages.
//!
//! Comes in: a client that can be read. Goes out: its whole frames, one by one. What is odd: all read into one buffer; what is left of
//! a frame moves to a buffer with room for all of it, and the rest of the frame is read to where it belongs.

use std::mem;

use super::Server;
use crate::client::Phase;
use crate::frame::{self, Next};
use crate::handshake::{self, Request};

/// Room behind the frame that is being waited for, so that the read which completes it does not fill the buffer.
const SLACK: usize = 4096;

/// Buffers of incomplete frames that wait to be used again, at most.
const SPARE: usize = 32;

impl Server {
    pub(super) fn readable(&mut self, own: usize, closed: bool) {
        loop {
            let Some(client) = self.clients.get_mut(own) else { return };
            let (read, space) = match client.partial.take() {
                None => {
                    let mut buffer = mem::take(&mut self.buffer);
                    let read = client.read(&mut buffer);
                    if let Ok(Some(length)) = read {
                        self.take(own, &mut buffer[..length]);
                    }
                    let space = buffer.len();
                    self.buffer = buffer;
                    (read, space)
                }
                Some(mut partial) => {
                    let filled = partial.filled;
                    let read = client.read(&mut partial.buffer[filled..]);
                    let length = read.as_ref().map_or(0, |read| read.unwrap_or(0));
                    self.take(own, &mut partial.buffer[..filled + length]);
                    let space = partial.buffer.len() - filled;
                    if self.spare.len() < SPARE {
                        self.spare.push(partial);
                    }
                    (read, space)
                }
            };
            match read {
                Ok(Some(0)) | Err(_) => return self.doom(own),
                Ok(None) => return,
                Ok(Some(length)) if length < space && !closed => return,
                Ok(Some(_)) => {}
            }
        }
    }

    fn doom(&mut self, own: usize) {
        if let Some(client) = self.clients.get_mut(own) {
            client.doom(own as u32, &mut self.sending);
        }
    }

    /// Takes all whole frames out of the bytes, and keeps the rest.
    fn take(&mut self, own: usize, bytes: &mut [u8]) {
        let mut at = 0;
        let mut wanted = 0;
        while at < bytes.len() {
            let Some(client) = self.clients.get_mut(own).filter(|client| !client.doomed) else { return };
            if client.phase == Phase::Handshake {
                match self.handshake(own, &bytes[at..]) {
                    Some(length) => at += length,
                    None => break,
                }
                continue;
            }
            match frame::next(&mut bytes[at..]) {
                Next::Partial { wanted: length } => {
                    wanted = length;
                    break;
                }
                Next::Frame { first, start, end } => {
                    self.message(own, first, &bytes[at + start..at + end]);
                    at += end;
                }
            }
        }
        if at < bytes.len()
            && let Some(client) = self.clients.get_mut(own)
        {
            let rest = &bytes[at..];
            let mut partial = self.spare.pop().unwrap_or_default();
            let space = wanted.max(rest.len()) + SLACK;
            if partial.buffer.len() < space {
                partial.buffer.resize(space, 0);
            }
            partial.buffer[..rest.len()].copy_from_slice(rest);
            partial.filled = rest.len();
            client.partial = Some(partial);
        }
    }

    /// Answers the request and returns its length, if it is whole.
    fn handshake(&mut self, own: usize, bytes: &[u8]) -> Option<usize> {
        let client = self.clients.get_mut(own)?;
        match handshake::read(bytes) {
            Request::Partial => None,
            Request::Other => {
                let refusal = self.sending.frame(|out| out.extend_from_slice(handshake::REFUSAL));
                client.send_now(own as u32, refusal, &[], &mut self.sending);
                client.doom(own as u32, &mut self.sending);
                Some(bytes.len())
            }
            Request::WebSocket { key, length } => {
                self.connections += 1;
                client.phase = Phase::Open;
                let sid = format!("E{:019}", self.connections);
                let answer = self.sending.frame(|out| handshake::answer(out, key, &sid, &self.heartbeat));
                client.send(own as u32, answer, &mut self.sending);
                Some(length)
            }
        }
    }

    fn message(&mut self, own: usize, first: u8, payload: &[u8]) {
        let Some(client) = self.clients.get_mut(own) else { return };
        match (first, payload) {
            (frame::TEXT, b"3") => client.missed = 0,
            (frame::TEXT, [b'4', text @ ..]) => self.packet(own as u32, text),
            (frame::BINARY, attachment) => {
                let Some(pending) = client.pending.take() else { return self.doom(own) };
                let head = self.sending.frame(|out| {
                    out.extend_from_slice(&pending);
                    frame::head(out, frame::BINARY, attachment.len());
                });
                // It lies in the read buffer and would have to be copied to wait.
                client.send_now(own as u32, head, attachment, &mut self.sending);
            }
            (frame::PING, data) => {
                let pong = self.sending.frame(|out| frame::write(out, frame::PONG, &[data]));
                client.send(own as u32, pong, &mut self.sending);
            }
            (frame::PONG, _) => {}
            (frame::CLOSE, _) => {
                let close = self.sending.frame(|out| frame::write(out, frame::CLOSE, &[]));
                client.send_now(own as u32, close, &[], &mut self.sending);
                client.doom(own as u32, &mut self.sending);
            }
            _ => self.doom(own),
        }
    }
}
