//! Long-polling: the handshake, the GET that waits, the POST that brings.

use std::fmt::Display;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use proto::Sid;
use proto::engine::{HandshakeError, Transport};
use tokio::sync::oneshot;

use super::compression::Compression;
use super::reply::{self, Asked, Reply};
use super::request::{Acceptor, Opening};
use crate::core::Core;
use crate::limits::{Admission, Refused};
use crate::outbox::Urgency;
use crate::session::{Command, Driver, Mailbox, PollReply, PostReply, Start};

/// Opens a session. Its first poll is this very request, answered by the open packet.
pub(super) async fn open<A: Acceptor>(
    acceptor: &A,
    opening: Opening,
    compression: Option<Compression>,
) -> Result<Reply, HandshakeError> {
    let Opening { sid, handshake, admission } = opening;
    let mailbox = register(acceptor, sid, Transport::Polling, admission)
        .ok_or_else(|| HandshakeError::IdGeneration("a session has this id".into()))?;
    let (sender, receiver) = oneshot::channel();
    // The session is new, nothing waits in it yet.
    let _ = mailbox.command(Command::Poll(sender));
    let app = acceptor.accept(&mailbox, handshake);
    tokio::spawn(Driver::new(acceptor.core(), mailbox, app, Start::Polling));
    let mut reply = answer(receiver, compression).await;
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
    transport: Transport,
    admission: Admission,
) -> Option<Arc<Mailbox>> {
    let core = acceptor.core();
    let config = &core.config;
    let mailbox = Arc::new(Mailbox::new(sid, transport, config.outbox));
    mailbox.push(core.opening.frame(mailbox.sid(), transport), &Urgency::Reliable);
    if let Some(initial) = &config.initial_packet {
        mailbox.push(initial.clone(), &Urgency::Reliable);
    }
    if !core.sessions.insert(mailbox.clone()) {
        return None;
    }
    admission.keep(sid);
    if core.is_closing() {
        // The shutdown may have looked at the registry just before.
        tell(&mailbox, Command::Discard);
    }
    Some(mailbox)
}

/// Waits for packets.
pub(super) async fn poll(mailbox: Arc<Mailbox>, compression: Option<Compression>) -> Reply {
    let (sender, receiver) = oneshot::channel();
    if mailbox.command(Command::Poll(sender)).is_err() {
        return reply::refusal(&HandshakeError::UnknownSid, Asked::Plain);
    }
    drop(mailbox);
    answer(receiver, compression).await
}

async fn answer(receiver: oneshot::Receiver<PollReply>, compression: Option<Compression>) -> Reply {
    match receiver.await {
        Ok(PollReply::Packets(body)) => reply::packets(body, None),
        Ok(PollReply::CompressiblePackets(body)) => match compression.filter(|it| it.applies_to(&body)) {
            None => reply::packets(body, None),
            Some(compression) => match compression.compress(body).await {
                Some(body) => reply::packets(body, Some(compression.encoding())),
                // The runtime is being shut down.
                None => reply::empty(StatusCode::INTERNAL_SERVER_ERROR),
            },
        },
        Ok(PollReply::Overlap) => reply::empty(StatusCode::BAD_REQUEST),
        // The session ended before it saw the request.
        Err(_) => reply::refusal(&HandshakeError::UnknownSid, Asked::Plain),
    }
}

/// Takes a batch of packets, answers when they have been handled.
pub(super) async fn post<B>(core: &Core, mailbox: Arc<Mailbox>, headers: &HeaderMap, body: B) -> Reply
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
    if headers.get(CONTENT_TYPE).is_some_and(|value| value == "application/octet-stream") {
        // Binary bodies belong to revision 3. Dropping the guard ends the session.
        return reply::empty(StatusCode::BAD_REQUEST);
    }
    let body = tokio::select! {
        body = read(body, core.config.max_payload) => body,
        () = tokio::time::sleep(core.config.limits.body_timeout) => Err(ReadError::Slow),
        // Nobody is left to read it for, and a client that never sends the rest must not hold the connection.
        _ = ended => Err(ReadError::CutOff),
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
        bytes::BufMut::put(&mut whole, data);
    }
    Ok(whole.freeze())
}

#[cfg(test)]
mod tests;
