//! Long-polling: the handshake, the GET that waits, the POST that brings.

use std::fmt::Display;
use std::pin::pin;
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::FutureExt;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use proto::Sid;
use proto::engine::{Dialect, HandshakeError, Revision, Transport};
use tokio::sync::oneshot;

use super::compression::Compression;
use super::jsonp::{self, Jsonp};
use super::reply::{self, Asked, Reply};
use super::request::{Acceptor, Opening};
use crate::core::Core;
use crate::limits::Refused;
use crate::outbox::Urgency;
use crate::session::{Command, Driver, Mailbox, PollReply, PostReply, Posted, Start};

/// Opens a session. Its first poll is this very request, answered by the open packet.
pub(super) async fn open<A: Acceptor>(
    acceptor: &A,
    opening: Opening,
    form: Form,
) -> Result<Reply, HandshakeError> {
    let Opening { sid, dialect, handshake, admission } = opening;
    let mailbox = register(acceptor, sid, dialect, Transport::Polling)
        .ok_or_else(|| HandshakeError::IdGeneration("a session has this id".into()))?;
    admission.keep(sid);
    let (sender, receiver) = oneshot::channel();
    // The session is new, nothing waits in it yet.
    let _ = mailbox.command(Command::Poll(sender));
    let app = acceptor.accept(&mailbox, handshake);
    tokio::spawn(Driver::new(acceptor.core(), mailbox, app, Start::Polling));
    let mut reply = answer(receiver, form).await;
    if let Some(cookie) = &acceptor.core().config.cookie
        && reply.status() == StatusCode::OK
    {
        reply.headers_mut().insert(SET_COOKIE, cookie.header(sid));
    }
    Ok(reply)
}

/// Makes a session known and puts the open packet into its outbox, and the first message, if every session gets one. `None` if
/// there is a session of that id.
pub(super) fn register<A: Acceptor>(
    acceptor: &A,
    sid: Sid,
    dialect: Dialect,
    transport: Transport,
) -> Option<Arc<Mailbox>> {
    let core = acceptor.core();
    let config = &core.config;
    let mailbox = Arc::new(Mailbox::new(sid, dialect, transport, config.outbox));
    mailbox.push(core.opening.frame(mailbox.sid(), transport), &Urgency::Reliable);
    if let Some(initial) = &config.initial_packet {
        mailbox.push(initial.clone(), &Urgency::Reliable);
    }
    if !core.sessions.insert(mailbox.clone()) {
        return None;
    }
    if core.is_closing() {
        // The shutdown may have looked at the registry just before.
        tell(&mailbox, Command::Discard);
    }
    Some(mailbox)
}

/// Waits for packets.
pub(super) async fn poll(mailbox: Arc<Mailbox>, form: Form) -> Reply {
    let (sender, receiver) = oneshot::channel();
    if mailbox.command(Command::Poll(sender)).is_err() {
        return reply::refusal(&HandshakeError::UnknownSid, Asked::Plain);
    }
    drop(mailbox);
    answer(receiver, form).await
}

/// How a request wants its packets.
pub(super) struct Form {
    pub(super) compression: Option<Compression>,
    pub(super) jsonp: Option<Jsonp>,
}

async fn answer(receiver: oneshot::Receiver<PollReply>, form: Form) -> Reply {
    let Form { compression, jsonp } = form;
    let (payload, compression) = match receiver.await {
        Ok(PollReply::Packets(payload)) => (payload, None),
        Ok(PollReply::CompressiblePackets(payload)) => (payload, compression),
        Ok(PollReply::Overlap) => return reply::empty(StatusCode::BAD_REQUEST),
        // The session ended before it saw the request.
        Err(_) => return reply::refusal(&HandshakeError::UnknownSid, Asked::Plain),
    };
    let payload = match jsonp {
        None => Some(payload),
        Some(jsonp) => jsonp.script(&payload),
    };
    // Bytes, for a client that had not asked for a script when it opened the session.
    let Some(payload) = payload else { return reply::empty(StatusCode::BAD_REQUEST) };
    let Some(compression) = compression.filter(|it| it.applies_to(payload.bytes())) else {
        return reply::packets(payload, None);
    };
    let (payload, encoding) = Box::pin(compression.compress_payload(payload)).await;
    reply::packets(payload, encoding)
}

/// Takes a batch of packets, answers when they have been handled.
pub(super) async fn post<B>(
    core: &Core,
    mailbox: Arc<Mailbox>,
    headers: &HeaderMap,
    jsonp: Option<Jsonp>,
    body: B,
) -> Reply
where
    B: Body + Unpin,
    B::Data: Buf,
    B::Error: Display,
{
    let Some(ended) = mailbox.begin_post() else {
        tell(&mailbox, Command::PostOverlap);
        return reply::empty(StatusCode::BAD_REQUEST);
    };
    let guard = PostGuard(Some(&mailbox));
    let binary = headers.get(CONTENT_TYPE).is_some_and(|value| value == "application/octet-stream");
    if binary && mailbox.dialect().revision() == Revision::V4 {
        // Dropping the guard ends the session.
        return reply::empty(StatusCode::BAD_REQUEST);
    }
    let mut reading = pin!(read(body, core.config.max_payload));
    // Most bodies are there already, and for them no timer is set.
    let body = match reading.as_mut().now_or_never() {
        Some(body) => body,
        None => {
            let patience = Box::pin(tokio::time::sleep(core.config.limits.body_timeout));
            tokio::select! {
                // A body that is there counts, however late this task runs.
                biased;
                body = reading => body,
                () = patience => Err(ReadError::Slow),
                // Nobody is left to read it for, and a client that never sends the rest must not hold the connection.
                _ = ended => Err(ReadError::CutOff),
            }
        }
    };
    let body = match body {
        Ok(body) => body,
        Err(ReadError::TooLarge) => {
            guard.release();
            mailbox.end_post();
            return reply::empty(StatusCode::PAYLOAD_TOO_LARGE);
        }
        Err(ReadError::CutOff) => return reply::empty(StatusCode::BAD_REQUEST),
        Err(ReadError::Slow) => {
            core.gate.count(Refused::SlowBodies);
            return reply::empty(StatusCode::REQUEST_TIMEOUT);
        }
    };
    guard.release();
    let body = match jsonp {
        None if binary => Posted::Binary(body),
        None => Posted::Text(body),
        Some(_) => match jsonp::packets_of(&body) {
            Some(body) => Posted::Text(body),
            None => {
                // As in the reference: a form without packets is no error.
                mailbox.end_post();
                return reply::ok();
            }
        },
    };
    let (sender, receiver) = oneshot::channel();
    if mailbox.command(Command::Post(body, sender)).is_err() {
        return reply::refusal(&HandshakeError::UnknownSid, Asked::Plain);
    }
    match receiver.await {
        Ok(PostReply::Handled) => reply::ok(),
        Err(_) => reply::refusal(&HandshakeError::UnknownSid, Asked::Plain),
    }
}

/// A POST that is given up inside its body ends the session.
struct PostGuard<'a>(Option<&'a Mailbox>);

impl PostGuard<'_> {
    fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for PostGuard<'_> {
    fn drop(&mut self) {
        if let Some(mailbox) = self.0 {
            mailbox.end_post();
            tell(mailbox, Command::PostAborted);
        }
    }
}

/// A session that has ended needs no telling.
fn tell(mailbox: &Mailbox, command: Command) {
    let _ = mailbox.command(command);
}

enum ReadError {
    TooLarge,
    CutOff,
    Slow,
}

async fn read<B>(mut body: B, limit: usize) -> Result<Bytes, ReadError>
where
    B: Body + Unpin,
    B::Data: Buf,
    B::Error: Display,
{
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            tracing::debug!(%error, "polling body cut off");
            ReadError::CutOff
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.remaining() > limit {
            return Err(ReadError::TooLarge);
        }
        whole.put(data);
    }
    Ok(whole.freeze())
}

#[cfg(test)]
mod tests;
