//! What the opening request of a session said.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{COOKIE, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use super::http_request::HttpRequest;
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
    /// The URL, then the headers as `name: value` lines, then the client's address, where a proxy said it.
    text: Box<[u8]>,
    url_length: u32,
    client_length: u8,
    address: Option<SocketAddr>,
    issued: SystemTime,
    secure: bool,
    cross_domain: bool,
}

impl Handshake {
    pub(super) fn new(request: &HttpRequest, keep_headers: bool) -> Self {
        let client = request.forwarded().map(|address| address.to_string()).unwrap_or_default();
        let url = request.url();
        Self {
            text: pack(url, keep_headers.then_some(request.headers()), &client),
            url_length: u32::try_from(url.len()).expect("the URL is bounded by the HTTP server"),
            client_length: u8::try_from(client.len()).expect("no address is that long"),
            address: request.address(),
            issued: SystemTime::now(),
            secure: request.is_secure(),
            cross_domain: request.headers().contains_key(ORIGIN),
        }
    }

    /// That of a WebTransport session, whose headers the reference does not have.
    #[cfg(feature = "webtransport")]
    pub(super) fn without_headers(request: &HttpRequest) -> Self {
        Self { cross_domain: false, ..Self::new(request, false) }
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

    /// As the JavaScript server describes it to other nodes.
    pub(crate) fn describe(&self, auth: Value) -> Value {
        let mut headers = Map::new();
        for (name, value) in self.lines() {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            let value = String::from_utf8_lossy(value);
            match headers.get_mut(&name) {
                Some(Value::String(all)) => {
                    all.push_str(if name == COOKIE.as_str() { "; " } else { ", " });
                    all.push_str(&value);
                }
                _ => _ = headers.insert(name, value.into()),
            }
        }
        let mut query = Map::new();
        let text = self.url().split_once('?').map_or("", |(_, query)| query);
        for (key, value) in form_urlencoded::parse(text.as_bytes()) {
            match query.get_mut(&*key) {
                Some(Value::Array(all)) => all.push(value.into()),
                Some(one) => *one = json!([one.take(), value]),
                None => _ = query.insert(key.into_owned(), value.into()),
            }
        }
        json!({
            "headers": headers,
            "time": httpdate::fmt_http_date(self.issued),
            "address": self.address.map(|address| address.ip().to_string()),
            "xdomain": self.cross_domain,
            "secure": self.secure,
            "issued": self.issued.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64),
            "url": self.url(),
            "query": query,
            "auth": auth,
        })
    }

    /// What another node has described. What is missing there, or is not of its type, is empty here.
    pub(crate) fn from_description(description: &Value) -> Self {
        let text = |name: &str| description.get(name).and_then(Value::as_str).unwrap_or_default();
        let flag = |name: &str| description.get(name).and_then(Value::as_bool).unwrap_or_default();
        let mut headers = HeaderMap::new();
        for (name, value) in description.get("headers").and_then(Value::as_object).into_iter().flatten() {
            let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { continue };
            let values = match value {
                Value::Array(values) => values.as_slice(),
                one => std::slice::from_ref(one),
            };
            for value in values.iter().filter_map(Value::as_str) {
                if let Ok(value) = HeaderValue::from_str(value) {
                    headers.append(&name, value);
                }
            }
        }
        let issued = description.get("issued").and_then(Value::as_u64).unwrap_or_default();
        let issued = UNIX_EPOCH.checked_add(Duration::from_millis(issued)).unwrap_or(UNIX_EPOCH);
        // Nobody's URL is that long; a longer one is no URL.
        let url = text("url");
        let url_length = u32::try_from(url.len()).unwrap_or_default();
        Self {
            text: pack(&url[..url_length as usize], Some(&headers), ""),
            url_length,
            client_length: 0,
            // The address as JavaScript gives it has no port.
            address: text("address").parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 0)),
            issued,
            secure: flag("secure"),
            cross_domain: flag("xdomain"),
        }
    }

    fn lines(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        // Neither a name nor a value can hold a line feed.
        self.text[self.url_length as usize..self.client_at()].split(|&byte| byte == b'\n').filter_map(
            |line| {
                let colon = line.iter().position(|&byte| byte == b':')?;
                Some((&line[..colon], line.get(colon + 2..)?))
            },
        )
    }

    /// The address of the peer, where the accepting side gave it; of a socket of another node its port is 0. JS:
    /// `handshake.address`.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The address of the client: what a proxy says whose word is taken, and otherwise the peer's own. Roomcast's own;
    /// see [`IoBuilder::trusted_proxies`](crate::IoBuilder::trusted_proxies).
    #[must_use]
    pub fn client_address(&self) -> Option<IpAddr> {
        let forwarded = std::str::from_utf8(&self.text[self.client_at()..]).ok();
        forwarded.and_then(|text| text.parse().ok()).or(self.address.map(|address| address.ip()))
    }

    fn client_at(&self) -> usize {
        self.text.len() - usize::from(self.client_length)
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

fn pack(url: &str, headers: Option<&HeaderMap>, client: &str) -> Box<[u8]> {
    let lines = || headers.into_iter().flatten();
    let length = lines().map(|(name, value)| name.as_str().len() + value.len() + 3).sum::<usize>();
    let mut packed = Vec::with_capacity(url.len() + length + client.len());
    packed.extend_from_slice(url.as_bytes());
    for (name, value) in lines() {
        packed.extend_from_slice(name.as_str().as_bytes());
        packed.extend_from_slice(b": ");
        packed.extend_from_slice(value.as_bytes());
        packed.push(b'\n');
    }
    packed.extend_from_slice(client.as_bytes());
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
        let request = HttpRequest::new(parts.clone(), None);
        let handshake = Handshake::new(&request, true);
        assert_eq!(handshake.query("token").as_deref(), Some("a b"));
        assert_eq!(handshake.header("X-Many"), Some("one"));
        assert_eq!(handshake.header("x-empty"), Some(""));
        assert_eq!(handshake.headers(), parts.headers);
        assert!(handshake.is_cross_domain() && !handshake.is_secure());
        assert_eq!(handshake.client_address(), None);
        assert_eq!(Handshake::new(&request, false).headers().len(), 0);
    }

    #[test]
    fn what_a_trusted_proxy_says_is_the_clients_address() {
        let peer = SocketAddr::from(([10, 0, 0, 1], 7));
        let mut request =
            http::Request::get("/socket.io/").header("x-forwarded-for", "2001:db8::5").body(()).unwrap();
        request.extensions_mut().insert(Peer { address: Some(peer), secure: false, takeover: None });
        let (parts, ()) = request.into_parts();
        let proxies = "10.0.0.0/8".parse().unwrap();
        let trusted = HttpRequest::new(parts.clone(), Some(&proxies));
        let direct = HttpRequest::new(parts, None);
        assert_eq!(trusted.client_address(), Some("2001:db8::5".parse().unwrap()));
        assert_eq!(direct.client_address(), Some(peer.ip()));
        for keep in [true, false] {
            let handshake = Handshake::new(&trusted, keep);
            assert_eq!(handshake.client_address(), trusted.client_address());
            assert_eq!((handshake.address(), handshake.url()), (Some(peer), "/socket.io/"));
            assert_eq!(handshake.headers().len(), usize::from(keep));
            assert_eq!(Handshake::new(&direct, keep).client_address(), Some(peer.ip()));
        }
    }

    #[test]
    fn a_description_is_the_reference_s_and_reads_back() {
        let request = http::Request::get("/socket.io/?EIO=4&a=1&a=2&b=%20")
            .header("origin", "https://example.com")
            .header("Cookie", "a=1")
            .header("cookie", "b=2")
            .body(())
            .unwrap();
        let (mut parts, ()) = request.into_parts();
        let address = "10.0.0.7:1234".parse().ok();
        parts.extensions.insert(Peer { address, secure: true, takeover: None });
        let described = Handshake::new(&HttpRequest::new(parts, None), true).describe(json!({ "token": 1 }));
        assert_eq!(described["headers"], json!({ "origin": "https://example.com", "cookie": "a=1; b=2" }));
        assert_eq!(described["query"], json!({ "EIO": "4", "a": ["1", "2"], "b": " " }));
        assert_eq!(described["address"], "10.0.0.7");
        assert_eq!((&described["secure"], &described["xdomain"]), (&json!(true), &json!(true)));
        let read = Handshake::from_description(&described);
        assert_eq!(read.describe(json!({ "token": 1 })), described);
        assert_eq!(read.query("b").as_deref(), Some(" "));
        // What another node says may be anything.
        for odd in
            [json!(null), json!([]), json!({ "headers": [1], "url": {}, "issued": -1, "address": "?" })]
        {
            assert_eq!(Handshake::from_description(&odd).url(), "");
        }
    }
}
