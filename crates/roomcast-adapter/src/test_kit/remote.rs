//! Cases about sockets moved, disconnected and described from afar.

use std::time::Duration;

use serde_json::json;

use super::{Cluster, Subject};
use crate::{RawJson, Target, adapter::Disconnect, memory::Member};

/// Longer than any case takes; no case waits for it.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(super) async fn run(subject: &dyn Subject, nodes: usize) {
    sockets_join_and_leave_by_target(subject, nodes).await;
    sockets_are_disconnected_by_target(subject, nodes).await;
    what_was_sent_before_a_disconnect_arrives(subject, nodes).await;
    sockets_of_other_nodes_are_described(subject, nodes).await;
}

async fn sockets_join_and_leave_by_target(subject: &dyn Subject, nodes: usize) {
    let cluster = Cluster::start(subject, nodes, &[]).await.with_four().await;
    let table: &[(Target, &[&str])] = &[
        (Target::all(), &["a", "b", "c", "d"]),
        (Target::room("r1").except("r2"), &["b"]),
        (Target::room("c"), &["c"]),
        (Target::room("nowhere"), &[]),
    ];
    for (target, expected) in table {
        let rooms = vec!["x".into(), "y".into()];
        cluster.first().add_sockets(target.clone(), rooms.clone()).expect("the backend is there");
        assert_eq!(cluster.members("x").await, *expected, "{target:?} joined");
        assert_eq!(cluster.members("y").await, *expected, "{target:?} joined");
        cluster.first().del_sockets(target.clone(), rooms).expect("the backend is there");
        assert_eq!(cluster.members("x").await, [""; 0], "{target:?} left");
        assert_eq!(cluster.members("y").await, [""; 0], "{target:?} left");
    }
    cluster.close().await;
}

async fn sockets_are_disconnected_by_target(subject: &dyn Subject, nodes: usize) {
    let cluster = Cluster::start(subject, nodes, &[]).await.with_four().await;
    let disconnected = |how| {
        let sockets = cluster.sockets().iter().filter(move |socket| socket.disconnected() == Some(how));
        sockets.map(|socket| socket.id().to_owned()).collect::<Vec<_>>()
    };
    let disconnect =
        |target, how| cluster.first().disconnect_sockets(target, how).expect("the backend is there");
    disconnect(Target::room("r1").except("a"), Disconnect::Namespace);
    cluster.settle().await;
    assert_eq!(disconnected(Disconnect::Namespace), ["b"]);
    disconnect(Target::room("c"), Disconnect::Connection);
    cluster.settle().await;
    assert_eq!(disconnected(Disconnect::Connection), ["c"]);
    disconnect(Target::all(), Disconnect::Connection);
    cluster.settle().await;
    assert_eq!(disconnected(Disconnect::Connection), ["a", "c", "d"]);
    assert_eq!((0..nodes).map(|node| cluster.node(node).book().rooms().len()).sum::<usize>(), 0);
    cluster.close().await;
}

async fn what_was_sent_before_a_disconnect_arrives(subject: &dyn Subject, nodes: usize) {
    let cluster = Cluster::start(subject, nodes, &[]).await.with_four().await;
    let event = RawJson::new(r#"["bye"]"#);
    cluster.first().broadcast(Target::all(), event.clone()).expect("the backend is there");
    cluster.first().disconnect_sockets(Target::all(), Disconnect::Connection).expect("the backend is there");
    assert_eq!(cluster.receivers(&event).await, ["a", "b", "c", "d"]);
    cluster.close().await;
}

async fn sockets_of_other_nodes_are_described(subject: &dyn Subject, nodes: usize) {
    let cluster = Cluster::start(subject, nodes, &[]).await.with_four().await;
    let on_others = |ids: &[&str]| {
        let elsewhere = cluster.sockets().iter().enumerate().filter(|(at, _)| at % nodes != 0);
        let ids = elsewhere.filter(|(_, socket)| ids.contains(&socket.id()));
        ids.map(|(_, socket)| socket.id().to_owned()).collect::<Vec<_>>()
    };
    let table: &[(Target, &[&str])] = &[
        (Target::all(), &["a", "b", "c", "d"]),
        (Target::room("r1").to("r2").except("a"), &["b", "c"]),
        (Target::room("b"), &["b"]),
        (Target::all().local(), &[]),
        (Target::room("nowhere"), &[]),
    ];
    for (target, expected) in table {
        let fetched = cluster.first().fetch_remote_sockets(target.clone(), TIMEOUT).await;
        let mut sockets = fetched.expect("every node answers");
        sockets.sort_by(|one, two| one.id.cmp(&two.id));
        let ids: Vec<&str> = sockets.iter().map(|socket| socket.id.as_str()).collect();
        assert_eq!(ids, on_others(expected), "{target:?}");
        for socket in sockets {
            assert_eq!(socket.data, json!({ "of": socket.id }));
            assert_eq!(socket.handshake, json!({ "secure": false }));
            assert!(socket.rooms.iter().any(|room| **room == *socket.id), "its own id is among its rooms");
        }
    }
    assert_eq!(cluster.first().server_count().await.expect("the backend is there"), nodes);
    cluster.close().await;
}
