//! Packets that came in.

use std::time::Instant;

use super::{Lane, PollAnswer, Session};
use crate::engine::{CloseReason, InvalidPacket, Message, Packet, Transport};

/// What is left of a packet for the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// A message.
    Message(Message<'a>),
    /// Nothing, go on.
    Nothing,
    /// The session has ended: what follows in the same payload is dropped.
    End,
}

impl Session {
    /// A packet, or what should have been one, came in on a lane.
    pub fn handle_packet<'a>(
        &mut self,
        lane: Lane,
        packet: Result<Packet<'a>, InvalidPacket>,
        now: Instant,
    ) -> Received<'a> {
        if self.is_closed() {
            return Received::End;
        }
        match (lane, packet) {
            (Lane::Main, packet) if !self.is_open() => self.receive_while_closing(packet),
            (Lane::Main, Ok(packet)) => self.receive_on_main(packet, now),
            (Lane::Main, Err(InvalidPacket)) => {
                self.end(CloseReason::ParseError, "not an engine packet");
                Received::End
            }
            (Lane::Probe, Ok(packet)) => self.receive_on_probe(packet, now),
            (Lane::Probe, Err(InvalidPacket)) => {
                self.handle_probe_failed();
                Received::Nothing
            }
        }
    }

    fn receive_on_main<'a>(&mut self, packet: Packet<'a>, now: Instant) -> Received<'a> {
        match packet {
            Packet::Ping(_) | Packet::Pong(_) => return self.receive_heartbeat(&packet, now),
            _ => self.prolong_heartbeat(now),
        }
        match packet {
            Packet::Message(message) => Received::Message(message),
            Packet::Close => self.receive_close(),
            _ => Received::Nothing,
        }
    }

    /// A session that was told to close heeds nothing but the client's own farewell: not even a pong, or a client that
    /// posts but never polls would keep it for ever. JS: `onPacket` returns unless open.
    fn receive_while_closing<'a>(&mut self, packet: Result<Packet<'a>, InvalidPacket>) -> Received<'a> {
        match packet {
            Ok(Packet::Close) => self.receive_close(),
            _ => Received::Nothing,
        }
    }

    /// On a WebSocket the close frame is the end, on WebTransport that of the session, not this packet. JS: only polling.ts looks for it.
    fn receive_close<'a>(&mut self) -> Received<'a> {
        if self.transport != Transport::Polling {
            return Received::Nothing;
        }
        if self.poll_pending {
            self.answer_poll(PollAnswer::Noop);
        }
        self.end(CloseReason::TransportClose, "closed by the client");
        Received::End
    }
}
