//! One client without a transport: bytes of the server in, answers out.
//!
//! It opens a WebSocket, enters the main namespace, answers heartbeats and checks every message: once, in order, byte
//! for byte. What is odd: it is a few words, because there are a million; what they have in common is in [`Tally`].

use crate::failure::{Failure, Outcome};
use crate::frame;
use crate::message::{self, Scope};

/// The request of a small client; a browser sends three times as much.
pub(crate) const REQUEST: &[u8] = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n\
    Host: 127.0.0.1\r\nUser-Agent: million\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
/// The answer to the key of [`REQUEST`].
const ACCEPT: &[u8] = b"ICX+Yqv66kxgM0FcWaLWlFLwTAI=";
const HEAD_END: &[u8] = b"\r\n\r\n";

/// How far a client has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The request was sent.
    Upgrade,
    /// Waits for the open packet.
    Open,
    /// Waits to be let into the namespace.
    Enter,
    Ready,
}

#[derive(Clone, Debug)]
pub(crate) struct Client {
    phase: Phase,
    /// Since [`Client::count_heartbeats`].
    heartbeats: u16,
    /// The next of each kind.
    broadcast: u32,
    to_room: u32,
}

/// What all clients of one thread have done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) connected: u32,
    pub(crate) joined: u32,
    pub(crate) broadcasts: u64,
    pub(crate) to_rooms: u64,
    pub(crate) heartbeats: u64,
    /// How many clients have had [`Tally::goal`] heartbeats.
    pub(crate) beaten: u32,
    pub(crate) goal: u16,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self { phase: Phase::Upgrade, heartbeats: 0, broadcast: 0, to_room: 0 }
    }

    /// Begins to count anew.
    pub(crate) fn count_heartbeats(&mut self) {
        self.heartbeats = 0;
    }

    /// Takes what is complete at the front of `input` and gives its length; answers go to `out`. `room` is the one that
    /// it is in.
    pub(crate) fn receive(
        &mut self,
        input: &[u8],
        room: u32,
        out: &mut Vec<u8>,
        tally: &mut Tally,
    ) -> Outcome<usize> {
        let mut taken = 0;
        if self.phase == Phase::Upgrade {
            let Some(end) = input.windows(HEAD_END.len()).position(|window| window == HEAD_END) else {
                return Ok(0);
            };
            check_head(&input[..end])?;
            taken = end + HEAD_END.len();
            self.phase = Phase::Open;
        }
        while let Some((packet, length)) = frame::decode(&input[taken..])? {
            self.packet(packet, room, out, tally)?;
            taken += length;
        }
        Ok(taken)
    }

    fn packet(&mut self, packet: &[u8], room: u32, out: &mut Vec<u8>, tally: &mut Tally) -> Outcome {
        match (self.phase, packet) {
            (Phase::Open, [b'0', b'{', ..]) => {
                frame::encode(out, "40");
                self.phase = Phase::Enter;
            }
            (Phase::Enter, [b'4', b'0', b'{', ..]) => {
                self.phase = Phase::Ready;
                tally.connected += 1;
            }
            (_, b"2") => {
                frame::encode(out, "3");
                tally.heartbeats += 1;
                self.heartbeats = self.heartbeats.saturating_add(1);
                tally.beaten += u32::from(self.heartbeats == tally.goal);
            }
            (Phase::Ready, message::JOINED) => tally.joined += 1,
            (Phase::Ready, packet) => self.message(packet, room, tally)?,
            (phase, packet) => return Err(unexpected(&format!("{phase:?}"), packet)),
        }
        Ok(())
    }

    fn message(&mut self, packet: &[u8], room: u32, tally: &mut Tally) -> Outcome {
        let (scope, next) = match message::is_to_room(packet) {
            Some(true) => (Scope::Room(room), &mut self.to_room),
            Some(false) => (Scope::All, &mut self.broadcast),
            None => return Err(unexpected("a message", packet)),
        };
        let expected = message::expected(scope, *next);
        if packet != expected {
            return Err(unexpected(&String::from_utf8_lossy(&expected), packet));
        }
        *next += 1;
        match scope {
            Scope::All => tally.broadcasts += 1,
            Scope::Room(_) => tally.to_rooms += 1,
        }
        Ok(())
    }
}

fn check_head(head: &[u8]) -> Outcome {
    let granted = head.starts_with(b"HTTP/1.1 101 ") && head.windows(ACCEPT.len()).any(|part| part == ACCEPT);
    if granted { Ok(()) } else { Err(unexpected("an upgrade", head)) }
}

fn unexpected(expected: &str, came: &[u8]) -> Failure {
    Failure(format!("expected {expected}, but this came: {}", String::from_utf8_lossy(came)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";

    fn frames(packets: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for packet in packets {
            bytes.extend_from_slice(&[0x81, u8::try_from(packet.len()).unwrap()]);
            bytes.extend_from_slice(packet.as_bytes());
        }
        bytes
    }

    fn text(scope: Scope, number: u32) -> String {
        String::from_utf8(message::expected(scope, number).to_vec()).unwrap()
    }

    /// A client in room 5 that has just been let in.
    fn ready() -> (Client, Tally) {
        let (mut client, mut tally, mut out) = (Client::new(), Tally::default(), Vec::new());
        let input = [HEAD.as_bytes(), &frames(&["0{}", "40{}"])].concat();
        assert_eq!(client.receive(&input, 5, &mut out, &mut tally), Ok(input.len()));
        (client, tally)
    }

    #[test]
    fn wherever_the_bytes_are_cut_the_same_comes_of_them() {
        let all = [
            HEAD.as_bytes(),
            &frames(&["0{}", "40{}", "2", "431[]", &text(Scope::All, 0), &text(Scope::Room(5), 0), "2"]),
        ]
        .concat();
        let mut answers = Vec::new();
        ["40", "3", "3"].iter().for_each(|text| frame::encode(&mut answers, text));
        for cut in 0..=all.len() {
            let (mut client, mut out) = (Client::new(), Vec::new());
            let mut tally = Tally { goal: 2, ..Tally::default() };
            let first = client.receive(&all[..cut], 5, &mut out, &mut tally).unwrap();
            let rest = client.receive(&all[first..], 5, &mut out, &mut tally).unwrap();
            assert_eq!(first + rest, all.len());
            assert_eq!(out, answers);
            assert_eq!((tally.connected, tally.joined, tally.beaten), (1, 1, 1));
            assert_eq!((tally.broadcasts, tally.to_rooms, tally.heartbeats), (1, 1, 2));
        }
    }

    #[test]
    fn a_message_that_is_lost_doubled_altered_or_of_another_room_is_a_failure() {
        let first = text(Scope::All, 0);
        let table = [
            vec![text(Scope::All, 1)],
            vec![first.clone(), first.clone()],
            vec![first.replace("chat", "Chat")],
            vec![text(Scope::Room(4), 0)],
            vec![text(Scope::Room(5), 1)],
            vec!["42[\"other\"]".to_owned()],
            vec!["41".to_owned()],
        ];
        for packets in table {
            let (mut client, mut tally) = ready();
            let packets: Vec<&str> = packets.iter().map(String::as_str).collect();
            let outcome = client.receive(&frames(&packets), 5, &mut Vec::new(), &mut tally);
            assert!(outcome.is_err(), "{packets:?}");
        }
    }

    #[test]
    fn only_the_right_answer_to_the_key_upgrades() {
        for head in [&HEAD.replace("101", "200"), &HEAD.replace("ICX", "icx")] {
            let mut client = Client::new();
            let outcome = client.receive(head.as_bytes(), 0, &mut Vec::new(), &mut Tally::default());
            assert!(outcome.is_err(), "{head}");
        }
    }
}
