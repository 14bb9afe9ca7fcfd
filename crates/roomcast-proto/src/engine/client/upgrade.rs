//! A WebSocket that takes over from polling: probe, pause, `5`.

use std::time::Instant;

use super::{Lane, Output, Session};
use crate::engine::session::later;
use crate::engine::{CloseReason, InvalidPacket, Packet, Transport};

/// An upgrade that is under way.
#[derive(Debug)]
pub(super) struct Upgrade {
    step: Step,
    /// Polling goes on alone if the WebSocket has not taken over by then.
    timeout: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The socket is being opened.
    Opening,
    /// `2probe` is out.
    Probing,
    /// The probe was answered; the last poll and the last `POST` have to end before the WebSocket may take over.
    Pausing,
}

impl Upgrade {
    pub(super) fn deadline(&self) -> Instant {
        self.timeout
    }
}

impl Session {
    pub(super) fn start_upgrade(&mut self, now: Instant) {
        let timeout = later(now, self.config.upgrade_timeout);
        self.upgrade = Some(Upgrade { step: Step::Opening, timeout });
        self.outputs.push_back(Output::OpenProbe);
    }

    pub(super) fn is_pausing(&self) -> bool {
        self.upgrade.as_ref().is_some_and(|upgrade| upgrade.step == Step::Pausing)
    }

    /// The probing socket is open.
    pub fn handle_probe_opened(&mut self) {
        if let Some(upgrade) = &mut self.upgrade
            && upgrade.step == Step::Opening
        {
            upgrade.step = Step::Probing;
            self.outputs.push_back(Output::Probe);
        }
    }

    /// The probing socket was refused, is gone, or brought something else than the answer to the probe. Polling goes on.
    pub fn handle_probe_failed(&mut self) {
        if self.upgrade.take().is_some() {
            self.outputs.push_back(Output::CloseProbe);
            self.go_on_polling();
        }
    }

    pub(super) fn receive_on_probe(&mut self, packet: Result<Packet<'_>, InvalidPacket>) {
        match (&mut self.upgrade, packet) {
            (Some(upgrade), Ok(Packet::Pong("probe"))) if upgrade.step == Step::Probing => {
                upgrade.step = Step::Pausing;
                self.go_on_polling();
            }
            _ => self.handle_probe_failed(),
        }
    }

    pub(super) fn take_over(&mut self) {
        self.upgrade = None;
        self.transport = Transport::WebSocket;
        self.outputs.push_back(Output::Upgraded);
    }

    /// The socket of a lane was closed by the peer, broke, or could not be opened.
    pub fn handle_transport_closed(&mut self, lane: Lane, reason: CloseReason, detail: &'static str) {
        match lane {
            Lane::Probe => self.handle_probe_failed(),
            Lane::Main => self.end(reason, detail),
        }
    }
}
