//! Cases about broadcasts that ask for acknowledgements.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{Cluster, Subject};
use crate::{
    RawJson, Target,
    adapter::{AckGather, AckSink},
};

/// Longer than any case takes; no case waits for it.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(super) async fn run(subject: &dyn Subject, nodes: usize) {
    every_socket_answers(subject, nodes).await;
    nobody_to_ask_is_complete(subject, nodes).await;
    a_silent_socket_leaves_it_open(subject, nodes).await;
}

async fn every_socket_answers(subject: &dyn Subject, nodes: usize) {
    let cluster = Cluster::start(subject, nodes, &[]).await.with_four().await;
    let (complete, answers) = ask(&cluster, Target::all().except("d")).await;
    assert!(complete);
    assert_eq!(answers, [r#""a""#, r#""b""#, r#""c""#]);
    let (complete, answers) = ask(&cluster, Target::all().local()).await;
    assert!(complete);
    assert_eq!(answers.len(), 4_usize.div_ceil(nodes), "only this node was asked");
    cluster.close().await;
}

async fn nobody_to_ask_is_complete(subject: &dyn Subject, nodes: usize) {
    let cluster = Cluster::start(subject, nodes, &[]).await.with_four().await;
    let (complete, answers) = ask(&cluster, Target::room("nowhere")).await;
    assert!(complete && answers.is_empty());
    cluster.close().await;
}

async fn a_silent_socket_leaves_it_open(subject: &dyn Subject, nodes: usize) {
    let mut cluster = Cluster::start(subject, nodes, &[]).await.with_four().await;
    cluster.connect_silent("silent", &["r1"]).await;
    let (complete, answers) = ask(&cluster, Target::room("r1")).await;
    assert!(!complete);
    assert_eq!(answers, [r#""a""#, r#""b""#], "what came is there all the same");
    cluster.close().await;
}

/// Whether all answers came, and the answers in order of their text.
async fn ask(cluster: &Cluster<'_>, target: Target) -> (bool, Vec<String>) {
    let sink = Arc::new(Sink::default());
    let event = RawJson::new(r#"["question"]"#);
    let asked =
        cluster.first().broadcast_with_ack(target, event, TIMEOUT, Arc::clone(&sink) as Arc<dyn AckSink>);
    asked.expect("the backend is there");
    cluster.settle().await;
    let gather = std::mem::take(&mut *sink.0.lock().unwrap_or_else(PoisonError::into_inner));
    let complete = gather.is_complete();
    let mut answers: Vec<String> =
        gather.into_answers().iter().map(|answer| answer.text().to_owned()).collect();
    answers.sort();
    (complete, answers)
}

#[derive(Default)]
struct Sink(Mutex<AckGather>);

impl AckSink for Sink {
    fn expect_nodes(&self, nodes: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).expect_nodes(nodes);
    }

    fn node_counted(&self, clients: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).node_counted(clients);
    }

    fn answered(&self, answer: RawJson) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).answered(answer);
    }
}
