//! The id of a socket, as clients and rooms know it.
//!
//! What is odd: clients of Engine.IO 3 make up the id of their socket by themselves, from that of their session, which is
//! a secret otherwise. So the server has to use that one, too.

use proto::Sid;
use proto::engine::Revision;

use crate::Namespace;
use crate::core::random_id;
use crate::session::Mailbox;

/// Public, and mostly random.
pub(super) enum SocketId {
    Random(Sid),
    /// `/chat#`, but for the main namespace, and the id of the session.
    OfSession(Box<str>),
}

impl SocketId {
    /// For a socket that comes into a namespace.
    pub(super) fn new(namespace: &Namespace, mailbox: &Mailbox) -> Self {
        if mailbox.dialect().revision() == Revision::V3 {
            let sid = mailbox.sid();
            let id = match namespace.name() {
                "/" => sid.as_str().to_owned(),
                path => format!("{path}#{}", sid.as_str()),
            };
            // Taken only while a socket of the same session is about to leave, and where the program makes ids of its own.
            if namespace.members().member(&id).is_none() {
                return Self::OfSession(id.into_boxed_str());
            }
        }
        Self::Random(random_id())
    }

    /// The one that a socket had whose client is back. Only those of revision 4 come back.
    pub(super) fn restored(id: &str) -> Option<Self> {
        Sid::parse(id).map(Self::Random)
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Random(id) => id.as_str(),
            Self::OfSession(id) => id,
        }
    }
}
