//! Responses, with the reference's exact status, headers and bodies.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use proto::engine::HandshakeError;

use super::body::Never;
use super::encoding::Encoding;
use super::{Cors, ResponseBody};

pub(super) type Reply = Response<ResponseBody<Never>>;

/// How a refusal has to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// By an ordinary request: JSON.
    Plain,
    /// By a WebSocket handshake: bare text, mostly 400, and the connection closes.
    Upgrade,
}

/// What is the same in every reply to one request: its CORS headers and the one for old browsers.
#[derive(Debug, Default)]
pub(super) struct Common(HeaderMap);

impl Common {
    pub(super) fn new(cors: Option<&Cors>, request: &HeaderMap) -> Self {
        let mut headers = HeaderMap::new();
        if let Some(cors) = cors {
            cors.add(&mut headers, request);
        }
        let agent = request.get(USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
        if contains(agent, b";MSIE") || contains(agent, b"Trident/") {
            headers.insert(HeaderName::from_static("x-xss-protection"), HeaderValue::from_static("0"));
        }
        Self(headers)
    }

    pub(super) fn apply(self, mut reply: Reply) -> Reply {
        let headers = reply.headers_mut();
        for (name, value) in &self.0 {
            headers.append(name, value.clone());
        }
        reply
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Status and nothing else.
pub(super) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(ResponseBody::from(Bytes::new()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    reply
}

pub(super) fn refusal(error: &HandshakeError, asked: Asked) -> Reply {
    let (status, content_type, body) = match asked {
        Asked::Plain => (error.status(), "application/json", error.json()),
        // The reference says 400 here even where it says 403 to a polling client.
        Asked::Upgrade => (error.upgrade_status(), "text/html", error.message().to_owned()),
    };
    let mut reply = with_body(content_type, body.into());
    *reply.status_mut() = StatusCode::from_u16(status).expect("the table holds valid statuses");
    if asked == Asked::Upgrade {
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    reply
}

/// Packets for a poll; `encoding` is what the body has been compressed with.
pub(super) fn packets(body: Vec<u8>, encoding: Option<Encoding>) -> Reply {
    let mut reply = no_store(with_body("text/plain; charset=UTF-8", body.into()));
    if let Some(encoding) = encoding {
        reply.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    }
    reply
}

/// The answer to a POST.
pub(super) fn ok() -> Reply {
    no_store(with_body("text/html", Bytes::from_static(b"ok")))
}

fn with_body(content_type: &'static str, body: Bytes) -> Reply {
    let length = HeaderValue::from(body.len());
    let mut reply = Response::new(ResponseBody::from(body));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply.headers_mut().insert(CONTENT_LENGTH, length);
    reply
}

fn no_store(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}
