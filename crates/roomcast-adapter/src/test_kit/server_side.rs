//! Cases about events between the nodes themselves.

use std::time::Duration;

use super::{Cluster, Subject};
use crate::{PublishError, RawJson, RequestError};

/// Longer than any answer takes to come.
const LONG: Duration = Duration::from_secs(60);

/// For the case that has to see a timeout.
const SHORT: Duration = Duration::from_millis(50);

pub(super) async fn run(subject: &dyn Subject, nodes: usize) {
    if nodes == 1 {
        return;
    }
    the_other_nodes_hear_it_once(subject, nodes).await;
    every_other_node_answers(subject, nodes).await;
    a_silent_node_is_missed(subject, nodes).await;
}

/// For an adapter that serves one node only.
pub(super) async fn nobody_to_tell_is_an_error(subject: &dyn Subject) {
    let cluster = Cluster::start(subject, 1, &[]).await;
    let event = || RawJson::new(r#"["e"]"#);
    assert!(matches!(cluster.first().server_side_emit(event()), Err(PublishError::NoOtherNodes)));
    let asked = cluster.first().server_side_emit_with_ack(event(), LONG).await;
    assert!(matches!(asked, Err(RequestError::Publish(PublishError::NoOtherNodes))));
    assert!(cluster.node(0).take_events().is_empty());
    cluster.close().await;
}

async fn the_other_nodes_hear_it_once(subject: &dyn Subject, nodes: usize) {
    let cluster = Cluster::start(subject, nodes, &[]).await;
    let event = RawJson::new(r#"["hello",1,{"a":[true]}]"#);
    cluster.first().server_side_emit(event.clone()).expect("the backend is there");
    cluster.settle().await;
    assert!(cluster.node(0).take_events().is_empty(), "not the one who said it");
    for node in 1..nodes {
        assert_eq!(cluster.node(node).take_events(), std::slice::from_ref(&event));
    }
    cluster.close().await;
}

async fn every_other_node_answers(subject: &dyn Subject, nodes: usize) {
    let cluster = Cluster::start(subject, nodes, &[Some("0"), Some("1"), Some(r#"{"two":2}"#)]).await;
    let asked = cluster.first().server_side_emit_with_ack(RawJson::new(r#"["q"]"#), LONG).await;
    let mut answers: Vec<String> =
        asked.expect("every node answers").iter().map(|answer| answer.text().to_owned()).collect();
    answers.sort();
    let mut expected = vec!["1"];
    expected.resize(nodes - 1, r#"{"two":2}"#);
    assert_eq!(answers, expected);
    cluster.close().await;
}

async fn a_silent_node_is_missed(subject: &dyn Subject, nodes: usize) {
    let cluster = Cluster::start(subject, nodes, &[None, None, Some("2")]).await;
    let asked = cluster.first().server_side_emit_with_ack(RawJson::new(r#"["q"]"#), SHORT).await;
    let Err(RequestError::Timeout { missing, partial }) = asked else {
        panic!("a node that keeps silent must be missed, not {asked:?}")
    };
    assert_eq!((missing, partial.len()), (1, nodes - 2), "what the others answered is there");
    cluster.close().await;
}
