//! Clients that only answer heartbeats, to which nothing else should come.

use crate::check::Fault;
use crate::fleet::{Fleet, Inbound, Play};

/// The play without a part.
#[derive(Debug)]
pub(crate) struct Silent;

impl Play for Silent {
    fn bytes(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> usize {
        let mut used = 0;
        loop {
            match fleet.inbound(who, &bytes[used..]) {
                Inbound::Part => return used,
                Inbound::Handled(more) => used += more,
                Inbound::Text(message, more) | Inbound::Binary(message, more) => {
                    used += more;
                    let text = &message[..message.len().min(80)];
                    fleet.fault(Fault::Stray, who, || String::from_utf8_lossy(text).into_owned());
                }
            }
        }
    }
}
