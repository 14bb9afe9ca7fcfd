//! One node of a cluster, for one namespace: what it knows and decides, without I/O.
//!
//! In: what the namespace wants said, envelopes from others, the time. Out: envelopes to send, and [`Deed`]s to do once no
//! lock is held. Odd: nothing here waits or sends; whoever drives it calls [`Node::handle_timeout`] when
//! [`Node::next_timeout`] has come.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_channel::oneshot;

use super::peers::Peers;
use super::requests::{Reply, Requests};
use super::{Ask, Envelope, Message, RequestId, Uid};
use crate::Target;
use crate::adapter::{AckSink, PublishError, RawJson, RemoteSocketData, RequestError};

/// How often a node speaks, and how long it may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeConfig {
    /// A node that has said nothing for so long says that it is there. Default 5 s. JS: `heartbeatInterval`.
    pub heartbeat_interval: Duration,
    /// A node that has not been heard of for so long has left. Default 10 s. JS: `heartbeatTimeout`.
    pub heartbeat_timeout: Duration,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self { heartbeat_interval: Duration::from_secs(5), heartbeat_timeout: Duration::from_secs(10) }
    }
}

/// What is to be done after a step, in order, with no lock held.
#[non_exhaustive]
pub enum Deed {
    /// Send it to all other nodes.
    Publish(Envelope),
    /// Do on this node what another one asks for; answers go to `from`.
    Serve {
        /// Who asks.
        from: Uid,
        /// What.
        message: Message,
    },
    /// Tell whoever has fetched sockets what came of it.
    Fetched(Reply<RemoteSocketData>, Result<Vec<RemoteSocketData>, RequestError<RemoteSocketData>>),
    /// Tell whoever has asked the other namespaces what they said.
    Answered(Reply<RawJson>, Result<Vec<RawJson>, RequestError>),
    /// Tell the sink how many clients a node has asked.
    Counted(Arc<dyn AckSink>, usize),
    /// Give the sink an answer.
    Acknowledged(Arc<dyn AckSink>, RawJson),
    /// Tell the sink that an answer will not come.
    Lost(Arc<dyn AckSink>),
    /// Let the sink go: nothing more comes. Whoever waits keeps the time himself.
    Over(Arc<dyn AckSink>),
}

/// What waits for one answer of each other node.
pub(super) type Replies<T> = oneshot::Receiver<Result<Vec<T>, RequestError<T>>>;

/// The state of one node.
pub struct Node {
    uid: Uid,
    namespace: Arc<str>,
    config: NodeConfig,
    peers: Peers,
    requests: Requests,
    /// When it last said something to all.
    spoke: Instant,
    closed: bool,
}

impl Node {
    /// A node that knows nobody.
    #[must_use]
    pub fn new(namespace: &str, config: NodeConfig, now: Instant) -> Self {
        Self {
            uid: Uid::random(),
            namespace: namespace.into(),
            config,
            peers: Peers::default(),
            requests: Requests::default(),
            spoke: now,
            closed: false,
        }
    }

    /// Its name.
    #[must_use]
    pub fn uid(&self) -> &Uid {
        &self.uid
    }

    /// How many nodes there are, this one included. JS: `serverCount()`.
    #[must_use]
    pub fn count(&self) -> usize {
        1 + self.peers.len()
    }

    /// Another node is there, as its wire knows.
    pub fn discover(&mut self, uid: &Uid, now: Instant) {
        if *uid != self.uid && !uid.is_emitter() {
            self.peers.heard(uid, now);
        }
    }

    /// An envelope for all others; saying something makes the next heartbeat later.
    ///
    /// # Errors
    /// `Closed` after [`Node::close`].
    pub fn publish(&mut self, message: Message, now: Instant) -> Result<Envelope, PublishError> {
        if self.closed {
            return Err(PublishError::Closed);
        }
        self.spoke = now;
        Ok(self.envelope(message))
    }

    /// An envelope for one other; it does not count as having spoken to all.
    #[must_use]
    pub fn envelope(&self, message: Message) -> Envelope {
        Envelope { uid: self.uid.clone(), namespace: self.namespace.clone(), message }
    }

    /// The question which sockets the others have, if there is somebody to ask.
    ///
    /// # Errors
    /// `Closed`; `Full` if too many questions wait.
    pub fn fetch(
        &mut self,
        target: Target,
        timeout: Duration,
        now: Instant,
    ) -> Result<Option<(RequestId, Envelope, Replies<RemoteSocketData>)>, PublishError> {
        let Some((id, others)) = self.question()? else { return Ok(None) };
        let (reply, replies) = oneshot::channel();
        self.requests.fetch(id.clone(), deadline(now, timeout), others, reply);
        let envelope = self.publish(Message::FetchSockets { target, id: id.clone() }, now)?;
        Ok(Some((id, envelope, replies)))
    }

    /// A question to the other namespaces, if there is somebody to ask.
    ///
    /// # Errors
    /// `Closed`; `Full` if too many questions wait.
    pub fn ask_servers(
        &mut self,
        event: RawJson,
        timeout: Duration,
        now: Instant,
    ) -> Result<Option<(RequestId, Envelope, Replies<RawJson>)>, PublishError> {
        let Some((id, others)) = self.question()? else { return Ok(None) };
        let (reply, replies) = oneshot::channel();
        self.requests.server_side(id.clone(), deadline(now, timeout), others, reply);
        let envelope = self.publish(Message::ServerSideEmit { event, id: Some(id.clone()) }, now)?;
        Ok(Some((id, envelope, replies)))
    }

    /// A question to sockets. Also says how many nodes will count theirs, this one included; the others' counts and
    /// answers go to the sink.
    ///
    /// # Errors
    /// `Closed`; `Full` if too many questions wait.
    pub fn ask_sockets(
        &mut self,
        target: Target,
        event: RawJson,
        timeout: Duration,
        sink: Arc<dyn AckSink>,
        now: Instant,
    ) -> Result<(RequestId, Envelope, usize), PublishError> {
        let id = RequestId::random();
        let mut nodes = 1;
        if let Some((_, others)) = self.question()? {
            nodes += others.len();
            self.requests.acks(id.clone(), deadline(now, timeout), others, sink);
        }
        let ask = Some(Ask { id: id.clone(), timeout });
        let envelope = self.publish(Message::Broadcast { target, event, ask }, now)?;
        Ok((id, envelope, nodes))
    }

    /// The question could not be sent, or nobody waits for its answers any more. Its sink comes back, to be dropped where no
    /// lock is held.
    pub fn forget(&mut self, id: &RequestId) -> Option<Deed> {
        self.requests.forget(id)
    }

    /// An envelope has come. Its own, and those of other namespaces, are ignored.
    pub fn handle(&mut self, envelope: Envelope, now: Instant, deeds: &mut Vec<Deed>) {
        let Envelope { uid: from, namespace, message } = envelope;
        if from == self.uid || namespace != self.namespace || self.closed {
            return;
        }
        if matches!(message, Message::AdapterClose) {
            if self.peers.remove(&from) {
                self.requests.left(&from, deeds);
            }
            return;
        }
        // Whoever says anything is there.
        self.discover(&from, now);
        match message {
            Message::InitialHeartbeat => {
                self.spoke = now;
                deeds.push(Deed::Publish(self.envelope(Message::Heartbeat)));
            }
            Message::Heartbeat | Message::AdapterClose => {}
            Message::FetchSocketsResponse { id, sockets } => {
                deeds.extend(self.requests.fetched(&id, &from, sockets));
            }
            Message::ServerSideEmitResponse { id, answer } => {
                deeds.extend(self.requests.answered(&id, &from, answer));
            }
            Message::BroadcastClientCount { id, clients } => {
                deeds.extend(self.requests.counted(&id, &from, clients));
            }
            Message::BroadcastAck { id, answer } => {
                deeds.extend(self.requests.acknowledged(&id, &from, answer));
            }
            message @ (Message::Broadcast { .. }
            | Message::SocketsJoin { .. }
            | Message::SocketsLeave { .. }
            | Message::DisconnectSockets { .. }
            | Message::FetchSockets { .. }
            | Message::ServerSideEmit { .. }) => deeds.push(Deed::Serve { from, message }),
        }
    }

    /// When [`Node::handle_timeout`] is to be called; never after the end.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        if self.closed {
            return None;
        }
        let heartbeat = Some(self.spoke + self.config.heartbeat_interval);
        let silence = self.peers.next_expiry(self.config.heartbeat_timeout);
        [heartbeat, silence, self.requests.next_deadline()].into_iter().flatten().min()
    }

    /// Time has passed: says that it is there, lets go of whoever is not, ends what has waited for too long.
    pub fn handle_timeout(&mut self, now: Instant, deeds: &mut Vec<Deed>) {
        if self.closed {
            return;
        }
        if now.saturating_duration_since(self.spoke) >= self.config.heartbeat_interval {
            self.spoke = now;
            deeds.push(Deed::Publish(self.envelope(Message::Heartbeat)));
        }
        while let Some(uid) = self.peers.expire(now, self.config.heartbeat_timeout) {
            self.requests.left(&uid, deeds);
        }
        self.requests.expire(now, deeds);
    }

    /// The end: a goodbye for the others, and whoever waits is told what came until now. Once only.
    pub fn close(&mut self, deeds: &mut Vec<Deed>) {
        if self.closed {
            return;
        }
        self.closed = true;
        deeds.push(Deed::Publish(self.envelope(Message::AdapterClose)));
        self.requests.drain(deeds);
    }

    /// A name for a question, and who is to answer it; nothing if nobody is there.
    fn question(&self) -> Result<Option<(RequestId, Vec<Uid>)>, PublishError> {
        if self.closed {
            return Err(PublishError::Closed);
        }
        if self.peers.len() == 0 {
            return Ok(None);
        }
        match self.requests.has_room() {
            true => Ok(Some((RequestId::random(), self.peers.uids().collect()))),
            false => Err(PublishError::Full),
        }
    }
}

/// A wait without end ends in a hundred years.
fn deadline(now: Instant, timeout: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    now.checked_add(timeout).unwrap_or_else(|| now + FAR)
}
