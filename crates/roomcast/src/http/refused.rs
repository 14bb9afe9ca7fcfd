//! What the program is told of a request that was refused.

use std::fmt;

use http::Method;
use http::header::ORIGIN;
#[cfg(feature = "webtransport")]
use proto::engine::Revision;
use proto::engine::{HandshakeError, Transport};

use super::http_request::HttpRequest;
use super::query::Query;
use crate::session::Mailbox;

/// A request that opened no session and found none. JS: the argument of `connection_error`.
#[derive(Clone, Debug)]
pub struct ConnectionRefused {
    request: HttpRequest,
    error: HandshakeError,
    context: RefusalContext,
}

/// Why a request was refused, with what belongs to it. JS: `err.context`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalContext {
    /// Code 0: the transport is missing, unknown or not enabled.
    UnknownTransport {
        /// What the request named.
        transport: Option<String>,
    },
    /// Code 1: there is no such session.
    UnknownSid {
        /// What the request named.
        sid: String,
    },
    /// Code 2: sessions are opened by `GET` only.
    BadHandshakeMethod {
        /// The request's method.
        method: Method,
    },
    /// Code 3, `TRANSPORT_MISMATCH`: the session is on another transport.
    TransportMismatch {
        /// What the request named.
        transport: String,
        /// Where the session is, unless it has ended meanwhile.
        previous_transport: Option<Transport>,
    },
    /// Code 3, `TRANSPORT_HANDSHAKE_ERROR`: a WebSocket was asked for by a request that cannot become one, or a WebTransport
    /// session does not begin as it has to, or not in time.
    TransportHandshakeError,
    /// Code 3, `PROTOCOL_MISMATCH`: the session was opened with another revision of the protocol.
    ProtocolMismatch {
        /// The revision of the request: what is not 4 counts as 3.
        protocol: u8,
        /// That of the session, unless it has ended meanwhile.
        previous_protocol: Option<u8>,
    },
    /// Code 3, `MIDDLEWARE_FAILURE`: a middleware of the engine failed.
    MiddlewareFailure {
        /// The text of its error.
        error: String,
    },
    /// Code 3, `ID_GENERATION_ERROR`: there is no usable id for the session.
    IdGenerationError {
        /// Why.
        error: String,
    },
    /// Code 4: the program's `allow_request` said no.
    Forbidden {
        /// Its text.
        message: String,
    },
    /// Code 4: the `Origin` header names none of the allowed origins. Roomcast's own.
    ForeignOrigin {
        /// The header, as far as it is text.
        origin: String,
    },
    /// Code 5: the revision of the protocol is not spoken here.
    UnsupportedProtocol {
        /// The revision of the request: what is not 4 counts as 3.
        protocol: u8,
    },
    /// Code 3: the server is closing. Roomcast's own.
    Unavailable,
    /// Code 6: one client, or all together, ask for sessions too often. Roomcast's own.
    TooManyRequests,
    /// Code 7: there are as many sessions as there may be. Roomcast's own.
    Full,
}

impl ConnectionRefused {
    /// `session` is the one that the request names, if there is one.
    pub(super) fn new(request: HttpRequest, error: HandshakeError, session: Option<&Mailbox>) -> Self {
        let query = Query::parse(request.parts().uri.query());
        let protocol = query.revision().number();
        let owned = |value: Option<std::borrow::Cow<'_, str>>| value.map(|value| value.into_owned());
        let origin = || {
            let origin = request.headers().get(ORIGIN).map(|value| value.as_bytes()).unwrap_or_default();
            String::from_utf8_lossy(origin).into_owned()
        };
        let context = match &error {
            HandshakeError::UnknownTransport => {
                RefusalContext::UnknownTransport { transport: owned(query.transport) }
            }
            HandshakeError::UnknownSid => {
                RefusalContext::UnknownSid { sid: owned(query.sid).unwrap_or_default() }
            }
            HandshakeError::BadHandshakeMethod => {
                RefusalContext::BadHandshakeMethod { method: request.method().clone() }
            }
            HandshakeError::TransportMismatch => RefusalContext::TransportMismatch {
                transport: owned(query.transport).unwrap_or_default(),
                previous_transport: session.map(Mailbox::transport),
            },
            HandshakeError::TransportHandshake => RefusalContext::TransportHandshakeError,
            HandshakeError::ProtocolMismatch => RefusalContext::ProtocolMismatch {
                protocol,
                previous_protocol: session.map(|session| session.dialect().revision().number()),
            },
            HandshakeError::MiddlewareFailure(error) => {
                RefusalContext::MiddlewareFailure { error: error.clone() }
            }
            HandshakeError::IdGeneration(error) => RefusalContext::IdGenerationError { error: error.clone() },
            HandshakeError::Forbidden(message) => RefusalContext::Forbidden { message: message.clone() },
            HandshakeError::ForeignOrigin => RefusalContext::ForeignOrigin { origin: origin() },
            HandshakeError::UnsupportedProtocol => RefusalContext::UnsupportedProtocol { protocol },
            HandshakeError::TooManyRequests => RefusalContext::TooManyRequests,
            HandshakeError::Full => RefusalContext::Full,
            // `Unavailable`, and what a later version of the protocol crate may add.
            _ => RefusalContext::Unavailable,
        };
        Self { request, error, context }
    }

    /// The same of a client that names its session on a stream, not in its query. There is one revision on streams.
    #[cfg(feature = "webtransport")]
    pub(super) fn of_a_stream(mut self, named: proto::Sid) -> Self {
        match &mut self.context {
            RefusalContext::UnknownSid { sid } => *sid = named.to_string(),
            RefusalContext::ProtocolMismatch { protocol, .. } => *protocol = Revision::V4.number(),
            _ => {}
        }
        self
    }

    /// The request. JS: `err.req`.
    #[must_use]
    pub fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// From 0 to 7. JS: `err.code`.
    #[must_use]
    pub fn code(&self) -> u8 {
        self.error.code()
    }

    /// The text that belongs to the code. A client that `allow_request` has refused was told that function's own text, which
    /// is in the context. JS: `err.message`.
    #[must_use]
    pub fn message(&self) -> &str {
        match &self.error {
            HandshakeError::Forbidden(_) => "Forbidden",
            error => error.message(),
        }
    }

    /// Why, in detail. JS: `err.context`.
    #[must_use]
    pub fn context(&self) -> &RefusalContext {
        &self.context
    }
}

impl RefusalContext {
    /// The reference's name for it, where code 3 alone does not say enough. JS: `err.context.name`.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        Some(match self {
            Self::TransportMismatch { .. } => "TRANSPORT_MISMATCH",
            Self::TransportHandshakeError => "TRANSPORT_HANDSHAKE_ERROR",
            Self::ProtocolMismatch { .. } => "PROTOCOL_MISMATCH",
            Self::MiddlewareFailure { .. } => "MIDDLEWARE_FAILURE",
            Self::IdGenerationError { .. } => "ID_GENERATION_ERROR",
            Self::ForeignOrigin { .. } => "FOREIGN_ORIGIN",
            Self::Unavailable => "UNAVAILABLE",
            _ => return None,
        })
    }
}

impl fmt::Display for ConnectionRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message(), self.code())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    /// JS: engine.io/lib/server.ts `checkInvalidHeaderChar`, which has an `Origin` refused with `INVALID_ORIGIN`.
    fn refused_by_the_reference(byte: u8) -> bool {
        !matches!(byte, b'\t' | b' '..=b'~' | 0x80..=0xff)
    }

    #[test]
    fn no_origin_that_the_reference_calls_invalid_can_be_a_header_here() {
        for byte in 0..=u8::MAX {
            let can_be = HeaderValue::from_bytes(&[b'a', byte, b'b']).is_ok();
            assert_eq!(can_be, !refused_by_the_reference(byte), "{byte:#04x}");
        }
    }
}
