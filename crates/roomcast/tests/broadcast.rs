//! Broadcasts: who is reached, how often, and what it costs.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

mod support;

use roomcast::{Binary, Io, Socket};

use support::allocations::{Counting, count};
use support::{WebSocket, answer_sync, serve, until};

#[global_allocator]
static COUNTING: Counting = Counting;

/// A server whose clients join rooms by an event.
fn with_rooms() -> Io {
    let io = Io::new();
    answer_sync(&io);
    io.on("join", async |socket: Socket, rooms: Vec<String>| socket.join(rooms));
    io
}

/// A client that is in these rooms.
async fn member(io: &Io, rooms: &[&str]) -> (WebSocket, Socket) {
    let (mut client, id) = WebSocket::join(serve(io).await, "/").await;
    client.send(&format!(r#"420["join",{rooms:?}]"#)).await;
    client.expect(&["430[]"]).await;
    (client, io.socket(&id).unwrap())
}

#[tokio::test]
async fn a_member_of_two_addressed_rooms_is_reached_once() {
    let io = with_rooms();
    let (mut both, _) = member(&io, &["a", "b"]).await;
    let (mut one, _) = member(&io, &["b", "c"]).await;
    let (mut none, _) = member(&io, &["c"]).await;
    assert_eq!(io.to(["a", "b", "unknown"]).emit("news", 1).result().unwrap(), 2);
    both.expect(&[r#"42["news",1]"#]).await;
    one.expect(&[r#"42["news",1]"#]).await;
    for client in [&mut both, &mut one, &mut none] {
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn the_id_of_a_socket_is_a_room_that_it_alone_is_in() {
    let io = with_rooms();
    let (mut first, socket) = member(&io, &[]).await;
    let (mut second, _) = member(&io, &[]).await;
    assert_eq!(io.to(socket.id()).emit("you", ()).queued(), 1);
    first.expect(&[r#"42["you"]"#]).await;
    second.expect_nothing().await;
}

#[tokio::test]
async fn excepted_rooms_and_ids_are_left_out_and_operators_can_be_used_again() {
    let io = with_rooms();
    let (mut plain, _) = member(&io, &["a"]).await;
    let (mut muted, _) = member(&io, &["a", "muted"]).await;
    let (mut named, socket) = member(&io, &["a"]).await;
    let to_a = io.to("a");
    assert_eq!(to_a.clone().except("muted").except(socket.id()).emit("few", ()).queued(), 1);
    assert_eq!(to_a.emit("all", ()).queued(), 3);
    assert_eq!(io.except(["muted", socket.id()]).emit("few", ()).queued(), 1);
    plain.expect(&[r#"42["few"]"#, r#"42["all"]"#, r#"42["few"]"#]).await;
    muted.expect(&[r#"42["all"]"#]).await;
    named.expect(&[r#"42["all"]"#]).await;
}

#[tokio::test]
async fn a_socket_broadcasts_to_all_but_itself() {
    let io = with_rooms();
    let (mut sender, socket) = member(&io, &["a"]).await;
    let (mut inside, _) = member(&io, &["a"]).await;
    let (mut outside, _) = member(&io, &[]).await;
    socket.to("a").emit("room", ());
    socket.broadcast().emit("everyone", ());
    socket.except("a").emit("others", ());
    inside.expect(&[r#"42["room"]"#, r#"42["everyone"]"#]).await;
    outside.expect(&[r#"42["everyone"]"#, r#"42["others"]"#]).await;
    sender.expect_nothing().await;
}

#[tokio::test]
async fn rooms_can_be_joined_and_left_for_many_at_once_and_end_with_their_members() {
    let io = with_rooms();
    let (_a, first) = member(&io, &["a"]).await;
    let (b, second) = member(&io, &["b"]).await;
    io.to(["a", "b"]).sockets_join(["c", "d"]);
    io.to("a").sockets_leave("d");
    assert_eq!((io.room_len("c"), io.room_len("d")), (2, 1));
    assert_eq!(first.rooms().len(), 3, "{:?}", first.rooms());
    let reached = io.to("d").fetch_sockets().await.unwrap();
    assert_eq!(reached.iter().map(|socket| socket.id()).collect::<Vec<_>>(), [second.id()]);
    b.close().await;
    until("the room has ended with its only member", || io.room_len("d") == 0).await;
    let mut rooms: Vec<String> = io.rooms().iter().map(ToString::to_string).collect();
    rooms.sort();
    assert_eq!(rooms, ["a", "c"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_and_its_attachments_stay_together_whoever_else_sends() {
    const EACH: u64 = 500;
    let io = with_rooms();
    let (mut client, _) = member(&io, &[]).await;
    let senders = (0..4_u8).map(|sender| {
        let io = io.clone();
        tokio::spawn(async move {
            for _ in 0..EACH {
                io.emit("data", (sender, Binary::from(vec![sender; 3]), Binary::from(vec![sender; 5])));
                tokio::task::yield_now().await;
            }
        })
    });
    let senders: Vec<_> = senders.collect();
    for _ in 0..4 * EACH {
        let header = client.text().await;
        let sender: u8 = header[r#"452-["data","#.len()..][..1].parse().unwrap();
        client.expect_binary(&[sender; 3]).await;
        client.expect_binary(&[sender; 5]).await;
    }
    for sender in senders {
        sender.await.unwrap();
    }
}

/// How often `emit` allocates for a room of that size, once its outboxes have been used.
async fn allocations(io: &Io, room: &str, size: usize) -> usize {
    let mut last = 0;
    for _ in 0..3 {
        let (emitted, allocations) = count(|| io.to(room).emit("news", ("a text", 42, vec![1.5; 100])));
        assert_eq!(emitted.result().unwrap(), size);
        let members = io.to(room).fetch_sockets().await.unwrap();
        let written = || members.iter().all(|socket| socket.as_local().unwrap().buffered().bytes == 0);
        until("all is written", written).await;
        last = allocations;
    }
    last
}

#[tokio::test]
async fn delivering_to_one_more_socket_allocates_nothing() {
    let io = with_rooms();
    let address = serve(&io).await;
    let mut clients = Vec::new();
    for n in 0..2_000 {
        let (client, id) = WebSocket::join(address, "/").await;
        let socket = io.socket(&id).unwrap();
        socket.join("two thousand");
        if n % 2 == 0 {
            socket.join("one thousand");
        }
        clients.push(client);
    }
    let small = allocations(&io, "one thousand", 1_000).await;
    let large = allocations(&io, "two thousand", 2_000).await;
    let both = allocations(&io, "two thousand", 2_000).await;
    assert_eq!((small, small), (large, both));
    // The room's name, the target, the one frame: a handful, whatever the numbers.
    assert!(small <= 8, "{small} allocations for one emit");
}
