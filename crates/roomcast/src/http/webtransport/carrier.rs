//! From a WebTransport session to an engine session, whoever speaks HTTP/3.
//!
//! In: the request that opened the session, and its first stream. Out: a driver of a new session, or a probe for one that
//! polls. What is odd: the request has headers, but the handshake that handlers see has none, as in the reference; the
//! program's own functions, which decide, see all of it.

use std::future::Future;
use std::io;

use proto::Sid;
use proto::engine::{Dialect, HandshakeError, Transport};
use tokio::time::timeout;

use super::hello::Hello;
use crate::core::Core;
use crate::http::handshake::Handshake;
use crate::http::http_request::HttpRequest;
use crate::http::polling::register;
use crate::http::refused::ConnectionRefused;
use crate::http::request::{Acceptor, make_id};
use crate::limits::{Admission, Permit};
use crate::session::{Command, Driver, FramedStream, Mailbox, ReadWrite, Start, Stream, dismiss};

/// A WebTransport session. Dropping it closes it.
pub(crate) trait Carrier: Send + 'static {
    type Stream: ReadWrite;

    /// The first stream of both directions that the client opens. Shutting it down ends the session once all is delivered.
    fn stream(self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// Waits for the client's stream and what it says first, and does that. What cannot be done closes the session, and the
/// program is told.
pub(super) async fn take<A: Acceptor>(
    acceptor: &A,
    carrier: impl Carrier,
    request: HttpRequest,
    permit: Permit,
) -> io::Result<()> {
    let core = acceptor.core();
    let config = &core.config;
    let hello = async {
        let mut stream = carrier.stream().await?;
        let (hello, early) = Hello::read(&mut stream).await?;
        Ok::<_, io::Error>((stream, hello, early))
    };
    let (stream, hello, early) = match timeout(config.timing.upgrade_timeout, hello).await {
        Ok(Err(error)) if error.kind() != io::ErrorKind::InvalidData => return Err(error),
        Ok(Ok(said)) => said,
        // Nonsense, or nothing.
        Ok(Err(_)) | Err(_) => return Err(refuse(core, &request, HandshakeError::TransportHandshake, None)),
    };
    let framed = FramedStream::webtransport(Stream::new(stream), &early, config.max_payload);
    let framed = Box::new(framed.with_permit(Some(permit)));
    match hello {
        Hello::Open => open(acceptor, &request, framed).await,
        Hello::Upgrade(sid) => {
            let Some(mailbox) = core.sessions.find(sid) else {
                return Err(refuse(core, &request, HandshakeError::UnknownSid, Some((sid, None))));
            };
            // Its stream carries packets of revision 4.
            if mailbox.dialect() != Dialect::V4 {
                let named = Some((sid, Some(&*mailbox)));
                return Err(refuse(core, &request, HandshakeError::ProtocolMismatch, named));
            }
            if let Err(Command::Probe(framed)) = mailbox.command(Command::Probe(framed)) {
                dismiss(framed);
            }
            Ok(())
        }
    }
}

async fn open<A: Acceptor>(acceptor: &A, request: &HttpRequest, framed: Box<FramedStream>) -> io::Result<()> {
    let core = acceptor.core();
    let (sid, admission) = admit(core, request).await.map_err(|error| refuse(core, request, error, None))?;
    let Some(mailbox) = register(acceptor, sid, Dialect::V4, Transport::WebTransport) else {
        let taken = HandshakeError::IdGeneration("a session has this id".to_owned());
        return Err(refuse(core, request, taken, None));
    };
    admission.keep(sid);
    let handshake = Handshake::without_headers(request);
    let app = acceptor.accept(&mailbox, handshake);
    tokio::spawn(Driver::new(core, mailbox, app, Start::FramedStream(framed)));
    Ok(())
}

/// A place and an id for a new session.
async fn admit(core: &Core, request: &HttpRequest) -> Result<(Sid, Admission), HandshakeError> {
    let admission = core.gate.admit(request.client_address())?;
    if let Some(allow) = &core.hooks.allow {
        let forbidden = |text: Option<String>| HandshakeError::Forbidden(text.unwrap_or_default());
        allow.ask(request).await.map_err(forbidden)?;
    }
    let sid = make_id(core, request).await?;
    match core.is_closing() {
        true => Err(HandshakeError::Unavailable),
        false => Ok((sid, admission)),
    }
}

/// Tells the program of a refusal; the error is for whoever closes the session. `named`: which session the client wants, and
/// that session.
pub(super) fn refuse(
    core: &Core,
    request: &HttpRequest,
    error: HandshakeError,
    named: Option<(Sid, Option<&Mailbox>)>,
) -> io::Error {
    core.hooks.tell_refused(|| match named {
        Some((sid, session)) => {
            ConnectionRefused::new(request.clone(), error.clone(), session).of_a_stream(sid)
        }
        None => ConnectionRefused::new(request.clone(), error.clone(), None),
    });
    io::Error::new(io::ErrorKind::PermissionDenied, error)
}
