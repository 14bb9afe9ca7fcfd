//! Cases about a node's own rooms, with the adapter listening: they must not depend on it.

use super::{Cluster, Subject};
use crate::Target;

pub(super) async fn run(subject: &dyn Subject, nodes: usize) {
    sockets_come_and_go(subject, nodes).await;
    rooms_are_listed(subject, nodes).await;
    room_events_come_once_and_in_order(subject, nodes).await;
    leaving_twice_is_harmless(subject, nodes).await;
}

async fn sockets_come_and_go(subject: &dyn Subject, nodes: usize) {
    let cluster = Cluster::start(subject, nodes, &[]).await.with_four().await;
    let connected: usize = (0..nodes).map(|node| cluster.node(node).book().len()).sum();
    assert_eq!(connected, 4);
    cluster.node(0).disconnect_one(&cluster.sockets()[0]);
    assert_eq!(cluster.members("r1").await, ["b"], "who has left is in no room");
    assert_eq!(cluster.members("a").await, [""; 0], "nor in the one named by its id");
    cluster.close().await;
}

async fn rooms_are_listed(subject: &dyn Subject, nodes: usize) {
    let cluster = Cluster::start(subject, nodes, &[]).await.with_four().await;
    assert_eq!(cluster.node(0).rooms_of(&cluster.sockets()[0]), ["a", "r1", "r2"]);
    assert_eq!(cluster.members("r1").await, ["a", "b"]);
    assert_eq!(cluster.members("nowhere").await, [""; 0]);
    let first = cluster.node(0).book();
    assert!(first.contains("r1") && !first.contains("nowhere"));
    cluster.close().await;
}

async fn room_events_come_once_and_in_order(subject: &dyn Subject, nodes: usize) {
    let cluster = Cluster::start(subject, nodes, &[]).await;
    let node = cluster.node(0);
    let a = node.connect("a", &["r", "r"], None);
    assert_eq!(node.take_room_events(), ["create a", "join a a", "create r", "join r a"]);
    let b = node.connect("b", &["r"], None);
    assert_eq!(node.take_room_events(), ["create b", "join b b", "join r b"]);
    node.book().leave_target(&Target::room("a"), &["r".into(), "nowhere".into()]);
    assert_eq!(node.take_room_events(), ["leave r a"]);
    node.disconnect_one(&b);
    assert_eq!(node.take_room_events(), ["leave b b", "delete b", "leave r b", "delete r"]);
    node.disconnect_one(&a);
    assert_eq!(node.take_room_events(), ["leave a a", "delete a"]);
    cluster.close().await;
}

async fn leaving_twice_is_harmless(subject: &dyn Subject, nodes: usize) {
    let cluster = Cluster::start(subject, nodes, &[]).await;
    let a = cluster.node(0).connect("a", &["r"], None);
    assert_eq!(cluster.node(0).disconnect_one(&a), ["a", "r"]);
    assert!(cluster.node(0).disconnect_one(&a).is_empty());
    assert!(cluster.node(0).book().rooms().is_empty());
    cluster.close().await;
}
