//! The one task of a session: it feeds the state machine and does what it says.
//!
//! In: bytes of the stream, commands and frames of the mailbox, time. Out: writes, answers to polls, calls of the
//! application. Each turn takes the steps of [`Driver::turn`] in order. What is odd: the task outlives its session
//! until the stream is closed on both sides and the last suspended handler has ended.

mod flush;
mod receive;
mod short_wait;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use proto::engine::{CloseReason, Flush, Frame, Output, Payload, Session, Transport};
use tokio::sync::oneshot;

use super::application::{Application, Closing};
use super::framed_stream::FramedStream;
use super::mailbox::{Closed, Command, Mailbox};
use super::poll::{PollReply, PostReply, Posted};
use super::turn;
use super::wheel::Timer;
use crate::core::{Core, Running};
use short_wait::ShortWait;

/// How long a closed stream may take to be closed by its peer as well.
const GOODBYE: Duration = Duration::from_secs(2);

/// A session begins on a stream of frames, or by a polling request.
pub(crate) enum Start {
    FramedStream(Box<FramedStream>),
    Polling,
}

pub(crate) struct Driver<A: Application> {
    /// What all sessions share; it counts this task among those that a shutdown waits for.
    core: Running,
    session: Session,
    mailbox: Arc<Mailbox>,
    app: A,
    main: Option<Box<FramedStream>>,
    probe: Option<Box<FramedStream>>,
    /// The answer to a probe that could not be written yet.
    probe_pong_waits: bool,
    /// The polling request that waits for packets.
    poll: Option<oneshot::Sender<PollReply>>,
    /// What was taken from the mailbox and is not done, where it was more than one.
    #[expect(clippy::box_collection, reason = "an idle session pays for a pointer only")]
    commands: Option<Box<VecDeque<Command>>>,
    /// A polling body that the application has no room for yet.
    held_post: Option<Box<(Posted, oneshot::Sender<PostReply>)>>,
    /// The stream was not read to its end in this turn, or something else is to go on after the others' turns.
    more_to_read: bool,
    /// A polling body was answered in this turn, so polls wait for the next.
    post_answered: bool,
    /// Frames taken from the outbox, and how many bytes of the first are written.
    writing: VecDeque<Frame>,
    skip: usize,
    /// A ping, or what is in front of it, could not be written at once.
    blocked: bool,
    /// What was blocked went on in this turn.
    progressed: bool,
    /// The outbox ran empty in this turn, and somebody wants to hear of it.
    drained: bool,
    /// A pong to a WebSocket ping waits in the outbox: a flood of pings is answered once.
    pong_waits: bool,
    /// So does the answer to a ping of revision 3.
    heartbeat_waits: bool,
    /// Close code for the WebSocket, if not the plain one.
    close_code: Option<u16>,
    /// The close that the application asked for could not be carried out at once.
    deferred: bool,
    ended: bool,
    /// Something changed that an earlier step of the turn has to see.
    again: bool,
    timer: Timer,
    short_wait: ShortWait,
}

impl<A: Application> Driver<A> {
    pub(crate) fn new(core: &Arc<Core>, mailbox: Arc<Mailbox>, app: A, start: Start) -> Self {
        let (transport, main) = match start {
            Start::FramedStream(mut framed) => {
                mailbox.share(framed.share());
                (framed.transport(), Some(framed))
            }
            Start::Polling => (Transport::Polling, None),
        };
        let now = tokio::time::Instant::now();
        Self {
            core: core.running(),
            session: Session::with_revision(
                core.timing.clone(),
                mailbox.dialect().revision(),
                transport,
                now.into_std(),
            ),
            mailbox,
            app,
            main,
            probe: None,
            probe_pong_waits: false,
            poll: None,
            commands: None,
            held_post: None,
            more_to_read: false,
            post_answered: false,
            writing: VecDeque::new(),
            skip: 0,
            blocked: false,
            progressed: false,
            drained: false,
            pong_waits: false,
            heartbeat_waits: false,
            close_code: None,
            deferred: false,
            ended: false,
            again: false,
            timer: Timer::UNSET,
            short_wait: ShortWait::default(),
        }
    }

    /// One turn. `Ready` when the task has nothing left to do.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let now = tokio::time::Instant::now().into_std();
            self.check_timeouts(now);
            self.take_commands(now);
            self.read_main(cx, now);
            self.read_probe(cx, now);
            let had_room = self.app.has_room();
            let app_done = self.app.poll(cx);
            self.close_if(self.app.wants_close());
            self.do_outputs();
            if std::mem::take(&mut self.post_answered) {
                // The `ok` of a POST leaves before what its packets brought about, as in the reference: until it is
                // there, the official client drops volatile events. Awake already, its task runs before this one.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.flush(cx);
            if std::mem::take(&mut self.progressed) {
                // A queue that moves is a peer that reads: the pong is awaited from now on, because the ping may have
                // left only now.
                self.session.extend_heartbeat(now);
            }
            if self.ended && !self.again && self.poll_goodbye(cx, now).is_ready() && app_done.is_ready() {
                return Poll::Ready(());
            }
            if std::mem::take(&mut self.more_to_read) && !self.ended {
                // One that sends without pause takes turns with those that its events are for.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let unblocked = !self.ended && (self.app.can_go_on() || !had_room && self.app.has_room());
            if std::mem::take(&mut self.again) || unblocked {
                continue;
            }
            let can_send = self.session.can_send() && self.writing.is_empty();
            if self.arm_timer(cx) && (self.ended || self.mailbox.sleep(cx.waker(), can_send)) {
                return Poll::Pending;
            }
        }
    }

    fn check_timeouts(&mut self, now: Instant) {
        if self.app.is_busy() {
            // Nothing is read, so the pong cannot come.
            self.session.extend_heartbeat(now);
        }
        self.session.handle_timeout(now);
        if self.app.timeout().is_some_and(|timeout| now >= timeout) {
            let closing = self.app.on_timeout(now);
            self.close_if(closing);
        }
        self.do_outputs();
    }

    fn close_if(&mut self, closing: Closing) {
        if closing == Closing::Yes && self.session.is_open() {
            self.close();
        }
    }

    fn close(&mut self) {
        let waiting = !self.writing.is_empty() || self.mailbox.has_frames();
        self.session.close(if waiting { Flush::Waiting } else { Flush::Empty });
        self.deferred |= !self.session.is_closed();
    }

    /// Does what the session has decided.
    fn do_outputs(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Ping => {
                    self.blocked |= !self.session.can_send();
                    self.mailbox.with_outbox(|outbox| outbox.push_control(Frame::ping()));
                }
                Output::Pong => {
                    if !std::mem::replace(&mut self.heartbeat_waits, true) {
                        self.mailbox.with_outbox(|outbox| outbox.push_control(Frame::pong()));
                    }
                }
                Output::ProbePong => self.probe_pong_waits = true,
                Output::Upgraded => self.take_over(),
                Output::CloseProbe => self.close_probe(),
                Output::AnswerPoll(answer) => {
                    self.answer_poll(Payload::Text(self.mailbox.dialect().answer(answer).into()));
                }
                Output::Closed { reason, detail } => self.end(reason, detail),
            }
        }
    }

    fn take_over(&mut self) {
        self.again = true;
        self.main = self.probe.take();
        if let Some(main) = &mut self.main {
            self.mailbox.share(main.share());
            self.mailbox.set_transport(main.transport());
        }
        if std::mem::take(&mut self.probe_pong_waits) {
            self.mailbox.with_outbox(|outbox| outbox.push_control(Frame::probe_pong()));
        }
        self.app.on_upgrade();
    }

    /// The probing socket is closed beside the session, which goes on.
    fn close_probe(&mut self) {
        self.probe_pong_waits = false;
        if let Some(probe) = self.probe.take() {
            dismiss(probe);
        }
    }

    fn answer_poll(&mut self, body: Payload) {
        if let Some(poll) = self.poll.take() {
            // If the request is gone, the next look at it ends the session.
            let _ = poll.send(PollReply::Packets(body));
        }
    }

    fn end(&mut self, reason: CloseReason, detail: &'static str) {
        let (reason, detail) = match reason {
            // For the whole wait its socket was full and took not one byte: it could not even be asked.
            CloseReason::PingTimeout if self.main.is_some() && !self.writing.is_empty() => {
                (CloseReason::SlowConsumer, "the socket is full and not read from")
            }
            reason => (reason, detail),
        };
        tracing::debug!(sid = ?self.mailbox.sid(), %reason, detail, "session closed");
        self.ended = true;
        self.again = true;
        self.core.forget(self.mailbox.sid());
        // What was being written waits no more, either.
        self.mailbox.with_outbox(|outbox| outbox.lost(&mut self.writing));
        let Closed { stream, between_frames, commands } = self.mailbox.close();
        self.core.wheel.unset(&mut self.timer);
        // A close packet waits no more; a goodbye may begin.
        self.short_wait.end();
        self.poll = None;
        self.held_post = None;
        let between_frames = between_frames && self.skip == 0;
        self.writing = VecDeque::new();
        self.skip = 0;
        if let Some(main) = &mut self.main {
            if let Some(stream) = stream {
                main.unshare(stream);
            }
            main.say_goodbye(self.close_code, between_frames);
        }
        let taken = self.commands.take().into_iter().flat_map(|taken| *taken);
        for command in taken.chain(commands) {
            if let Command::Application(command) = command {
                self.app.on_overtaken(command);
            }
        }
        self.app.on_close(reason, detail, self.deferred);
    }

    fn poll_goodbye(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        let Some(main) = &mut self.main else { return Poll::Ready(()) };
        if main.poll_goodbye(cx).is_pending() && now < self.short_wait.until(now + GOODBYE) {
            return Poll::Pending;
        }
        self.main = None;
        self.short_wait.end();
        Poll::Ready(())
    }

    /// Makes sure that the task wakes at its next deadline; `false` if that is already over.
    fn arm_timer(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.ended {
            let deadlines = [self.session.poll_timeout(), self.app.timeout()];
            if let Some(deadline) = deadlines.into_iter().flatten().min() {
                self.core.wheel.set(&mut self.timer, &self.mailbox, deadline);
            }
        }
        self.short_wait.arm(cx)
    }
}

/// Closes a stream that belongs to no session, beside whatever goes on.
pub(crate) fn dismiss(mut framed: Box<FramedStream>) {
    framed.say_goodbye(None, true);
    tokio::spawn(async move {
        let goodbye = std::future::poll_fn(|cx| framed.poll_goodbye(cx));
        // If the peer does not close, dropping the stream does.
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    });
}

impl<A: Application> Future for Driver<A> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let _turn = turn::begin();
        self.turn(cx)
    }
}

/// However the task ends, its session is gone.
impl<A: Application> Drop for Driver<A> {
    fn drop(&mut self) {
        if !self.ended {
            self.core.forget(self.mailbox.sid());
            self.core.wheel.unset(&mut self.timer);
            self.mailbox.close();
        }
    }
}
