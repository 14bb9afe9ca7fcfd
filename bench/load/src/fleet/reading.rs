//! From a connection that has bytes to the play they are for.
//!
//! In: what one read brought; out: calls of the play, or steps of the handshake before it. What nobody took is kept and
//! comes again with more behind it.

use std::io;
use std::mem;

use super::client::Phase;
use super::handshake;
use super::{Fleet, Play};
use crate::frame::{self, Kind};

impl Fleet {
    pub(super) fn read(&mut self, play: &mut impl Play, who: usize, scratch: &mut [u8], to_the_end: bool) {
        // A play may end a connection, which ends this.
        while let Some(link) = &mut self.clients[who].link {
            match link.read(scratch) {
                Ok(0) => return self.end(play, who, "an end without a close frame"),
                Ok(read) => {
                    let all = read < scratch.len() && link.short_read_is_all() && !to_the_end;
                    self.feed(play, who, &scratch[..read]);
                    if all {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return self.end(play, who, "a reset");
                }
                Err(error) => return self.end(play, who, &error.to_string()),
            }
        }
    }

    pub(super) fn feed(&mut self, play: &mut impl Play, who: usize, bytes: &[u8]) {
        if self.clients[who].carry.is_empty() {
            let used = self.consume(play, who, bytes);
            if used < bytes.len() {
                self.keep(who, &bytes[used..]);
            }
            return;
        }
        let mut carry = mem::take(&mut self.clients[who].carry);
        carry.extend_from_slice(bytes);
        let used = self.consume(play, who, &carry);
        carry.drain(..used);
        if !carry.is_empty() {
            self.clients[who].carry = carry;
        }
    }

    fn consume(&mut self, play: &mut impl Play, who: usize, bytes: &[u8]) -> usize {
        if self.clients[who].phase == Phase::Joined {
            return play.bytes(self, who, bytes);
        }
        let mut used = 0;
        while used < bytes.len() {
            let more = match self.clients[who].phase {
                Phase::Joined => play.bytes(self, who, &bytes[used..]),
                Phase::Gone | Phase::Leaving => bytes.len() - used,
                phase => {
                    let step = handshake::step(phase, &bytes[used..], self.namespaces.prefix(who));
                    self.take_step(play, who, step)
                }
            };
            if more == 0 {
                break;
            }
            used += more;
        }
        used
    }

    fn take_step(&mut self, play: &mut impl Play, who: usize, step: handshake::Step) -> usize {
        match step {
            handshake::Step::Wait => 0,
            handshake::Step::Next { used, phase, answer } => {
                self.clients[who].phase = phase;
                if let Some(text) = answer {
                    let mut bytes = Vec::new();
                    frame::push_masked(&mut bytes, Kind::Text, text.as_bytes());
                    self.send(who, &bytes);
                }
                if phase == Phase::Joined {
                    self.joined += 1;
                    play.joined(self, who);
                }
                used
            }
            handshake::Step::Refused(why) => {
                self.end(play, who, &why);
                0
            }
        }
    }
}
