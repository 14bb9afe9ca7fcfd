//! One connection: the namespaces of one client, multiplexed over its session.
//!
//! In: messages, from the driver. Out: calls of handlers, in order; frames into the outbox. It is the [`Application`]
//! of the session, so all of it runs in the session's own task.

mod connect;
mod deferred;
mod dispatch;
mod flood;
mod leave;

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use proto::engine::{CloseReason, Message, Revision};
use proto::socket::{Decision, NamespacePath, SlotId, Violation};
use smallvec::SmallVec;

use crate::engine::Session;
use crate::error::Cause;
use crate::extract::{Parting, Reason};
use crate::handler::{Done, Tasks};
use crate::http::Handshake;
use crate::limits::Refused;
use crate::outbox::Urgency;
use crate::recovery::Departure;
use crate::session::{Application, Closing, Command, Mailbox};
use crate::socket::auth_args;
use crate::{Io, Socket, names};

use deferred::Deferred;
use flood::Flow;

pub(crate) use connect::Accepted;

/// The command that disconnects every socket and then closes the session; any number but these four is that of a socket
/// that is to leave.
pub(crate) const CLOSE_ALL: u64 = u64::MAX;

/// The command that closes the session under its sockets.
pub(crate) const CLOSE_SESSION: u64 = u64::MAX - 1;

/// The command that begins the connect to the main namespace which a client of revision 3 does not ask for, and the one that
/// gives that command: the first answer to a poll holds the open packet alone, so it waits a turn.
const CONNECT_MAIN: u64 = u64::MAX - 2;
const CONNECT_MAIN_SOON: u64 = u64::MAX - 3;

/// A connect: where it stands, where it wants to go, what came along.
type Asked = (SlotId, NamespacePath, Option<Box<str>>);
/// Those of a batch. Hardly any has some, and then mostly one.
type Wishes = Option<Box<SmallVec<[Asked; 1]>>>;

pub(crate) struct Connection {
    io: Io,
    mailbox: Arc<Mailbox>,
    handshake: Arc<Handshake>,
    protocol: proto::socket::Connection,
    /// Mostly one.
    sockets: SmallVec<[(SlotId, Socket); 1]>,
    /// The connects of this batch: the reference, too, answers them after it.
    asked: Wishes,
    tasks: Tasks,
    deferred: Deferred,
    /// What it has sent of late, where that is limited.
    flow: Option<Box<Flow>>,
    /// Until a namespace is joined.
    connect_deadline: Option<Instant>,
    /// While a packet waits for attachments.
    attachment_deadline: Option<Box<Instant>>,
    /// A message came in this batch; heartbeats are no progress.
    progressed: bool,
    closing: Closing,
    closed: bool,
}

impl Connection {
    pub(crate) fn new(io: Io, mailbox: Arc<Mailbox>, handshake: Handshake) -> Self {
        let config = io.config();
        let limits = &io.hooks().limits;
        let flow = Flow::new(&io.core().config.limits);
        let deadline = now().checked_add(config.connect_timeout);
        let revision = mailbox.dialect().revision();
        let protocol = match io.hooks().encoder.parser() {
            None => proto::socket::Connection::new(limits.clone(), config.max_namespaces),
            Some(parser) => proto::socket::Connection::with_parser(parser, **limits, config.max_namespaces),
        };
        let mut protocol = protocol.with_revision(revision);
        let mut asked = None;
        if revision == Revision::V3 {
            ask(&mut asked, (protocol.connect_main(), NamespacePath::root(), None));
            // The session is new, so it takes commands.
            let _ = mailbox.command(Command::Application(CONNECT_MAIN_SOON));
        }
        let connection = Self {
            protocol,
            io,
            mailbox,
            handshake: Arc::new(handshake),
            sockets: SmallVec::new(),
            asked,
            tasks: Tasks::default(),
            deferred: Deferred::default(),
            flow,
            connect_deadline: deadline,
            attachment_deadline: None,
            progressed: false,
            closing: Closing::No,
            closed: false,
        };
        connection.io.core().session_hooks.opened(|| connection.session());
        connection
    }

    fn session(&self) -> Session {
        Session::new(self.mailbox.clone(), self.handshake.clone())
    }

    fn socket(&self, slot: SlotId) -> Option<&Socket> {
        self.sockets.iter().find(|(other, _)| *other == slot).map(|(_, socket)| socket)
    }

    fn decide(&mut self, decision: Decision<'_>) {
        match decision {
            Decision::Event { slot, id, event } => {
                if self.flow.is_some() && !self.takes_event(slot, id, &event) {
                    return;
                }
                self.receive_event(slot, id, event);
            }
            Decision::Ack { slot, id, args } => {
                if self.flow.is_some() {
                    self.note_ack(&args);
                }
                if let Some(socket) = self.socket(slot) {
                    socket.answered(id, args);
                }
            }
            Decision::Connect { slot, namespace, auth } => {
                if self.flow.is_some() && !self.takes_connect(slot, &namespace, auth.as_deref()) {
                    return;
                }
                ask(&mut self.asked, (slot, namespace, auth.map(Into::into)));
            }
            Decision::Refuse { namespace, reason } => self.refuse(&namespace, &reason.to_string()),
            Decision::Disconnect { slot } => {
                // A connect that the same batch takes back is not begun.
                if let Some(asked) = &mut self.asked {
                    asked.retain(|(asked, ..)| *asked != slot);
                }
                self.receive_leave(slot);
            }
            // `Nothing`, and what a later version of the protocol crate may add.
            _ => {}
        }
    }

    fn violated(&mut self, violation: &Violation) -> Closing {
        tracing::debug!(sid = ?self.mailbox.sid(), %violation, "protocol violation");
        if violation.raises_error() {
            for (_, socket) in &self.sockets {
                socket.report("error", Cause::Protocol(violation.clone()));
            }
        }
        self.closing = Closing::Yes;
        Closing::Yes
    }
}

impl Application for Connection {
    fn on_message(&mut self, message: Message<'_>) -> Closing {
        if self.closing == Closing::Yes || self.closed {
            return Closing::Yes;
        }
        self.progressed = true;
        let decision = match message {
            Message::Text(text) => self.protocol.handle_text(text),
            Message::Binary(bytes) => self.protocol.handle_binary(bytes),
        };
        match decision {
            Ok(decision) => self.decide(decision),
            Err(violation) => return self.violated(&violation),
        }
        self.closing
    }

    fn on_batch_end(&mut self) -> Closing {
        self.protocol.end_of_batch();
        if !self.protocol.is_reassembling() {
            self.attachment_deadline = None;
        } else if self.progressed {
            let timeout = self.io.core().config.limits.attachment_timeout;
            self.attachment_deadline = Some(Box::new(now() + timeout));
        }
        self.progressed = false;
        match self.closing {
            Closing::No => self.begin_connects(),
            // Who breaks the protocol does not get in any more.
            Closing::Yes => self.asked = None,
        }
        self.closing
    }

    fn on_command(&mut self, command: u64) -> Closing {
        if command == CLOSE_ALL {
            self.sockets.iter().for_each(|(slot, _)| self.goodbye(*slot));
            self.leave_all(Reason::ServerNamespaceDisconnect.into());
            self.closing = Closing::Yes;
        } else if command == CLOSE_SESSION {
            self.closing = Closing::Yes;
        } else if command == CONNECT_MAIN_SOON {
            let _ = self.mailbox.command(Command::Application(CONNECT_MAIN));
        } else if command == CONNECT_MAIN {
            self.begin_connects();
        } else if let Some((slot, _)) = self.sockets.iter().find(|(_, socket)| socket.number() == command) {
            let slot = *slot;
            self.goodbye(slot);
            self.protocol.remove(slot);
            self.leave(slot, Reason::ServerNamespaceDisconnect);
        }
        self.closing
    }

    /// Who was told to leave has left by that, and not by a lost connection, after which it could come back.
    fn on_overtaken(&mut self, command: u64) {
        if command != CONNECT_MAIN && command != CONNECT_MAIN_SOON {
            self.on_command(command);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.call_deferred();
            match self.tasks.poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(done)) => self.done(done),
                Poll::Ready(None) => return Poll::Ready(()),
            }
        }
    }

    fn wants_close(&self) -> Closing {
        self.closing
    }

    fn on_drained(&mut self) {
        let sockets: SmallVec<[Socket; 1]> = self.sockets.iter().map(|(_, socket)| socket.clone()).collect();
        for socket in sockets {
            for handler in socket.drain_handlers() {
                self.call(&*handler, &socket, &names::DRAIN, &auth_args(None), None, None);
            }
        }
    }

    fn has_room(&self) -> bool {
        self.deferred.has_room()
    }

    fn is_busy(&self) -> bool {
        !self.deferred.has_room() && !self.has_free_call()
    }

    fn can_go_on(&self) -> bool {
        self.can_call_deferred()
    }

    fn timeout(&self) -> Option<Instant> {
        let deadlines = [self.connect_deadline, self.attachment_deadline.as_deref().copied()];
        deadlines.into_iter().flatten().min()
    }

    fn on_timeout(&mut self, now: Instant) -> Closing {
        if self.attachment_deadline.take_if(|deadline| now >= **deadline).is_some() {
            tracing::debug!(sid = ?self.mailbox.sid(), "attachments missing for too long");
            self.io.core().gate.count(Refused::SlowAttachments);
            self.closing = Closing::Yes;
        }
        if self.connect_deadline.take_if(|deadline| now >= *deadline).is_some()
            && !self.protocol.has_joined_any()
        {
            tracing::debug!(sid = ?self.mailbox.sid(), "no namespace joined in time");
            self.closing = Closing::Yes;
        }
        self.closing
    }

    fn on_upgrade(&mut self) {
        self.io.core().session_hooks.upgraded(|| self.session());
        let sockets: SmallVec<[Socket; 1]> = self.sockets.iter().map(|(_, socket)| socket.clone()).collect();
        for socket in sockets {
            for handler in socket.upgrade_handlers() {
                self.call(&*handler, &socket, &names::UPGRADE, &auth_args(None), None, None);
            }
        }
    }

    fn on_close(&mut self, reason: CloseReason, detail: &'static str, deferred: bool) {
        self.io.core().session_hooks.closed(|| self.session(), reason, detail);
        self.closed = true;
        self.connect_deadline = None;
        self.attachment_deadline = None;
        self.asked = None;
        self.call_all_deferred();
        let reason = match self.io.core().is_closing() {
            true => Reason::ServerShuttingDown,
            false => Reason::of_session(reason, deferred),
        };
        if reason == Reason::SlowConsumer {
            self.io.hooks().counting.count_closed_slow();
            self.sockets.iter().for_each(|(_, socket)| socket.namespace().count_closed_slow());
        }
        self.leave_all(Parting { reason, detail: Some(detail) });
    }
}

impl Connection {
    /// Tells the client that the server ends a socket.
    fn goodbye(&self, slot: SlotId) {
        let Some(socket) = self.socket(slot) else { return };
        match socket.encoder().disconnect(socket.namespace_path()) {
            // A session that has ended hears nothing.
            Ok(frame) => _ = socket.push(frame, &Urgency::Reliable),
            Err(error) => socket.report("disconnect", Cause::Emit(error.into())),
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Handler => {}
            Done::Connect(accepted) => self.decided(accepted),
        }
    }
}

/// Notes a wish. Nearly every batch that has any has one.
fn ask(asked: &mut Wishes, wish: Asked) {
    asked.get_or_insert_default().push(wish);
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// However the task ends, nobody stays in a room.
impl Drop for Connection {
    fn drop(&mut self) {
        for (_, socket) in self.sockets.drain(..) {
            let rooms = socket.depart();
            socket.part(rooms, Departure::Final);
            self.io.clean_up(socket.namespace());
        }
    }
}
