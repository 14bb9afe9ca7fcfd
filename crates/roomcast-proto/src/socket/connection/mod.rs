//! The server's side of one connection: which namespaces the client is in, and what each packet means.
//!
//! ```text
//!   handle_text, handle_binary --> Decision --> the server acts --> accept, remove
//!   end_of_batch: after all messages that came together
//! ```
//!
//! What is odd is the batch. The reference looks a packet's namespace up at once, but acts on it a tick later. So what
//! arrives together with a leave is dropped, and what arrives after it closes the connection; and nothing but the
//! connect itself can be sent to a namespace in the batch that asks for it.

mod decision;
mod reader;
mod revision3;
mod slots;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

pub use decision::{Decision, RefuseReason, Violation};
pub use slots::SlotId;

use self::reader::Reader;
use self::slots::{Slots, State};
use super::decode::Limits;
use super::namespace::NamespacePath;
use super::packet::{Body, Packet};
use super::parser::Parser;
use crate::engine::Revision;

/// Namespaces per connection if the server sets no other bound: many more than any page joins, at 32 bytes each.
pub const DEFAULT_MAX_NAMESPACES: usize = 1000;

/// Bytes a namespace's path may have; the reference has no bound but the message's. Longer ones are refused.
pub const MAX_NAMESPACE_LEN: usize = 1024;

/// The namespaces of one client, multiplexed over one engine session.
///
/// JS: socket.io/lib/client.ts
#[derive(Debug)]
pub struct Connection {
    reader: Reader,
    slots: Slots,
    /// Small, beside what is smaller: it is paid for by every connection.
    max_namespaces: u32,
    revision: Revision,
}

impl Connection {
    /// A connection that has joined nothing. At most `max_namespaces` may be joined or asked for at a time; another
    /// connect gives [`Decision::Refuse`]. Takes [`Limits`], or an `Arc` of those that many connections have.
    #[must_use]
    pub fn new(limits: impl Into<Arc<Limits>>, max_namespaces: usize) -> Self {
        Self::with_reader(Reader::new(limits), max_namespaces)
    }

    /// The same, with another parser than the default one.
    #[must_use]
    pub fn with_parser(parser: &dyn Parser, limits: Limits, max_namespaces: usize) -> Self {
        Self::with_reader(Reader::with_parser(parser, limits), max_namespaces)
    }

    fn with_reader(reader: Reader, max_namespaces: usize) -> Self {
        let max_namespaces = u32::try_from(max_namespaces).unwrap_or(u32::MAX);
        Self { reader, slots: Slots::default(), max_namespaces, revision: Revision::V4 }
    }

    /// The same for a client that speaks this revision of Engine.IO. What else Socket.IO 2.x does in its own way:
    /// `revision3.rs`.
    #[must_use]
    pub fn with_revision(mut self, revision: Revision) -> Self {
        self.revision = revision;
        self
    }

    /// Decides what a text message asks for.
    ///
    /// # Errors
    /// A [`Violation`]: the engine session must be closed.
    #[inline]
    pub fn handle_text<'a>(&mut self, text: &'a str) -> Result<Decision<'a>, Violation> {
        match self.reader.text(text)? {
            Some(packet) => self.decide(packet),
            None => Ok(Decision::Nothing),
        }
    }

    /// Decides what a binary message asks for; with the default parser that is something only if it completes a packet.
    ///
    /// # Errors
    /// A [`Violation`]: the engine session must be closed.
    pub fn handle_binary(&mut self, attachment: Bytes) -> Result<Decision<'static>, Violation> {
        match self.reader.binary(attachment)? {
            Some(packet) => self.decide(packet),
            None => Ok(Decision::Nothing),
        }
    }

    /// To be called after all messages that arrived together: one polling payload, or one read of a WebSocket. Answers
    /// to connects belong after it.
    pub fn end_of_batch(&mut self) {
        self.slots.settle();
    }

    /// The server lets the client in. `false` if the slot is gone.
    ///
    /// The client cannot know yet, so its packets for this namespace are violations until
    /// [`end_of_batch`](Self::end_of_batch), even if the server decides faster.
    pub fn accept(&mut self, slot: SlotId) -> bool {
        self.slots.accept(slot)
    }

    /// The server refuses the client, or has disconnected it from the namespace. Does nothing if the slot is gone.
    ///
    /// What the client goes on sending to a namespace it was disconnected from is dropped, because it may not know yet.
    /// The reference closes the whole connection for it.
    pub fn remove(&mut self, slot: SlotId) {
        self.slots.dismiss(slot);
    }

    /// The namespaces the client is in.
    pub fn joined(&self) -> impl Iterator<Item = (SlotId, &NamespacePath)> {
        self.slots.iter(State::Joined)
    }

    /// The namespaces the client asked for, still undecided.
    pub fn pending(&self) -> impl Iterator<Item = (SlotId, &NamespacePath)> {
        self.slots.iter(State::Pending)
    }

    /// Whether the client is in any namespace; if not in time, a server closes the connection. JS: `connectTimeout`
    #[must_use]
    pub fn has_joined_any(&self) -> bool {
        self.joined().next().is_some()
    }

    /// Whether a packet waits for attachments. A server bounds how long.
    #[must_use]
    pub fn is_reassembling(&self) -> bool {
        self.reader.is_reassembling()
    }

    #[inline]
    fn decide<'a>(&mut self, packet: Packet<'a>) -> Result<Decision<'a>, Violation> {
        // JS: socket.io/lib/client.ts ondecoded, socket.io/lib/socket.ts _onpacket
        match packet.body {
            Body::Connect(auth) => match self.revision {
                Revision::V3 => return self.connect_by_query(packet.namespace),
                Revision::V4 => return self.connect(packet.namespace, auth),
            },
            Body::ConnectError(_) => return Err(Violation::ConnectErrorFromClient),
            Body::Disconnect | Body::Event { .. } | Body::Ack { .. } => {}
        }
        let slot = self.slots.addressed(&packet.namespace);
        let slot = slot.or_else(|| self.addressed_by_query(&packet.namespace));
        let Some(slot) = slot else { return Err(Violation::NotJoined) };
        if slot.has_left() {
            return Ok(Decision::Nothing);
        }
        let slot_id = slot.id();
        Ok(match packet.body {
            Body::Disconnect => {
                self.slots.remove(slot_id);
                Decision::Disconnect { slot: slot_id }
            }
            Body::Event { id, event } if !event.is_nameless() => Decision::Event { slot: slot_id, id, event },
            Body::Ack { id: Some(id), args } => Decision::Ack { slot: slot_id, id, args },
            _ => Decision::Nothing,
        })
    }

    fn connect<'a>(
        &mut self,
        namespace: Cow<'a, str>,
        auth: Option<Cow<'a, str>>,
    ) -> Result<Decision<'a>, Violation> {
        if self.slots.is_pending(&namespace) {
            // The official client asks again where a namespace is left and joined before the first answer. One socket is
            // enough for it; the reference makes two.
            return Ok(Decision::Nothing);
        }
        if self.slots.is_occupied(&namespace) {
            return Err(Violation::AlreadyJoined);
        }
        if namespace.len() > MAX_NAMESPACE_LEN {
            return Ok(Decision::Refuse { namespace, reason: RefuseReason::NameTooLong });
        }
        if self.slots.occupied() >= self.max_namespaces as usize {
            return Ok(Decision::Refuse { namespace, reason: RefuseReason::TooManyNamespaces });
        }
        let path = NamespacePath::new(&namespace).ok().filter(|path| path.is(&namespace));
        let Some(path) = path else {
            return Ok(Decision::Refuse { namespace, reason: RefuseReason::InvalidName });
        };
        let slot = self.slots.open(path.clone());
        Ok(Decision::Connect { slot, namespace: path, auth })
    }
}
