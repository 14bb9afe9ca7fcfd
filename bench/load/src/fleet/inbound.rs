//! The slow and general way to read: frame by frame.
//!
//! In: the bytes of a joined client; out: its messages. Odd: heartbeats are answered here and never seen outside; what
//! a server says before it ends a connection is kept as the reason of that end.

use super::Fleet;
use crate::check::Fault;
use crate::frame::{self, Cut, Kind, cut};

/// What stands at the front of a client's bytes.
#[derive(Debug)]
pub(crate) enum Inbound<'a> {
    /// Not yet a whole frame.
    Part,
    /// So many bytes that concern no play.
    Handled(usize),
    /// A text message, and how many bytes it takes.
    Text(&'a [u8], usize),
    /// A binary message, and how many bytes it takes.
    Binary(&'a [u8], usize),
}

/// The frame that answers a ping of Engine.IO.
const PONG: &[u8] = b"\x81\x81\0\0\0\x003";

impl Fleet {
    /// Hands over each whole message, text or binary; gives how many bytes are dealt with.
    pub(crate) fn each_message(
        &mut self,
        who: usize,
        bytes: &[u8],
        mut play: impl FnMut(&mut Self, &[u8]),
    ) -> usize {
        let mut used = 0;
        loop {
            match self.inbound(who, &bytes[used..]) {
                Inbound::Part => return used,
                Inbound::Handled(more) => used += more,
                Inbound::Text(message, more) | Inbound::Binary(message, more) => {
                    used += more;
                    play(self, message);
                }
            }
        }
    }

    /// A fault, shown by the beginning of the message that has it.
    pub(crate) fn fault_in(&mut self, fault: Fault, who: usize, message: &[u8]) {
        let text = &message[..message.len().min(80)];
        self.fault(fault, who, || String::from_utf8_lossy(text).into_owned());
    }

    /// Cuts one frame off; deals with it, unless it is a message.
    pub(crate) fn inbound<'a>(&mut self, who: usize, bytes: &'a [u8]) -> Inbound<'a> {
        match cut(bytes) {
            Cut::Part => Inbound::Part,
            Cut::Whole(Kind::Text, b"2", used) => {
                self.pings += 1;
                self.send(who, PONG);
                Inbound::Handled(used)
            }
            Cut::Whole(Kind::Text, text, used) => {
                if let [b'1'] | [b'4', b'1', ..] = text {
                    self.clients[who].said =
                        format!("the server says {}", String::from_utf8_lossy(text)).into();
                    return Inbound::Handled(used);
                }
                Inbound::Text(text, used)
            }
            Cut::Whole(Kind::Binary, payload, used) => Inbound::Binary(payload, used),
            Cut::Whole(Kind::Ping, payload, used) => {
                let mut pong = Vec::new();
                frame::push_masked(&mut pong, Kind::Pong, payload);
                self.send(who, &pong);
                Inbound::Handled(used)
            }
            Cut::Whole(Kind::Pong, _, used) => Inbound::Handled(used),
            Cut::Whole(Kind::Close, payload, used) => {
                self.clients[who].said = close_reason(payload).into();
                let mut close = Vec::new();
                frame::push_masked(&mut close, Kind::Close, payload);
                self.send(who, &close);
                Inbound::Handled(used)
            }
            Cut::Wrong => {
                self.fault(Fault::Altered, who, || {
                    format!("not a frame: {:?}", &bytes[..bytes.len().min(16)])
                });
                Inbound::Handled(bytes.len())
            }
        }
    }
}

fn close_reason(payload: &[u8]) -> String {
    match payload.split_first_chunk::<2>() {
        Some((code, reason)) => {
            format!("close frame {} {}", u16::from_be_bytes(*code), String::from_utf8_lossy(reason))
        }
        None => "close frame without a code".into(),
    }
}
