//! The WebSocket handshake, and what becomes of the connection behind it.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use proto::engine::{HandshakeError, Transport};
use proto::websocket::{Accept, Key};
use tokio::net::TcpStream;

use super::ResponseBody;
use super::handshake::Handshake;
use super::polling::register;
use super::reply::Reply;
use super::request::Acceptor;
use crate::session::{Command, Driver, Mailbox, Start, Stream, WebSocket, dismiss};

/// Opens a session on a WebSocket. The session exists once the connection is handed over.
pub(super) fn open<A: Acceptor>(
    acceptor: &A,
    parts: Parts,
    handshake: Handshake,
) -> Result<Reply, HandshakeError> {
    let (reply, upgrade) = accept(parts)?;
    let acceptor = acceptor.clone();
    tokio::spawn(async move {
        let Some(websocket) = take(upgrade, acceptor.core().config.max_payload).await else { return };
        if acceptor.core().is_closing() {
            return;
        }
        let mailbox = register(&acceptor, Transport::WebSocket);
        let app = acceptor.accept(&mailbox, handshake);
        // A task of its own, of the driver's size: this one also has room for the handshake.
        tokio::spawn(Driver::new(acceptor.core(), mailbox, app, Start::WebSocket(websocket)));
    });
    Ok(reply)
}

/// Brings a WebSocket to a polling session.
pub(super) fn probe<A: Acceptor>(
    acceptor: &A,
    parts: Parts,
    mailbox: Arc<Mailbox>,
) -> Result<Reply, HandshakeError> {
    let (reply, upgrade) = accept(parts)?;
    let max_message = acceptor.core().config.max_payload;
    tokio::spawn(async move {
        let Some(websocket) = take(upgrade, max_message).await else { return };
        if let Err(Command::Probe(websocket)) = mailbox.command(Command::Probe(websocket)) {
            dismiss(websocket);
        }
    });
    Ok(reply)
}

/// Grants a WebSocket that no session wants, and closes it.
pub(super) fn useless<A: Acceptor>(acceptor: &A, parts: Parts) -> Result<Reply, HandshakeError> {
    let (reply, upgrade) = accept(parts)?;
    let max_message = acceptor.core().config.max_payload;
    tokio::spawn(async move {
        if let Some(websocket) = take(upgrade, max_message).await {
            dismiss(websocket);
        }
    });
    Ok(reply)
}

/// Checks the handshake, answers it.
fn accept(parts: Parts) -> Result<(Reply, OnUpgrade), HandshakeError> {
    let accept = check(&parts).ok_or(HandshakeError::TransportHandshake)?;
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
    Ok((reply, hyper::upgrade::on(Request::from_parts(parts, ()))))
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

fn check(parts: &Parts) -> Option<Accept> {
    if !has_token(&parts.headers, UPGRADE, "websocket") || !wants_upgrade(&parts.headers) {
        return None;
    }
    let version = parts.headers.get(SEC_WEBSOCKET_VERSION)?;
    if version != "13" && version != "8" {
        return None;
    }
    Some(Key::parse(parts.headers.get(SEC_WEBSOCKET_KEY)?.as_bytes()).ok()?.accept())
}

/// Waits for the connection.
async fn take(upgrade: OnUpgrade, max_message: usize) -> Option<Box<WebSocket>> {
    match upgrade.await {
        Ok(upgraded) => {
            let (stream, early) = unwrap(upgraded);
            Some(Box::new(WebSocket::new(stream, &early, max_message)))
        }
        Err(error) => {
            tracing::debug!(%error, "connection lost during the WebSocket handshake");
            None
        }
    }
}

/// Takes the TCP connection out of its HTTP wrapping, which would keep buffers for as long as the session lives.
fn unwrap(upgraded: Upgraded) -> (Stream, Bytes) {
    let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => return (Stream::Tcp(parts.io.into_inner()), parts.read_buf),
        Err(upgraded) => upgraded,
    };
    match downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => (Stream::Tcp(parts.io.into_inner()), parts.read_buf),
        Err(upgraded) => (Stream::Upgraded(Box::new(TokioIo::new(upgraded))), Bytes::new()),
    }
}
