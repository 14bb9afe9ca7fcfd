//! What other tasks reach a session by: frames to send, requests, the order to close.
//!
//! One lock guards all of it, held for a few instructions, or for one write to the kernel, and never across user code.
//! What is odd: a push wakes the driver only if it sleeps, so that a handler's own emits, made inside the driver's turn,
//! wake nobody. What other drivers push in their turns is written at the end of those turns, in place of this driver,
//! which sleeps on unless the stream is full.

use std::sync::Arc;
use std::task::Waker;

use parking_lot::Mutex;
use proto::Sid;
use proto::engine::{Dialect, Frame, Transport};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::futures::OwnedNotified;
use tokio::sync::oneshot;

use super::framed_stream::{FramedStream, try_write};
use super::poll::{PollReply, PostReply, Posted};
use super::turn;
use super::wire::Wire;
use crate::outbox::{Buffered, Outbox, OutboxLimits, Pushed, Urgency};

/// Requests that wait for the driver. One poll and one POST may be under way, the rest are mistakes or attacks.
const MAX_COMMANDS: usize = 16;

/// What the driver shall do.
#[derive(Debug)]
pub(crate) enum Command {
    /// A polling request waits for packets.
    Poll(oneshot::Sender<PollReply>),
    /// A polling body.
    Post(Posted, oneshot::Sender<PostReply>),
    /// A second polling body came while one was being read.
    PostOverlap,
    /// A polling body was cut off.
    PostAborted,
    /// A WebSocket or a WebTransport stream wants to take over.
    Probe(Box<FramedStream>),
    /// Something for the application.
    Application(u64),
    /// Close; what waits goes first.
    Close,
    /// Close and drop what waits: the server shuts down.
    Discard,
}

/// The shared end of a session.
#[derive(Debug)]
pub(crate) struct Mailbox {
    sid: Sid,
    /// That of the request that opened the session.
    dialect: Dialect,
    inner: Mutex<Inner>,
}

/// What wakes the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sleep {
    /// It is awake and will look again before it sleeps.
    Awake,
    /// Everything wakes it.
    Light,
    /// As light, and the running turn of another driver has promised to write what waits.
    Promised,
    /// Its transport takes nothing now, so frames alone do not wake it.
    Deep,
}

#[derive(Debug)]
struct Inner {
    outbox: Outbox,
    /// The stream, where others may write to it while the driver sleeps.
    stream: Option<OwnedWriteHalf>,
    /// The form that frames have on that stream.
    wire: Wire,
    commands: Vec<Command>,
    /// Of the driver, once it has slept.
    waker: Option<Waker>,
    sleep: Sleep,
    transport: Transport,
    /// A polling body is being read or handled; its reader holds the other end.
    post: Option<oneshot::Sender<()>>,
    /// A deadline has come since the driver looked last.
    rung: bool,
    /// The outbox overflowed.
    overflow: bool,
    closed: bool,
}

impl Mailbox {
    pub(crate) fn new(sid: Sid, dialect: Dialect, transport: Transport, outbox: OutboxLimits) -> Self {
        let inner = Inner {
            outbox: Outbox::new(outbox),
            stream: None,
            wire: Wire::Plain,
            commands: Vec::new(),
            waker: None,
            sleep: Sleep::Awake,
            transport,
            post: None,
            rung: false,
            overflow: false,
            closed: false,
        };
        Self { sid, dialect, inner: Mutex::new(inner) }
    }

    pub(crate) fn sid(&self) -> Sid {
        self.sid
    }

    /// How its client writes packets, and reads those of a poll.
    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Queues a frame, sees to it that it is written.
    pub(crate) fn push(self: &Arc<Self>, frame: Frame, urgency: &Urgency) -> Pushed {
        let (pushed, then) = {
            let mut inner = self.inner.lock();
            let pushed = inner.outbox.push(frame, urgency);
            (pushed, inner.pushed(pushed, urgency))
        };
        self.go_on(then);
        pushed
    }

    /// Queues a frame that stays; gives what is told when it has left, or dropped if it never will.
    pub(crate) fn push_watched(self: &Arc<Self>, frame: Frame) -> Option<oneshot::Receiver<()>> {
        let (left, then) = {
            let mut inner = self.inner.lock();
            let (pushed, left) = inner.outbox.push_watched(frame);
            (left, inner.pushed(pushed, &Urgency::Reliable))
        };
        self.go_on(then);
        left
    }

    fn go_on(self: &Arc<Self>, then: Option<Then>) {
        match then {
            None => {}
            Some(Then::Wake(waker)) => waker.wake(),
            Some(Then::Promise) => turn::promise(self),
        }
    }

    /// Writes what waits, as was promised, unless the driver has woken meanwhile and does it. What the stream does not
    /// take is left to the driver.
    pub(super) fn keep_promise(&self) {
        let (waker, wakers) = {
            let mut inner = self.inner.lock();
            if inner.sleep != Sleep::Promised {
                return;
            }
            let Inner { outbox, stream, wire, .. } = &mut *inner;
            // Only the driver can tell the application that the outbox has run empty.
            let stream = stream.as_ref().filter(|_| !outbox.is_watched());
            // Compressing much would keep waiting whoever pushes meanwhile.
            let stream = stream.filter(|_| wire.is_light() || !outbox.is_heavy());
            let written = stream.is_some_and(|stream| {
                outbox.form(*wire);
                outbox.write(|slices| try_write(stream.as_ref(), slices)).is_ok()
            });
            let wakers = outbox.wakers();
            if written {
                inner.sleep = Sleep::Light;
                (None, wakers)
            } else {
                (inner.wake(), wakers)
            }
        };
        if let Some(wakers) = wakers {
            wakers.wake();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Leaves to the driver what was promised.
    pub(super) fn pass_promise(&self) {
        let waker = {
            let mut inner = self.inner.lock();
            if inner.sleep == Sleep::Promised { inner.wake() } else { None }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Wakes the driver, because a deadline of its has come. One that is awake may have looked at the time before that,
    /// so it looks again before it sleeps.
    pub(super) fn ring(&self) {
        let waker = {
            let mut inner = self.inner.lock();
            inner.rung = true;
            inner.wake()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// From now on others may write while the driver sleeps, in the form of the session.
    pub(super) fn share(&self, (stream, wire): (Option<OwnedWriteHalf>, Wire)) {
        let mut inner = self.inner.lock();
        inner.stream = stream;
        inner.wire = wire;
    }

    /// Queues a frame as [`Mailbox::push`] does if there is room enough; else gives it back with what to wait for.
    pub(crate) fn push_or_wait(
        self: &Arc<Self>,
        frame: Frame,
        urgency: &Urgency,
    ) -> Result<Pushed, (Frame, OwnedNotified)> {
        let (pushed, then) = {
            let mut inner = self.inner.lock();
            let pushed = inner.outbox.push_or_wait(frame, urgency)?;
            (pushed, inner.pushed(pushed, urgency))
        };
        self.go_on(then);
        Ok(pushed)
    }

    /// What to wait for until nothing waits to be written; `None` if nothing does.
    pub(crate) fn wait_until_empty(&self) -> Option<OwnedNotified> {
        self.inner.lock().outbox.wait_until_empty()
    }

    /// Whether the session has ended, or is about to because its outbox overflowed.
    pub(crate) fn is_closed(&self) -> bool {
        self.inner.lock().outbox.is_closed()
    }

    /// Wakes whoever waits for room, to look again.
    pub(crate) fn wake_waiting(&self) {
        let wakers = self.inner.lock().outbox.all_wakers();
        if let Some(wakers) = wakers {
            wakers.wake();
        }
    }

    pub(crate) fn outbox_limits(&self) -> OutboxLimits {
        self.inner.lock().outbox.limits()
    }

    pub(crate) fn set_outbox_limits(&self, limits: OutboxLimits) {
        let wakers = {
            let outbox = &mut self.inner.lock().outbox;
            outbox.set_limits(limits);
            outbox.wakers()
        };
        if let Some(wakers) = wakers {
            wakers.wake();
        }
    }

    /// Tells the application from now on when the outbox has run empty.
    pub(crate) fn watch_outbox(&self) {
        self.inner.lock().outbox.watch();
    }

    /// Hands a command to the driver; gives it back if the session has ended or too many wait.
    pub(crate) fn command(&self, command: Command) -> Result<(), Command> {
        let waker = {
            let mut inner = self.inner.lock();
            let urgent = matches!(command, Command::Application(_) | Command::Close | Command::Discard);
            if inner.closed || (inner.commands.len() >= MAX_COMMANDS && !urgent) {
                return Err(command);
            }
            inner.commands.push(command);
            inner.wake()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Marks a polling body as under way; `None` if one already is. What it gives is done when the session has ended.
    pub(crate) fn begin_post(&self) -> Option<oneshot::Receiver<()>> {
        let mut inner = self.inner.lock();
        if inner.post.is_some() {
            return None;
        }
        let (sender, ended) = oneshot::channel();
        // Where the session has ended already, dropping the sender says so.
        inner.post = (!inner.closed).then_some(sender);
        Some(ended)
    }

    pub(crate) fn end_post(&self) {
        let post = self.inner.lock().post.take();
        drop(post);
    }

    pub(crate) fn transport(&self) -> Transport {
        self.inner.lock().transport
    }

    pub(crate) fn set_transport(&self, transport: Transport) {
        self.inner.lock().transport = transport;
    }

    /// What waits to be written.
    pub(crate) fn buffered(&self) -> Buffered {
        self.inner.lock().outbox.buffered()
    }

    /// Whether frames wait that the driver has not taken yet.
    pub(crate) fn has_frames(&self) -> bool {
        !self.inner.lock().outbox.is_empty()
    }

    /// The commands that wait, and whether the outbox overflowed.
    pub(super) fn take_commands(&self) -> (Vec<Command>, bool) {
        let mut inner = self.inner.lock();
        inner.sleep = Sleep::Awake;
        inner.rung = false;
        (std::mem::take(&mut inner.commands), std::mem::take(&mut inner.overflow))
    }

    /// Works on the outbox under the lock.
    #[inline]
    pub(super) fn with_outbox<T>(&self, work: impl FnOnce(&mut Outbox) -> T) -> T {
        work(&mut self.inner.lock().outbox)
    }

    /// The same for work that makes room: who waits for that is woken.
    #[inline]
    pub(super) fn make_room(&self, work: impl FnOnce(&mut Outbox)) {
        let wakers = {
            let outbox = &mut self.inner.lock().outbox;
            work(outbox);
            outbox.wakers()
        };
        if let Some(wakers) = wakers {
            wakers.wake();
        }
    }

    /// Lets the driver sleep, unless something came in meanwhile: then `false`. `can_send`: its transport takes frames.
    pub(super) fn sleep(&self, waker: &Waker, can_send: bool) -> bool {
        let mut inner = self.inner.lock();
        if !inner.commands.is_empty()
            || inner.overflow
            || inner.rung
            || (can_send && !inner.outbox.is_empty())
        {
            return false;
        }
        inner.sleep = if can_send { Sleep::Light } else { Sleep::Deep };
        inner.outbox.set_idle(can_send);
        match &mut inner.waker {
            Some(old) if old.will_wake(waker) => {}
            slot => *slot = Some(waker.clone()),
        }
        true
    }

    /// Nothing goes in any more; the frames that wait are dropped.
    pub(super) fn close(&self) -> Closed {
        let (closed, post, wakers) = {
            let mut inner = self.inner.lock();
            inner.closed = true;
            let between_frames = inner.outbox.is_between_frames();
            inner.outbox.close();
            inner.waker = None;
            let (stream, commands) = (inner.stream.take(), std::mem::take(&mut inner.commands));
            (Closed { stream, between_frames, commands }, inner.post.take(), inner.outbox.all_wakers())
        };
        if let Some(wakers) = wakers {
            wakers.wake();
        }
        // Its channel closes here, outside the lock.
        drop(post);
        closed
    }
}

/// What is left in a mailbox that was closed.
pub(super) struct Closed {
    pub(super) stream: Option<OwnedWriteHalf>,
    /// Whether the stream stands between two frames.
    pub(super) between_frames: bool,
    /// What nobody has taken. Channels of requests close when this is dropped.
    pub(super) commands: Vec<Command>,
}

/// What a push brings about.
enum Then {
    Wake(Waker),
    /// The running turn writes it.
    Promise,
}

impl Inner {
    /// What is to be done about what became of a frame.
    fn pushed(&mut self, pushed: Pushed, urgency: &Urgency) -> Option<Then> {
        if pushed == Pushed::Overflow {
            self.overflow = true;
            return self.wake().map(Then::Wake);
        }
        match self.sleep {
            Sleep::Awake | Sleep::Deep => return None,
            Sleep::Light | Sleep::Promised if !pushed.is_queued() => return None,
            Sleep::Light if self.may_promise(urgency) => {
                self.sleep = Sleep::Promised;
                return Some(Then::Promise);
            }
            // A turn may be long: neither shall others wait for it, nor much for its end.
            Sleep::Promised if turn::is_running() && !self.outbox.is_heavy() => return None,
            Sleep::Light | Sleep::Promised => {}
        }
        self.wake().map(Then::Wake)
    }

    /// Whether the running turn may write what was pushed while the driver sleeps.
    fn may_promise(&self, urgency: &Urgency) -> bool {
        // Somebody may wait for the answer to a question, the turn itself among them. And only the driver can tell the
        // application that the outbox has run empty.
        let asks = matches!(urgency, Urgency::Reliable | Urgency::Immediate);
        self.stream.is_some() && !asks && !self.outbox.is_watched() && turn::is_running()
    }

    /// The waker, if the driver sleeps.
    fn wake(&mut self) -> Option<Waker> {
        let asleep = std::mem::replace(&mut self.sleep, Sleep::Awake) != Sleep::Awake;
        if asleep { self.waker.clone() } else { None }
    }
}
