//! Cases about who receives a broadcast.

use bytes::Bytes;

use super::{Cluster, Subject};
use crate::{RawJson, Target};

pub(super) async fn run(subject: &dyn Subject, nodes: usize) {
    a_target_reaches_whom_it_means(subject, nodes).await;
    local_stays_on_the_node(subject, nodes).await;
    what_is_sent_arrives_unchanged_and_in_order(subject, nodes).await;
}

/// The room algebra, from each node.
async fn a_target_reaches_whom_it_means(subject: &dyn Subject, nodes: usize) {
    let cluster = Cluster::start(subject, nodes, &[]).await.with_four().await;
    let table: &[(Target, &[&str])] = &[
        (Target::all(), &["a", "b", "c", "d"]),
        (Target::room("r1"), &["a", "b"]),
        (Target::room("r1").to("r2"), &["a", "b", "c"]),
        (Target::all().except("r1"), &["c", "d"]),
        (Target::room("r1").except("r2"), &["b"]),
        (Target::room("r1").to("r2").except("a"), &["b", "c"]),
        (Target::room("r1").to("r2").except("b").except("c"), &["a"]),
        (Target::all().except("a"), &["b", "c", "d"]),
        (Target::room("c"), &["c"]),
        (Target::room("c").to("r2"), &["a", "c"]),
        (Target::room("nowhere"), &[]),
        (Target::room("nowhere").to("r1"), &["a", "b"]),
        (Target::all().except("nowhere"), &["a", "b", "c", "d"]),
        (Target::all().volatile().compress(false), &["a", "b", "c", "d"]),
    ];
    for (at, (target, expected)) in table.iter().enumerate() {
        for node in 0..nodes {
            let event = RawJson::new(format!(r#"["e",{at},{node}]"#));
            cluster.adapter(node).broadcast(target.clone(), event.clone()).expect("the backend is there");
            assert_eq!(cluster.receivers(&event).await, *expected, "{target:?} sent by node {node}");
        }
    }
    cluster.close().await;
}

async fn local_stays_on_the_node(subject: &dyn Subject, nodes: usize) {
    let cluster = Cluster::start(subject, nodes, &[]).await.with_four().await;
    let event = RawJson::new(r#"["e"]"#);
    cluster.first().broadcast(Target::all().local(), event.clone()).expect("the backend is not needed");
    let at_home: Vec<&str> = ["a", "b", "c", "d"].into_iter().step_by(nodes).collect();
    assert_eq!(cluster.receivers(&event).await, at_home);
    cluster.first().add_sockets(Target::all().local(), vec!["x".into()]).expect("the backend is not needed");
    assert_eq!(cluster.members("x").await, at_home);
    cluster.close().await;
}

async fn what_is_sent_arrives_unchanged_and_in_order(subject: &dyn Subject, nodes: usize) {
    let cluster = Cluster::start(subject, nodes, &[]).await.with_four().await;
    let binary = RawJson::new(r#"["b",{"_placeholder":true,"num":0},"é\n",{"x":[null,1.5,-7]}]"#)
        .with_attachments(vec![Bytes::from_static(b"\x00\xffdata")]);
    let mut sent = vec![binary];
    sent.extend((0..20).map(|n| RawJson::new(format!(r#"["n",{n}]"#))));
    for event in &sent {
        cluster.first().broadcast(Target::room("r1"), event.clone()).expect("the backend is there");
    }
    cluster.settle().await;
    for socket in &cluster.sockets()[..2] {
        assert_eq!(socket.take_received(), sent);
    }
    cluster.close().await;
}
