//! Requests whose acknowledgement is awaited before anything is measured: who is in which room.
//!
//! In: one request per client; out: nothing, when all are acknowledged. What an acknowledgement carries is not looked
//! at.

use crate::check::Fault;
use crate::fleet::{Fleet, Play};
use crate::frame::{Kind, push_masked};
use crate::measure::Stop;

/// Clients that wait for their acknowledgement.
#[derive(Debug, Default)]
pub(super) struct Ask {
    waiting: Vec<bool>,
    left: usize,
    answered: u64,
}

impl Ask {
    /// Sends one event for each of these clients, and waits for all.
    ///
    /// # Errors
    /// When one of them does not come.
    pub(super) fn all(
        fleet: &mut Fleet,
        requests: impl Iterator<Item = (usize, serde_json::Value)>,
    ) -> Result<(), Stop> {
        let mut ask = Self::default();
        let mut bytes = Vec::new();
        for (who, event) in requests {
            bytes.clear();
            push_masked(
                &mut bytes,
                Kind::Text,
                format!("42{}0{event}", fleet.namespaces().prefix(who)).as_bytes(),
            );
            if ask.waiting.len() <= who {
                ask.waiting.resize(who + 1, false);
            }
            ask.waiting[who] = true;
            ask.left += 1;
            fleet.send(who, &bytes);
        }
        fleet.until(&mut ask, "acknowledgements", |ask| ask.answered, |ask| ask.left == 0)
    }
}

impl Play for Ask {
    fn bytes(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> usize {
        fleet.each_message(who, bytes, |fleet, message| {
            if is_answer(message, fleet.namespaces().prefix(who)) && self.waiting.get(who) == Some(&true) {
                self.waiting[who] = false;
                self.left -= 1;
                self.answered += 1;
            } else {
                fleet.fault_in(Fault::Stray, who, message);
            }
        })
    }
}

/// Whether a message acknowledges request 0 in the namespace with this prefix.
fn is_answer(message: &[u8], namespace: &str) -> bool {
    let rest = message.strip_prefix(b"43").and_then(|rest| rest.strip_prefix(namespace.as_bytes()));
    rest.is_some_and(|rest| rest.starts_with(b"0["))
}
