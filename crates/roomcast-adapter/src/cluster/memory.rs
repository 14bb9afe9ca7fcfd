//! A wire for several servers in one process.
//!
//! In: envelopes of one node. Out: the same envelopes, to the others of its namespace, each through a bounded queue that a
//! task empties. For tests of everything that crosses nodes: a node can be cut off, made slow, and lose what a test wants
//! lost. Odd: it counts what is on its way, so that a test can wait until everything has arrived.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::adapter::Inbox;
use super::{Carrier, ClusterAdapter, Emitter, Envelope, NodeConfig, Publisher, Uid};
use crate::adapter::{BoxFuture, PublishError, RequestError};
use crate::{Adapter, AdapterFactory, Local};

/// How many envelopes may wait for one node and namespace, unless said otherwise.
const CAPACITY: usize = 10_000;

/// Several servers in one process that are one to their clients; a clone is the same cluster.
///
/// Each server gets its own [`MemoryNode`] as the factory of its adapters:
///
/// ```
/// use roomcast_adapter::cluster::MemoryCluster;
/// let cluster = MemoryCluster::new();
/// let (one, two) = (cluster.node(), cluster.node());
/// // let first = Io::builder().adapter(one).build();
/// // let second = Io::builder().adapter(two).build();
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryCluster(Arc<Hub>);

#[derive(Debug)]
struct Hub {
    config: NodeConfig,
    capacity: usize,
    /// Who is in each namespace.
    members: Mutex<HashMap<Arc<str>, Vec<Member>>>,
    /// How many envelopes have not been taken yet.
    under_way: watch::Sender<usize>,
}

#[derive(Clone, Debug)]
struct Member {
    uid: Uid,
    queue: mpsc::Sender<Parcel>,
    state: Arc<State>,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            config: NodeConfig::default(),
            capacity: CAPACITY,
            members: Mutex::default(),
            under_way: watch::Sender::new(0),
        }
    }
}

impl MemoryCluster {
    /// A cluster without nodes, which speak and listen as [`NodeConfig`] says by default. 10,000 messages may wait for one
    /// node and namespace.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with other times, and another bound for what may wait for one node and namespace.
    #[must_use]
    pub fn with(config: NodeConfig, capacity: usize) -> Self {
        Self(Arc::new(Hub { config, capacity: capacity.max(1), ..Hub::default() }))
    }

    /// One more node: the factory of a server's adapters.
    #[must_use]
    pub fn node(&self) -> MemoryNode {
        MemoryNode { hub: self.0.clone(), state: Arc::default() }
    }

    /// For what is no server of it and says something to all of them, in the namespace `/`; see [`Emitter::of`].
    #[must_use]
    pub fn emitter(&self) -> Emitter {
        Emitter::new(self.clone())
    }

    /// Waits until everything that was published has been carried out, or lost.
    ///
    /// # Cancel safety
    /// Dropping it means not to wait any longer.
    pub async fn settled(&self) {
        let mut under_way = self.0.under_way.subscribe();
        // The sender lives in `self`.
        let _ = under_way.wait_for(|count| *count == 0).await;
    }
}

impl Publisher for MemoryCluster {
    fn publish(&self, envelope: Envelope) -> Result<(), PublishError> {
        self.0.publish(&envelope)
    }
}

impl Hub {
    /// Who is in a namespace, but for one.
    fn others(&self, namespace: &str, but: Option<&Uid>) -> Vec<Member> {
        let members = lock(&self.members);
        let there = members.get(namespace).into_iter().flatten();
        there.filter(|member| Some(&member.uid) != but).cloned().collect()
    }

    /// To all of a namespace but its sender.
    fn publish(self: &Arc<Self>, envelope: &Envelope) -> Result<(), PublishError> {
        let others = self.others(&envelope.namespace, Some(&envelope.uid));
        let sent = others.iter().map(|member| self.send(member, envelope.clone()));
        // One whose queue is full must not keep it from the others.
        sent.fold(Ok(()), Result::and)
    }

    fn send(self: &Arc<Self>, member: &Member, envelope: Envelope) -> Result<(), PublishError> {
        let filter = lock(&member.state.filter).clone();
        let lost =
            member.state.cut.load(Ordering::Acquire) || filter.is_some_and(|passes| !passes(&envelope));
        if lost {
            return Ok(());
        }
        let due = Instant::now() + *lock(&member.state.delay);
        let parcel = Parcel { envelope, due, _counted: Counted::new(self) };
        match member.queue.try_send(parcel) {
            Err(mpsc::error::TrySendError::Full(_)) => Err(PublishError::Full),
            // It has just left.
            Err(mpsc::error::TrySendError::Closed(_)) | Ok(()) => Ok(()),
        }
    }
}

type Filter = dyn Fn(&Envelope) -> bool + Send + Sync;

/// What is wrong with one node, at the moment.
#[derive(Default)]
struct State {
    cut: AtomicBool,
    delay: Mutex<Duration>,
    filter: Mutex<Option<Arc<Filter>>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("cut", &self.cut).field("delay", &self.delay).finish_non_exhaustive()
    }
}

/// One node of a [`MemoryCluster`]: makes the adapters of one server, and can be disturbed. A clone is the same node.
#[derive(Clone, Debug)]
pub struct MemoryNode {
    hub: Arc<Hub>,
    state: Arc<State>,
}

impl MemoryNode {
    /// From now on nothing reaches it, and it cannot publish, as if its network had gone. The others notice by its silence.
    pub fn cut(&self) {
        self.state.cut.store(true, Ordering::Release);
    }

    /// The network is back.
    pub fn mend(&self) {
        self.state.cut.store(false, Ordering::Release);
    }

    /// What it is sent from now on arrives so much later. The order stays.
    pub fn set_delay(&self, delay: Duration) {
        *lock(&self.state.delay) = delay;
    }

    /// Of what it is sent from now on, only that arrives of which `passes` says so; the rest is lost, and nobody is told.
    pub fn set_filter(&self, passes: impl Fn(&Envelope) -> bool + Send + Sync + 'static) {
        let before = lock(&self.state.filter).replace(Arc::new(passes));
        drop(before);
    }
}

impl AdapterFactory for MemoryNode {
    fn adapter_for(&self, local: Weak<dyn Local>) -> Arc<dyn Adapter> {
        let namespace = local.upgrade().map_or_else(String::new, |local| local.namespace().to_owned());
        let link = MemoryLink {
            hub: self.hub.clone(),
            state: self.state.clone(),
            namespace: namespace.into(),
            uid: OnceLock::new(),
        };
        Arc::new(ClusterAdapter::new(local, self.hub.config, link))
    }
}

/// One adapter's end of the wire.
#[derive(Debug)]
pub struct MemoryLink {
    hub: Arc<Hub>,
    state: Arc<State>,
    namespace: Arc<str>,
    /// Set when it is open.
    uid: OnceLock<Uid>,
}

/// An envelope on its way.
#[derive(Debug)]
struct Parcel {
    envelope: Envelope,
    due: Instant,
    _counted: Counted,
}

/// Counts among what is under way for as long as it lives.
#[derive(Debug)]
struct Counted(Arc<Hub>);

impl Counted {
    fn new(hub: &Arc<Hub>) -> Self {
        hub.under_way.send_modify(|count| *count += 1);
        Self(hub.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.under_way.send_modify(|count| *count -= 1);
    }
}

impl MemoryLink {
    fn others(&self) -> Vec<Member> {
        self.hub.others(&self.namespace, self.uid.get())
    }

    fn check(&self) -> Result<(), PublishError> {
        if self.state.cut.load(Ordering::Acquire) {
            let error = io::Error::new(io::ErrorKind::NotConnected, "the node is cut off");
            return Err(PublishError::Backend(Arc::new(error)));
        }
        Ok(())
    }

    fn leave(&self) {
        let mut members = lock(&self.hub.members);
        if let Some(here) = members.get_mut(&self.namespace) {
            here.retain(|member| Some(&member.uid) != self.uid.get());
            if here.is_empty() {
                members.remove(&self.namespace);
            }
        }
    }
}

impl Publisher for MemoryLink {
    fn publish(&self, envelope: Envelope) -> Result<(), PublishError> {
        self.check()?;
        self.hub.publish(&envelope)
    }
}

impl Carrier for MemoryLink {
    fn open(&self, uid: &Uid, inbox: Inbox) -> BoxFuture<'_, Result<Vec<Uid>, RequestError>> {
        let uid = uid.clone();
        Box::pin(async move {
            self.check()?;
            let (queue, parcels) = mpsc::channel(self.hub.capacity);
            // `init` is called once.
            let _ = self.uid.set(uid.clone());
            let others = self.others().into_iter().map(|member| member.uid).collect();
            let member = Member { uid, queue, state: self.state.clone() };
            lock(&self.hub.members).entry(self.namespace.clone()).or_default().push(member);
            tokio::spawn(unpack(parcels, inbox));
            Ok(others)
        })
    }

    fn respond(&self, to: &Uid, envelope: Envelope) -> Result<(), PublishError> {
        self.check()?;
        match self.others().into_iter().find(|member| member.uid == *to) {
            Some(member) => self.hub.send(&member, envelope),
            // It has left.
            None => Ok(()),
        }
    }

    fn close(&self) -> BoxFuture<'_, Result<(), RequestError>> {
        self.leave();
        Box::pin(std::future::ready(Ok(())))
    }
}

/// An adapter that was dropped without a goodbye.
impl Drop for MemoryLink {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Hands on what comes, each when it is due, until the node leaves.
async fn unpack(mut parcels: mpsc::Receiver<Parcel>, inbox: Inbox) {
    while let Some(Parcel { envelope, due, _counted }) = parcels.recv().await {
        if due > Instant::now() {
            tokio::time::sleep_until(due).await;
        }
        if !inbox.receive(envelope) {
            return;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
