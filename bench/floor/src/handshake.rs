//! The HTTP request of a WebSocket, and its answer.
//!
//! Comes in: the bytes of a request. Goes out: the answer, followed by the OPEN packet so that both leave in one write.
//! What is odd: of the request only the end and the key are looked at.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use memchr::memmem;
use sha1::{Digest, Sha1};

use crate::frame;
use crate::heartbeat::Heartbeat;

/// The bytes that every WebSocket key is hashed with: RFC 6455, 1.3.
const SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What the beginning of a connection holds.
pub(crate) enum Request<'a> {
    /// The request has not ended.
    Partial,
    /// No WebSocket is asked for.
    Other,
    /// A WebSocket with this key; the request has this many bytes.
    WebSocket { key: &'a [u8], length: usize },
}

pub(crate) fn read(bytes: &[u8]) -> Request<'_> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return Request::Partial };
    bytes[..end]
        .split(|&byte| byte == b'\n')
        .find_map(|line| {
            let (name, value) = line.split_at_checked(18)?;
            name.eq_ignore_ascii_case(b"Sec-WebSocket-Key:").then(|| value.trim_ascii())
        })
        .map_or(Request::Other, |key| Request::WebSocket { key, length: end + 4 })
}

/// Writes the answer to a request with this key, then the OPEN packet.
pub(crate) fn answer(out: &mut Vec<u8>, key: &[u8], sid: &str, heartbeat: &Heartbeat) {
    let hash = Sha1::new().chain_update(key).chain_update(SUFFIX).finalize();
    out.extend_from_slice(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ",
    );
    out.extend_from_slice(BASE64_STANDARD.encode(hash).as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
    let open = format!(
        r#"0{{"sid":"{sid}","upgrades":[],"pingInterval":{},"pingTimeout":{},"maxPayload":2000000}}"#,
        heartbeat.interval.as_millis(),
        heartbeat.timeout.as_millis(),
    );
    frame::write(out, frame::TEXT, &[open.as_bytes()]);
}

/// What everything else is told.
pub(crate) const REFUSAL: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_key_of_the_standard_gets_the_answer_of_the_standard() {
        let request =
            b"GET /chat HTTP/1.1\r\nsec-websocket-key:  dGhlIHNhbXBsZSBub25jZQ==\r\nHost: a\r\n\r\nrest";
        let Request::WebSocket { key, length } = read(request) else { panic!("not a WebSocket") };
        assert_eq!(&request[length..], b"rest");
        let mut out = Vec::new();
        let heartbeat = Heartbeat::new(Duration::from_secs(25), Duration::from_secs(20));
        answer(&mut out, key, "a", &heartbeat);
        assert!(memmem::find(&out, b"Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n").is_some());
        assert!(memmem::find(&out, br#"0{"sid":"a","upgrades":[],"pingInterval":25000"#).is_some());
    }

    #[test]
    fn a_request_without_an_end_or_a_key_is_told_apart() {
        assert!(matches!(read(b"GET / HTTP/1.1\r\nHost: a\r\n"), Request::Partial));
        assert!(matches!(read(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Request::Other));
    }
}
