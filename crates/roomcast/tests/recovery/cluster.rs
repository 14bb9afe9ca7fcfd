//! Recovery on a server that is one of several: what the other nodes broadcast is missed and comes again like its own.

use roomcast::adapter::MemoryCluster;
use roomcast::{ConnectionStateRecovery, Io};

use crate::client::Client;
use crate::{built, socket};

async fn two() -> (MemoryCluster, [Io; 2]) {
    let cluster = MemoryCluster::new();
    let recovery = ConnectionStateRecovery::default;
    let ios =
        [(); 2].map(|()| built(Io::builder().connection_state_recovery(recovery()).adapter(cluster.node())));
    for io in &ios {
        io.adapters_ready().await.expect("the wire is there");
    }
    cluster.settled().await;
    (cluster, ios)
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_to_its_node_gets_what_all_nodes_have_broadcast_meanwhile() {
    let (cluster, [own, other]) = two().await;
    let mut client = Client::connect(&own).await;
    let mut stranger = Client::connect(&other).await;
    socket(&own, &client).join("news");
    other.emit("before", 1);
    client.expect(&["before 1"]).await;
    stranger.expect(&["before 1"]).await;

    // Nobody else of its node is in its room.
    let id = client.sid.clone();
    let lost = client.lose(&own).await;
    let settled = || cluster.settled();
    own.emit("own", 2);
    settled().await;
    other.emit("other", 3);
    settled().await;
    own.to("news").emit("own room", 4);
    settled().await;
    other.to("news").emit("other room", 5);
    settled().await;
    other.to(id).emit("by id", 6);
    other.to("sport").emit("no", ());
    other.except("news").emit("no", ());
    other.volatile().emit("no", ());
    other.local().emit("no", ());
    settled().await;

    let mut client = lost.back(&own).await;
    assert_eq!(client.early(), ["own 2", "other 3", "own room 4", "other room 5", "by id 6"]);
    assert!(socket(&own, &client).recovered());
    other.to("news").emit("after", 7);
    client.expect(&["after 7"]).await;
    client.wire.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_to_another_node_begins_anew() {
    let (cluster, [own, other]) = two().await;
    let lost = Client::connect(&own).await.lose(&own).await;
    other.emit("missed", 1);
    cluster.settled().await;
    let client = lost.clone().anew(&other).await;
    assert!(!socket(&other, &client).recovered());
    assert_eq!(lost.back(&own).await.early(), ["missed 1"], "its own node keeps it as long as always");
}
