//! A socket is in: what its client has missed, then the answer to its connect, then everything else.
//!
//! In: a socket whose middlewares have let it in, and the answer. Out: frames in its outbox, in that order. What is odd: the
//! socket is known to its rooms a moment before it can be reached, and the moment ends under the lock of the log: whatever
//! is emitted comes either with what was missed or behind the answer.

use parking_lot::MutexGuard;
use proto::engine::Frame;
use roomcast_adapter::recovery::{Gap, Log, Position};

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
    let log = match seat.missed_until() {
        None => recorder.lock(),
        Some(until) => send_missed(socket, seat, recorder, until)?,
    };
    let _ = socket.push(answer, &Urgency::Reliable);
    seat.join(log.position());
    socket.set_connected();
    Ok(())
}

/// Sends what has been missed, of which all up to `begun` is known. Gives the log, locked since the last of it was looked for.
fn send_missed<'a>(
    socket: &Socket,
    seat: &Seat,
    recorder: &'a Recorder,
    begun: Position,
) -> Result<MutexGuard<'a, Log<Frame>>, Missing> {
    let mut session = seat.session(socket.id(), socket.rooms(), ());
    // While its middlewares ran, much may have come. Nothing but the last of it is looked for under the lock.
    let mut more = Vec::new();
    let mut until = recorder.gather(begun, &session.wants(), &mut more).map_err(|Gap| Missing)?;
    let log = recorder.lock();
    let rooms = socket.rooms();
    if rooms != session.rooms {
        // Somebody has put it into a room or out of one since then: what came meanwhile is looked at once more.
        session.rooms = rooms;
        more.clear();
        until = begun;
    }
    let wants = session.wants();
    let missed = seat.take_missed().into_iter().flat_map(|missed| missed.frames);
    let last = log.after(until).map_err(|Gap| Missing)?;
    let last = last.filter(|(position, audience, _)| wants.event(*position, audience));
    let last = last.map(|(position, _, frame)| (position, frame.clone()));
    for (position, frame) in missed.chain(more).chain(last) {
        seat.reach(position);
        // A session that has ended hears nothing, and its client comes back once more.
        let _ = socket.push(frame, &Urgency::Reliable);
    }
    Ok(log)
}
