//! From messages to deliveries.
//!
//! Comes in: the text of a message packet. Goes out: one frame, encoded once, to each who shall have it.

use super::Server;
use crate::client::{Client, Phase};
use crate::event::{self, Event, Packet};
use crate::frame;
use crate::namespaces::Namespace;
use crate::sending::{Frame, Sending};

impl Server {
    pub(super) fn packet(&mut self, own: u32, text: &[u8]) {
        let client = &mut self.clients[own as usize];
        let sending = &mut self.sending;
        let packet = event::read(text);
        if let Packet::Connect { namespace } = packet {
            client.namespace = self.namespaces.number(namespace);
        }
        let Namespace { prefix, rooms } = self.namespaces.of(client.namespace);
        match packet {
            Packet::Connect { .. } => {
                client.phase = Phase::Connected;
                self.connections += 1;
                let sid = format!(r#"{{"sid":"S{:019}"}}"#, self.connections);
                let reply =
                    sending.frame(|out| frame::write(out, frame::TEXT, &[b"40", prefix, sid.as_bytes()]));
                client.send(own, reply, sending);
            }
            Packet::Disconnect => {
                client.phase = Phase::Open;
                rooms.leave_all(own, &mut client.rooms);
            }
            Packet::BinaryEcho { ack, args } => {
                let mut head = Vec::new();
                frame::write(&mut head, frame::TEXT, &[b"461-", prefix, ack, b"[", args]);
                client.pending = Some(head.into());
            }
            Packet::Event { ack, event: Event::Echo { payload } } => {
                if let Some(ack) = ack {
                    let parts = [b"43", &**prefix, ack, b"[", payload, b"]"];
                    let answer = sending.frame(|out| frame::write(out, frame::TEXT, &parts));
                    client.send(own, answer, sending);
                }
            }
            Packet::Event { ack, event } => {
                self.event(own, event);
                if let Some(ack) = ack {
                    let prefix = &self.namespaces.of(self.clients[own as usize].namespace).prefix;
                    let parts = [b"43", &**prefix, ack, b"[]"];
                    let sending = &mut self.sending;
                    let answer = sending.frame(|out| frame::write(out, frame::TEXT, &parts));
                    self.clients[own as usize].send(own, answer, sending);
                }
            }
            Packet::Unknown => client.doom(own, sending),
        }
    }

    fn event(&mut self, own: u32, event: Event<'_>) {
        let Self { clients, namespaces, sending, .. } = self;
        let client = &mut clients[own as usize];
        let number = client.namespace;
        let Namespace { prefix, rooms } = namespaces.of(number);
        let is_in = |client: &Client| client.phase == Phase::Connected && client.namespace == number;
        match event {
            Event::Join { room } => rooms.join(own, &mut client.rooms, room),
            Event::Leave { room } => rooms.leave(own, &mut client.rooms, room),
            Event::Rooms { rooms: names } => {
                for name in names {
                    rooms.join(own, &mut client.rooms, name);
                }
            }
            Event::Broadcast { payload } => {
                let frame = delivery(sending, prefix, payload);
                for (to, client) in clients {
                    if is_in(client) {
                        client.send(to as u32, frame, sending);
                    }
                }
            }
            Event::Room { room, payload } => {
                let frame = delivery(sending, prefix, payload);
                for &to in rooms.members(room) {
                    if to != own {
                        clients[to as usize].send(to, frame, sending);
                    }
                }
            }
            Event::Except { rooms: names, payload } => {
                let frame = delivery(sending, prefix, payload);
                self.mark = self.mark.wrapping_add(1);
                self.marks.resize(clients.capacity(), 0);
                for &member in names.flat_map(|name| rooms.members(name)) {
                    self.marks[member as usize] = self.mark;
                }
                for (to, client) in clients {
                    if is_in(client) && self.marks[to] != self.mark {
                        client.send(to as u32, frame, sending);
                    }
                }
            }
            // Answered where the acknowledgement is known.
            Event::Echo { .. } => {}
        }
    }
}

/// The one frame that all receivers get.
fn delivery(sending: &mut Sending, prefix: &[u8], payload: &[u8]) -> Frame {
    sending.frame(|out| frame::write(out, frame::TEXT, &[b"42", prefix, br#"["msg","#, payload, b"]"]))
}
