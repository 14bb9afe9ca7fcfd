//! A socket is in: what its client has missed, then the answer to its connect, then everything else.
//!
//! In: a socket whose middlewares have let it in, and the answer. Out: frames in its outbox, in that order. What is odd: the
//! socket is known to its rooms a moment before it can be reached, and the moment ends under the lock of the log: whatever
//! is emitted comes either with what was missed or behind the answer.

use proto::engine::Frame;
use roomcast_adapter::recovery::Gap;

use super::{Recorder, Seat};
use crate::Socket;
use crate::outbox::Urgency;

/// What has been missed is not kept any more.
#[derive(Debug)]
pub(crate) struct Missing;

/// Lets a socket in.
///
/// JS: socket.io/lib/socket.ts, the constructor and `_onconnect`
pub(crate) fn welcome(
    socket: &Socket,
    seat: &Seat,
    recorder: &Recorder,
    answer: Frame,
) -> Result<(), Missing> {
    socket.activate();
    let session = seat.session(socket.id(), socket.rooms(), ());
    let wants = session.wants();
    let begun = seat.missed_until();
    let mut more = Vec::new();
    // While its middlewares ran, much may have come. Nothing but the last of it is looked for under the lock.
    let until = match begun {
        Some(until) => Some(recorder.gather(until, &wants, &mut more).map_err(|Gap| Missing)?),
        None => None,
    };
    let log = recorder.lock();
    let rooms = socket.rooms();
    let (session, until) = if rooms == session.rooms {
        (session, until)
    } else {
        // Somebody has put it into a room or out of one since then: what came meanwhile is looked at once more.
        more.clear();
        (seat.session(socket.id(), rooms, ()), begun)
    };
    let wants = session.wants();
    if let (Some(until), Some(missed)) = (until, seat.take_missed()) {
        let last = log.after(until).map_err(|Gap| Missing)?;
        let last = last.filter(|(position, audience, _)| wants.event(*position, audience));
        let last = last.map(|(position, _, frame)| (position, frame.clone()));
        for (position, frame) in missed.frames.into_iter().chain(more).chain(last) {
            seat.reach(position);
            // A session that has ended hears nothing, and its client comes back once more.
            let _ = socket.push(frame, &Urgency::Reliable);
        }
    }
    let _ = socket.push(answer, &Urgency::Reliable);
    seat.join(log.position());
    socket.set_connected();
    Ok(())
}
