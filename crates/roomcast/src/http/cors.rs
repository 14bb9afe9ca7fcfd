//! Cross-origin headers, as the `cors` package of npm gives them.
//!
//! What is odd: they never refuse. A foreign origin still gets its session; only a browser's script cannot read it.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::ResponseBody;
use super::reply::Reply;

/// Which origins may read answers. JS: `cors.origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AllowOrigin {
    /// Every origin, as `*`.
    Any,
    /// Every origin, named back. Needed instead of `Any` together with credentials. JS: `origin: true`.
    Reflect,
    /// These origins, for example `https://example.com`.
    List(Vec<String>),
}

/// Cross-origin resource sharing. Off unless set. JS: `cors`.
///
/// ```
/// use roomcast::Cors;
///
/// let cors = Cors::origin("https://example.com").credentials(true);
/// ```
#[derive(Clone, Debug)]
pub struct Cors {
    origin: AllowOrigin,
    methods: String,
    allowed_headers: Option<String>,
    exposed_headers: Option<String>,
    credentials: bool,
    max_age: Option<u64>,
}

impl Cors {
    fn new(origin: AllowOrigin) -> Self {
        Self {
            origin,
            methods: "GET,HEAD,PUT,PATCH,POST,DELETE".into(),
            allowed_headers: None,
            exposed_headers: None,
            credentials: false,
            max_age: None,
        }
    }

    /// Every origin may read answers: `*`.
    #[must_use]
    pub fn any() -> Self {
        Self::new(AllowOrigin::Any)
    }

    /// One origin may read answers.
    #[must_use]
    pub fn origin(origin: impl Into<String>) -> Self {
        Self::new(AllowOrigin::List(vec![origin.into()]))
    }

    /// The given origins may read answers.
    #[must_use]
    pub fn origins(origin: AllowOrigin) -> Self {
        Self::new(origin)
    }

    /// The methods named to a preflight, default `GET,HEAD,PUT,PATCH,POST,DELETE`. JS: `methods`.
    #[must_use]
    pub fn methods(mut self, methods: &[&str]) -> Self {
        self.methods = methods.join(",");
        self
    }

    /// The headers that requests may carry; default: those the preflight asks for. JS: `allowedHeaders`.
    #[must_use]
    pub fn allowed_headers(mut self, headers: &[&str]) -> Self {
        self.allowed_headers = Some(headers.join(","));
        self
    }

    /// The headers that scripts may read, default none. JS: `exposedHeaders`.
    #[must_use]
    pub fn exposed_headers(mut self, headers: &[&str]) -> Self {
        self.exposed_headers = Some(headers.join(","));
        self
    }

    /// Whether requests may carry cookies, default `false`. JS: `credentials`.
    #[must_use]
    pub fn credentials(mut self, credentials: bool) -> Self {
        self.credentials = credentials;
        self
    }

    /// Seconds for which a browser may remember a preflight, default unset. JS: `maxAge`.
    #[must_use]
    pub fn max_age(mut self, seconds: u64) -> Self {
        self.max_age = Some(seconds);
        self
    }

    /// The headers of an ordinary answer.
    pub(super) fn add(&self, headers: &mut HeaderMap, request: &HeaderMap) {
        self.add_origin(headers, request.get(ORIGIN));
        if self.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        insert(headers, ACCESS_CONTROL_EXPOSE_HEADERS, self.exposed_headers.as_deref());
    }

    fn add_origin(&self, headers: &mut HeaderMap, origin: Option<&HeaderValue>) {
        let allowed = match &self.origin {
            AllowOrigin::Any => {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
                return;
            }
            // A single fixed origin is named to everybody.
            AllowOrigin::List(list) if list.len() == 1 => HeaderValue::from_str(&list[0]).ok(),
            AllowOrigin::List(list) => {
                origin.filter(|origin| list.iter().any(|o| o.as_bytes() == origin.as_bytes())).cloned()
            }
            AllowOrigin::Reflect => origin.cloned(),
        };
        headers.insert(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = allowed {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
    }

    /// The answer to an `OPTIONS` request. The reference adds `Content-Length: 0`, which RFC 9110 forbids in a 204.
    pub(super) fn preflight(&self, request: &HeaderMap) -> Reply {
        let mut reply = Response::new(ResponseBody::Own(None));
        *reply.status_mut() = StatusCode::NO_CONTENT;
        let headers = reply.headers_mut();
        self.add(headers, request);
        insert(headers, ACCESS_CONTROL_ALLOW_METHODS, Some(&self.methods));
        match &self.allowed_headers {
            Some(allowed) => insert(headers, ACCESS_CONTROL_ALLOW_HEADERS, Some(allowed)),
            None => {
                headers.append(VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
                if let Some(asked) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
                    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
                }
            }
        }
        if let Some(seconds) = self.max_age {
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(seconds));
        }
        reply
    }
}

/// A text that cannot be a header value is left out: it came from the program, not from a peer.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: Option<&str>) {
    if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
        headers.insert(name, value);
    }
}
