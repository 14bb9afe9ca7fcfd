//! The test kit's suite over nodes in one process, and what happens to them when the wire between them is bad.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use roomcast_adapter::adapter::{AckSink, BoxFuture, Cancel};
use roomcast_adapter::cluster::{
    Carrier, ClusterAdapter, Envelope, Inbox, MemoryCluster, MemoryNode, Message, NodeConfig, Publisher, Uid,
};
use roomcast_adapter::test_kit::{Cluster, KitNode, Subject, suite};
use roomcast_adapter::{Adapter, AdapterFactory, Local, PublishError, RawJson, RequestError, Target};

/// A fresh cluster for each case.
#[derive(Default)]
struct Fresh(Mutex<MemoryCluster>);

impl Subject for Fresh {
    fn start(&self, nodes: Vec<Weak<dyn Local>>) -> BoxFuture<'_, Vec<Arc<dyn Adapter>>> {
        let cluster = MemoryCluster::new();
        *self.0.lock().unwrap() = cluster.clone();
        Box::pin(async move {
            let mut adapters = Vec::new();
            for node in nodes {
                let adapter = cluster.node().adapter_for(node);
                adapter.init().await.unwrap();
                adapters.push(adapter);
            }
            cluster.settled().await;
            adapters
        })
    }

    fn settle(&self) -> BoxFuture<'_, ()> {
        let cluster = self.0.lock().unwrap().clone();
        Box::pin(async move { cluster.settled().await })
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_in_one_process_keep_the_contract() {
    for nodes in 1..=4 {
        suite(&Fresh::default(), nodes).await;
    }
}

/// Two nodes that know each other, and what disturbs the second.
struct Pair {
    cluster: MemoryCluster,
    nodes: [Arc<KitNode>; 2],
    adapters: [Arc<dyn Adapter>; 2],
    second: MemoryNode,
}

async fn pair(config: NodeConfig, capacity: usize) -> Pair {
    let cluster = MemoryCluster::with(config, capacity);
    let nodes = [(); 2].map(|()| Arc::new(KitNode::new(Some(RawJson::new("1")))));
    let wires = [cluster.node(), cluster.node()];
    let adapter = |at: usize| {
        let local: Arc<dyn Local> = nodes[at].clone();
        wires[at].adapter_for(Arc::downgrade(&local))
    };
    let adapters = [adapter(0), adapter(1)];
    for adapter in &adapters {
        adapter.init().await.unwrap();
    }
    cluster.settled().await;
    let [_, second] = wires;
    Pair { cluster, nodes, adapters, second }
}

fn event(n: usize) -> RawJson {
    RawJson::new(format!(r#"["e",{n}]"#))
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_cut_off_serves_its_own_and_is_forgotten_after_ten_seconds() {
    let Pair { nodes, adapters: [first, second], second: wire, cluster } =
        pair(NodeConfig::default(), 100).await;
    let own = nodes[1].connect("b", &[], None);
    wire.cut();
    assert!(matches!(second.broadcast(Target::all(), event(0)), Err(PublishError::Backend(_))));
    assert_eq!(own.take_received(), [event(0)], "its own sockets receive it");
    // Whoever asks in the meantime learns that one is missing; who asks later does not wait for it.
    let asked = first.server_side_emit_with_ack(event(1), Duration::from_secs(5)).await;
    assert!(matches!(asked, Err(RequestError::Timeout { missing: 1, .. })));
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(first.server_count().await.unwrap(), 1);
    assert!(first.server_side_emit_with_ack(event(2), Duration::from_secs(5)).await.unwrap().is_empty());
    // Its next heartbeat brings it back.
    wire.mend();
    tokio::time::sleep(Duration::from_secs(5)).await;
    cluster.settled().await;
    assert_eq!(first.server_count().await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_leaves_while_it_is_asked_is_not_waited_for() {
    let Pair { adapters: [first, second], second: wire, .. } = pair(NodeConfig::default(), 100).await;
    // It hears no question, so it will not answer.
    wire.set_filter(|envelope| !matches!(envelope.message, Message::ServerSideEmit { .. }));
    let started = tokio::time::Instant::now();
    let asked = first.server_side_emit_with_ack(event(0), Duration::from_secs(60));
    let leave = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        second.close().await.unwrap();
    };
    let (answers, ()) = tokio::join!(asked, leave);
    assert!(answers.unwrap().is_empty());
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn what_is_slow_arrives_later_in_order() {
    let Pair { nodes, adapters: [first, _second], second: wire, cluster } =
        pair(NodeConfig::default(), 100).await;
    let socket = nodes[1].connect("b", &[], None);
    wire.set_delay(Duration::from_secs(2));
    for n in 0..3 {
        first.broadcast(Target::all(), event(n)).unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(socket.take_received().is_empty());
    cluster.settled().await;
    assert_eq!(socket.take_received(), [event(0), event(1), event(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_what_comes_next_and_says_so() {
    let Pair { nodes, adapters: [first, _second], cluster, .. } = pair(NodeConfig::default(), 2).await;
    let sockets = [nodes[0].connect("a", &[], None), nodes[1].connect("b", &[], None)];
    let sent: Vec<bool> = (0..4).map(|n| first.broadcast(Target::all(), event(n)).is_ok()).collect();
    assert_eq!(sent, [true, true, false, false]);
    cluster.settled().await;
    let received = sockets.map(|socket| socket.take_received().len());
    assert_eq!(received, [4, 2], "this node's own sockets receive all of it");
}

#[tokio::test(start_paused = true)]
async fn an_adapter_that_is_dropped_leaves_nothing_behind() {
    let Pair { nodes, adapters: [first, second], .. } = pair(NodeConfig::default(), 100).await;
    drop(second);
    assert_eq!(Arc::strong_count(&nodes[1]), 1);
    // No goodbye was said: it is missed by its silence.
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(first.server_count().await.unwrap(), 1);
}

/// The kit's own view of a cluster, so that its parts are used as a foreign adapter's author would.
#[tokio::test(start_paused = true)]
async fn the_kit_says_who_received_what() {
    let subject = Fresh::default();
    let cluster = Cluster::start(&subject, 3, &[]).await.with_four().await;
    cluster.adapter(2).broadcast(Target::room("r1"), event(0)).unwrap();
    assert_eq!(cluster.receivers(&event(0)).await, ["a", "b"]);
    cluster.close().await;
}

/// A wire to one other node that never answers.
struct Silence;

impl Publisher for Silence {
    fn publish(&self, _: Envelope) -> Result<(), PublishError> {
        Ok(())
    }
}

impl Carrier for Silence {
    fn open(&self, _: &Uid, _: Inbox) -> BoxFuture<'_, Result<Vec<Uid>, RequestError>> {
        Box::pin(std::future::ready(Ok(vec![Uid::from("0123456789abcdef")])))
    }

    fn respond(&self, _: &Uid, _: Envelope) -> Result<(), PublishError> {
        Ok(())
    }

    fn close(&self) -> BoxFuture<'_, Result<(), RequestError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

#[tokio::test]
async fn a_question_that_nobody_awaits_any_more_takes_no_room() {
    let local: Weak<KitNode> = Weak::new();
    let adapter = Arc::new(ClusterAdapter::new(local, NodeConfig::default(), Silence));
    adapter.init().await.unwrap();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    // As many as may wait at once, and one more.
    for _ in 0..=65_536 {
        let event = RawJson::new(r#"["q"]"#);
        let mut polled = adapter.server_side_emit_with_ack(event, Duration::MAX);
        assert!(polled.as_mut().poll(&mut context).is_pending());
        drop(adapter.fetch_remote_sockets(Target::all(), Duration::MAX));
    }
}

/// Whoever asks clients, and may go away.
#[derive(Default)]
struct Asker(Mutex<Vec<Cancel>>);

impl AckSink for Asker {
    fn expect_nodes(&self, nodes: usize) {
        assert_eq!(nodes, 2);
    }

    fn node_counted(&self, clients: usize) {
        assert_eq!(clients, 0);
    }

    fn answered(&self, answer: RawJson) {
        panic!("there are no clients: {answer:?}");
    }

    fn on_cancel(&self, cancel: Cancel) {
        self.0.lock().unwrap().push(cancel);
    }
}

#[tokio::test]
async fn a_question_to_clients_that_nobody_awaits_any_more_takes_no_room() {
    let node = Arc::new(KitNode::new(None));
    let local: Arc<dyn Local> = node.clone();
    let adapter = ClusterAdapter::new(Arc::downgrade(&local), NodeConfig::default(), Silence);
    adapter.init().await.unwrap();
    let asker = Arc::new(Asker::default());
    // As many as may wait at once, and one more.
    for _ in 0..=65_536 {
        adapter.broadcast_with_ack(Target::all(), event(0), Duration::MAX, asker.clone()).unwrap();
        let cancels = std::mem::take(&mut *asker.0.lock().unwrap());
        assert_eq!((cancels.len(), Arc::strong_count(&asker)), (1, 2));
        cancels.into_iter().for_each(|cancel| cancel());
        assert_eq!(Arc::strong_count(&asker), 1, "it is let go");
    }
}
