//! One request, in the order in which the reference verifies it.
//!
//! In: any HTTP request below the path. Out: its reply; a session, where it opened one. JS: engine.io/lib/server.ts
//! `verify`.

use std::fmt::Display;
use std::sync::Arc;

use bytes::Buf;
use http::request::Parts;
use http::{Method, Request, StatusCode};
use http_body::Body;
use proto::Sid;
use proto::engine::{HandshakeError, Transport};

use super::compression::Compression;
use super::handshake::{Handshake, Origin};
use super::query::Query;
use super::reply::{self, Asked, Common, Reply};
use super::{polling, serve_client, websocket};
use crate::core::Core;
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
    /// A new session on this transport.
    Open(Transport, Handshake, Admission),
    /// A poll, or a batch of packets.
    Exchange(Arc<Mailbox>),
    /// A WebSocket for a session that polls.
    Probe(Arc<Mailbox>),
    /// A WebSocket handshake for the polling transport: granted, then closed, as the reference does.
    Useless,
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
    let config = &core.config;
    let common = Common::new(config.cors.as_ref(), request.headers());
    let (parts, body) = request.into_parts();
    if let Some(reply) = serve_client::reply(config, parts.uri.path(), &parts.headers).await {
        return common.apply(reply);
    }
    if parts.method == Method::OPTIONS
        && let Some(cors) = &config.cors
    {
        return cors.preflight(&parts.headers);
    }
    let asked =
        match config.transports.contains(&Transport::WebSocket) && websocket::wants_upgrade(&parts.headers) {
            true => Asked::Upgrade,
            false => Asked::Plain,
        };
    let compression = Compression::for_request(config.http_compression, &parts.headers);
    let reply = match verify(&acceptor, &parts, asked) {
        Err(error) => Err(error),
        Ok(Purpose::Open(Transport::Polling, handshake, admission)) => {
            polling::open(&acceptor, handshake, admission, compression).await
        }
        Ok(Purpose::Open(Transport::WebSocket, handshake, admission)) => {
            websocket::open(&acceptor, parts, handshake, admission)
        }
        Ok(Purpose::Probe(mailbox)) => websocket::probe(&acceptor, parts, mailbox),
        Ok(Purpose::Useless) => websocket::useless(&acceptor, parts),
        Ok(Purpose::Exchange(mailbox)) => Ok(match parts.method {
            Method::GET => polling::poll(mailbox, compression).await,
            Method::POST => polling::post(core, mailbox, &parts.headers, body).await,
            _ => reply::empty(StatusCode::INTERNAL_SERVER_ERROR),
        }),
    };
    common.apply(reply.unwrap_or_else(|error| {
        tracing::debug!(%error, "request refused");
        reply::refusal(&error, asked)
    }))
}

fn verify<A: Acceptor>(acceptor: &A, parts: &Parts, asked: Asked) -> Result<Purpose, HandshakeError> {
    let core = acceptor.core();
    let query = Query::parse(parts.uri.query());
    let transport = query.transport.as_deref().and_then(Transport::from_name);
    let transport = transport
        .filter(|transport| core.config.transports.contains(transport))
        .ok_or(HandshakeError::UnknownTransport)?;
    if let Some(sid) = &query.sid {
        let mailbox = Sid::parse(sid).and_then(|sid| core.sessions.find(sid));
        let mailbox = mailbox.ok_or(HandshakeError::UnknownSid)?;
        if asked == Asked::Plain && mailbox.transport() != transport {
            return Err(HandshakeError::TransportMismatch);
        }
        if !query.is_current_protocol() {
            return Err(HandshakeError::ProtocolMismatch);
        }
        return Ok(match (asked, transport) {
            (Asked::Plain, Transport::Polling) => Purpose::Exchange(mailbox),
            (Asked::Plain, Transport::WebSocket) => return Err(HandshakeError::TransportMismatch),
            (Asked::Upgrade, Transport::WebSocket) => Purpose::Probe(mailbox),
            (Asked::Upgrade, Transport::Polling) => Purpose::Useless,
        });
    }
    if parts.method != Method::GET {
        return Err(HandshakeError::BadHandshakeMethod);
    }
    if transport == Transport::WebSocket && asked == Asked::Plain {
        return Err(HandshakeError::TransportHandshake);
    }
    let origin = Origin::of(parts, core.config.trusted_proxies.as_ref());
    let admission = core.gate.admit(origin.client())?;
    let handshake = Handshake::new(parts, origin, core.config.keep_headers);
    if let Some(allow) = &core.hooks.allow {
        allow(&handshake).map_err(HandshakeError::Forbidden)?;
    }
    if !query.is_current_protocol() {
        return Err(HandshakeError::UnsupportedProtocol);
    }
    if core.is_closing() {
        return Err(HandshakeError::Unavailable);
    }
    Ok(match (asked, transport) {
        (Asked::Upgrade, Transport::Polling) => Purpose::Useless,
        _ => Purpose::Open(transport, handshake, admission),
    })
}
