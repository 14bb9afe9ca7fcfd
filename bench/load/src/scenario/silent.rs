//! Clients that only answer heartbeats, to which nothing else should come.

use crate::check::Fault;
use crate::fleet::{Fleet, Play};

/// The play without a part.
#[derive(Debug)]
pub(crate) struct Silent;

impl Play for Silent {
    fn bytes(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> usize {
        fleet.each_message(who, bytes, |fleet, message| fleet.fault_in(Fault::Stray, who, message))
    }
}
