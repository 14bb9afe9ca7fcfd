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
    let absence = absence.clone();
    tokio::spawn(async move {
        let pause = SHORTEST.min(absence.duration() / LOOKS).max(Duration::from_millis(1));
        loop {
            let mut idle = Vec::new();
            let next = absence.expire(&mut idle);
            idle.iter().for_each(|namespace| absence.clean_up(namespace));
            let Some(next) = next else { return };
            let next = next.max(now() + pause);
            // That something has ended matters only if it was the last; then the next look says so.
            let _ = tokio::time::timeout_at(next.into(), absence.ended.notified()).await;
        }
    });
}
