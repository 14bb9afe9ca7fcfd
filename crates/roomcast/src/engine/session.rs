//! One session, as the program holds it.

use std::sync::Arc;

use bytes::Bytes;
use proto::engine::{Frame, Revision, Transport};

use super::Sent;
use crate::Handshake;
use crate::outbox::{Buffered, Urgency};
use crate::session::{Command, Mailbox};

/// One session. A handle is cheap to clone and keeps nothing open.
///
/// Below Socket.IO it is what carries a client's namespaces. JS: `io.engine`'s sockets, `socket.conn`.
#[derive(Clone, Debug)]
pub struct Session {
    mailbox: Arc<Mailbox>,
    handshake: Arc<Handshake>,
}

impl Session {
    pub(crate) fn new(mailbox: Arc<Mailbox>, handshake: Arc<Handshake>) -> Self {
        Self { mailbox, handshake }
    }

    /// Its id. It is a secret: whoever knows it can speak for the client, so it belongs into no log. JS: `socket.id`.
    #[must_use]
    pub fn id(&self) -> String {
        self.mailbox.sid().to_string()
    }

    /// The transport that it uses now. JS: `socket.transport.name`.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.mailbox.transport()
    }

    /// The revision of the protocol that its client speaks. JS: `socket.protocol`.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.mailbox.dialect().revision()
    }

    /// What waits to be sent. JS: `socket.writeBuffer`.
    #[must_use]
    pub fn buffered(&self) -> Buffered {
        self.mailbox.buffered()
    }

    /// Whether it has ended. JS: `socket.readyState`.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.mailbox.is_closed()
    }

    /// Sends a text message. JS: `socket.send(text)`.
    pub fn send(&self, text: &str) {
        // A session that has ended hears nothing; one that is full is closed for it, with its reason.
        let _ = self.mailbox.push(Frame::text(text), &Urgency::Reliable);
    }

    /// Sends a binary message.
    pub fn send_binary(&self, bytes: impl Into<Bytes>) {
        let _ = self.mailbox.push(Frame::binary(bytes.into()), &Urgency::Reliable);
    }

    /// Sends a text message; what it gives tells when the message has left. JS: `socket.send(text, callback)`.
    pub fn send_watched(&self, text: &str) -> Sent {
        Sent(self.mailbox.push_watched(Frame::text(text)))
    }

    /// Sends a binary message; what it gives tells when the message has left. JS: `socket.send(bytes, callback)`.
    pub fn send_binary_watched(&self, bytes: impl Into<Bytes>) -> Sent {
        Sent(self.mailbox.push_watched(Frame::binary(bytes.into())))
    }

    /// Closes the session; what waits is sent first. JS: `socket.close()`.
    pub fn close(&self) {
        let _ = self.mailbox.command(Command::Close);
    }

    /// The request that opened it. JS: `socket.request`.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }
}
