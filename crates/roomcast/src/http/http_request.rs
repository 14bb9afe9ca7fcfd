//! A request as the program's own functions see it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Method, Uri};

use super::handshake::{address, is_secure};
use super::query::Query;
use super::websocket;
use crate::limits::TrustedProxies;

/// One HTTP request below the server's path. A handle, cheap to clone. JS: `req`.
///
/// Unlike a [`Handshake`](crate::Handshake) it is the request itself, with all its headers, and lives no longer than its answer
/// takes, unless the program keeps it.
#[derive(Clone)]
pub struct HttpRequest(Arc<Parts>, Option<IpAddr>);

impl HttpRequest {
    /// `proxies`: whose word is taken for where it comes from.
    pub(super) fn new(parts: Parts, proxies: Option<&TrustedProxies>) -> Self {
        let peer = address(&parts).map(|peer| peer.ip());
        let forwarded = proxies.zip(peer).and_then(|(proxies, peer)| proxies.client(peer, &parts.headers));
        Self(Arc::new(parts), forwarded)
    }

    /// Where it comes from, if a trusted proxy said it.
    pub(super) fn forwarded(&self) -> Option<IpAddr> {
        self.1
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.0
    }

    /// Its method. JS: `req.method`.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// Its whole target.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.0.uri
    }

    /// Path and query. JS: `req.url`.
    #[must_use]
    pub fn url(&self) -> &str {
        self.0.uri.path_and_query().map_or("", |path| path.as_str())
    }

    /// The first value of a query parameter, decoded. JS: `req._query`.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.0.uri.query()?.as_bytes());
        pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    }

    /// Its headers. JS: `req.headers`.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The first value of a header, `None` also where it is not text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name)?.to_str().ok()
    }

    /// The address of the peer, where the accepting side gave it. JS: `req.connection.remoteAddress`.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        address(&self.0)
    }

    /// The address of the client: what a proxy says whose word is taken, and otherwise the peer's own. Roomcast's own; see
    /// [`IoBuilder::trusted_proxies`](crate::IoBuilder::trusted_proxies).
    #[must_use]
    pub fn client_address(&self) -> Option<IpAddr> {
        self.forwarded().or(self.address().map(|peer| peer.ip()))
    }

    /// Whether the connection is encrypted here, not at a proxy in front. JS: `req.connection.encrypted`.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        is_secure(&self.0)
    }

    /// Whether it asks for a WebSocket.
    #[must_use]
    pub fn is_upgrade(&self) -> bool {
        websocket::wants_upgrade(&self.0.headers)
    }

    /// Whether it names no session, so that it can only open one.
    #[must_use]
    pub fn is_initial(&self) -> bool {
        Query::parse(self.0.uri.query()).sid.is_none()
    }

    /// What the HTTP server or a layer in front has put into the request's extensions.
    #[must_use]
    pub fn extension<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.0.extensions.get()
    }
}

/// Cookies, tokens and ids of sessions stay out of logs.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", self.method())
            .field("path", &self.0.uri.path())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_and_its_secrets_are_not_shown() {
        let url = "/socket.io/?EIO=4&sid=secret&token=a%20b";
        let request =
            http::Request::post(url).header("x-a", "b").header("cookie", "secret").body(()).unwrap();
        let request = HttpRequest::new(request.into_parts().0, None);
        assert_eq!((request.method(), request.url()), (&Method::POST, url));
        assert_eq!(request.query("token").as_deref(), Some("a b"));
        assert_eq!((request.header("X-A"), request.header("x-b")), (Some("b"), None));
        assert!(!request.is_initial() && !request.is_upgrade() && !request.is_secure());
        assert!(request.address().is_none());
        assert!(!format!("{request:?}").contains("secret"));
    }
}
