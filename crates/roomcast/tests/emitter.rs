//! Two servers in one process, and what is no server and speaks to both of them. The cases are those of the official
//! suites for emitters, over real connections.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

mod support;

use std::collections::HashMap;

use roomcast::adapter::{Emitter, EmitterError, MemoryCluster};
use roomcast::{Binary, Bytes, EmitError, Io, Namespace, Room, Socket, State};

use support::{Log, WebSocket, answer_sync, serve};

/// Two servers with two clients each, in `/` and `/custom`, and an emitter. Clients 0 and 1 are at the first server.
struct Two {
    cluster: MemoryCluster,
    emitter: Emitter,
    ios: [Io; 2],
    clients: Vec<WebSocket>,
    ids: Vec<String>,
}

async fn two() -> Two {
    let cluster = MemoryCluster::new();
    let ios = [(); 2].map(|()| Io::builder().adapter(cluster.node()).build());
    let (mut clients, mut ids) = (Vec::new(), Vec::new());
    for io in &ios {
        answer_sync(io);
        let _ = io.of("/custom");
        io.adapters_ready().await.unwrap();
        let address = serve(io).await;
        for _ in 0..2 {
            let (mut client, id) = WebSocket::join(address, "/").await;
            client.enter("/custom").await;
            clients.push(client);
            ids.push(id);
        }
    }
    cluster.settled().await;
    Two { emitter: cluster.emitter(), cluster, ios, clients, ids }
}

impl Two {
    fn socket(&self, at: usize) -> Socket {
        self.ios[at / 2].socket(&self.ids[at]).unwrap()
    }

    /// Exactly these clients get exactly that.
    async fn expect(&mut self, who: &[usize], text: &str) {
        self.cluster.settled().await;
        WebSocket::expect_by(&mut self.clients, who, text).await;
    }

    /// How many of the clients of each server are in a room.
    async fn in_room(&self, room: &str) -> [usize; 2] {
        self.cluster.settled().await;
        self.ios.each_ref().map(|io| io.room_len(room))
    }
}

#[tokio::test]
async fn an_emitter_reaches_the_clients_of_all_servers() {
    let mut two = two().await;
    two.emitter.emit("test", (1, "2", ["3"])).unwrap();
    two.expect(&[0, 1, 2, 3], r#"42["test",1,"2",["3"]]"#).await;
    two.emitter.of("custom").emit("test", ()).unwrap();
    two.expect(&[0, 1, 2, 3], r#"42/custom,["test"]"#).await;
    two.emitter.of("/nobody made it").emit("test", ()).unwrap();
    two.expect(&[], "").await;
    two.emitter.compress(false).volatile().emit("test", ()).unwrap();
    two.expect(&[0, 1, 2, 3], r#"42["test"]"#).await;
    for io in &two.ios {
        assert_eq!(io.adapter().unwrap().server_count().await.unwrap(), 2, "an emitter is no server");
    }
}

#[tokio::test]
async fn an_emitter_sends_bytes_as_attachments() {
    let mut two = two().await;
    let value = HashMap::from([("bytes", Binary(Bytes::from_static(b"\x03\x04")))]);
    two.emitter.emit("test", (1, value)).unwrap();
    two.cluster.settled().await;
    for client in &mut two.clients {
        client.expect(&[r#"451-["test",1,{"bytes":{"_placeholder":true,"num":0}}]"#]).await;
        client.expect_binary(b"\x03\x04").await;
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn an_emitter_means_rooms_and_exceptions_and_each_client_once() {
    let mut two = two().await;
    for (at, rooms) in [(0, &["r1"][..]), (1, &["r2"]), (2, &["r1", "r2"]), (3, &["r3"])] {
        two.socket(at).join(rooms);
    }
    two.emitter.to("r1").emit("test", ()).unwrap();
    two.expect(&[0, 2], r#"42["test"]"#).await;
    two.emitter.within(["r1", "r2"]).emit("test", ()).unwrap();
    two.expect(&[0, 1, 2], r#"42["test"]"#).await;
    two.emitter.to("r1").to("r3").except("r2").emit("test", ()).unwrap();
    two.expect(&[0, 3], r#"42["test"]"#).await;
    let first = two.ids[0].clone();
    two.emitter.except(["r2".to_owned(), first.clone()]).emit("test", ()).unwrap();
    two.expect(&[3], r#"42["test"]"#).await;
    // The id of a socket is a room with that socket in it.
    two.emitter.to(&first).emit("test", ()).unwrap();
    two.expect(&[0], r#"42["test"]"#).await;
}

#[tokio::test]
async fn an_emitter_makes_sockets_join_and_leave() {
    let two = two().await;
    two.emitter.sockets_join("all").unwrap();
    assert_eq!(two.in_room("all").await, [2, 2]);
    two.socket(1).join("group");
    two.socket(2).join("group");
    two.emitter.to("group").sockets_join(["some", "few"]).unwrap();
    assert_eq!((two.in_room("some").await, two.in_room("few").await), ([1, 1], [1, 1]));
    two.emitter.to(&two.ids[3]).sockets_join("one").unwrap();
    assert_eq!(two.in_room("one").await, [0, 1]);
    two.emitter.of("/custom").sockets_join("elsewhere").unwrap();
    assert_eq!(two.in_room("elsewhere").await, [0, 0]);
    assert_eq!(two.ios[0].of("/custom").room_len("elsewhere"), 2);

    two.emitter.except("group").sockets_leave("all").unwrap();
    assert_eq!(two.in_room("all").await, [1, 1]);
    two.emitter.within("group").sockets_leave(["all", "some"]).unwrap();
    assert_eq!((two.in_room("all").await, two.in_room("some").await), ([0, 0], [0, 0]));
    two.emitter.sockets_leave("few").unwrap();
    assert_eq!(two.in_room("few").await, [0, 0]);
}

#[tokio::test]
async fn an_emitter_disconnects_sockets_or_their_connections() {
    let two = two().await;
    two.socket(0).join("group");
    two.socket(3).join("group");
    two.emitter.to("group").disconnect_sockets().unwrap();
    two.cluster.settled().await;
    assert_eq!(two.ios.each_ref().map(|io| io.len()), [1, 1]);
    two.emitter.of("/custom").disconnect_connections().unwrap();
    two.cluster.settled().await;
    for client in two.clients {
        let mut last = client.closed().await;
        last.sort();
        // Every namespace of every connection is said goodbye to, once.
        assert_eq!(last, ["41", "41/custom,"]);
    }
}

#[tokio::test]
async fn an_event_of_an_emitter_for_the_servers_reaches_every_one_of_them() {
    let two = two().await;
    let (log, mut lines) = Log::new();
    for (at, io) in two.ios.iter().enumerate() {
        io.manage(log.clone());
        let listener = move |here: Namespace, log: State<Log>, word: String, bytes: Binary| async move {
            log.say(format!("{at} {} {word} {:?}", here.name(), &bytes.0[..]));
        };
        io.on_server_event("hello", listener);
        io.of("/custom").on_server_event("hello", listener);
    }
    two.emitter.server_side_emit("hello", ("world", Binary(Bytes::from_static(b"\x05")))).unwrap();
    two.cluster.settled().await;
    let mut said = lines.rest();
    said.sort();
    assert_eq!(said, ["0 / world [5]", "1 / world [5]"]);
    two.emitter.of("/custom").server_side_emit("hello", ("you", Binary(Bytes::new()))).unwrap();
    two.cluster.settled().await;
    let mut said = lines.rest();
    said.sort();
    assert_eq!(said, ["0 /custom you []", "1 /custom you []"]);
    let refused = two.emitter.server_side_emit("connection", ());
    let Err(EmitterError::Event(error)) = refused else { panic!("{refused:?}") };
    assert!(matches!(EmitError::from(error), EmitError::ReservedEvent), "as a server refuses it");
}

#[tokio::test]
async fn an_emitter_needs_no_runtime() {
    let mut two = two().await;
    let emitter = two.emitter.clone();
    std::thread::spawn(move || emitter.emit("test", "from a thread")).join().unwrap().unwrap();
    two.expect(&[0, 1, 2, 3], r#"42["test","from a thread"]"#).await;
}

#[tokio::test]
async fn a_room_of_a_long_name_is_joined_on_no_server() {
    let two = two().await;
    let long = "x".repeat(Room::MAX_BYTES + 1);
    two.emitter.sockets_join([long.as_str(), "short"]).unwrap();
    two.emitter.to(&two.ids[0]).sockets_join(&long).unwrap();
    two.ios[0].sockets_join(&long);
    for socket in two.ios[0].fetch_sockets().await.unwrap() {
        socket.join(&long);
    }
    assert_eq!(two.in_room(&long).await, [0, 0]);
    assert_eq!(two.in_room("short").await, [2, 2]);
}
