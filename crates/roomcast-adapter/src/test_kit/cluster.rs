//! The nodes of one case, their adapters, and their sockets.
//!
//! In: a subject and a number of nodes. Out: ways to say what a case does, and to look who received what.

use std::sync::{Arc, Weak};

use super::{KitNode, KitSocket, Subject};
use crate::{Adapter, Local, RawJson, Target, memory::Member};

/// Some nodes with an adapter each; sockets are dealt out to them in turn.
pub struct Cluster<'a> {
    subject: &'a dyn Subject,
    nodes: Vec<Arc<KitNode>>,
    adapters: Vec<Arc<dyn Adapter>>,
    sockets: Vec<KitSocket>,
}

impl<'a> Cluster<'a> {
    /// Starts the nodes. `answers`: what each node's listeners answer to server-side events, the last one for all
    /// further nodes.
    pub async fn start(subject: &'a dyn Subject, nodes: usize, answers: &[Option<&str>]) -> Self {
        let answer = |node: usize| answers.get(node).or(answers.last()).copied().flatten().map(RawJson::new);
        let nodes: Vec<_> = (0..nodes).map(|node| Arc::new(KitNode::new(answer(node)))).collect();
        let locals = nodes.iter().map(|node| {
            let local: Arc<dyn Local> = Arc::clone(node) as Arc<dyn Local>;
            Arc::downgrade(&local) as Weak<dyn Local>
        });
        let adapters = subject.start(locals.collect()).await;
        assert_eq!(adapters.len(), nodes.len(), "one adapter per node");
        for (node, adapter) in nodes.iter().zip(&adapters) {
            node.attach(adapter);
        }
        Self { subject, nodes, adapters, sockets: Vec::new() }
    }

    /// Connects the next socket, to the next node in turn. It answers acknowledgements with its id as JSON text.
    pub async fn connect(&mut self, id: &str, rooms: &[&str]) -> KitSocket {
        self.connect_with(id, rooms, Some(RawJson::new(format!("{id:?}")))).await
    }

    /// Connects a socket that never answers.
    pub async fn connect_silent(&mut self, id: &str, rooms: &[&str]) -> KitSocket {
        self.connect_with(id, rooms, None).await
    }

    async fn connect_with(&mut self, id: &str, rooms: &[&str], answer: Option<RawJson>) -> KitSocket {
        let node = self.sockets.len() % self.nodes.len();
        let socket = self.nodes[node].connect(id, rooms, answer);
        self.sockets.push(socket.clone());
        // A sharded adapter subscribes to the new rooms.
        self.settle().await;
        socket
    }

    /// The four sockets of most cases: `a` in r1 and r2, `b` in r1, `c` in r2, `d` in none.
    pub async fn with_four(mut self) -> Self {
        for (id, rooms) in [("a", &["r1", "r2"][..]), ("b", &["r1"]), ("c", &["r2"]), ("d", &[])] {
            self.connect(id, rooms).await;
        }
        self
    }

    /// How many nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no nodes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// A node.
    #[must_use]
    pub fn node(&self, at: usize) -> &KitNode {
        &self.nodes[at]
    }

    /// The adapter of a node.
    #[must_use]
    pub fn adapter(&self, at: usize) -> &dyn Adapter {
        &*self.adapters[at]
    }

    /// The adapter of the first node, from which the cases speak.
    #[must_use]
    pub fn first(&self) -> &dyn Adapter {
        self.adapter(0)
    }

    /// Returns when everything published has been carried out.
    pub async fn settle(&self) {
        self.subject.settle().await;
    }

    /// Who has received `event` since the last look, by id in order; each as often as it received it.
    pub async fn receivers(&self, event: &RawJson) -> Vec<String> {
        self.settle().await;
        let times = |socket: &KitSocket| socket.take_received().iter().filter(|got| *got == event).count();
        let who = self.sockets.iter().flat_map(|socket| vec![socket.id().to_owned(); times(socket)]);
        let mut who: Vec<String> = who.collect();
        who.sort();
        who
    }

    /// Who is in a room, on all nodes, by id in order.
    pub async fn members(&self, room: &str) -> Vec<String> {
        self.settle().await;
        let sockets = self.nodes.iter().flat_map(|node| node.book().collect(&Target::room(room)));
        let mut who: Vec<String> = sockets.map(|socket| socket.id().to_owned()).collect();
        who.sort();
        who
    }

    /// The sockets of this case, in the order connected.
    #[must_use]
    pub fn sockets(&self) -> &[KitSocket] {
        &self.sockets
    }

    /// Says goodbye.
    pub async fn close(self) {
        for adapter in &self.adapters {
            adapter.close().await.expect("closing works while the backend is there");
        }
    }
}
