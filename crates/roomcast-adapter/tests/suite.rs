//! The test kit's suite over the adapters of this crate, and over a small cluster inside one process, which shows
//! that the contract is enough for adapters that speak to other nodes.

use std::{
    future::ready,
    sync::{Arc, Mutex, OnceLock, Weak},
    time::Duration,
};

use roomcast_adapter::{
    Adapter, Local, PublishError, RawJson, RequestError, Room, Target,
    adapter::{AckSink, BoxFuture, Disconnect, MemoryAdapterFactory, RemoteSocketData},
    test_kit::{Subject, alone, block_on, suite},
};

#[test]
fn the_memory_adapter_keeps_the_contract() {
    block_on(suite(&MemoryAdapterFactory, 1));
    block_on(alone(&MemoryAdapterFactory));
}

#[test]
fn a_cluster_keeps_the_contract_with_any_number_of_nodes() {
    for nodes in 1..=5 {
        block_on(suite(&LinkedNodes, nodes));
    }
}

#[test]
fn an_adapter_does_not_keep_its_namespace_alive() {
    let node = Arc::new(roomcast_adapter::test_kit::KitNode::new(None));
    let weak = Arc::downgrade(&node);
    let adapter = roomcast_adapter::MemoryAdapter::new(weak.clone());
    drop(node);
    assert!(weak.upgrade().is_none());
    let sent = adapter.broadcast(Target::all(), RawJson::new(r#"["e"]"#));
    assert!(matches!(sent, Err(PublishError::Closed)));
}

/// Nodes that call each other directly: publishing and carrying out are one.
struct LinkedNodes;

#[derive(Default)]
struct Linked {
    me: usize,
    nodes: OnceLock<Vec<Weak<dyn Local>>>,
}

impl Subject for LinkedNodes {
    fn start(&self, nodes: Vec<Weak<dyn Local>>) -> BoxFuture<'_, Vec<Arc<dyn Adapter>>> {
        let adapter = |me| {
            let linked = Linked { me, nodes: OnceLock::from(nodes.clone()) };
            Arc::new(linked) as Arc<dyn Adapter>
        };
        Box::pin(ready((0..nodes.len()).map(adapter).collect()))
    }

    fn settle(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}

impl Linked {
    /// This node, then the others, unless the target is local.
    fn nodes(&self, target: &Target) -> Vec<Arc<dyn Local>> {
        let mut nodes = vec![self.all()[self.me].clone()];
        if !target.flags().local {
            nodes.extend(self.others());
        }
        nodes.iter().filter_map(Weak::upgrade).collect()
    }

    fn others(&self) -> Vec<Weak<dyn Local>> {
        let mut nodes = self.all().to_vec();
        nodes.remove(self.me);
        nodes
    }

    fn all(&self) -> &[Weak<dyn Local>] {
        self.nodes.get().expect("set at the start")
    }
}

/// What comes back to the asking node from another one: everything but the number of nodes.
struct FromAfar(Arc<dyn AckSink>);

impl AckSink for FromAfar {
    fn expect_nodes(&self, _nodes: usize) {
        panic!("only the asking node's adapter knows how many nodes there are");
    }

    fn node_counted(&self, clients: usize) {
        self.0.node_counted(clients);
    }

    fn answered(&self, answer: RawJson) {
        self.0.answered(answer);
    }
}

impl Adapter for Linked {
    fn init(&self) -> BoxFuture<'_, Result<(), RequestError>> {
        Box::pin(ready(Ok(())))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), RequestError>> {
        Box::pin(ready(Ok(())))
    }

    fn server_count(&self) -> BoxFuture<'_, Result<usize, RequestError>> {
        Box::pin(ready(Ok(self.all().len())))
    }

    fn broadcast(&self, target: Target, event: RawJson) -> Result<Option<usize>, PublishError> {
        Ok(self.nodes(&target).iter().map(|node| node.deliver(&target, &event)).reduce(|here, _| here))
    }

    fn broadcast_with_ack(
        &self,
        target: Target,
        event: RawJson,
        timeout: Duration,
        sink: Arc<dyn AckSink>,
    ) -> Result<(), PublishError> {
        let nodes = self.nodes(&target);
        // The others first: the number of nodes is the last thing known, as it may be over a network.
        for node in nodes.iter().rev() {
            node.deliver_with_ack(&target, &event, timeout, Arc::new(FromAfar(Arc::clone(&sink))));
        }
        sink.expect_nodes(nodes.len());
        Ok(())
    }

    fn fetch_remote_sockets(
        &self,
        target: Target,
        _timeout: Duration,
    ) -> BoxFuture<'_, Result<Vec<RemoteSocketData>, RequestError<RemoteSocketData>>> {
        let described = self.nodes(&target)[1..].iter().flat_map(|node| node.describe(&target)).collect();
        Box::pin(ready(Ok(described)))
    }

    fn add_sockets(&self, target: Target, rooms: Vec<Room>) -> Result<(), PublishError> {
        self.nodes(&target).iter().for_each(|node| node.join(&target, &rooms));
        Ok(())
    }

    fn del_sockets(&self, target: Target, rooms: Vec<Room>) -> Result<(), PublishError> {
        self.nodes(&target).iter().for_each(|node| node.leave(&target, &rooms));
        Ok(())
    }

    fn disconnect_sockets(&self, target: Target, how: Disconnect) -> Result<(), PublishError> {
        self.nodes(&target).iter().for_each(|node| node.disconnect(&target, how));
        Ok(())
    }

    fn server_side_emit(&self, event: RawJson) -> Result<(), PublishError> {
        self.nodes(&Target::all())[1..].iter().for_each(|node| node.server_side_event(&event, None));
        Ok(())
    }

    fn server_side_emit_with_ack(
        &self,
        event: RawJson,
        _timeout: Duration,
    ) -> BoxFuture<'_, Result<Vec<RawJson>, RequestError<RawJson>>> {
        let answers = Arc::new(Mutex::new(Vec::new()));
        let others = &self.nodes(&Target::all())[1..];
        for node in others {
            let answers = Arc::clone(&answers);
            let answer = Box::new(move |value| answers.lock().expect("no thread has failed").push(value));
            node.server_side_event(&event, Some(answer));
        }
        // Whoever has not answered by now never will.
        let partial = std::mem::take(&mut *answers.lock().expect("no thread has failed"));
        let missing = others.len() - partial.len();
        let timeout = RequestError::Timeout { missing, partial: partial.clone() };
        Box::pin(ready(if missing == 0 { Ok(partial) } else { Err(timeout) }))
    }
}
