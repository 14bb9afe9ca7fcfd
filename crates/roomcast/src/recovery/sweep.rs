//! What is too old goes, also where nobody asks for it.
//!
//! In: time. Out: sessions and events that end. What is odd: one task does it for the whole server, and only while there
//! are sessions; whether a session is too old is decided when its client asks, so this only gives memory back.

use std::sync::Arc;
use std::time::Duration;

use super::Absence;
use super::recorder::now;

/// It looks no more often than so many times in the time that a client may be away, nor than once a second.
const LOOKS: u32 = 16;
const SHORTEST: Duration = Duration::from_secs(1);

/// Begins to look. Sockets live in a runtime, so there is one.
pub(super) fn start(absence: &Arc<Absence>) {
    let sweeping = Sweeping(Some(absence.clone()));
    tokio::spawn(async move {
        let mut sweeping = sweeping;
        let Some(absence) = sweeping.0.clone() else { return };
        let pause = SHORTEST.min(absence.duration() / LOOKS).max(Duration::from_millis(1));
        loop {
            let mut idle = Vec::new();
            let next = absence.expire(&mut idle);
            idle.iter().for_each(|namespace| absence.clean_up(namespace));
            let Some(next) = next else {
                sweeping.0 = None;
                return;
            };
            let next = next.max(now() + pause);
            // That something has ended matters only if it was the last; then the next look says so.
            let _ = tokio::time::timeout_at(next.into(), absence.ended.notified()).await;
        }
    });
}

/// A task that ends with its runtime, before its time, is followed by another one as soon as a client comes.
struct Sweeping(Option<Arc<Absence>>);

impl Drop for Sweeping {
    fn drop(&mut self) {
        if let Some(absence) = self.0.take() {
            absence.sweeping_ended();
        }
    }
}
