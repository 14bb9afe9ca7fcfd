//! A socket is in: what its client has missed, then the answer to its connect, then everything else.
//!
//! In: a socket whose middlewares have let it in, and the answer. Out: frames in its outbox, in that order. What is odd: the
//! socket is known to its rooms a moment before it can be reached, and the moment ends under the lock of the log: whatever
//! is emitted comes either with what was missed or behind the answer.

use proto::engine::Frame;

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
    let log = recorder.lock();
    if let Some(missed) = seat.take_missed() {
        // While its middlewares ran, more may have come.
        let more = log.after(missed.until).map_err(|_| Missing)?;
        let more = more.filter(|(position, audience, _)| wants.event(*position, audience));
        let more = more.map(|(position, _, frame)| (position, frame.clone()));
        for (position, frame) in missed.frames.into_iter().chain(more) {
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
