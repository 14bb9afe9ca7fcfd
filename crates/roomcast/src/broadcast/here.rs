//! A broadcast meets the sockets of this node.
//!
//! In: a target and a frame, from [`Broadcast`](crate::Broadcast) or through the namespace's adapter. Out: frames into
//! outboxes, and what became of them. This is the only place where a broadcast turns into frames in outboxes.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use proto::engine::Frame;
use proto::socket::Args;
use roomcast_adapter::adapter::AckSink;
use roomcast_adapter::{RawJson, Target};
use tokio::sync::oneshot;

use crate::Socket;
use crate::namespace::NamespaceInner;
use crate::outbox::{Pushed, Urgency};
use crate::recovery;
use crate::socket::{Emitted, Outgoing, Waiter};

/// Gives a frame to every socket that the target means.
pub(crate) fn deliver_here(
    namespace: &NamespaceInner,
    target: &Target,
    frame: &Frame,
    urgency: &Urgency,
) -> Emitted {
    if let Some(recorder) = namespace.recorder() {
        return recovery::broadcast(namespace, recorder, target, frame, urgency);
    }
    let mut emitted = Emitted::default();
    if namespace.hears_outgoing() {
        // Listeners are user code: they are called with no lock held.
        for socket in namespace.members().collect(target) {
            Outgoing::tell(&socket, frame);
            emitted.count(socket.deliver(frame, urgency));
        }
    } else {
        namespace.members().for_each(target, |socket| emitted.count(socket.deliver(frame, urgency)));
    }
    emitted
}

/// A broadcast of this node on its way through an adapter and back: the frame that is made already, and how it travels
/// here. What becomes of it here is left in it.
pub(crate) struct Prepared {
    frame: Frame,
    urgency: Urgency,
    /// `None` until the adapter has handed it back.
    emitted: Mutex<Option<Emitted>>,
}

impl Prepared {
    pub(super) fn new(frame: Frame, urgency: Urgency) -> Self {
        Self { frame, urgency, emitted: Mutex::new(None) }
    }

    /// The adapter hands it back: now, or later.
    pub(crate) fn deliver_here(&self, namespace: &NamespaceInner, target: &Target) -> usize {
        let emitted = deliver_here(namespace, target, &self.frame, &self.urgency);
        let queued = emitted.queued();
        let mut slot = self.emitted.lock();
        *slot = Some(slot.take().unwrap_or_default().and(emitted));
        queued
    }

    /// What became of it, if it has come back by now.
    pub(super) fn outcome(&self) -> Option<Emitted> {
        self.emitted.lock().take()
    }
}

/// One question to many, whose answers go to a sink; it ends when the last of them has answered or left.
pub(crate) struct Asked {
    sink: Arc<dyn AckSink>,
    _pending: oneshot::Sender<()>,
}

impl Asked {
    pub(crate) fn answer(&self, args: &Args<'_>) {
        let answer = RawJson::new(args.raw(0).unwrap_or("null"));
        self.sink.answered(answer.with_attachments(args.attachments().to_vec()));
    }

    pub(crate) fn fail(&self) {
        self.sink.lost();
    }
}

/// Sockets that owe answers of one number. Dropped, nobody waits for those any more.
pub(super) struct Recipients(Vec<Socket>, u64);

impl Recipients {
    pub(super) fn new(sockets: Vec<Socket>, id: u64) -> Self {
        Self(sockets, id)
    }
}

impl Drop for Recipients {
    fn drop(&mut self) {
        for socket in &self.0 {
            socket.forget(self.1);
        }
    }
}

/// Asks every socket that the target means, and lets the answers go to the sink until the time is over.
pub(crate) fn ask_here(
    namespace: &NamespaceInner,
    target: &Target,
    event: &RawJson,
    timeout: Duration,
    sink: Arc<dyn AckSink>,
) {
    let id = namespace.next_ack_id();
    let Some(frame) = namespace.frame(event, Some(id)) else {
        sink.node_counted(0);
        return;
    };
    let frame = frame.compress(target.flags().compress);
    let urgency = asking(target);
    let (pending, done) = oneshot::channel();
    let asked = Arc::new(Asked { sink: sink.clone(), _pending: pending });
    let recipients = namespace.members().collect(target);
    let mut waiting = Vec::with_capacity(recipients.len());
    for socket in recipients {
        if ask(&socket, &frame, id, Waiter::Sink(asked.clone()), urgency) {
            waiting.push(socket);
        }
    }
    drop(asked);
    sink.node_counted(waiting.len());
    if waiting.is_empty() {
        return;
    }
    let waiting = Recipients::new(waiting, id);
    // Whoever asks through an adapter is inside of a runtime: sessions live there, too.
    let task = tokio::spawn(async move {
        let _waiting = waiting;
        let _ = tokio::time::timeout(timeout, done).await;
    });
    let task = task.abort_handle();
    sink.on_cancel(Box::new(move || task.abort()));
}

/// How a question travels: who waits for an answer would wait in vain for one to an event that was dropped later.
pub(super) fn asking(target: &Target) -> &'static Urgency {
    match target.flags().volatile {
        true => &Urgency::Immediate,
        false => &Urgency::Reliable,
    }
}

/// Sends a question to one socket. Whether its answer, or its end, comes or has come.
pub(super) fn ask(socket: &Socket, frame: &Frame, id: u64, waiter: Waiter, urgency: &Urgency) -> bool {
    Outgoing::tell(socket, frame);
    if !socket.wait_for(id, waiter) {
        return false;
    }
    match socket.deliver(frame, urgency) {
        pushed if pushed.is_queued() => true,
        Pushed::Overflow => true,
        // It did not get the question; if it has just left, its end counts as an answer already.
        _ => !socket.forget(id),
    }
}
