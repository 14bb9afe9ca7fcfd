//! Cross-origin headers, as the `cors` package of npm gives them.
//!
//! In: a request's method and headers. Out: headers for its answer, and the whole answer of a preflight. What is odd: they
//! never refuse. A foreign origin still gets its session; only a browser's script cannot read it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::origin;

/// Which origins may read answers. JS: `cors.origin`.
#[derive(Clone)]
#[non_exhaustive]
pub enum AllowOrigin {
    /// Every origin, as `*`. JS: `origin: "*"`.
    Any,
    /// Every origin, named back. Needed instead of `Any` together with credentials. JS: `origin: true`.
    Reflect,
    /// This origin, which is named to everybody. JS: `origin: "https://example.com"`.
    Exact(String),
    /// These origins, each named back to itself alone. A `*` stands for one or more letters, digits, hyphens and dots:
    /// `https://*.example.com`. JS: `origin: [..]`, with strings and patterns.
    List(Vec<String>),
    /// The origins for which it is true; `None` is a request without one. For all others it is as if there were no CORS, so that
    /// their preflights are refused, too. JS: `origin: (origin, callback) => ..`.
    Predicate(Arc<OriginPredicate>),
}

type OriginPredicate = dyn Fn(Option<&str>) -> bool + Send + Sync;

impl fmt::Debug for AllowOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("Any"),
            Self::Reflect => f.write_str("Reflect"),
            Self::Exact(origin) => f.debug_tuple("Exact").field(origin).finish(),
            Self::List(origins) => f.debug_tuple("List").field(origins).finish(),
            Self::Predicate(_) => f.write_str("Predicate"),
        }
    }
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
    preflight_continue: bool,
    options_success_status: StatusCode,
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
            preflight_continue: false,
            options_success_status: StatusCode::NO_CONTENT,
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
        Self::new(AllowOrigin::Exact(origin.into()))
    }

    /// The origins for which `allows` is true may read answers. See [`AllowOrigin::Predicate`].
    #[must_use]
    pub fn origin_fn(allows: impl Fn(Option<&str>) -> bool + Send + Sync + 'static) -> Self {
        Self::new(AllowOrigin::Predicate(Arc::new(allows)))
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

    /// Whether a preflight goes on to the engine, which refuses it unless a middleware answers it; default `false`. JS:
    /// `preflightContinue`.
    #[must_use]
    pub fn preflight_continue(mut self, go_on: bool) -> Self {
        self.preflight_continue = go_on;
        self
    }

    /// The status that answers a preflight, default 204. Some old devices want 200. JS: `optionsSuccessStatus`.
    #[must_use]
    pub fn options_success_status(mut self, status: StatusCode) -> Self {
        self.options_success_status = status;
        self
    }

    /// What CORS adds to the answer of a request, and the status where it is a preflight, which goes no further.
    pub(super) fn apply(&self, method: &Method, request: &HeaderMap) -> (HeaderMap, Option<StatusCode>) {
        let mut headers = HeaderMap::new();
        if let AllowOrigin::Predicate(allows) = &self.origin {
            // The answer of another origin is another one, which caches have to know.
            headers.insert(VARY, HeaderValue::from_static("Origin"));
            let origin = request.get(ORIGIN).and_then(|origin| origin.to_str().ok());
            let allowed = catch_unwind(AssertUnwindSafe(|| allows(origin)));
            if !allowed.unwrap_or_else(|_| {
                tracing::error!("a function for origins panicked");
                false
            }) {
                return (headers, None);
            }
        }
        self.add_origin(&mut headers, request.get(ORIGIN));
        if self.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        insert(&mut headers, ACCESS_CONTROL_EXPOSE_HEADERS, self.exposed_headers.as_deref());
        if method != Method::OPTIONS {
            return (headers, None);
        }
        self.add_preflight(&mut headers, request);
        (headers, (!self.preflight_continue).then_some(self.options_success_status))
    }

    fn add_origin(&self, headers: &mut HeaderMap, origin: Option<&HeaderValue>) {
        let allowed = match &self.origin {
            AllowOrigin::Any => {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
                return;
            }
            AllowOrigin::Exact(origin) => HeaderValue::from_str(origin).ok(),
            AllowOrigin::List(list) => origin
                .filter(|origin| list.iter().any(|allowed| origin::matches(allowed, origin.as_bytes())))
                .cloned(),
            AllowOrigin::Reflect | AllowOrigin::Predicate(_) => origin.cloned(),
        };
        headers.insert(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = allowed {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
    }

    fn add_preflight(&self, headers: &mut HeaderMap, request: &HeaderMap) {
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
    }
}

/// A text that cannot be a header value is left out: it came from the program, not from a peer. So is an empty one.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: Option<&str>) {
    let value = value.filter(|value| !value.is_empty()).and_then(|value| HeaderValue::from_str(value).ok());
    if let Some(value) = value {
        headers.insert(name, value);
    }
}
