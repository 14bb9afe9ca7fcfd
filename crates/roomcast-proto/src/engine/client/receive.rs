//! Packets that came in.

use std::time::Instant;

use super::{Handshake, Lane, Output, Received, Session, State};
use crate::engine::session::later;
use crate::engine::{CloseReason, InvalidPacket, Packet, Transport};

impl Session {
    /// A packet, or what should have been one, came in on a lane.
    pub fn handle_packet<'a>(
        &mut self,
        lane: Lane,
        packet: Result<Packet<'a>, InvalidPacket>,
        now: Instant,
    ) -> Received<'a> {
        match (self.state, lane, packet) {
            (State::Closed, _, _) => Received::End,
            (_, Lane::Probe, packet) => {
                self.receive_on_probe(packet);
                Received::Nothing
            }
            // The client has no reason of its own for this. JS: "server error".
            (_, Lane::Main, Err(InvalidPacket)) => self.fail("not an engine packet"),
            (State::Opening, Lane::Main, Ok(packet)) => self.receive_handshake(&packet, now),
            (_, Lane::Main, Ok(packet)) => self.receive_on_main(packet, now),
        }
    }

    fn receive_handshake<'a>(&mut self, packet: &Packet<'a>, now: Instant) -> Received<'a> {
        match packet {
            Packet::Open(json) => match Handshake::decode(json) {
                Some(handshake) => {
                    self.open(handshake, now);
                    Received::Nothing
                }
                None => self.fail("not a handshake"),
            },
            Packet::Close => self.receive_close(),
            _ => self.fail("a packet before the handshake"),
        }
    }

    fn open(&mut self, handshake: Handshake, now: Instant) {
        self.state = State::Open;
        self.silence = handshake.ping_interval.saturating_add(handshake.ping_timeout);
        self.deadline = Some(later(now, self.silence));
        self.max_payload = handshake.max_payload;
        let upgrade = self.config.upgrade && handshake.can_upgrade && self.transport == Transport::Polling;
        self.outputs.push_back(Output::Opened(handshake));
        if upgrade {
            self.start_upgrade(now);
        }
    }

    fn receive_on_main<'a>(&mut self, packet: Packet<'a>, now: Instant) -> Received<'a> {
        match packet {
            Packet::Message(message) if self.is_open() => Received::Message(message),
            Packet::Ping(_) => {
                // Only pings prove that the server will notice our own silence. JS: `_resetPingTimeout`.
                self.deadline = Some(later(now, self.silence));
                if self.state != (State::Closing { drained: true }) {
                    self.outputs.push_back(Output::Pong);
                }
                Received::Nothing
            }
            Packet::Close => self.receive_close(),
            _ => Received::Nothing,
        }
    }

    /// On a WebSocket the close frame is the end, not this packet. JS: only polling.ts looks for it.
    fn receive_close<'a>(&mut self) -> Received<'a> {
        if self.transport != Transport::Polling {
            return Received::Nothing;
        }
        self.end(CloseReason::TransportClose, "transport closed by the server");
        Received::End
    }

    fn fail<'a>(&mut self, detail: &'static str) -> Received<'a> {
        self.end(CloseReason::TransportError, detail);
        Received::End
    }
}
