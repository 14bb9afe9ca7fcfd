//! One request, in the order in which the reference verifies it.
//!
//! In: any HTTP request below the path. Out: its reply; a session, where it opened one. JS: engine.io/lib/server.ts
//! `verify`.

use std::convert::Infallible;
use std::fmt::Display;
use std::future::ready;
use std::sync::Arc;

use bytes::Buf;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body::Body;
use proto::Sid;
use proto::engine::{Dialect, HandshakeError, Revision, Transport};

use super::compression::Compression;
use super::handshake::Handshake;
use super::hooks::BoxFuture;
use super::http_request::HttpRequest;
use super::jsonp::Jsonp;
use super::polling::Form;
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
    /// A new session, if it may be opened.
    Open(Wish),
    /// A request that waits for packets.
    Poll(Arc<Mailbox>, Form),
    /// A batch of packets, in a form where the client polls by scripts.
    Post(Arc<Mailbox>, Option<Jsonp>),
    /// A WebSocket for a session that polls.
    Probe(Arc<Mailbox>, Dialect),
    /// A WebSocket handshake for the polling transport: granted, then closed, as the reference does.
    Useless,
    /// A method that a session has no use for.
    Odd,
}

/// What kind of session a request asks for.
struct Wish {
    transport: Transport,
    dialect: Dialect,
    form: Form,
}

/// What a new session begins with.
pub(super) struct Opening {
    pub(super) sid: Sid,
    pub(super) dialect: Dialect,
    pub(super) handshake: Handshake,
    pub(super) admission: Admission,
}

/// Answers a request below the path.
///
/// The future is what a request costs while it waits, so it holds nothing twice, and what most requests do not do is in boxes
/// of its own.
pub(crate) fn handle<A, B>(acceptor: A, request: Request<B>) -> BoxFuture<Result<Reply, Infallible>>
where
    A: Acceptor,
    B: Body + Send + Unpin + 'static,
    B::Data: Buf + Send,
    B::Error: Display,
{
    let config = &acceptor.core().config;
    let (parts, body) = request.into_parts();
    let (mut common, preflight) = match &config.cors {
        Some(cors) => cors.apply(&parts.method, &parts.headers),
        None => (HeaderMap::new(), None),
    };
    if let Some(status) = preflight {
        return Box::pin(ready(Ok(reply::with_headers(reply::empty(status), common))));
    }
    let file = serve_client::file_of(config, parts.uri.path());
    let asked =
        match config.transports.contains(&Transport::WebSocket) && websocket::wants_upgrade(&parts.headers) {
            true => Asked::Upgrade,
            false => Asked::Plain,
        };
    let request = HttpRequest::new(parts, config.trusted_proxies.as_ref());
    Box::pin(async move {
        let core = acceptor.core();
        if let Some(file) = file
            && let Some(reply) = Box::pin(serve_client::reply(&core.config, file, request.headers())).await
        {
            return Ok(reply::with_headers(reply, common));
        }
        reply::add_legacy_headers(&mut common, request.headers());
        if !core.hooks.middlewares.is_empty() {
            let answered;
            (common, answered) = Box::pin(core.hooks.run_middlewares(&request, common)).await;
            match answered {
                Ok(None) => {}
                Ok(Some(reply)) => return Ok(reply::with_headers(reply::ended(reply, asked), common)),
                Err(error) => return Ok(reply::with_headers(refuse(core, &request, &error, asked), common)),
            }
        }
        let reply = match verify(core, &request, asked) {
            Ok(Purpose::Poll(mailbox, form)) => Ok(polling::poll(mailbox, form).await),
            Ok(Purpose::Post(mailbox, jsonp)) => {
                Ok(polling::post(core, mailbox, request.headers(), jsonp, body).await)
            }
            Ok(Purpose::Open(wish)) => open(&acceptor, &request, wish, asked).await,
            Ok(Purpose::Probe(mailbox, dialect)) => {
                websocket::probe(&acceptor, request.parts(), dialect, mailbox)
            }
            Ok(Purpose::Useless) => websocket::useless(&acceptor, request.parts()),
            Ok(Purpose::Odd) => Ok(reply::empty(StatusCode::INTERNAL_SERVER_ERROR)),
            Err(error) => Err(error),
        };
        let reply = reply.unwrap_or_else(|error| refuse(core, &request, &error, asked));
        let mut reply = reply::with_headers(reply, common);
        if matches!(reply.status(), StatusCode::OK | StatusCode::SWITCHING_PROTOCOLS) {
            core.hooks.show_headers(reply.headers_mut(), &request);
        }
        Ok(reply)
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
fn verify(core: &Core, request: &HttpRequest, asked: Asked) -> Result<Purpose, HandshakeError> {
    let query = Query::parse(request.uri().query());
    let transport = query.transport.as_deref().and_then(Transport::from_name);
    let transport = transport
        .filter(|transport| {
            *transport != Transport::WebTransport && core.config.transports.contains(transport)
        })
        .ok_or(HandshakeError::UnknownTransport)?;
    let jsonp = query.jsonp();
    if core.hooks.origins.as_ref().is_some_and(|origins| !origins.allows(request.parts(), jsonp.is_some())) {
        return Err(HandshakeError::ForeignOrigin);
    }
    let form = |jsonp| {
        let config = &core.config;
        let (threshold, level) = (config.http_compression, config.http_compression_level);
        let compression = Compression::for_request(threshold, level, request.headers());
        Form { compression, jsonp }
    };
    let method = request.method();
    let Some(sid) = &query.sid else {
        if method != Method::GET {
            return Err(HandshakeError::BadHandshakeMethod);
        }
        if transport == Transport::WebSocket && asked == Asked::Plain {
            return Err(HandshakeError::TransportHandshake);
        }
        return Ok(Purpose::Open(Wish { transport, dialect: query.dialect(transport), form: form(jsonp) }));
    };
    let mailbox = Sid::parse(sid).and_then(|sid| core.sessions.find(sid));
    let mailbox = mailbox.ok_or(HandshakeError::UnknownSid)?;
    if asked == Asked::Plain && mailbox.transport() != transport {
        return Err(HandshakeError::TransportMismatch);
    }
    if mailbox.dialect().revision() != query.revision() {
        return Err(HandshakeError::ProtocolMismatch);
    }
    Ok(match (asked, transport) {
        (Asked::Plain, Transport::Polling) if method == Method::GET => Purpose::Poll(mailbox, form(jsonp)),
        (Asked::Plain, Transport::Polling) if method == Method::POST => Purpose::Post(mailbox, jsonp),
        (Asked::Plain, Transport::Polling) => Purpose::Odd,
        (Asked::Plain, Transport::WebSocket) => return Err(HandshakeError::TransportMismatch),
        (Asked::Upgrade, Transport::WebSocket) => Purpose::Probe(mailbox, query.dialect(transport)),
        (Asked::Upgrade, Transport::Polling) => Purpose::Useless,
        (_, Transport::WebTransport) => return Err(HandshakeError::UnknownTransport),
    })
}

/// Opens a session, if it may be. JS: engine.io/lib/server.ts `verify`, `handshake`.
async fn open<A: Acceptor>(
    acceptor: &A,
    request: &HttpRequest,
    wish: Wish,
    asked: Asked,
) -> Result<Reply, HandshakeError> {
    let core = acceptor.core();
    let admission = core.gate.admit(request.client_address())?;
    if let Some(allow) = &core.hooks.allow {
        let refusal = |text: Option<String>| HandshakeError::Forbidden(text.unwrap_or_default());
        Box::pin(allow.ask(request)).await.map_err(refusal)?;
    }
    let Wish { transport, dialect, form } = wish;
    if dialect.revision() == Revision::V3 && !core.config.allow_eio3 {
        return Err(HandshakeError::UnsupportedProtocol);
    }
    if asked == Asked::Upgrade && transport == Transport::Polling {
        return websocket::useless(acceptor, request.parts());
    }
    let sid = match &core.hooks.generate_id {
        None => random_id(),
        Some(_) => Box::pin(make_id(core, request)).await?,
    };
    if core.is_closing() {
        return Err(HandshakeError::Unavailable);
    }
    let handshake = Handshake::new(request, core.config.keep_headers);
    let opening = Opening { sid, dialect, handshake, admission };
    match transport {
        Transport::Polling => Box::pin(polling::open(acceptor, opening, form)).await,
        Transport::WebSocket => websocket::open(acceptor, request.parts(), opening),
        // It has no requests here.
        Transport::WebTransport => Err(HandshakeError::UnknownTransport),
    }
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
