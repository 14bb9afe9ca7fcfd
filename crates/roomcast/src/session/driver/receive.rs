//! What comes in: commands of the mailbox, bytes of the streams.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use proto::engine::{
    CloseReason, Flush, Frame, InvalidPacket, Lane, Message, Overlap, Packet, Packets, Received, Transport,
};
use proto::websocket::{ControlFrame, Event};
use tokio::sync::oneshot;

use super::{Driver, dismiss};
use crate::limits::Refused;
use crate::session::application::Application;
use crate::session::framed_stream::{FramedStream, Violation, with_read_buffer};
use crate::session::mailbox::Command;
use crate::session::poll::{PollReply, PostReply, Posted};

/// How often a turn reads; one full buffer ends it at once.
const READS_PER_TURN: usize = 8;
/// A turn goes on with the next message of a stream unless those before it have become more than this when they were
/// inflated: a few bytes can become a thousand times as many.
const MAX_INFLATED: usize = 256 * 1024;
/// How long a close packet waits for the poll it came with. A client that closes sends both side by side, on two
/// connections; if the close overtakes the poll on its way through the worker threads, the poll shall still find its
/// session.
const CLOSE_WAITS: Duration = Duration::from_millis(20);

/// How the reading of a stream ended.
enum End {
    /// The peer said goodbye, or hung up.
    Closed(&'static str),
    /// The stream broke.
    Failed,
    /// The peer broke the protocol or the limit.
    Violated(Violation),
}

impl<A: Application> Driver<A> {
    pub(super) fn take_commands(&mut self, now: Instant) {
        let (mut taken, overflow) = self.mailbox.take_commands();
        if overflow {
            self.session.close_slow_consumer();
        }
        // Mostly there is none, hardly ever more than one.
        let mut next = match taken.len() {
            0 | 1 => taken.pop(),
            _ => {
                self.commands = Some(Box::new(taken.into()));
                self.next_command()
            }
        };
        while !self.ended
            && let Some(command) = next
        {
            match command {
                // Only one is under way at a time, so the place is free.
                Command::Post(body, reply) => self.held_post = Some(Box::new((body, reply))),
                Command::Poll(reply) => self.receive_poll(reply),
                Command::PostOverlap => self.session.handle_post_overlap(),
                Command::PostAborted => self.session.handle_post_aborted(),
                Command::Probe(framed) => {
                    if self.session.handle_probe_opened_on(framed.transport(), now) {
                        self.probe = Some(framed);
                    } else {
                        dismiss(framed);
                    }
                }
                Command::Application(command) => {
                    let closing = self.app.on_command(command);
                    self.close_if(closing);
                }
                Command::Close => self.close(),
                Command::Discard => self.session.close(Flush::Discard),
            }
            self.do_outputs();
            next = self.next_command();
        }
        if !self.ended
            && let Some(post) = self.held_post.take_if(|post| {
                let closes =
                    post.0.is_close(self.mailbox.dialect()) && self.session.transport() == Transport::Polling;
                self.app.has_room()
                    && !(closes && self.poll.is_none() && now < self.short_wait.until(now + CLOSE_WAITS))
            })
        {
            self.short_wait.end();
            let (body, reply) = *post;
            self.receive_post(&body, now);
            // If the request is gone, nobody waits for the answer.
            let _ = reply.send(PostReply::Handled);
            self.post_answered = true;
        }
        self.do_outputs();
    }

    /// The next of those that were taken together; an idle session keeps no queue.
    fn next_command(&mut self) -> Option<Command> {
        let next = self.commands.as_mut()?.pop_front();
        if next.is_none() {
            self.commands = None;
        }
        next
    }

    fn receive_poll(&mut self, reply: oneshot::Sender<PollReply>) {
        let outbox_is_empty = !self.mailbox.has_frames();
        // Also refused where the session has been upgraded since the request was verified.
        match self.session.handle_poll(outbox_is_empty) {
            Ok(()) => self.poll = Some(reply),
            // If the request is gone, nobody waits for the answer.
            Err(Overlap) => _ = reply.send(PollReply::Overlap),
        }
    }

    fn receive_post(&mut self, body: &Posted, now: Instant) {
        let dialect = self.mailbox.dialect();
        match body {
            Posted::Text(text) => self.receive_packets(dialect.decode(&String::from_utf8_lossy(text)), now),
            Posted::Binary(bytes) => self.receive_packets(dialect.decode_binary(bytes), now),
        }
        if !self.ended {
            let closing = self.app.on_batch_end();
            self.close_if(closing);
        }
        self.mailbox.end_post();
    }

    fn receive_packets(&mut self, packets: Packets<'_>, now: Instant) {
        for (number, packet) in packets.enumerate() {
            if number == self.core.config.limits.payload_packets {
                self.core.gate.count(Refused::Payloads);
                let (reason, detail) = (CloseReason::TransportError, "too many packets in one payload");
                self.session.handle_transport_closed(Lane::Main, reason, detail);
                break;
            }
            // A body that ends after the upgrade belongs to a transport that is gone. No correct client has one.
            if self.session.transport() != Transport::Polling || !self.receive_packet(packet, now) {
                break;
            }
        }
    }

    /// Hands a packet of the main transport on; `false` once the session has ended.
    fn receive_packet(&mut self, packet: Result<Packet<'_>, InvalidPacket>, now: Instant) -> bool {
        match self.session.handle_packet(Lane::Main, packet, now) {
            Received::Message(message) => {
                let closing = self.app.on_message(message);
                self.close_if(closing);
            }
            Received::Nothing => {}
            Received::End => return false,
        }
        !self.session.is_closed()
    }

    pub(super) fn read_main(&mut self, cx: &mut Context<'_>, now: Instant) {
        if self.ended || self.main.is_none() {
            return;
        }
        let end = with_read_buffer(|buffer| {
            for _ in 0..READS_PER_TURN {
                if self.session.is_closed() || !self.app.has_room() {
                    return None;
                }
                let length = match self.main.as_deref_mut()?.poll_read(cx, buffer) {
                    Poll::Pending => return None,
                    Poll::Ready(Ok(0)) => return Some(End::Closed("the peer hung up")),
                    Poll::Ready(Ok(length)) => length,
                    Poll::Ready(Err(_)) => return Some(End::Failed),
                };
                let end = self.receive_main(&mut buffer[..length], now);
                if !self.session.is_closed() {
                    let closing = self.app.on_batch_end();
                    self.close_if(closing);
                }
                if end.is_some() {
                    return end;
                }
                if length == buffer.len() || self.main.as_ref().is_some_and(|main| main.has_early()) {
                    break;
                }
            }
            // There may be more, but first what came goes out, and the others have their turn.
            self.more_to_read = true;
            None
        });
        let (reason, detail) = match end {
            None => return,
            Some(End::Closed(detail)) => (CloseReason::TransportClose, detail),
            Some(End::Failed) => (CloseReason::TransportError, "read failed"),
            Some(End::Violated(Violation { reason, code, detail })) => {
                self.close_code = code;
                (reason, detail)
            }
        };
        self.session.handle_transport_closed(Lane::Main, reason, detail);
    }

    /// Takes the frames out of bytes of the main stream.
    fn receive_main(&mut self, mut input: &mut [u8], now: Instant) -> Option<End> {
        // The decoder lends its events, so it is taken out of the driver for as long as they are handled.
        let mut main = self.main.take()?;
        let mut inflated = 0;
        let end = loop {
            if self.session.is_closed() {
                break None;
            }
            let step = match main.reader.decode(input) {
                Ok(step) => step,
                Err(violation) => break Some(End::Violated(violation)),
            };
            let consumed = step.consumed;
            match step.event {
                None => break None,
                Some(Event::Text(text)) => {
                    let packet = Packet::decode_in(self.session.revision(), text);
                    self.receive_packet(packet, now);
                }
                Some(Event::Binary(payload)) => {
                    let packet = Packet::decode_binary(self.session.revision(), payload.into_bytes());
                    self.receive_packet(packet, now);
                }
                Some(Event::Ping(data)) => self.receive_ping(data),
                Some(Event::Pong(_)) => {}
                Some(Event::Close(close)) => {
                    self.close_code = close.map(|close| close.code);
                    break Some(End::Closed("closed by the client"));
                }
            }
            input = &mut input[consumed..];
            inflated += main.reader.take_inflated();
            if inflated > MAX_INFLATED {
                main.give_back(input);
                break None;
            }
        };
        self.main = Some(main);
        end
    }

    /// A ping of the WebSocket layer, which is no heartbeat.
    fn receive_ping(&mut self, data: &[u8]) {
        if !std::mem::replace(&mut self.pong_waits, true) {
            let pong = Frame::websocket_control(&ControlFrame::pong(data, None));
            self.mailbox.with_outbox(|outbox| outbox.push_control(pong));
        }
    }

    pub(super) fn read_probe(&mut self, cx: &mut Context<'_>, now: Instant) {
        while let Some(mut probe) = self.probe.take() {
            let end = with_read_buffer(|buffer| match probe.poll_read(cx, buffer) {
                Poll::Pending => None,
                Poll::Ready(Ok(length)) if length > 0 => {
                    self.receive_probe(&mut probe, &mut buffer[..length], now);
                    Some(())
                }
                Poll::Ready(_) => {
                    self.session.handle_probe_failed();
                    Some(())
                }
            });
            // Put back before the outputs are done: one of them may be that it takes over, or is to be closed.
            self.probe = Some(probe);
            self.do_outputs();
            if end.is_none() {
                return;
            }
        }
        // What came behind the `5` was left for the main transport by the probe.
    }

    fn receive_probe(&mut self, probe: &mut FramedStream, input: &mut [u8], now: Instant) {
        let mut rest = 0;
        while rest < input.len() {
            let Ok(step) = probe.reader.decode(&mut input[rest..]) else {
                self.session.handle_probe_failed();
                return;
            };
            rest += step.consumed;
            let packet = match step.event {
                None => return,
                Some(Event::Text(text)) => Packet::decode(text),
                Some(Event::Binary(payload)) => Ok(Packet::Message(Message::Binary(payload.into_bytes()))),
                Some(Event::Ping(_) | Event::Pong(_)) => continue,
                Some(Event::Close(_)) => Err(InvalidPacket),
            };
            self.session.handle_packet(Lane::Probe, packet, now);
            if self.session.transport() != Transport::Polling {
                break;
            }
        }
        probe.give_back(&input[rest..]);
    }
}
