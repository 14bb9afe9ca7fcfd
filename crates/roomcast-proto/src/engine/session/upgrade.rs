//! A WebSocket, or WebTransport, that takes over from polling: probe, noops, `5`.

use std::time::Instant;

use super::{Lane, Output, PollAnswer, Received, Session, State, later};
use crate::engine::{CloseReason, Packet, Timing, Transport};

/// An upgrade that is under way.
#[derive(Debug)]
pub(super) struct Probe {
    /// The socket is closed if it has not taken over by then.
    timeout: Instant,
    /// After the probe: when a pending poll is answered with a noop next.
    next_noop: Option<Instant>,
    transport: Transport,
}

impl Probe {
    pub(super) fn deadline(&self) -> Instant {
        self.next_noop.map_or(self.timeout, |noop| noop.min(self.timeout))
    }
}

impl Session {
    /// A WebSocket was opened for this session. `false`: it has no place here and is to be closed; the session is not
    /// touched. JS: engine.io/lib/server.ts `onWebSocket`.
    pub fn handle_probe_opened(&mut self, now: Instant) -> bool {
        self.handle_probe_opened_on(Transport::WebSocket, now)
    }

    /// The same for any transport but polling. JS: also `onWebTransportSession`.
    pub fn handle_probe_opened_on(&mut self, transport: Transport, now: Instant) -> bool {
        if self.is_closed() || self.transport != Transport::Polling || self.probe.is_some() {
            return false;
        }
        let timeout = later(now, self.timing.upgrade_timeout);
        self.probe = Some(Box::new(Probe { timeout, next_noop: None, transport }));
        true
    }

    /// The probing socket is gone, or sent what is no packet. Polling goes on.
    pub fn handle_probe_failed(&mut self) {
        if self.probe.take().is_some() {
            self.outputs.push(Output::CloseProbe);
        }
    }

    pub(super) fn receive_on_probe<'a>(&mut self, packet: Packet<'a>, now: Instant) -> Received<'a> {
        let Some(probe) = &mut self.probe else { return Received::Nothing };
        match packet {
            Packet::Ping("probe") => {
                // A second probe does not start a second series of noops.
                probe.next_noop.get_or_insert(now + Timing::NOOP_INTERVAL);
                self.push_once(Output::ProbePong);
            }
            Packet::Upgrade => {
                let transport = probe.transport;
                self.upgrade(transport);
            }
            _ => self.handle_probe_failed(),
        }
        Received::Nothing
    }

    fn upgrade(&mut self, transport: Transport) {
        self.probe = None;
        if self.poll_pending {
            self.answer_poll(PollAnswer::Close);
        }
        self.transport = transport;
        self.outputs.push(Output::Upgraded);
        // A pending close went on waiting for a poll; the new transport needs none. What waits in the outbox goes first.
        debug_assert_ne!(self.state, State::Closed);
    }

    pub(super) fn check_probe(&mut self, now: Instant) {
        let Some(probe) = &mut self.probe else { return };
        if now >= probe.timeout {
            self.handle_probe_failed();
        } else if let Some(noop) = &mut probe.next_noop
            && now >= *noop
        {
            *noop = now + Timing::NOOP_INTERVAL;
            if self.poll_pending {
                self.answer_poll(PollAnswer::Noop);
            }
        }
    }

    /// The socket of a lane was closed by the peer or broke.
    pub fn handle_transport_closed(&mut self, lane: Lane, reason: CloseReason, detail: &'static str) {
        match lane {
            Lane::Probe => self.handle_probe_failed(),
            Lane::Main if !self.is_closed() => self.end(reason, detail),
            Lane::Main => {}
        }
    }
}
