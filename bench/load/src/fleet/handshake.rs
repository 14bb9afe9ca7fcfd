//! From a TCP connection into the namespace.
//!
//! In: the bytes of the server; out: what a client does next. The steps of the official client are kept one by one: the
//! upgrade, then Engine.IO's OPEN is awaited, then CONNECT is sent, then its reply is awaited.

use memchr::memmem;

use super::client::Phase;
use crate::frame::{Cut, Kind, cut};

/// The key of every upgrade request, the example of RFC 6455, and the answer that the RFC gives for it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// What follows from the bytes of the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More must come.
    Wait,
    /// On to the next phase.
    Next {
        /// How many bytes this step took.
        used: usize,
        /// The next phase.
        phase: Phase,
        /// The text to send.
        answer: Option<String>,
    },
    /// The server will not have this client.
    Refused(String),
}

/// The request that begins a connection.
pub(super) fn request(host: &str) -> Vec<u8> {
    format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
    .into_bytes()
}

/// One step of a client in the namespace with this prefix.
pub(super) fn step(phase: Phase, bytes: &[u8], namespace: &str) -> Step {
    if phase == Phase::Upgrading {
        return upgraded(bytes);
    }
    match cut(bytes) {
        Cut::Part => Step::Wait,
        Cut::Whole(Kind::Text, payload, used) => match (phase, payload) {
            (Phase::Opening, [b'0', b'{', ..]) => {
                Step::Next { used, phase: Phase::Connecting, answer: Some(format!("40{namespace}")) }
            }
            (Phase::Connecting, [b'4', b'0', reply @ ..]) if is_from(reply, namespace) => {
                Step::Next { used, phase: Phase::Joined, answer: None }
            }
            // A server that is slow to connect may ask meanwhile whether we live.
            (Phase::Connecting, b"2") => Step::Next { used, phase, answer: Some("3".into()) },
            _ => Step::Refused(format!("in the handshake: {}", String::from_utf8_lossy(payload))),
        },
        Cut::Whole(kind, ..) => Step::Refused(format!("in the handshake: a frame {kind:?}")),
        Cut::Wrong => Step::Refused("in the handshake: not a frame of a server".into()),
    }
}

/// Whether a reply to CONNECT, behind its kind, is that of the namespace.
fn is_from(reply: &[u8], namespace: &str) -> bool {
    reply.strip_prefix(namespace.as_bytes()).is_some_and(|rest| rest.starts_with(b"{"))
}

fn upgraded(bytes: &[u8]) -> Step {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return Step::Wait };
    let head = &bytes[..end];
    if !head.starts_with(b"HTTP/1.1 101 ") || memmem::find(head, ACCEPT.as_bytes()).is_none() {
        return Step::Refused(format!("no upgrade: {}", String::from_utf8_lossy(head)));
    }
    if memmem::find(&head.to_ascii_lowercase(), b"sec-websocket-extensions").is_some() {
        return Step::Refused("an extension that nobody asked for".into());
    }
    Step::Next { used: end + 4, phase: Phase::Opening, answer: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] =
        b"HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    #[test]
    fn the_handshake_goes_step_by_step() {
        let next = |used, phase, answer: Option<&str>| {
            let answer = answer.map(ToOwned::to_owned);
            Step::Next { used, phase, answer }
        };
        assert_eq!(step(Phase::Upgrading, &HEAD[..40], ""), Step::Wait);
        assert_eq!(step(Phase::Upgrading, HEAD, ""), next(HEAD.len(), Phase::Opening, None));
        assert_eq!(step(Phase::Opening, b"\x81\x030{}", ""), next(5, Phase::Connecting, Some("40")));
        assert_eq!(step(Phase::Connecting, b"\x81\x0440{}\x81", ""), next(6, Phase::Joined, None));
        assert_eq!(step(Phase::Opening, b"\x81\x030{}", "/a,"), next(5, Phase::Connecting, Some("40/a,")));
        assert_eq!(step(Phase::Connecting, b"\x81\x0740/a,{}", "/a,"), next(9, Phase::Joined, None));
    }

    #[test]
    fn what_is_no_handshake_is_refused() {
        let refused = |phase, bytes: &[u8]| matches!(step(phase, bytes, "/a,"), Step::Refused(_));
        assert!(refused(Phase::Upgrading, b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        assert!(refused(Phase::Upgrading, b"HTTP/1.1 101 Switching Protocols\r\n\r\n"));
        assert!(refused(Phase::Connecting, b"\x81\x0444{}"));
        assert!(refused(Phase::Connecting, b"\x81\x0440{}"), "that of another namespace");
        assert!(refused(Phase::Opening, b"\x88\x00"));
        assert!(refused(Phase::Opening, b"\x01\x00"));
    }
}
