//! An adapter on the shared model, for any wire.
//!
//! In: what the namespace asks, envelopes from the wire, the runtime's clock. Out: envelopes into the wire's queues, calls
//! of the namespace, answers. Odd: publishing comes first and this node's own sockets second, as in the JavaScript
//! adapters; both happen before the call returns, so that an emit to one socket right after cannot overtake it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::node::Replies;
use super::{Deed, Envelope, Message, Node, NodeConfig, Publisher, RequestId, Uid};
use crate::adapter::{
    AckSink, Adapter, BoxFuture, Disconnect, Local, PublishError, RawJson, RemoteSocketData, RequestError,
};
use crate::{Room, Target};

/// A wire between nodes, as one adapter uses it. What is published goes to all *other* nodes of the namespace.
pub trait Carrier: Publisher {
    /// Opens it: what comes from now on is given to the inbox, in order. Returns the nodes that are known to be there, if
    /// the wire knows.
    ///
    /// # Errors
    /// What the wire refuses.
    fn open(&self, uid: &Uid, inbox: Inbox) -> BoxFuture<'_, Result<Vec<Uid>, RequestError>>;

    /// Queues an envelope for one other node. Never waits.
    ///
    /// # Errors
    /// If it may not get it.
    fn respond(&self, to: &Uid, envelope: Envelope) -> Result<(), PublishError>;

    /// Sends what is queued, then lets go of the wire.
    ///
    /// # Errors
    /// What could not be sent.
    fn close(&self) -> BoxFuture<'_, Result<(), RequestError>>;
}

/// Where a wire puts what comes; keeps nothing alive.
#[derive(Clone)]
pub struct Inbox(Weak<dyn Receive>);

trait Receive: Send + Sync {
    fn receive(self: Arc<Self>, envelope: Envelope);
}

impl Inbox {
    /// Takes an envelope; called inside of the runtime. False once nobody is there any more.
    pub fn receive(&self, envelope: Envelope) -> bool {
        match self.0.upgrade() {
            Some(receiver) => {
                receiver.receive(envelope);
                true
            }
            None => false,
        }
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inbox")
    }
}

/// The [`Adapter`] of a node that speaks the shared model over a wire.
pub struct ClusterAdapter<C>(Arc<Shared<C>>);

struct Shared<C> {
    local: Weak<dyn Local>,
    node: Mutex<Node>,
    carrier: C,
    /// The next timeout may have come closer.
    sooner: Arc<Notify>,
}

impl<C: Carrier> ClusterAdapter<C> {
    /// An adapter for this namespace, over that wire. Used inside of a tokio runtime, from `init` on.
    #[must_use]
    pub fn new(local: Weak<dyn Local>, config: NodeConfig, carrier: C) -> Self {
        let namespace = local.upgrade().map_or_else(String::new, |local| local.namespace().to_owned());
        let node = Mutex::new(Node::new(&namespace, config, now()));
        Self(Arc::new(Shared { local, node, carrier, sooner: Arc::default() }))
    }

    /// The wire.
    #[must_use]
    pub fn carrier(&self) -> &C {
        &self.0.carrier
    }
}

impl<C: Carrier> Shared<C> {
    fn node(&self) -> MutexGuard<'_, Node> {
        self.node.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn local(&self) -> Result<Arc<dyn Local>, PublishError> {
        self.local.upgrade().ok_or(PublishError::Closed)
    }

    /// A step of the node, then what it says is to be done.
    fn step(self: &Arc<Self>, step: impl FnOnce(&mut Node, &mut Vec<Deed>)) {
        let mut deeds = Vec::new();
        step(&mut self.node(), &mut deeds);
        for deed in deeds {
            self.perform(deed);
        }
    }

    fn perform(self: &Arc<Self>, deed: Deed) {
        match deed {
            // A heartbeat that is lost is followed by another one.
            Deed::Publish(envelope) => _ = self.carrier.publish(envelope),
            Deed::Serve { from, message } => self.serve(&from, message),
            // Whoever does not wait any more needs no answer.
            Deed::Fetched(reply, result) => _ = reply.send(result),
            Deed::Answered(reply, result) => _ = reply.send(result),
            Deed::Counted(sink, clients) => sink.node_counted(clients),
            Deed::Acknowledged(sink, answer) => sink.answered(answer),
            Deed::Lost(sink) => sink.lost(),
            Deed::Over(sink) => drop(sink),
        }
    }

    /// What another node asks of this one's sockets.
    fn serve(self: &Arc<Self>, from: &Uid, message: Message) {
        let Some(local) = self.local.upgrade() else { return };
        let reply = |id| Reply { shared: Arc::downgrade(self), to: from.clone(), id };
        match message {
            Message::Broadcast { target, event, ask: None } => _ = local.deliver(&target, &event),
            Message::Broadcast { target, event, ask: Some(ask) } => {
                local.deliver_with_ack(&target, &event, ask.timeout, Arc::new(reply(ask.id)));
            }
            Message::SocketsJoin { target, rooms } => local.join(&target, &rooms),
            Message::SocketsLeave { target, rooms } => local.leave(&target, &rooms),
            Message::DisconnectSockets { target, how } => local.disconnect(&target, how),
            Message::FetchSockets { target, id } => {
                let sockets = local.describe(&target);
                reply(id).send(|id| Message::FetchSocketsResponse { id, sockets });
            }
            Message::ServerSideEmit { event, id: None } => local.server_side_event(&event, None),
            Message::ServerSideEmit { event, id: Some(id) } => {
                let reply = reply(id);
                let answer = move |answer| reply.send(|id| Message::ServerSideEmitResponse { id, answer });
                local.server_side_event(&event, Some(Box::new(answer)));
            }
            // The rest is between the nodes themselves.
            _ => {}
        }
    }

    /// Publishes, and then does the same here, in any case.
    fn everywhere<T>(
        &self,
        target: &Target,
        message: impl FnOnce() -> Message,
        here: impl FnOnce(&dyn Local) -> T,
    ) -> Result<T, PublishError> {
        let published = match target.flags().local {
            true => Ok(()),
            false => self.publish(message()),
        };
        let done = here(&*self.local()?);
        published.map(|()| done)
    }

    fn publish(&self, message: Message) -> Result<(), PublishError> {
        // Both under one lock would order envelopes as their sending times; but the carrier is foreign code.
        let envelope = self.node().publish(message, now())?;
        self.carrier.publish(envelope)
    }

    /// Nobody waits for the answers of a question.
    fn forget(&self, id: &RequestId) {
        // The end of a sink may be anybody's code: the lock is released before.
        let sink = self.node().forget(id);
        drop(sink);
    }

    /// Sends a question and waits for what the others answer. Nothing is kept for one that nobody awaits.
    async fn ask<T>(
        &self,
        question: impl FnOnce(&mut Node) -> Result<Option<(RequestId, Envelope, Replies<T>)>, PublishError>,
    ) -> Result<Vec<T>, RequestError<T>> {
        let asked = question(&mut self.node());
        let Some((id, envelope, replies)) = asked? else { return Ok(Vec::new()) };
        let _asked = Asked { shared: self, id };
        self.sooner.notify_one();
        self.carrier.publish(envelope)?;
        replies.await.unwrap_or_else(|_| Err(PublishError::Closed.into()))
    }
}

/// A question that waits for its answers, for as long as somebody waits for them.
struct Asked<'a, C: Carrier> {
    shared: &'a Shared<C>,
    id: RequestId,
}

impl<C: Carrier> Drop for Asked<'_, C> {
    fn drop(&mut self) {
        // There is no sink, only a reply that nobody waits for.
        self.shared.node().forget(&self.id);
    }
}

impl<C: Carrier> Receive for Shared<C> {
    fn receive(self: Arc<Self>, envelope: Envelope) {
        self.step(|node, deeds| node.handle(envelope, now(), deeds));
    }
}

/// Where the answers to one question of another node go.
struct Reply<C> {
    shared: Weak<Shared<C>>,
    to: Uid,
    id: RequestId,
}

impl<C: Carrier> Reply<C> {
    fn send(&self, message: impl FnOnce(RequestId) -> Message) {
        let Some(shared) = self.shared.upgrade() else { return };
        let envelope = shared.node().envelope(message(self.id.clone()));
        // Whoever asks has a time limit.
        let _ = shared.carrier.respond(&self.to, envelope);
    }
}

impl<C: Carrier> AckSink for Reply<C> {
    /// Only the asking node knows.
    fn expect_nodes(&self, _: usize) {}

    fn node_counted(&self, clients: usize) {
        self.send(|id| Message::BroadcastClientCount { id, clients });
    }

    fn answered(&self, answer: RawJson) {
        self.send(|id| Message::BroadcastAck { id, answer });
    }
}

/// Calls the node whenever its time has come, until nobody holds it any more.
async fn keep_time<C: Carrier>(shared: Weak<Shared<C>>) {
    loop {
        let Some(strong) = shared.upgrade() else { return };
        let Some(next) = strong.node().next_timeout() else { return };
        // Held weakly over the wait: an adapter that nobody has any more ends here, one heartbeat later at most.
        let sooner = strong.sooner.clone();
        drop(strong);
        let _ = tokio::time::timeout_at(Instant::from_std(next), sooner.notified()).await;
        let Some(strong) = shared.upgrade() else { return };
        strong.step(|node, deeds| node.handle_timeout(now(), deeds));
    }
}

impl<C: Carrier> Adapter for ClusterAdapter<C> {
    fn init(&self) -> BoxFuture<'_, Result<(), RequestError>> {
        Box::pin(async {
            let shared = &self.0;
            let receiver: Weak<dyn Receive> = Arc::downgrade(shared) as Weak<Shared<C>>;
            let uid = shared.node().uid().clone();
            let known = shared.carrier.open(&uid, Inbox(receiver)).await?;
            known.iter().for_each(|uid| shared.node().discover(uid, now()));
            tokio::spawn(keep_time(Arc::downgrade(shared)));
            Ok(shared.publish(Message::InitialHeartbeat)?)
        })
    }

    fn close(&self) -> BoxFuture<'_, Result<(), RequestError>> {
        Box::pin(async {
            self.0.step(Node::close);
            self.0.sooner.notify_one();
            self.0.carrier.close().await
        })
    }

    fn server_count(&self) -> BoxFuture<'_, Result<usize, RequestError>> {
        Box::pin(std::future::ready(Ok(self.0.node().count())))
    }

    fn broadcast(&self, target: Target, event: RawJson) -> Result<Option<usize>, PublishError> {
        let message = || Message::Broadcast { target: target.clone(), event: event.clone(), ask: None };
        self.0.everywhere(&target, message, |local| local.deliver(&target, &event)).map(Some)
    }

    fn broadcast_with_ack(
        &self,
        target: Target,
        event: RawJson,
        timeout: Duration,
        sink: Arc<dyn AckSink>,
    ) -> Result<(), PublishError> {
        let shared = &self.0;
        let asked = match target.flags().local {
            true => Ok(1),
            false => {
                let asked =
                    shared.node().ask_sockets(target.clone(), event.clone(), timeout, sink.clone(), now());
                asked.and_then(|(id, envelope, nodes)| {
                    shared.sooner.notify_one();
                    shared.carrier.publish(envelope).inspect_err(|_| shared.forget(&id))?;
                    if nodes > 1 {
                        let shared = Arc::downgrade(shared);
                        sink.on_cancel(Box::new(move || {
                            if let Some(shared) = shared.upgrade() {
                                shared.forget(&id);
                            }
                        }));
                    }
                    Ok(nodes)
                })
            }
        };
        sink.expect_nodes(*asked.as_ref().unwrap_or(&1));
        shared.local()?.deliver_with_ack(&target, &event, timeout, sink);
        asked.map(|_| ())
    }

    fn fetch_remote_sockets(
        &self,
        target: Target,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Vec<RemoteSocketData>, RequestError<RemoteSocketData>>> {
        if target.flags().local {
            return Box::pin(std::future::ready(Ok(Vec::new())));
        }
        Box::pin(self.0.ask(move |node| node.fetch(target, timeout, now())))
    }

    fn add_sockets(&self, target: Target, rooms: Vec<Room>) -> Result<(), PublishError> {
        let message = || Message::SocketsJoin { target: target.clone(), rooms: rooms.clone() };
        self.0.everywhere(&target, message, |local| local.join(&target, &rooms))
    }

    fn del_sockets(&self, target: Target, rooms: Vec<Room>) -> Result<(), PublishError> {
        let message = || Message::SocketsLeave { target: target.clone(), rooms: rooms.clone() };
        self.0.everywhere(&target, message, |local| local.leave(&target, &rooms))
    }

    fn disconnect_sockets(&self, target: Target, how: Disconnect) -> Result<(), PublishError> {
        let message = || Message::DisconnectSockets { target: target.clone(), how };
        self.0.everywhere(&target, message, |local| local.disconnect(&target, how))
    }

    fn server_side_emit(&self, event: RawJson) -> Result<(), PublishError> {
        self.0.publish(Message::ServerSideEmit { event, id: None })
    }

    fn server_side_emit_with_ack(
        &self,
        event: RawJson,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Vec<RawJson>, RequestError>> {
        Box::pin(self.0.ask(move |node| node.ask_servers(event, timeout, now())))
    }
}

impl<C> std::fmt::Debug for ClusterAdapter<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClusterAdapter")
    }
}

/// The runtime's time, which tests may hold.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}
