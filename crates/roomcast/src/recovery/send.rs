//! An event goes out, and is kept for those who are away.
//!
//! In: an encoded event, and whom it is for. Out: frames in outboxes, and what became of them. What is odd: an event to a
//! socket whose connection is lost is recorded, too; if its client is back already, its successor gets it.

use proto::engine::Frame;
use roomcast_adapter::Target;
use roomcast_adapter::recovery::{Audience, Position};
use tokio::sync::futures::OwnedNotified;

use super::stamp::{Purpose, Stamped};
use super::{Recorder, Seat};
use crate::Socket;
use crate::error::EmitError;
use crate::namespace::NamespaceInner;
use crate::outbox::{Pushed, Urgency};
use crate::socket::{Emitted, Outgoing};

impl Purpose {
    fn of(urgency: &Urgency) -> Self {
        match urgency {
            Urgency::Volatile | Urgency::Immediate => Self::Preserved,
            _ => Self::Recorded,
        }
    }
}

/// Gives an event to every socket that the target means, and records it.
pub(crate) fn broadcast(
    namespace: &NamespaceInner,
    recorder: &Recorder,
    target: &Target,
    frame: &Frame,
    urgency: &Urgency,
) -> Emitted {
    if namespace.hears_outgoing() {
        // Listeners are user code: they are called with no lock held.
        namespace.members().collect(target).iter().for_each(|socket| Outgoing::tell(socket, frame));
    }
    let purpose = Purpose::of(urgency);
    let encoder = namespace.encoder();
    let mut emitted = Emitted::default();
    let Some(mut stamped) = Stamped::new(encoder, namespace.path(), frame, purpose) else {
        namespace.members().for_each(target, |socket| emitted.count(socket.deliver(frame, urgency)));
        return emitted;
    };
    let urgency = &urgency.in_order();
    let mut log = recorder.lock();
    if purpose == Purpose::Preserved {
        let frame = stamped.with(recorder.offsets(), log.position());
        namespace.members().for_each(target, |socket| emitted.count(socket.deliver(frame, urgency)));
        return emitted;
    }
    let position = log.next_position();
    let frame = stamped.with(recorder.offsets(), position);
    recorder.record(&mut log, Audience::Target(target.clone()), frame);
    emitted.recorded = recorder.is_recording();
    namespace.members().for_each(target, |socket| {
        emitted.count(deliver(socket, frame, urgency, position));
    });
    emitted
}

/// Gives an event to one socket, and records it.
pub(crate) fn send(
    socket: &Socket,
    seat: &Seat,
    recorder: &Recorder,
    frame: Frame,
    urgency: &Urgency,
) -> Emitted {
    if !socket.takes_emits() && !seat.is_kept() {
        return Emitted::failed(EmitError::Disconnected);
    }
    if socket.takes_emits() {
        Outgoing::tell(socket, &frame);
    }
    let purpose = Purpose::of(urgency);
    if purpose == Purpose::Preserved && seat.is_missing() {
        // It would come before what was missed.
        return Emitted::one(Pushed::DroppedVolatile);
    }
    let Some(mut stamped) = Stamped::new(socket.encoder(), socket.namespace_path(), &frame, purpose) else {
        return match socket.takes_emits() {
            true => Emitted::one(socket.push(frame, urgency)),
            false => Emitted::failed(EmitError::Disconnected),
        };
    };
    let mut log = recorder.lock();
    if purpose == Purpose::Preserved {
        let frame = stamped.with(recorder.offsets(), log.position()).clone();
        return match socket.takes_emits() {
            true => Emitted::one(socket.push(frame, urgency)),
            false => Emitted::failed(EmitError::Disconnected),
        };
    }
    let position = log.next_position();
    let frame = stamped.with(recorder.offsets(), position);
    recorder.record(&mut log, Audience::Socket(socket.id().into()), frame);
    let urgency = &urgency.in_order();
    let mut emitted = if !socket.takes_emits() {
        match socket.namespace().members().member(socket.id()) {
            Some(successor) => match deliver(&successor, frame, urgency, position) {
                // It is on its way in, and gets it with what was missed.
                Pushed::Closed => Emitted::default(),
                pushed => Emitted::one(pushed),
            },
            None => Emitted::default(),
        }
    } else if seat.is_missing() {
        // It comes with what was missed.
        Emitted::default()
    } else {
        seat.reach(position);
        match socket.push(frame.clone(), urgency) {
            // Its session has just ended, and it is about to be kept.
            Pushed::Closed => Emitted::default(),
            pushed => Emitted::one(pushed),
        }
    };
    emitted.recorded = true;
    emitted
}

/// An event that waits for room: it has no place in the log before it has one in the outbox.
pub(crate) struct Waiting(Stamped);

/// What [`send_or_wait`] waits for.
pub(crate) type Wait = (Waiting, OwnedNotified);

impl Waiting {
    /// `None` if the event has no place for an offset.
    pub(crate) fn new(socket: &Socket, frame: &Frame) -> Option<Self> {
        Stamped::new(socket.encoder(), socket.namespace_path(), frame, Purpose::Recorded).map(Self)
    }
}

/// Gives an event to one socket and records it, if there is room enough; else it comes back with what to wait for.
pub(crate) fn send_or_wait(
    socket: &Socket,
    seat: &Seat,
    recorder: &Recorder,
    mut waiting: Waiting,
    urgency: &Urgency,
) -> Result<Pushed, Wait> {
    let mut log = recorder.lock();
    let position = log.next_position();
    let audience = || Audience::Socket(socket.id().into());
    if seat.is_missing() {
        recorder.record(&mut log, audience(), waiting.0.with(recorder.offsets(), position));
        return Ok(Pushed::Queued);
    }
    let frame = waiting.0.with(recorder.offsets(), position);
    match socket.push_or_wait(frame.clone(), &urgency.in_order()) {
        Ok(pushed) => {
            seat.reach(position);
            recorder.record(&mut log, audience(), frame);
            // One whose session has just ended gets it when it comes back, as if it had been queued.
            Ok(if pushed == Pushed::Closed { Pushed::Queued } else { pushed })
        }
        Err((frame, room)) => {
            drop(frame);
            waiting.0.without(recorder.offsets(), position);
            Err((waiting, room))
        }
    }
}

fn deliver(socket: &Socket, frame: &Frame, urgency: &Urgency, position: Position) -> Pushed {
    if let Some(seat) = socket.seat()
        && socket.is_connected()
    {
        seat.reach(position);
    }
    socket.deliver(frame, urgency)
}
