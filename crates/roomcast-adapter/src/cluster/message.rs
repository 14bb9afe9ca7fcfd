//! What nodes say to each other: the messages, and what stands on each envelope.
//!
//! Odd: the numbers of the kinds are those of the JavaScript adapters, which a wire shared with them needs.

use std::{
    fmt,
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
    time::Duration,
};

use crate::{
    Room, Target,
    adapter::{Disconnect, RawJson, RemoteSocketData},
};

/// Names one adapter: one namespace of one node. 16 hexadecimal characters, chosen at random.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(Arc<str>);

/// Names one question, so that its answers find it. 16 hexadecimal characters, chosen at random.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(Arc<str>);

/// What emitters, which are no nodes, call themselves.
const EMITTER: &str = "emitter";

impl Uid {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(random())
    }

    /// The one that all emitters share.
    #[must_use]
    pub fn emitter() -> Self {
        EMITTER.into()
    }

    /// Whether it is the name of an emitter, which sends and is never there.
    #[must_use]
    pub fn is_emitter(&self) -> bool {
        &*self.0 == EMITTER
    }
}

impl RequestId {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(random())
    }
}

/// 64 bits that the operating system has seeded.
fn random() -> Arc<str> {
    format!("{:016x}", RandomState::new().build_hasher().finish()).into()
}

macro_rules! names {
    ($($name:ident)*) => {$(
        impl $name {
            /// As it stands on a wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! { Uid RequestId }

/// One message and whose it is. JS: `ClusterMessage`.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// Who sends it.
    pub uid: Uid,
    /// The namespace's name.
    pub namespace: Arc<str>,
    /// What it says.
    pub message: Message,
}

/// A question to sockets: its name, and how long they may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Where the answers belong.
    pub id: RequestId,
    /// Later answers are not waited for. JS: `flags.timeout`.
    pub timeout: Duration,
}

/// What one node says to others. JS: `MessageType`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Message {
    /// I am new: who is there?
    InitialHeartbeat,
    /// I am there.
    Heartbeat,
    /// An event for sockets.
    Broadcast {
        /// Whom it is for.
        target: Target,
        /// Name and arguments.
        event: RawJson,
        /// Whether they are to acknowledge it.
        ask: Option<Ask>,
    },
    /// Sockets join rooms.
    SocketsJoin {
        /// Which.
        target: Target,
        /// What they join.
        rooms: Vec<Room>,
    },
    /// Sockets leave rooms.
    SocketsLeave {
        /// Which.
        target: Target,
        /// What they leave.
        rooms: Vec<Room>,
    },
    /// Sockets are disconnected.
    DisconnectSockets {
        /// Which.
        target: Target,
        /// How far.
        how: Disconnect,
    },
    /// Which sockets have you?
    FetchSockets {
        /// That are meant by this.
        target: Target,
        /// Where the answer belongs.
        id: RequestId,
    },
    /// These.
    FetchSocketsResponse {
        /// What was asked.
        id: RequestId,
        /// What there is.
        sockets: Vec<RemoteSocketData>,
    },
    /// An event for the namespaces themselves.
    ServerSideEmit {
        /// Name and arguments.
        event: RawJson,
        /// Where an answer belongs, if one is wanted.
        id: Option<RequestId>,
    },
    /// What a namespace answers.
    ServerSideEmitResponse {
        /// What was asked.
        id: RequestId,
        /// One value.
        answer: RawJson,
    },
    /// So many clients have been asked here.
    BroadcastClientCount {
        /// What was asked.
        id: RequestId,
        /// How many.
        clients: usize,
    },
    /// What one of them answers.
    BroadcastAck {
        /// What was asked.
        id: RequestId,
        /// The first argument of its acknowledgement.
        answer: RawJson,
    },
    /// I am leaving.
    AdapterClose,
}

impl Message {
    /// The number of its kind on the wires of the JavaScript adapters: 1 to 13.
    #[must_use]
    pub fn number(&self) -> u8 {
        match self {
            Self::InitialHeartbeat => 1,
            Self::Heartbeat => 2,
            Self::Broadcast { .. } => 3,
            Self::SocketsJoin { .. } => 4,
            Self::SocketsLeave { .. } => 5,
            Self::DisconnectSockets { .. } => 6,
            Self::FetchSockets { .. } => 7,
            Self::FetchSocketsResponse { .. } => 8,
            Self::ServerSideEmit { .. } => 9,
            Self::ServerSideEmitResponse { .. } => 10,
            Self::BroadcastClientCount { .. } => 11,
            Self::BroadcastAck { .. } => 12,
            Self::AdapterClose => 13,
        }
    }
}
