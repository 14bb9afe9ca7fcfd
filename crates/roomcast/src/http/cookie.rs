//! The cookie that names a session.
//!
//! In: the options and a session's id. Out: the value of a `Set-Cookie` header. What is odd: nothing here reads it back; it
//! is for load balancers that keep a client at one node.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use proto::Sid;

/// A cookie that carries the session's id. JS: `cookie`.
///
/// It is set by the answer that opens a session by polling, and by none after it. Its value is the session's secret: whoever
/// reads it can speak for the client.
///
/// ```
/// use roomcast::{Cookie, SameSite};
///
/// let cookie = Cookie::new().name("node").same_site(SameSite::Strict).secure(true);
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is set by the builder's `cookie`"]
pub struct Cookie {
    name: String,
    path: Option<String>,
    domain: Option<String>,
    max_age: Option<u64>,
    expires: Option<SystemTime>,
    http_only: bool,
    secure: bool,
    partitioned: bool,
    priority: Option<CookiePriority>,
    same_site: SameSite,
}

/// Which cookies a browser drops first when a site has too many. JS: `priority`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CookiePriority {
    /// Before all others.
    Low,
    /// As those of which nothing is said.
    Medium,
    /// Behind all others.
    High,
}

/// With which requests of other sites a browser sends a cookie. JS: `sameSite`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SameSite {
    /// With those that follow a link.
    Lax,
    /// With none.
    Strict,
    /// With all. Browsers take it only together with [`Cookie::secure`].
    None,
}

impl Cookie {
    /// `io`, for every path, not for scripts: `io=<sid>; Path=/; HttpOnly; SameSite=Lax`. JS: `cookie: true`.
    pub fn new() -> Self {
        Self {
            name: "io".into(),
            path: Some("/".into()),
            domain: None,
            max_age: None,
            expires: None,
            http_only: true,
            secure: false,
            partitioned: false,
            priority: None,
            same_site: SameSite::Lax,
        }
    }

    /// Its name, default `io`. JS: `name`.
    ///
    /// # Panics
    /// If it is empty or holds anything but letters, digits and ``!#$%&'*+-.^_`|~``.
    pub fn name(mut self, name: &str) -> Self {
        assert!(!name.is_empty() && name.bytes().all(is_token), "not the name of a cookie: {name:?}");
        self.name = name.into();
        self
    }

    /// Below which path it is sent, default `/`; `None`: the browser takes that of the request. JS: `path`.
    ///
    /// # Panics
    /// If it holds a semicolon or anything but visible ASCII and spaces.
    pub fn path(mut self, path: Option<&str>) -> Self {
        self.path = path.map(attribute);
        self
    }

    /// With which domain and its subdomains it is sent; default: this host alone. JS: `domain`.
    ///
    /// # Panics
    /// If it holds a semicolon or anything but visible ASCII and spaces.
    pub fn domain(mut self, domain: &str) -> Self {
        self.domain = Some(attribute(domain));
        self
    }

    /// Seconds for which it is kept; default: until the browser ends. JS: `maxAge`.
    pub fn max_age(mut self, seconds: u64) -> Self {
        self.max_age = Some(seconds);
        self
    }

    /// Until when it is kept, to the second, from 1970 to 9999; what is outside of that counts as its nearest end. Browsers heed
    /// [`Cookie::max_age`] before it. Default: until the browser ends. JS: `expires`.
    pub fn expires(mut self, time: SystemTime) -> Self {
        // 9999-12-31 23:59:59, the last that the form of the date can say.
        const LAST: Duration = Duration::from_secs(253_402_300_799);
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.expires = Some(UNIX_EPOCH + since.min(LAST));
        self
    }

    /// Whether scripts cannot read it, default `true`. JS: `httpOnly`.
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.http_only = http_only;
        self
    }

    /// Whether it is sent by TLS only, default `false`. JS: `secure`.
    pub fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// Whether each site that embeds this one has a cookie of its own, default `false`. Browsers take it only together with
    /// [`Cookie::secure`]. JS: `partitioned`.
    pub fn partitioned(mut self, partitioned: bool) -> Self {
        self.partitioned = partitioned;
        self
    }

    /// When it is dropped if there are too many, default: nothing is said. JS: `priority`.
    pub fn priority(mut self, priority: CookiePriority) -> Self {
        self.priority = Some(priority);
        self
    }

    /// With which requests of other sites it is sent, default [`SameSite::Lax`]. JS: `sameSite`.
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// The header of one session. The attributes stand in the order of npm's `cookie`.
    pub(super) fn header(&self, sid: Sid) -> HeaderValue {
        let mut text = format!("{}={}", self.name, sid.as_str());
        if let Some(seconds) = self.max_age {
            text += &format!("; Max-Age={seconds}");
        }
        if let Some(domain) = &self.domain {
            text += &format!("; Domain={domain}");
        }
        if let Some(path) = &self.path {
            text += &format!("; Path={path}");
        }
        if let Some(time) = self.expires {
            text += &format!("; Expires={}", httpdate::fmt_http_date(time));
        }
        if self.http_only {
            text += "; HttpOnly";
        }
        if self.secure {
            text += "; Secure";
        }
        if self.partitioned {
            text += "; Partitioned";
        }
        text += match self.priority {
            None => "",
            Some(CookiePriority::Low) => "; Priority=Low",
            Some(CookiePriority::Medium) => "; Priority=Medium",
            Some(CookiePriority::High) => "; Priority=High",
        };
        text += match self.same_site {
            SameSite::Lax => "; SameSite=Lax",
            SameSite::Strict => "; SameSite=Strict",
            SameSite::None => "; SameSite=None",
        };
        HeaderValue::try_from(text).expect("the setters let only visible ASCII in")
    }
}

impl Default for Cookie {
    fn default() -> Self {
        Self::new()
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn attribute(value: &str) -> String {
    let fits = |byte: u8| byte != b';' && matches!(byte, b' '..=b'~');
    assert!(value.bytes().all(fits), "not an attribute of a cookie: {value:?}");
    value.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "lv_VI97HAXpY6yYWAAAB";

    #[test]
    fn options_become_attributes_in_the_order_of_the_reference() {
        let new = Cookie::new;
        let table = [
            (new(), "io=SID; Path=/; HttpOnly; SameSite=Lax"),
            (new().name("node"), "node=SID; Path=/; HttpOnly; SameSite=Lax"),
            (new().path(Some("/custom")), "io=SID; Path=/custom; HttpOnly; SameSite=Lax"),
            (new().path(None), "io=SID; HttpOnly; SameSite=Lax"),
            (new().http_only(false), "io=SID; Path=/; SameSite=Lax"),
            (new().same_site(SameSite::Strict), "io=SID; Path=/; HttpOnly; SameSite=Strict"),
            (
                new().domain("example.com").max_age(3600).secure(true).same_site(SameSite::None),
                "io=SID; Max-Age=3600; Domain=example.com; Path=/; HttpOnly; Secure; SameSite=None",
            ),
            (
                new().expires(UNIX_EPOCH + Duration::from_millis(1_445_412_480_999)),
                "io=SID; Path=/; Expires=Wed, 21 Oct 2015 07:28:00 GMT; HttpOnly; SameSite=Lax",
            ),
            (
                new().secure(true).partitioned(true).priority(CookiePriority::High),
                "io=SID; Path=/; HttpOnly; Secure; Partitioned; Priority=High; SameSite=Lax",
            ),
            (
                new().priority(CookiePriority::Low).http_only(false),
                "io=SID; Path=/; Priority=Low; SameSite=Lax",
            ),
            (
                new().priority(CookiePriority::Medium),
                "io=SID; Path=/; HttpOnly; Priority=Medium; SameSite=Lax",
            ),
        ];
        for (cookie, wanted) in table {
            assert_eq!(cookie.header(Sid::parse(SID).unwrap()), wanted.replace("SID", SID));
        }
    }

    #[test]
    fn a_cookie_expires_at_a_date_that_can_be_written() {
        let year = Duration::from_secs(365 * 24 * 3600);
        for (time, wanted) in [
            (UNIX_EPOCH - year, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (UNIX_EPOCH + year * 20_000, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            let header = Cookie::new().expires(time).header(Sid::parse(SID).unwrap());
            assert!(header.to_str().unwrap().contains(wanted), "{header:?}");
        }
    }

    #[test]
    fn what_would_break_the_header_is_refused_when_it_is_set() {
        let refused = |set: fn(Cookie) -> Cookie| std::panic::catch_unwind(|| set(Cookie::new())).is_err();
        assert!(refused(|cookie| cookie.name("")));
        assert!(refused(|cookie| cookie.name("a=b")));
        assert!(refused(|cookie| cookie.name("ключ")));
        assert!(refused(|cookie| cookie.path(Some("/; Secure"))));
        assert!(refused(|cookie| cookie.domain("example.com\r\nx: y")));
    }
}
