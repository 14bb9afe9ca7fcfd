//! Three servers in one process that are one to their clients. The cases are those of the official suite for adapters of
//! the cluster kind, over real connections.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

mod support;

use std::time::Duration;

use roomcast::adapter::{MemoryCluster, MemoryNode};
use roomcast::{
    AckError, Binary, Bytes, EmitError, FetchError, Io, Namespace, PublishError, Room, ServerAck,
    ServerSideError, Socket, State,
};

use support::{Log, WebSocket, answer_sync, hush_panics, serve, soon, until};

/// Three nodes, and one client at each, in `/` and `/custom`.
struct Three {
    cluster: MemoryCluster,
    wires: Vec<MemoryNode>,
    ios: Vec<Io>,
    clients: Vec<WebSocket>,
    ids: Vec<String>,
}

async fn three() -> Three {
    let cluster = MemoryCluster::new();
    let wires: Vec<MemoryNode> = (0..3).map(|_| cluster.node()).collect();
    let ios: Vec<Io> = wires.iter().map(|wire| Io::builder().adapter(wire.clone()).build()).collect();
    let (mut clients, mut ids) = (Vec::new(), Vec::new());
    for io in &ios {
        answer_sync(io);
        let _ = io.of("/custom");
        io.adapters_ready().await.unwrap();
        let (mut client, id) = WebSocket::join(serve(io).await, "/").await;
        client.enter("/custom").await;
        clients.push(client);
        ids.push(id);
    }
    cluster.settled().await;
    Three { cluster, wires, ios, clients, ids }
}

impl Three {
    fn socket(&self, at: usize) -> Socket {
        self.ios[at].socket(&self.ids[at]).unwrap()
    }

    /// Exactly these clients get exactly that.
    async fn expect(&mut self, who: &[usize], text: &str) {
        self.cluster.settled().await;
        WebSocket::expect_by(&mut self.clients, who, text).await;
    }
}

#[tokio::test]
async fn a_broadcast_reaches_the_clients_of_all_nodes() {
    let mut three = three().await;
    three.ios[0].emit("test", (1, "2", Binary(Bytes::from_static(b"\x03\x04"))));
    three.cluster.settled().await;
    for client in &mut three.clients {
        client.expect(&[r#"451-["test",1,"2",{"_placeholder":true,"num":0}]"#]).await;
        client.expect_binary(b"\x03\x04").await;
    }
    three.socket(1).broadcast().emit("others", ());
    three.expect(&[0, 2], r#"42["others"]"#).await;
}

#[tokio::test]
async fn a_broadcast_stays_in_its_namespace() {
    let mut three = three().await;
    three.ios[0].of("/custom").emit("test", ());
    three.expect(&[0, 1, 2], r#"42/custom,["test"]"#).await;
}

#[tokio::test]
async fn rooms_and_exceptions_are_known_on_every_node() {
    let mut three = three().await;
    three.socket(1).join("room1");
    three.socket(2).join("room1");
    three.socket(2).join("room2");
    three.ios[0].to("room1").emit("test", ());
    three.expect(&[1, 2], r#"42["test"]"#).await;
    three.ios[0].to("room1").except("room2").emit("test", ());
    three.expect(&[1], r#"42["test"]"#).await;
    let first = three.ids[0].clone();
    three.ios[2].except([first.as_str(), "room2"]).emit("test", ());
    three.expect(&[1], r#"42["test"]"#).await;
    three.ios[0].local().emit("test", ());
    three.expect(&[0], r#"42["test"]"#).await;
}

#[tokio::test]
async fn a_node_that_is_cut_off_still_serves_its_own_clients() {
    let mut three = three().await;
    three.wires[0].cut();
    let emitted = three.ios[0].emit("test", ());
    assert_eq!(emitted.queued(), 1);
    assert!(matches!(emitted.result(), Err(EmitError::Publish(PublishError::Backend(_)))));
    three.expect(&[0], r#"42["test"]"#).await;
    assert!(matches!(three.ios[0].fetch_sockets().await, Err(FetchError::Publish(_))));
}

#[tokio::test]
async fn the_clients_of_all_nodes_acknowledge_a_broadcast() {
    let mut three = three().await;
    // The first answer is binary, the last has more than one argument.
    let answers = ["431-X", "430[2]", r#"430["3",4]"#];
    let ask = three.ios[0].emit_with_ack::<roomcast::Value>("test", 1);
    three.cluster.settled().await;
    for (client, answer) in three.clients.iter_mut().zip(answers) {
        client.expect(&[r#"420["test",1]"#]).await;
        if answer == "431-X" {
            client.send(r#"461-0[{"_placeholder":true,"num":0}]"#).await;
            client.send_binary(b"\x01").await;
        } else {
            client.send(answer).await;
        }
    }
    let answers = soon("the answers", ask).await.unwrap();
    assert_eq!(answers.len(), 3);
    assert!(answers.contains(&roomcast::Value::from(2)));
    assert!(answers.contains(&roomcast::Value::from("3")));
    assert!(answers.contains(&roomcast::Value::Binary(Bytes::from_static(b"\x01"))));

    let nobody = three.ios[0].to("nobody").emit_with_ack::<u32>("test", ());
    assert_eq!(soon("no answers", nobody).await.unwrap(), [0; 0]);

    let ask = three.ios[1].timeout(Duration::from_millis(100)).emit_with_ack::<u32>("test", ());
    three.cluster.settled().await;
    // Each node counts for itself.
    for (client, id) in three.clients.iter_mut().zip([1, 0, 1]) {
        let text = client.text().await;
        assert!(text.starts_with("42") && text.ends_with(r#"["test"]"#), "{text} {id}");
        if id == 0 {
            client.send(&text.replace("42", "43").replace(r#"["test"]"#, "[7]")).await;
        }
    }
    let error = soon("the timeout", ask).await.unwrap_err();
    assert!(matches!(error.error, AckError::Timeout));
    assert_eq!(error.responses, [7], "what came is there");
}

#[tokio::test]
async fn a_question_to_many_that_nobody_awaits_any_more_leaves_nothing() {
    let three = three().await;
    // What other nodes keep ends with its time.
    three.wires[1..].iter().for_each(|wire| wire.set_filter(|_| false));
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let (before, patient) = (tasks(), three.ios[0].timeout(Duration::from_secs(600)));
    let asking = patient.emit_with_ack::<u32>("test", ());
    assert_eq!(tasks(), before + 1, "this node waits for its own client");
    drop(asking);
    until("nobody waits", || tasks() == before).await;
    // As many as may wait at once, and one more.
    for _ in 0..=65_536 {
        drop(patient.clone().to("nobody").emit_with_ack::<u32>("test", ()));
    }
    let asked = three.ios[0].timeout(Duration::from_millis(10)).emit_with_ack::<u32>("test", ()).await;
    assert!(matches!(asked.unwrap_err().error, AckError::Timeout), "there was room for it");
}

#[tokio::test]
async fn sockets_of_other_nodes_are_described_and_can_be_spoken_to() {
    let mut three = three().await;
    three.socket(1).set_data(serde_json::json!({ "name": "two" })).unwrap();
    three.socket(1).insert(7_u32);
    three.socket(1).join("room1");
    let all = three.ios[0].fetch_sockets().await.unwrap();
    assert_eq!(all.len(), 3);
    assert_eq!(three.ios[0].local().fetch_sockets().await.unwrap().len(), 1);
    assert!(all.iter().any(|socket| socket.as_local() == Some(&three.socket(0))));

    let fetched = three.ios[0].within(three.ids[1].as_str()).fetch_sockets().await.unwrap();
    let [remote] = &fetched[..] else { panic!("one has that id") };
    assert_eq!(remote.id(), three.ids[1]);
    assert!(remote.as_local().is_none());
    assert_eq!(remote.rooms(), [Room::from(&three.ids[1]), "room1".into()]);
    assert_eq!(remote.data::<serde_json::Value>().unwrap(), serde_json::json!({ "name": "two" }));
    assert_eq!(remote.get::<u32>(), None, "what is inserted does not travel");
    let here = three.socket(1);
    assert_eq!(remote.handshake().url(), here.handshake().url());
    assert_eq!(remote.handshake().headers(), here.handshake().headers());
    assert_eq!(remote.handshake().query("transport").as_deref(), Some("websocket"));
    assert_eq!(remote.auth::<serde_json::Value>().unwrap(), serde_json::json!({}));

    remote.emit("hello", ("you", 2));
    three.expect(&[1], r#"42["hello","you",2]"#).await;
    let asking = tokio::spawn({
        let remote = remote.clone();
        async move { remote.emit_with_ack::<u32>("how many", ()).await }
    });
    let text = three.clients[1].text().await;
    assert_eq!(text, r#"420["how many"]"#);
    three.clients[1].send("430[5,6]").await;
    assert_eq!(soon("the answer", asking).await.unwrap().unwrap(), 5, "a single value");
    let silent = remote.clone().timeout(Duration::from_millis(20)).emit_with_ack::<u32>("how many", ()).await;
    assert!(matches!(silent, Err(AckError::Timeout)));
    three.clients[1].text().await;

    remote.join(["room2", "room3"]);
    remote.leave("room1");
    three.cluster.settled().await;
    assert_eq!(here.rooms(), [Room::from(&three.ids[1]), "room2".into(), "room3".into()]);
    remote.disconnect();
    three.clients[1].expect(&["41"]).await;
    // Nobody has the id any more.
    until("it is gone", || three.ios[1].is_empty()).await;
    assert!(matches!(remote.emit_with_ack::<u32>("gone", ()).await, Err(AckError::Disconnected)));
}

#[tokio::test]
async fn a_socket_of_this_node_is_asked_directly() {
    let mut three = three().await;
    let fetched = three.ios[0].within(three.ids[0].as_str()).fetch_sockets().await.unwrap();
    let asking = fetched[0].clone();
    let answer = tokio::spawn(async move { asking.emit_with_ack::<u32>("how many", ()).await });
    three.clients[0].expect(&[r#"420["how many"]"#]).await;
    three.clients[0].send("430[5]").await;
    assert_eq!(soon("the answer", answer).await.unwrap().unwrap(), 5);
}

#[tokio::test]
async fn sockets_of_all_nodes_join_leave_and_are_disconnected() {
    let three = three().await;
    let in_room =
        |three: &Three, room: &str| three.ios.iter().map(|io| io.room_len(room)).collect::<Vec<_>>();
    three.socket(0).join("group");
    three.socket(2).join("group");
    three.ios[0].sockets_join("all");
    three.ios[0].within("group").sockets_join(["some", "few"]);
    three.ios[0].within(three.ids[1].as_str()).sockets_join("one");
    three.cluster.settled().await;
    assert_eq!(in_room(&three, "all"), [1, 1, 1]);
    assert_eq!(in_room(&three, "some"), [1, 0, 1]);
    assert_eq!(in_room(&three, "few"), [1, 0, 1]);
    assert_eq!(in_room(&three, "one"), [0, 1, 0]);
    three.ios[1].sockets_leave("some");
    three.ios[1].within("group").sockets_leave("all");
    three.ios[2].within(three.ids[1].as_str()).sockets_leave("one");
    three.cluster.settled().await;
    assert_eq!(in_room(&three, "some"), [0, 0, 0]);
    assert_eq!(in_room(&three, "all"), [0, 1, 0]);
    assert_eq!(in_room(&three, "one"), [0, 0, 0]);

    three.ios[0].emit("bye", ());
    three.ios[0].disconnect_connections();
    for client in three.clients {
        let mut last = client.closed().await;
        last.sort();
        // What was sent before arrives; each namespace is said goodbye to.
        assert_eq!(last, ["41", "41/custom,", r#"42["bye"]"#]);
    }
}

#[tokio::test]
async fn an_event_between_servers_reaches_all_the_others() {
    let three = three().await;
    let (log, mut lines) = Log::new();
    for (at, io) in three.ios.iter().enumerate() {
        io.manage(log.clone());
        io.on_server_event(
            "hello",
            move |here: Namespace, log: State<Log>, word: String, n: u32, bytes: Binary| async move {
                // It may wait.
                tokio::task::yield_now().await;
                log.say(format!("{at} {} {word} {n} {:?}", here.name(), &bytes.0[..]));
            },
        );
        io.of("/custom").on_server_event("hello", async |log: State<Log>| log.say("in the wrong namespace"));
    }
    three.ios[0].server_side_emit("hello", ("world", 1, Binary(Bytes::from_static(b"\x05")))).unwrap();
    three.ios[0].server_side_emit("nobody listens", ()).unwrap();
    three.cluster.settled().await;
    let mut said = vec![lines.next().await, lines.next().await];
    said.sort();
    assert_eq!(said, ["1 / world 1 [5]", "2 / world 1 [5]"]);
    assert!(lines.rest().is_empty());
    // The name is gone: nobody listens any more.
    three.ios[1].off_server_event("hello");
    three.ios[0].server_side_emit("hello", ("again", 2, Binary(Bytes::new()))).unwrap();
    assert_eq!(lines.next().await, "2 / again 2 []");
    for reserved in ["connect", "connection", "new_namespace"] {
        assert!(matches!(three.ios[0].server_side_emit(reserved, ()), Err(EmitError::ReservedEvent)));
    }
}

fn fail() {
    panic!("on purpose");
}

#[tokio::test]
async fn every_other_server_answers_with_one_value() {
    hush_panics();
    let three = three().await;
    three.ios[0].on_server_event("count", async || fail());
    three.ios[1].on_server_event("count", async |room: String| (format!("{room} 1"), "and more"));
    // Several listeners are all called, and the first value counts.
    three.ios[2].on_server_event("count", async || {});
    three.ios[2].on_server_event("count", async |room: String, ack: ServerAck| {
        tokio::spawn(async move { ack.send(format!("{room} 2")) });
    });
    let mut answers = three.ios[0].server_side_emit_with_ack::<String>("count", "lobby").await.unwrap();
    answers.sort();
    assert_eq!(answers, ["lobby 1", "lobby 2"]);

    // `()` is an answer, and so is a failure.
    three.ios[1].on_server_event("void", async || {});
    three.ios[2].on_server_event("void", async || fail());
    let answers = three.ios[0].server_side_emit_with_ack::<serde_json::Value>("void", ()).await.unwrap();
    assert!(answers.contains(&serde_json::json!(null)));
    assert!(answers.contains(&serde_json::json!({ "error": "internal error" })));
}

/// Panics when it is dropped, if it is armed.
struct Bomb(bool);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.0, "on purpose");
    }
}

#[tokio::test]
async fn events_between_servers_beyond_those_at_work_are_refused_and_the_server_hears_on() {
    hush_panics();
    let cluster = MemoryCluster::new();
    let ios = [(); 2].map(|()| Io::builder().adapter(cluster.node()).build());
    for io in &ios {
        io.adapters_ready().await.unwrap();
    }
    cluster.settled().await;
    ios[1].on_server_event("wait", async |armed: bool| {
        let _bomb = Bomb(armed);
        std::future::pending::<()>().await;
    });
    ios[1].on_server_event("hello", async || "world");
    for _ in 0..1024 {
        ios[0].server_side_emit("wait", false).unwrap();
    }
    cluster.settled().await;
    let refused = ios[0].server_side_emit_with_ack::<serde_json::Value>("wait", true);
    let refused = soon("the answer", refused).await.unwrap();
    assert_eq!(refused, [serde_json::json!({ "error": "too many server-side events at once" })]);
    let heard = soon("the answer", ios[0].server_side_emit_with_ack::<String>("hello", ())).await;
    assert_eq!(heard.unwrap(), ["world"]);
}

#[tokio::test]
async fn a_server_that_keeps_silent_is_missed_and_one_that_leaves_is_not_waited_for() {
    let three = three().await;
    three.ios[1].on_server_event("q", async || 1);
    let limit = Duration::from_millis(100);
    let asked = three.ios[0].server_side_emit_with_ack_within::<u32>(limit, "q", ()).await;
    let Err(ServerSideError::Timeout { missing: 1, responses }) = asked else { panic!("{asked:?}") };
    assert_eq!(responses, [1], "what the others said is there");

    let io = three.ios[0].clone();
    let asking = tokio::spawn(async move {
        io.server_side_emit_with_ack_within::<u32>(Duration::from_secs(600), "q", ()).await
    });
    three.cluster.settled().await;
    three.ios[2].close().await;
    assert_eq!(soon("the answers", asking).await.unwrap().unwrap(), [1]);
}

#[tokio::test]
async fn a_server_alone_has_no_others_to_tell() {
    let io = Io::new();
    let told = io.server_side_emit("hello", ());
    assert!(matches!(told, Err(EmitError::Publish(PublishError::NoOtherNodes))));
    let asked = io.server_side_emit_with_ack::<u32>("hello", ()).await;
    assert!(matches!(asked, Err(ServerSideError::Emit(EmitError::Publish(PublishError::NoOtherNodes)))));
    // One that knows a cluster of which it is the only node is answered by nobody, at once.
    let io = Io::builder().adapter(MemoryCluster::new().node()).build();
    io.adapters_ready().await.unwrap();
    assert!(io.server_side_emit("hello", ()).is_ok());
    assert!(io.server_side_emit_with_ack::<u32>("hello", ()).await.unwrap().is_empty());
}

#[tokio::test]
async fn namespaces_made_on_demand_are_one_over_all_nodes_and_let_go_of_their_adapters() {
    let cluster = MemoryCluster::new();
    let ios = [(); 2].map(|()| Io::builder().adapter(cluster.node()).build());
    let mut clients = Vec::new();
    for io in &ios {
        let teams = io.of_pattern("/team/{name}");
        teams.on_server_event("who", async |here: Namespace| here.len());
        clients.push(WebSocket::join(serve(io).await, "/team/blue").await.0);
    }
    cluster.settled().await;
    let blue = ios[0].of("/team/blue");
    assert_eq!(blue.adapter().unwrap().server_count().await.unwrap(), 2);
    blue.emit("hello", ());
    for client in &mut clients {
        client.expect(&[r#"42/team/blue,["hello"]"#]).await;
    }
    assert_eq!(blue.server_side_emit_with_ack::<usize>("who", ()).await.unwrap(), [1]);
    // The other node's namespace is freed with its last client, and says goodbye.
    clients.pop().unwrap().close().await;
    until("it is freed", || ios[1].namespaces() == ["/"]).await;
    let adapter = blue.adapter().unwrap();
    soon("the goodbye", async {
        while adapter.server_count().await.unwrap() == 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(blue.server_side_emit_with_ack::<usize>("who", ()).await.unwrap().is_empty());
}
