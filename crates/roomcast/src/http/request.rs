//! One request, in the order in which the reference verifies it.
//!
//! In: any HTTP request below the path. Out: its reply; a session, where it opened one. JS: engine.io/lib/server.ts
//! `verify`.

use std::fmt::Display;
use std::sync::Arc;

use bytes::Buf;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body::Body;
use proto::Sid;
use proto::engine::{Dialect, HandshakeError, Revision, Transport};

use super::compression::Compression;
use super::handshake::Handshake;
use super::http_request::HttpRequest;
use super::query::Query;
use super::refused::ConnectionRefused;
use super::reply::{self, Asked, Reply};
use super::{polling, serve_client, websocket};
use crate::core::{Core, random_id};
use crate::limits::Admission;
use crate::session::{Application, Mailbox};

/// Who takes the sessions that requests open.
pub(crate) trait Acceptor: Clone + Send + Sync + Unpin + 'static {
    type App: Application;

    fn core(&self) -> &Arc<Core>;

    /// The upper end of a new session.
    fn accept(&self, mailbox: &Arc<Mailbox>, handshake: Handshake) -> Self::App;
}

/// What a verified request is for.
enum Purpose {
    /// A new session on this transport, if it may be opened.
    Open(Transport),
    /// A poll, or a batch of packets.
    Exchange(Arc<Mailbox>),
    /// A WebSocket for a session that polls.
    Probe(Arc<Mailbox>, Dialect),
    /// A WebSocket handshake for the polling transport: granted, then closed, as the reference does.
    Useless,
}

/// What a new session begins with.
pub(super) struct Opening {
    pub(super) sid: Sid,
    pub(super) dialect: Dialect,
    pub(super) handshake: Handshake,
    pub(super) admission: Admission,
}

/// Answers a request below the path.
pub(crate) async fn handle<A, B>(acceptor: A, request: Request<B>) -> Reply
where
    A: Acceptor,
    B: Body + Send + Unpin,
    B::Data: Buf + Send,
    B::Error: Display,
{
    let core = acceptor.core();
    let (parts, body) = request.into_parts();
    let (mut common, preflight) = match &core.config.cors {
        Some(cors) => cors.apply(&parts.method, &parts.headers),
        None => (HeaderMap::new(), None),
    };
    if let Some(status) = preflight {
        return reply::with_headers(reply::empty(status), common);
    }
    if let Some(name) = serve_client::name_of(&core.config, parts.uri.path())
        && let Some(reply) = Box::pin(serve_client::reply(&core.config, name, &parts.headers)).await
    {
        return reply::with_headers(reply, common);
    }
    reply::add_legacy_headers(&mut common, &parts.headers);
    let asked = match core.config.transports.contains(&Transport::WebSocket)
        && websocket::wants_upgrade(&parts.headers)
    {
        true => Asked::Upgrade,
        false => Asked::Plain,
    };
    let request = HttpRequest::new(parts, core.config.trusted_proxies.as_ref());
    // In a box, like all that most requests do not do: they are the smaller for it.
    let (common, answered) = match core.hooks.middlewares.is_empty() {
        true => (common, Ok(None)),
        false => Box::pin(core.hooks.run_middlewares(&request, common)).await,
    };
    let reply = match answered {
        Ok(Some(reply)) => return reply::with_headers(reply::ended(reply, asked), common),
        Ok(None) => answer(&acceptor, &request, body, asked).await,
        Err(error) => Err(error),
    };
    let mut reply =
        reply::with_headers(reply.unwrap_or_else(|error| refuse(core, &request, &error, asked)), common);
    if matches!(reply.status(), StatusCode::OK | StatusCode::SWITCHING_PROTOCOLS) {
        core.hooks.show_headers(reply.headers_mut(), &request);
    }
    reply
}

/// Verifies a request and does what it is for.
async fn answer<A, B>(
    acceptor: &A,
    request: &HttpRequest,
    body: B,
    asked: Asked,
) -> Result<Reply, HandshakeError>
where
    A: Acceptor,
    B: Body + Send + Unpin,
    B::Data: Buf + Send,
    B::Error: Display,
{
    let core = acceptor.core();
    let query = Query::parse(request.uri().query());
    let form = || polling::Form {
        compression: Compression::for_request(core.config.http_compression, request.headers()),
        jsonp: query.jsonp(),
    };
    Ok(match verify(core, request, &query, asked)? {
        Purpose::Open(transport) => match admit(core, request, &query, transport, asked).await? {
            None => websocket::useless(acceptor, request.parts())?,
            Some(opening) if transport == Transport::WebSocket => {
                websocket::open(acceptor, request.parts(), opening)?
            }
            Some(opening) => polling::open(acceptor, opening, form()).await?,
        },
        Purpose::Probe(mailbox, dialect) => websocket::probe(acceptor, request.parts(), dialect, mailbox)?,
        Purpose::Useless => websocket::useless(acceptor, request.parts())?,
        Purpose::Exchange(mailbox) => match *request.method() {
            Method::GET => polling::poll(mailbox, form()).await,
            Method::POST => {
                polling::post(core, mailbox, request.headers(), query.jsonp().as_ref(), body).await
            }
            _ => reply::empty(StatusCode::INTERNAL_SERVER_ERROR),
        },
    })
}

fn refuse(core: &Core, request: &HttpRequest, error: &HandshakeError, asked: Asked) -> Reply {
    tracing::debug!(%error, "request refused");
    core.hooks.tell_refused(|| {
        let sid = Query::parse(request.uri().query()).sid;
        let session = sid.and_then(|sid| core.sessions.find(Sid::parse(&sid)?));
        ConnectionRefused::new(request.clone(), error.clone(), session.as_deref())
    });
    reply::refusal(error, asked)
}

/// In the reference's order. JS: engine.io/lib/server.ts `verify`.
fn verify(
    core: &Core,
    request: &HttpRequest,
    query: &Query<'_>,
    asked: Asked,
) -> Result<Purpose, HandshakeError> {
    let transport = query.transport.as_deref().and_then(Transport::from_name);
    let transport = transport
        .filter(|transport| {
            *transport != Transport::WebTransport && core.config.transports.contains(transport)
        })
        .ok_or(HandshakeError::UnknownTransport)?;
    let is_script = query.jsonp().is_some();
    if core.hooks.origins.as_ref().is_some_and(|origins| !origins.allows(request.parts(), is_script)) {
        return Err(HandshakeError::ForeignOrigin);
    }
    if let Some(sid) = &query.sid {
        let mailbox = Sid::parse(sid).and_then(|sid| core.sessions.find(sid));
        let mailbox = mailbox.ok_or(HandshakeError::UnknownSid)?;
        if asked == Asked::Plain && mailbox.transport() != transport {
            return Err(HandshakeError::TransportMismatch);
        }
        if mailbox.dialect().revision() != query.revision() {
            return Err(HandshakeError::ProtocolMismatch);
        }
        return Ok(match (asked, transport) {
            (Asked::Plain, Transport::Polling) => Purpose::Exchange(mailbox),
            (Asked::Plain, Transport::WebSocket) => return Err(HandshakeError::TransportMismatch),
            (Asked::Upgrade, Transport::WebSocket) => Purpose::Probe(mailbox, query.dialect(transport)),
            (Asked::Upgrade, Transport::Polling) => Purpose::Useless,
            (_, Transport::WebTransport) => return Err(HandshakeError::UnknownTransport),
        });
    }
    if request.method() != Method::GET {
        return Err(HandshakeError::BadHandshakeMethod);
    }
    if transport == Transport::WebSocket && asked == Asked::Plain {
        return Err(HandshakeError::TransportHandshake);
    }
    Ok(Purpose::Open(transport))
}

/// Whether a session may be opened, and what it begins with; `None` if that is a WebSocket for the polling transport. JS:
/// engine.io/lib/server.ts `verify`, `handshake`.
async fn admit(
    core: &Core,
    request: &HttpRequest,
    query: &Query<'_>,
    transport: Transport,
    asked: Asked,
) -> Result<Option<Opening>, HandshakeError> {
    let admission = core.gate.admit(request.client_address())?;
    if let Some(allow) = &core.hooks.allow {
        let refusal = |text: Option<String>| HandshakeError::Forbidden(text.unwrap_or_default());
        Box::pin(allow.ask(request)).await.map_err(refusal)?;
    }
    if query.revision() == Revision::V3 && !core.config.allow_eio3 {
        return Err(HandshakeError::UnsupportedProtocol);
    }
    if asked == Asked::Upgrade && transport == Transport::Polling {
        return Ok(None);
    }
    let sid = match &core.hooks.generate_id {
        None => random_id(),
        Some(_) => Box::pin(make_id(core, request)).await?,
    };
    if core.is_closing() {
        return Err(HandshakeError::Unavailable);
    }
    let handshake = Handshake::new(request, core.config.keep_headers);
    let dialect = query.dialect(transport);
    Ok(Some(Opening { sid, dialect, handshake, admission }))
}

/// The id of a new session: the program's, or a random one.
pub(super) async fn make_id(core: &Core, request: &HttpRequest) -> Result<Sid, HandshakeError> {
    let Some(generate) = &core.hooks.generate_id else { return Ok(random_id()) };
    let failed = |text: &str| HandshakeError::IdGeneration(text.to_owned());
    let id = generate.ask(request).await;
    let id = id.map_err(|text| failed(text.as_deref().unwrap_or("the function panicked")))?;
    let sid =
        Sid::parse(&id).ok_or_else(|| failed("an id is 20 letters, digits, hyphens and underscores"))?;
    match core.sessions.find(sid) {
        None => Ok(sid),
        Some(_) => Err(failed("a session has this id")),
    }
}
