//! Responses, with the reference's exact status, headers and bodies.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, SET_COOKIE,
    USER_AGENT, VARY,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use proto::engine::{HandshakeError, Payload};

use super::ResponseBody;
use super::body::Never;
use super::encoding::Encoding;

pub(super) type Reply = Response<ResponseBody<Never>>;

/// How a refusal has to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// By an ordinary request: JSON.
    Plain,
    /// By a WebSocket handshake: bare text, mostly 400, and the connection closes.
    Upgrade,
}

/// Internet Explorer warns of what looks like a script in an answer.
pub(super) fn add_legacy_headers(headers: &mut HeaderMap, request: &HeaderMap) {
    let agent = request.get(USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
    if contains(agent, b";MSIE") || contains(agent, b"Trident/") {
        headers.insert(HeaderName::from_static("x-xss-protection"), HeaderValue::from_static("0"));
    }
}

/// Adds what is the same in every reply to one request. What the engine itself says in a header stands; only `Vary` and
/// `Set-Cookie` may come from both.
pub(super) fn with_headers(mut reply: Reply, common: HeaderMap) -> Reply {
    if common.is_empty() {
        return reply;
    }
    let headers = reply.headers_mut();
    let own: Vec<_> = headers.keys().cloned().collect();
    let mut name = None;
    for (next, value) in common {
        // A further value of one header comes without its name.
        name = next.or(name);
        if let Some(name) = &name
            && (*name == VARY || *name == SET_COOKIE || !own.contains(name))
        {
            headers.append(name, value);
        }
    }
    reply
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

/// To who has the file already.
pub(super) fn not_modified() -> Reply {
    let mut reply = Response::new(ResponseBody::from(Bytes::new()));
    *reply.status_mut() = StatusCode::NOT_MODIFIED;
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
    ended(reply, asked)
}

/// An answer that grants nothing: who asked for a WebSocket gets the end of the connection with it.
pub(super) fn ended(mut reply: Reply, asked: Asked) -> Reply {
    if asked == Asked::Upgrade {
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    reply
}

/// Packets for a poll; `encoding` is what the body has been compressed with.
pub(super) fn packets(payload: Payload, encoding: Option<Encoding>) -> Reply {
    let mut reply = no_store(match payload {
        // A script, too, is text: what the reference says.
        Payload::Text(body) => with_body("text/plain; charset=UTF-8", body.into()),
        Payload::Binary(body) => with_body("application/octet-stream", body.into()),
    });
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
