//! What other tasks reach a session by: frames to send, requests, the order to close.
//!
//! One lock guards all of it, held for a few instructions, or for one write to the kernel, and never across user code.
//! What is odd: a push wakes the driver only if it sleeps, so that a handler's own emits, made inside the driver's turn,
//! wake nobody. What other drivers push in their turns is written at the end of those turns, in place of this driver,
//! which sleeps on unless the stream is full.

// Frames go in, and the driver takes what is there.
mod push;
mod take;

use std::task::Waker;

use parking_lot::Mutex;
use proto::Sid;
use proto::engine::{Dialect, Transport};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::futures::OwnedNotified;
use tokio::sync::oneshot;

use super::framed_stream::FramedStream;
use super::poll::{PollReply, PostReply, Posted};
use super::wire::Wire;
use crate::outbox::{Buffered, Outbox, OutboxLimits};

pub(super) use take::Closed;

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
}

impl Inner {
    /// The waker, if the driver sleeps.
    fn wake(&mut self) -> Option<Waker> {
        let asleep = std::mem::replace(&mut self.sleep, Sleep::Awake) != Sleep::Awake;
        if asleep { self.waker.clone() } else { None }
    }
}
