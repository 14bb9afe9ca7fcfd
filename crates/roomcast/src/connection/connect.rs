//! A client asks for a namespace: find it, run its middlewares, answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arc_swap::Guard;
use futures_util::FutureExt;
use proto::Sid;
use proto::engine::{Frame, Revision};
use proto::socket::{Args, EncodeError, NamespacePath, SlotId};
use serde::Serialize;
use smallvec::SmallVec;

use super::{Asked, Connection};
use crate::error::{Cause, ConnectError};
use crate::extract::{EventContext, EventReader, Parting};
use crate::handler::{AnyHandler, Done, Origin, panic_message};
use crate::http::Handshake;
use crate::namespace::Joining;
use crate::outbox::Urgency;
use crate::recovery::{self, Departure, Seat};
use crate::session::{Closing, Mailbox};
use crate::socket::auth_args;
use crate::{Io, Namespace, Socket};

/// How a connect was decided.
pub(crate) struct Accepted {
    slot: SlotId,
    path: NamespacePath,
    /// The socket that may come in, or why it may not.
    result: Result<Entering, Refused>,
}

/// Why a socket may not come in.
enum Refused {
    NoSuchNamespace,
    ByMiddleware(ConnectError),
}

/// A socket on its way in: if it never arrives, it leaves no trace.
pub(crate) struct Entering {
    io: Io,
    /// Taken when it has arrived.
    socket: Option<Socket>,
    /// Keeps a namespace that was made for it.
    joining: Option<Joining>,
}

impl Drop for Entering {
    fn drop(&mut self) {
        if let Some(socket) = self.socket.take() {
            let rooms = socket.depart();
            // One that came back and has not arrived may try again.
            socket.part(rooms, if socket.recovered() { Departure::Kept } else { Departure::Final });
        }
        if let Some(joining) = self.joining.take() {
            let namespace = joining.namespace().clone();
            drop(joining);
            self.io.clean_up(&namespace);
        }
    }
}

#[derive(Serialize)]
struct ConnectReply<'a> {
    sid: &'a str,
    /// With recovery on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<&'a str>,
}

impl Connection {
    /// Begins the connects of the batch that has just ended.
    #[inline]
    pub(super) fn begin_connects(&mut self) {
        if let Some(asked) = self.asked.take() {
            self.begin(*asked);
        }
    }

    fn begin(&mut self, asked: SmallVec<[Asked; 1]>) {
        for (slot, path, auth) in asked {
            let (io, mailbox, handshake) = (self.io.clone(), self.mailbox.clone(), self.handshake.clone());
            let task = async move { Done::Connect(enter(io, mailbox, handshake, slot, path, auth).await) };
            if let Some(done) = self.tasks.begin(Box::pin(task)) {
                self.done(done);
            }
        }
    }

    /// A connect has been decided: the protocol hears of it, and the client.
    pub(super) fn decided(&mut self, accepted: Accepted) {
        let Accepted { slot, path, result } = accepted;
        if self.closed || self.closing == Closing::Yes {
            // Dropping the result undoes what was done for it.
            return;
        }
        match result {
            Err(refused) => {
                self.protocol.remove(slot);
                match refused {
                    Refused::NoSuchNamespace => self.refuse(path.as_str(), "Invalid namespace"),
                    Refused::ByMiddleware(error) => self.refuse_with(path.as_str(), &error),
                }
            }
            Ok(entering) => {
                if self.protocol.accept(slot) {
                    self.welcome(slot, entering);
                }
            }
        }
    }

    fn welcome(&mut self, slot: SlotId, mut entering: Entering) {
        let Some(socket) = &entering.socket else { return };
        let pid = socket.seat().map(Seat::pid);
        let reply = match socket.revision() {
            Revision::V3 => None,
            Revision::V4 => Some(ConnectReply { sid: socket.id(), pid: pid.as_ref().map(Sid::as_str) }),
        };
        let frame = match socket.encoder().connect(socket.namespace_path(), reply.as_ref()) {
            Ok(frame) => frame,
            Err(error) => {
                // Only a parser of the user's can fail at an id; a client that hears nothing is better off alone.
                socket.report("connect", Cause::Emit(error.into()));
                self.closing = Closing::Yes;
                return;
            }
        };
        let Some(socket) = entering.socket.take() else { return };
        self.connect_deadline = None;
        if let Some((seat, recorder)) = socket.recovery() {
            if recovery::welcome(&socket, seat, recorder, frame).is_err() {
                tracing::debug!(socket = socket.id(), "what it has missed is not kept any more");
                self.closing = Closing::Yes;
                entering.socket = Some(socket);
                return;
            }
        } else {
            // The reply goes before anything that rooms may bring.
            let _ = socket.push(frame, &Urgency::Reliable);
            socket.arrive();
        }
        self.sockets.push((slot, socket.clone()));
        drop(entering);
        let definition = socket.namespace().definition();
        let auth = socket.auth_text();
        let args = auth_args(auth.as_deref());
        for handler in &definition.connect {
            self.call(&**handler, &socket, &crate::names::CONNECT, &args, None, None);
        }
    }

    /// A refusal of the server's own, which is an object in both revisions.
    pub(super) fn refuse(&mut self, path: &str, message: &str) {
        let refusal = self.io.hooks().encoder.connect_error(path, &ConnectError::new(message));
        self.push_refusal(path, refusal);
    }

    fn refuse_with(&mut self, path: &str, error: &ConnectError) {
        let encoder = &self.io.hooks().encoder;
        let refusal = match self.mailbox.dialect().revision() {
            Revision::V3 => encoder.bare_connect_error(path, &error.bare()),
            Revision::V4 => encoder.connect_error(path, error),
        };
        self.push_refusal(path, refusal);
    }

    fn push_refusal(&mut self, path: &str, refusal: Result<Frame, EncodeError>) {
        match refusal {
            // A session that has ended hears nothing.
            Ok(frame) => _ = self.mailbox.push(frame, &Urgency::Reliable),
            Err(error) => {
                tracing::warn!(namespace = path, %error, "a refusal cannot be written");
                self.closing = Closing::Yes;
            }
        }
    }

    /// Calls a handler: its parameters, its first step, all in place.
    pub(super) fn call(
        &mut self,
        handler: &AnyHandler,
        socket: &Socket,
        event: &Arc<str>,
        args: &Args<'_>,
        ack: Option<&Arc<crate::handler::AckSlot>>,
        parting: Option<&Parting>,
    ) {
        let Self { io, tasks, .. } = self;
        let mut context = EventContext { io, socket, event: EventReader::new(event, args), ack, parting };
        let begun = catch_unwind(AssertUnwindSafe(|| handler(&mut context)));
        let cause = match begun {
            Ok(Ok(future)) => {
                tasks.start(future, || Origin {
                    socket: socket.clone(),
                    event: event.clone(),
                    ack: ack.cloned(),
                });
                return;
            }
            Ok(Err(trouble)) => *trouble.0,
            Err(panic) => Cause::Panicked(panic_message(&*panic)),
        };
        if let Some(ack) = ack {
            ack.fail_by(&cause);
        }
        socket.report(event, cause);
    }
}

/// Everything between the wish and the decision.
async fn enter(
    io: Io,
    mailbox: Arc<Mailbox>,
    handshake: Arc<Handshake>,
    slot: SlotId,
    path: NamespacePath,
    auth: Option<Box<str>>,
) -> Accepted {
    let result = match io.find_namespace(&path, auth.as_deref()).await {
        None => Err(Refused::NoSuchNamespace),
        Some(joining) => {
            let namespace = joining.namespace().clone();
            // From here on, even if nobody waits any more, a namespace that was made for it is freed.
            let entering = Entering { io, socket: None, joining: Some(joining) };
            let entered = run_middlewares(entering, namespace, mailbox, handshake, auth).await;
            entered.map_err(Refused::ByMiddleware)
        }
    };
    Accepted { slot, path, result }
}

async fn run_middlewares(
    mut entering: Entering,
    namespace: Namespace,
    mailbox: Arc<Mailbox>,
    handshake: Arc<Handshake>,
    auth: Option<Box<str>>,
) -> Result<Entering, ConnectError> {
    namespace.prepared().await;
    let definition = Guard::into_inner(namespace.definition());
    let restored = match namespace.recorder() {
        // In a box, because it is rare, and this future is not.
        Some(recorder) => Box::pin(recovery::claim(&namespace, recorder, &mailbox, auth.as_deref())).await,
        None => None,
    };
    let socket = Socket::enter(&namespace, mailbox, handshake, auth, restored);
    entering.socket = Some(socket.clone());
    let skip =
        socket.recovered() && namespace.recorder().is_some_and(|log| log.absence().skips_middlewares());
    let middlewares = if skip { &[][..] } else { &definition.middlewares };
    for middleware in middlewares {
        run_middleware(&entering.io, &**middleware, &socket).await?;
    }
    Ok(entering)
}

async fn run_middleware(io: &Io, middleware: &AnyHandler, socket: &Socket) -> Result<(), ConnectError> {
    let begun = {
        let auth = socket.auth_text();
        let args = auth_args(auth.as_deref());
        let mut context = EventContext {
            io,
            socket,
            event: EventReader::new("middleware", &args),
            ack: None,
            parting: None,
        };
        catch_unwind(AssertUnwindSafe(|| middleware(&mut context)))
    };
    let result = match begun {
        Ok(Ok(future)) => AssertUnwindSafe(future).catch_unwind().await,
        Ok(Err(trouble)) => Ok(Err(trouble)),
        Err(panic) => Err(panic),
    };
    match result {
        Ok(Ok(())) => Ok(()),
        Ok(Err(trouble)) => Err(match *trouble.0 {
            Cause::Returned(value) => ConnectError::from_value(value),
            cause => {
                let message = format!("invalid auth: {cause}");
                let refusal = match cause {
                    Cause::Arguments(_) => ConnectError::new(message),
                    _ => ConnectError::new("internal error"),
                };
                socket.report("middleware", cause);
                refusal
            }
        }),
        Err(panic) => {
            socket.report("middleware", Cause::Panicked(panic_message(&*panic)));
            Err(ConnectError::new("internal error"))
        }
    }
}
