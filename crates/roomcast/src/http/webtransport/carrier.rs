//! From a WebTransport session to an engine session, whoever speaks HTTP/3.
//!
//! In: the request that opened the session, and its first stream. Out: a driver of a new session, or a probe for one that
//! polls. What is odd: the request has headers, but the handshake that handlers see has none, as in the reference; the
//! program's own functions, which decide, see all of it.

use std::future::Future;
use std::io;

use proto::engine::{Dialect, Transport};
use tokio::time::timeout;

use super::hello::Hello;
use crate::http::handshake::Handshake;
use crate::http::http_request::HttpRequest;
use crate::http::polling::register;
use crate::http::request::{Acceptor, make_id};
use crate::limits::Permit;
use crate::session::{Command, Driver, FramedStream, ReadWrite, Start, Stream, dismiss};

/// A WebTransport session. Dropping it closes it.
pub(crate) trait Carrier: Send + 'static {
    type Stream: ReadWrite;

    /// The first stream of both directions that the client opens. Shutting it down ends the session once all is delivered.
    fn stream(self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// Waits for the client's stream and what it says first, and does that. What cannot be done closes the session.
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
    let (stream, hello, early) = timeout(config.timing.upgrade_timeout, hello).await??;
    let framed = FramedStream::webtransport(Stream::new(stream), &early, config.max_payload);
    let framed = Box::new(framed.with_permit(Some(permit)));
    match hello {
        Hello::Open => open(acceptor, &request, framed).await,
        Hello::Upgrade(sid) => {
            let Some(mailbox) = core.sessions.find(sid) else { return Err(refused("unknown session")) };
            // Its stream carries packets of revision 4.
            if mailbox.dialect() != Dialect::V4 {
                return Err(refused("a session of revision 3"));
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
    let admission = core.gate.admit(request.client_address()).map_err(io::Error::other)?;
    if let Some(allow) = &core.hooks.allow
        && allow.ask(request).await.is_err()
    {
        return Err(refused("forbidden"));
    }
    let sid = make_id(core, request).await.map_err(io::Error::other)?;
    if core.is_closing() {
        return Ok(());
    }
    let Some(mailbox) = register(acceptor, sid, Dialect::V4, Transport::WebTransport) else {
        return Err(refused("the id is taken"));
    };
    admission.keep(sid);
    let handshake = Handshake::without_headers(request);
    let app = acceptor.accept(&mailbox, handshake);
    tokio::spawn(Driver::new(core, mailbox, app, Start::FramedStream(framed)));
    Ok(())
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}
