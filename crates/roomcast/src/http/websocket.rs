//! The WebSocket handshake, and what becomes of the connection behind it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use parking_lot::Mutex;
use proto::engine::{Dialect, HandshakeError, Revision, Transport};
use proto::websocket::{Accept, Agreement, Key};
use tokio::net::TcpStream;

use super::ResponseBody;
use super::handshake::Peer;
use super::polling::register;
use super::reply::Reply;
use super::request::{Acceptor, Opening};
use crate::limits::Permit;
use crate::session::{
    Command, Compression, Driver, FramedStream, Mailbox, PerMessageDeflate, Start, Stream, dismiss,
};

/// How long a client of revision 3 has, from the 101 on, to begin to listen: such clients may do so once they hear that the
/// WebSocket is open, and miss an open packet that comes in one piece with that. (The suite of the protocol does.)
const BEFORE_THE_OPEN_PACKET: Duration = Duration::from_millis(5);

/// Opens a session on a WebSocket. The session exists once the connection is handed over.
pub(super) fn open<A: Acceptor>(
    acceptor: &A,
    parts: &Parts,
    opening: Opening,
) -> Result<Reply, HandshakeError> {
    let Opening { sid, dialect, handshake, admission } = opening;
    let taking = acceptor.clone();
    accept(acceptor, parts, dialect, move |framed| {
        let begin = move || {
            if taking.core().is_closing() {
                return;
            }
            let Some(mailbox) = register(&taking, sid, dialect, Transport::WebSocket) else {
                // Another one has got the same id from the program in the meantime.
                return dismiss(framed);
            };
            admission.keep(sid);
            let app = taking.accept(&mailbox, handshake);
            tokio::spawn(Driver::new(taking.core(), mailbox, app, Start::FramedStream(framed)));
        };
        match dialect.revision() {
            Revision::V4 => begin(),
            Revision::V3 => {
                tokio::spawn(async move {
                    tokio::time::sleep(BEFORE_THE_OPEN_PACKET).await;
                    begin();
                });
            }
        }
    })
}

/// Brings a WebSocket to a polling session.
pub(super) fn probe<A: Acceptor>(
    acceptor: &A,
    parts: &Parts,
    dialect: Dialect,
    mailbox: Arc<Mailbox>,
) -> Result<Reply, HandshakeError> {
    accept(acceptor, parts, dialect, move |framed| {
        if let Err(Command::Probe(framed)) = mailbox.command(Command::Probe(framed)) {
            dismiss(framed);
        }
    })
}

/// Grants a WebSocket that no session wants, and closes it.
pub(super) fn useless<A: Acceptor>(acceptor: &A, parts: &Parts) -> Result<Reply, HandshakeError> {
    accept(acceptor, parts, Dialect::V4, dismiss)
}

/// Where a request leaves word that it takes the connection over, once its answer is written. Our own listener puts one
/// into every request; other HTTP servers are asked for the connection in hyper's way, which costs a task.
#[derive(Clone, Default)]
pub(crate) struct Takeover(Arc<Mutex<Option<Heir>>>);

/// The listener's end of it: what has not taken over when the connection is gone never will, and holds no place of a session
/// any longer, even if the program keeps a request of that connection.
#[derive(Default)]
pub(super) struct Handover(Takeover);

/// Gets the stream, the bytes that came early, and what the connection may be there for.
type Heir = Box<dyn FnOnce(Stream, &[u8], Option<Permit>) + Send>;

impl Handover {
    /// For the requests.
    pub(super) fn takeover(&self) -> Takeover {
        self.0.clone()
    }

    /// Who takes the connection, if anybody does.
    pub(super) fn take(&self) -> Option<Heir> {
        self.0.0.lock().take()
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        drop(self.take());
    }
}

/// Checks the handshake, answers it; `then` gets the WebSocket.
fn accept<A: Acceptor>(
    acceptor: &A,
    parts: &Parts,
    dialect: Dialect,
    then: impl FnOnce(Box<FramedStream>) + Send + 'static,
) -> Result<Reply, HandshakeError> {
    let accept = check(parts).ok_or(HandshakeError::TransportHandshake)?;
    let mut reply = Response::new(ResponseBody::from(Bytes::new()));
    *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = reply.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    let accept = HeaderValue::from_bytes(accept.as_bytes()).expect("base64 is a header value");
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    // The first protocol offered is taken, as the `ws` package does: browsers refuse a reply that takes none up.
    let protocols = parts.headers.get(SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok());
    if let Some(first) = protocols.and_then(|value| value.split(',').next())
        && let Ok(first) = HeaderValue::from_str(first.trim())
    {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, first);
    }
    let config = &acceptor.core().config;
    let compression = compression(config.per_message_deflate, &parts.headers)?;
    if let Some((_, answer)) = &compression {
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, answer.clone());
    }
    let max_message = config.max_payload;
    let then = move |stream, early: &[u8], permit| {
        let framed = FramedStream::websocket(stream, early, max_message, dialect).with_permit(permit);
        then(Box::new(match &compression {
            None => framed,
            Some((compression, _)) => framed.compressed(compression, dialect),
        }));
    };
    if let Some(takeover) = parts.extensions.get::<Peer>().and_then(|peer| peer.takeover.as_ref()) {
        *takeover.0.lock() = Some(Box::new(then));
    } else {
        // Nobody can hand over what the HTTP server has not offered.
        let upgrade =
            parts.extensions.get::<OnUpgrade>().cloned().ok_or(HandshakeError::TransportHandshake)?;
        tokio::spawn(async move {
            match upgrade.await {
                Ok(upgraded) => {
                    let (stream, early) = unwrap(upgraded);
                    then(stream, &early, None);
                }
                Err(error) => tracing::debug!(%error, "connection lost during the WebSocket handshake"),
            }
        });
    }
    Ok(reply)
}

/// What is agreed on about compression, and how the client is told.
fn compression(
    options: Option<PerMessageDeflate>,
    headers: &HeaderMap,
) -> Result<Option<(Compression, HeaderValue)>, HandshakeError> {
    let Some(options) = options else { return Ok(None) };
    let values = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter();
    let values = values.map(HeaderValue::to_str).collect::<Result<Vec<_>, _>>();
    let values = values.map_err(|_| HandshakeError::TransportHandshake)?;
    let agreement = Agreement::negotiate(values, options.terms());
    let agreement = agreement.map_err(|_| HandshakeError::TransportHandshake)?;
    Ok(agreement.and_then(|agreement| {
        let answer = HeaderValue::from_str(&agreement.to_string()).ok()?;
        Some((options.agreed(agreement), answer))
    }))
}

/// Whether a request asks for another protocol, as Node sees it: by both headers.
pub(super) fn wants_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE) && has_token(headers, CONNECTION, "upgrade")
}

fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers.get_all(name);
    let tokens = values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    tokens.map(str::trim).any(|one| one.eq_ignore_ascii_case(token))
}

/// Of a request that [wants an upgrade](wants_upgrade).
fn check(parts: &Parts) -> Option<Accept> {
    // HTTP/1.0 has no upgrades; and a body, which no GET has, would be read as frames.
    if parts.version < Version::HTTP_11
        || parts.method != Method::GET
        || !has_token(&parts.headers, UPGRADE, "websocket")
    {
        return None;
    }
    let version = parts.headers.get(SEC_WEBSOCKET_VERSION)?;
    if version != "13" && version != "8" {
        return None;
    }
    Some(Key::parse(parts.headers.get(SEC_WEBSOCKET_KEY)?.as_bytes()).ok()?.accept())
}

/// Takes the TCP connection out of its HTTP wrapping, which would keep buffers for as long as the session lives.
fn unwrap(upgraded: Upgraded) -> (Stream, Bytes) {
    let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => return (Stream::tcp(parts.io.into_inner()), parts.read_buf),
        Err(upgraded) => upgraded,
    };
    match downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => (Stream::tcp(parts.io.into_inner()), parts.read_buf),
        Err(upgraded) => (Stream::new(TokioIo::new(upgraded)), Bytes::new()),
    }
}
