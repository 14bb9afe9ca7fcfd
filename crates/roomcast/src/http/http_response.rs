//! The answer to a request, as far as middlewares have a say in it.
//!
//! In: what they set. Out: headers of whatever answer is given in the end, or an answer of their own. What is odd: it is a
//! shared handle, so that an async function can hold it; what is set after the middlewares have run is lost.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderName};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use parking_lot::Mutex;

use super::ResponseBody;
use super::reply::Reply;

/// What a middleware of the engine can do about the answer. JS: `res`.
///
/// The headers are part of every answer: of polls, of refusals, of the 101 that grants a WebSocket.
#[derive(Clone, Default)]
pub struct HttpResponse(Arc<Mutex<Draft>>);

#[derive(Default)]
struct Draft {
    headers: HeaderMap,
    answer: Option<(StatusCode, Bytes)>,
}

impl HttpResponse {
    pub(super) fn new(headers: HeaderMap) -> Self {
        Self(Arc::new(Mutex::new(Draft { headers, answer: None })))
    }

    /// The first value that a header has so far. JS: `res.getHeader(name)`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<HeaderValue> {
        self.0.lock().headers.get(name).cloned()
    }

    /// Sets a header, in place of what it was. JS: `res.setHeader(name, value)`.
    ///
    /// # Errors
    /// If the name or the value cannot be in a header.
    pub fn set_header(&self, name: &str, value: &str) -> Result<(), http::Error> {
        let (name, value) = parse(name, value)?;
        self.0.lock().headers.insert(name, value);
        Ok(())
    }

    /// Adds a header to those of its name, a cookie for example. JS: `res.appendHeader(name, value)`.
    ///
    /// # Errors
    /// If the name or the value cannot be in a header.
    pub fn append_header(&self, name: &str, value: &str) -> Result<(), http::Error> {
        let (name, value) = parse(name, value)?;
        self.0.lock().headers.append(name, value);
        Ok(())
    }

    /// Takes a header away, a CORS header for example. JS: `res.removeHeader(name)`.
    pub fn remove_header(&self, name: &str) {
        self.0.lock().headers.remove(name);
    }

    /// Answers the request, so that neither the middlewares behind this one nor the engine see it. On a request for a WebSocket
    /// the client hears of it as of a refusal. JS: `res.writeHead(status)`, `res.end(body)`.
    pub fn end(&self, status: StatusCode, body: impl Into<Bytes>) {
        self.0.lock().answer = Some((status, body.into()));
    }

    pub(super) fn is_ended(&self) -> bool {
        self.0.lock().answer.is_some()
    }

    /// The headers, and the answer if one was given.
    pub(super) fn take(&self) -> (HeaderMap, Option<Reply>) {
        let Draft { headers, answer } = std::mem::take(&mut *self.0.lock());
        let reply = answer.map(|(status, body)| {
            let length = HeaderValue::from(body.len());
            let mut reply = Response::new(ResponseBody::from(body));
            *reply.status_mut() = status;
            reply.headers_mut().insert(CONTENT_LENGTH, length);
            reply
        });
        (headers, reply)
    }
}

fn parse(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), http::Error> {
    Ok((HeaderName::try_from(name)?, HeaderValue::try_from(value)?))
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse").field("is_ended", &self.is_ended()).finish_non_exhaustive()
    }
}
