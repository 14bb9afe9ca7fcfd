//! Which sites' pages may open sessions.
//!
//! In: the `Origin` header of a request. Out: whether it may go on. What is odd: CORS cannot do this. A browser lets every page
//! open a WebSocket to every server and sends the cookies along; only the server can refuse (cross-site WebSocket hijacking).

use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderName};

/// Who has made a browser send a request, as the browser sees it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// No origin of a browser is longer: a host has 255 bytes at most.
const MAX_ORIGIN: usize = 512;

/// Whose pages may open and use sessions; every other page is refused before there is a session.
///
/// - A request without an `Origin` header passes, unless [`OriginPolicy::require`] says otherwise: it comes from a program, or
///   is a browser's own poll from the very same site. Browsers always send the header with a WebSocket. What they load without it
///   for another site's page is refused: where `Sec-Fetch-Site` says so, and a script of JSONP unless it says `same-origin`.
/// - A request whose origin is the `Host` that it was sent to passes, unless [`OriginPolicy::same_origin`] is `false`. A server
///   that no TLS protects and that is reached by an address alone, on a developer's machine for example, should switch that
///   off: a page that has had its own name resolve to this address (DNS rebinding) looks like one of the same origin.
/// - `null`, the origin of files and of sandboxed frames, is an origin like any other.
///
/// ```
/// use roomcast::{Io, OriginPolicy};
///
/// let io = Io::builder().allowed_origins(["https://example.com", "https://*.example.com"]).build();
/// let strict = OriginPolicy::new(["https://example.com"]).same_origin(false).require(true);
/// # let _ = (io, strict);
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is set by the builder's `allowed_origins`"]
pub struct OriginPolicy {
    allowed: Vec<String>,
    same_origin: bool,
    require: bool,
}

impl OriginPolicy {
    /// These origins, each as a browser writes it: scheme, host, and the port if it is not the scheme's own, all in lower case,
    /// with nothing behind it. A `*` stands for one or more letters, digits, hyphens and dots: `https://*.example.com` is
    /// every subdomain, `http://localhost:*` every port.
    pub fn new<O: Into<String>>(allowed: impl IntoIterator<Item = O>) -> Self {
        Self { allowed: allowed.into_iter().map(Into::into).collect(), same_origin: true, require: false }
    }

    /// Whether pages of the host that the request was sent to pass, default `true`.
    pub fn same_origin(mut self, allow: bool) -> Self {
        self.same_origin = allow;
        self
    }

    /// Whether a request without an `Origin` header is refused, default `false`. Then polling works from other origins alone,
    /// because a browser sends none with a `GET` to the page's own.
    pub fn require(mut self, require: bool) -> Self {
        self.require = require;
        self
    }

    /// Whether the request may go on; `is_script`: its answer is a script, which every page can load and read.
    pub(super) fn allows(&self, request: &Parts, is_script: bool) -> bool {
        let mut origins = request.headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else {
            return !self.require
                && match request.headers.get(SEC_FETCH_SITE).map(|site| site.as_bytes()) {
                    Some(b"same-origin") => self.same_origin,
                    Some(b"none") | None => !is_script,
                    Some(_) => false,
                };
        };
        // Two of them are nothing that a browser sends.
        if origins.next().is_some() {
            return false;
        }
        let origin = origin.as_bytes();
        self.allowed.iter().any(|allowed| matches(allowed, origin))
            || self.same_origin
                && is_own(origin, &request.headers, request.uri.authority().map(|it| it.as_str()))
    }
}

impl<O: Into<String>, const N: usize> From<[O; N]> for OriginPolicy {
    fn from(allowed: [O; N]) -> Self {
        Self::new(allowed)
    }
}

impl<O: Into<String>> From<Vec<O>> for OriginPolicy {
    fn from(allowed: Vec<O>) -> Self {
        Self::new(allowed)
    }
}

/// Whether an origin is the host that the request went to. A proxy may have taken the encryption off, so the scheme says nothing.
fn is_own(origin: &[u8], headers: &HeaderMap, authority: Option<&str>) -> bool {
    let own = headers.get(HOST).map(|host| host.as_bytes()).or(authority.map(str::as_bytes));
    let host = [&b"https://"[..], b"http://"].iter().find_map(|scheme| origin.strip_prefix(*scheme));
    host.zip(own).is_some_and(|(host, own)| !host.is_empty() && host.eq_ignore_ascii_case(own))
}

/// Whether an origin is what a pattern says. A `*` stands for one or more letters, digits, hyphens and dots.
pub(super) fn matches(pattern: &str, origin: &[u8]) -> bool {
    origin.len() <= MAX_ORIGIN && matches_from(pattern.as_bytes(), origin)
}

fn matches_from(pattern: &[u8], origin: &[u8]) -> bool {
    let Some(star) = pattern.iter().position(|&byte| byte == b'*') else { return pattern == origin };
    let Some(rest) = origin.strip_prefix(&pattern[..star]) else { return false };
    let stands_for = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let longest = rest.iter().take_while(|&&byte| stands_for(byte)).count();
    (1..=longest).any(|length| matches_from(&pattern[star + 1..], &rest[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_origins_and_a_star_only_what_a_host_or_port_holds() {
        let table = [
            ("https://example.com", "https://example.com", true),
            ("https://example.com", "http://example.com", false),
            ("https://example.com", "https://example.com:8443", false),
            ("https://example.com", "https://example.com.evil.example", false),
            ("https://example.com", "https://evil.example", false),
            ("https://*.example.com", "https://a.example.com", true),
            ("https://*.example.com", "https://a.b.example.com", true),
            ("https://*.example.com", "https://example.com", false),
            ("https://*.example.com", "https://.example.com", false),
            ("https://*.example.com", "https://evil.example/.example.com", false),
            ("https://*.example.com", "https://evil.example#.example.com", false),
            ("https://*.example.com", "https://user@a.example.com", false),
            ("http://localhost:*", "http://localhost:3000", true),
            ("http://localhost:*", "http://localhost", false),
            ("https://*.example.com:*", "https://a.example.com:1", true),
            ("null", "null", true),
            ("*", "null", true),
            ("*", "https://example.com", false),
        ];
        for (pattern, origin, expected) in table {
            assert_eq!(matches(pattern, origin.as_bytes()), expected, "{pattern} {origin}");
        }
        assert!(!matches("https://*", format!("https://{}", "a".repeat(MAX_ORIGIN)).as_bytes()));
    }

    fn allows(policy: &OriginPolicy, origins: &[&str], host: &str) -> bool {
        let mut request = http::Request::get("/socket.io/").header(HOST, host);
        for origin in origins {
            request = request.header(ORIGIN, *origin);
        }
        policy.allows(&request.body(()).unwrap().into_parts().0, false)
    }

    #[test]
    fn what_a_browser_loads_without_an_origin_for_another_sites_page_is_refused() {
        let policy = OriginPolicy::new(["https://app.example"]);
        let foreign = policy.clone().same_origin(false);
        let table = [
            // What Sec-Fetch-Site says, and whether polls and scripts pass.
            (None, true, false),
            (Some("none"), true, false),
            (Some("same-origin"), true, true),
            (Some("same-site"), false, false),
            (Some("cross-site"), false, false),
            (Some("?"), false, false),
        ];
        for (site, poll, script) in table {
            let mut request = http::Request::get("/socket.io/");
            if let Some(site) = site {
                request = request.header(SEC_FETCH_SITE, site);
            }
            let request = request.body(()).unwrap().into_parts().0;
            assert_eq!(policy.allows(&request, false), poll, "{site:?}");
            assert_eq!(policy.allows(&request, true), script, "{site:?}");
            assert!(!foreign.allows(&request, true), "{site:?}");
        }
    }

    #[test]
    fn the_own_host_and_no_origin_pass_unless_they_are_switched_off() {
        let policy = OriginPolicy::new(["https://app.example"]);
        let strict = policy.clone().same_origin(false).require(true);
        let table: &[(&[&str], &str, bool, bool)] = &[
            (&["https://app.example"], "api.example", true, true),
            (&["https://evil.example"], "api.example", false, false),
            (&["https://api.example"], "api.example", true, false),
            (&["http://API.example:8080"], "api.example:8080", true, false),
            (&["https://api.example:8080"], "api.example", false, false),
            (&["api.example"], "api.example", false, false),
            (&["null"], "api.example", false, false),
            (&[""], "api.example", false, false),
            (&["https://"], "", false, false),
            (&[], "api.example", true, false),
            (&["https://app.example", "https://evil.example"], "api.example", false, false),
        ];
        for (origins, host, lenient, strictly) in table {
            assert_eq!(allows(&policy, origins, host), *lenient, "{origins:?} {host}");
            assert_eq!(allows(&strict, origins, host), *strictly, "{origins:?} {host}");
        }
    }
}
