//! What the opening request of a session said.

use std::fmt;
use std::net::SocketAddr;
use std::time::SystemTime;

use http::header::{COOKIE, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::websocket::Takeover;

/// What whoever accepted the connection knows of it, put into a request's extensions.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) secure: bool,
    /// Until a request takes the connection over.
    pub(super) takeover: Option<Takeover>,
}

/// The request that opened a session. JS: `socket.handshake`, without `auth`, which is
/// [`Socket::auth`](crate::Socket::auth), because it belongs to one namespace.
///
/// It is a compact copy, so that an idle session does not hold the whole HTTP request.
#[derive(Clone)]
pub struct Handshake {
    /// The URL, then the headers as `name: value` lines.
    text: Box<[u8]>,
    url_length: u32,
    address: Option<SocketAddr>,
    issued: SystemTime,
    secure: bool,
    cross_domain: bool,
}

impl Handshake {
    pub(super) fn new(request: &Parts, keep_headers: bool) -> Self {
        let url = request.uri.path_and_query().map_or("", |path| path.as_str());
        Self {
            text: pack(url, keep_headers.then_some(&request.headers)),
            url_length: u32::try_from(url.len()).expect("the URL is bounded by the HTTP server"),
            address: address(request),
            issued: SystemTime::now(),
            secure: is_secure(request),
            cross_domain: request.headers.contains_key(ORIGIN),
        }
    }

    /// Path and query of the request. JS: `handshake.url`.
    #[must_use]
    pub fn url(&self) -> &str {
        std::str::from_utf8(&self.text[..self.url_length as usize]).expect("it was text before")
    }

    /// The first value of a query parameter, decoded. JS: `handshake.query`.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.url().split_once('?')?.1;
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    }

    /// The first value of a header, `None` also where it is not text. JS: `handshake.headers`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.lines()
            .find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()))
            .and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// All headers.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        let pairs = self.lines().filter_map(|(name, value)| {
            Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?))
        });
        let mut headers = HeaderMap::new();
        pairs.for_each(|(name, value)| _ = headers.append(name, value));
        headers
    }

    fn lines(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        // Neither a name nor a value can hold a line feed.
        self.text[self.url_length as usize..].split(|&byte| byte == b'\n').filter_map(|line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            Some((&line[..colon], line.get(colon + 2..)?))
        })
    }

    /// The address of the peer, where the accepting side gave it. JS: `handshake.address`.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// When the session was opened. JS: `handshake.issued`, `handshake.time`.
    #[must_use]
    pub fn issued(&self) -> SystemTime {
        self.issued
    }

    /// Whether the connection is encrypted here, not at a proxy in front. JS: `handshake.secure`.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether the request had an `Origin` header. JS: `handshake.xdomain`.
    #[must_use]
    pub fn is_cross_domain(&self) -> bool {
        self.cross_domain
    }
}

/// The address of the peer, where the accepting side gave it.
pub(super) fn address(request: &Parts) -> Option<SocketAddr> {
    let address = request.extensions.get::<Peer>().and_then(|peer| peer.address);
    #[cfg(feature = "axum")]
    let address = address.or_else(|| {
        let info = request.extensions.get::<axum::extract::ConnectInfo<SocketAddr>>()?;
        Some(info.0)
    });
    address
}

/// Whether the accepting side has decrypted what came.
pub(super) fn is_secure(request: &Parts) -> bool {
    request.extensions.get::<Peer>().is_some_and(|peer| peer.secure)
}

fn pack(url: &str, headers: Option<&HeaderMap>) -> Box<[u8]> {
    let lines = || headers.into_iter().flatten();
    let length = lines().map(|(name, value)| name.as_str().len() + value.len() + 3).sum::<usize>();
    let mut packed = Vec::with_capacity(url.len() + length);
    packed.extend_from_slice(url.as_bytes());
    for (name, value) in lines() {
        packed.extend_from_slice(name.as_str().as_bytes());
        packed.extend_from_slice(b": ");
        packed.extend_from_slice(value.as_bytes());
        packed.push(b'\n');
    }
    packed.into()
}

/// Cookies and tokens stay out of logs.
impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.url().split('?').next().unwrap_or_default();
        f.debug_struct("Handshake")
            .field("path", &path)
            .field("address", &self.address)
            .field("secure", &self.secure)
            .field("has_cookie", &self.header(COOKIE.as_str()).is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_query_read_back() {
        let request = http::Request::get("/socket.io/?EIO=4&token=a%20b&token=c")
            .header("origin", "https://example.com")
            .header("x-many", "one")
            .header("x-many", "two: three")
            .header("x-empty", "")
            .body(())
            .unwrap();
        let (parts, ()) = request.into_parts();
        let handshake = Handshake::new(&parts, true);
        assert_eq!(handshake.query("token").as_deref(), Some("a b"));
        assert_eq!(handshake.header("X-Many"), Some("one"));
        assert_eq!(handshake.header("x-empty"), Some(""));
        assert_eq!(handshake.headers(), parts.headers);
        assert!(handshake.is_cross_domain() && !handshake.is_secure());
        assert_eq!(Handshake::new(&parts, false).headers().len(), 0);
    }
}
