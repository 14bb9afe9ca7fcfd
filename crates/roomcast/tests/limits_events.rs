//! What one session may send and hold: events and bytes per second, packets of one body, attachments, depth, namespaces,
//! rooms. Time is virtual where it matters.

mod support;

use std::time::Duration;

use roomcast::{Cause, Exceeded, Io, IoBuilder, Limits, Rate, Refusals, Room, Socket, State};
use tokio::io::DuplexStream;

use support::{Http, Lines, Log, WebSocket, pipe, until};

const SECOND: Duration = Duration::from_secs(1);

/// A server that tells the log of the failures that are because of these bounds, and of each event `say`.
fn server(builder: IoBuilder) -> (Io, Lines) {
    let io = builder.build();
    let (log, lines) = Log::new();
    io.manage(log.clone());
    io.on_error(move |failure| match failure.cause {
        Cause::TooFast => log.say(format!("too fast: {}", failure.event)),
        _ => log.say(&failure.cause),
    });
    io.on("say", async |number: u32, log: State<Log>| {
        log.say(number);
        number
    });
    io.on("bytes", async |text: String| text.len());
    io.on_disconnect(async |reason: roomcast::Reason, log: State<Log>| log.say(reason));
    support::answer_sync(&io);
    (io, lines)
}

fn limited(limits: Limits) -> (Io, Lines) {
    server(Io::builder().limits(limits))
}

async fn websocket(io: &Io) -> WebSocket<DuplexStream> {
    let mut client = WebSocket::on(pipe(io, None, 4096), "EIO=4&transport=websocket").await;
    assert!(client.text().await.starts_with("0{"));
    client
}

async fn join(io: &Io) -> WebSocket<DuplexStream> {
    let mut client = websocket(io).await;
    client.enter("/").await;
    client
}

fn refusals(count: impl FnOnce(&mut Refusals)) -> Refusals {
    let mut refusals = Refusals::default();
    count(&mut refusals);
    refusals
}

#[tokio::test(start_paused = true)]
async fn events_that_come_too_fast_are_rejected_and_others_of_the_same_client_are_not() {
    // The connect is one of the burst.
    let (io, mut lines) = limited(Limits::new().events(Rate::per_second(1).burst(3)));
    let mut client = join(&io).await;
    for number in 1..=4 {
        client.feed(&format!(r#"42{number}["say",{number}]"#)).await;
    }
    client.send(r#"42["say",5]"#).await;
    client.expect(&["431[1]", "432[2]", r#"433[{"error":"too many events"}]"#]).await;
    client.expect(&[r#"434[{"error":"too many events"}]"#]).await;
    lines.expect(&["1", "2", "too fast: say", "too fast: say", "too fast: say"]).await;
    tokio::time::sleep(SECOND).await;
    client.send(r#"426["say",6]"#).await;
    client.expect(&["436[6]"]).await;
    lines.expect(&["6"]).await;
    assert_eq!(io.refusals(), refusals(|all| all.events = 3));
}

#[tokio::test(start_paused = true)]
async fn events_that_come_too_fast_are_dropped_without_a_word_where_that_is_wanted() {
    let limits = Limits::new().events(Rate::per_second(1).burst(2)).exceeded(Exceeded::Drop);
    let (io, mut lines) = limited(limits);
    let mut client = join(&io).await;
    for number in 1..=3 {
        client.send(&format!(r#"42{number}["say",{number}]"#)).await;
    }
    client.expect(&["431[1]"]).await;
    tokio::time::sleep(SECOND).await;
    client.expect_nothing().await;
    lines.expect(&["1"]).await;
    assert!(lines.rest().is_empty());
    assert_eq!(io.refusals().events, 2);
}

#[tokio::test(start_paused = true)]
async fn events_that_come_too_fast_end_the_session_where_that_is_wanted() {
    let limits = Limits::new().events(Rate::per_second(1).burst(2)).exceeded(Exceeded::Close);
    let (io, mut lines) = limited(limits);
    let mut other = join(&io).await;
    let mut client = join(&io).await;
    for number in 1..=4 {
        client.feed(&format!(r#"42{number}["say",{number}]"#)).await;
    }
    client.flush().await;
    assert_eq!(client.closed().await, ["431[1]", r#"432[{"error":"too many events"}]"#]);
    lines.expect(&["1", "too fast: say", "forced server close"]).await;
    assert_eq!(io.refusals(), refusals(|all| (all.events, all.floods) = (1, 1)));
    other.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn connects_count_as_events_and_are_told() {
    let (io, _lines) = limited(Limits::new().events(Rate::per_second(1).burst(2)));
    let _ = io.of("/other");
    let mut client = join(&io).await;
    client.send("40/nope,").await;
    client.expect(&[r#"44/nope,{"message":"Invalid namespace"}"#]).await;
    client.send("40/other,").await;
    client.expect(&[r#"44/other,{"message":"too many events"}"#]).await;
    tokio::time::sleep(SECOND).await;
    client.enter("/other").await;
    assert_eq!(io.refusals().events, 1);
}

#[tokio::test(start_paused = true)]
async fn bytes_are_counted_with_attachments_and_answers() {
    let (io, _lines) = limited(Limits::new().bytes(Rate::per_second(1_000).burst(5_000)));
    io.on("binary", async |data: roomcast::Binary| data.len());
    let mut client = join(&io).await;
    let text = |size: usize| format!(r#"421["bytes","{}"]"#, "x".repeat(size));
    client.send(&text(3_000)).await;
    client.expect(&["431[3000]"]).await;
    client.send(r#"451-2["binary",{"_placeholder":true,"num":0}]"#).await;
    client.send_binary(&[0; 1_900]).await;
    client.expect(&["432[1900]"]).await;
    client.send(&text(3_000)).await;
    client.expect(&[r#"431[{"error":"too many events"}]"#]).await;
    tokio::time::sleep(SECOND * 5).await;
    // Larger than the burst: it passes after a pause.
    client.send(&text(9_000)).await;
    client.expect(&["431[9000]"]).await;
    // Answers to the server count, too, but always arrive.
    tokio::time::sleep(SECOND * 5).await;
    let socket = io.fetch_sockets().await.unwrap().pop().unwrap().as_local().unwrap().clone();
    for size in [4_990, 4_990] {
        let answer = socket.emit_with_ack::<String>("ask", ());
        let question = client.text().await;
        let id = question.trim_start_matches("42").split('[').next().unwrap().to_owned();
        client.send(&format!(r#"43{id}["{}"]"#, "x".repeat(size))).await;
        assert_eq!(answer.await.unwrap().len(), size);
    }
    client.send(&text(100)).await;
    client.expect(&[r#"431[{"error":"too many events"}]"#]).await;
}

#[tokio::test]
async fn a_body_of_too_many_packets_ends_its_session() {
    let (io, mut lines) = limited(Limits::new().payload_packets(3));
    for (packets, ended) in [(3, false), (4, true)] {
        let mut http = Http::on(pipe(&io, None, 4096));
        let open = http.get("/socket.io/?EIO=4&transport=polling").await;
        let sid = open.text().split('"').nth(3).unwrap();
        let target = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
        http.request("POST", &target, &[], "40").await;
        let body = vec![r#"42["say",7]"#; packets].join("\u{1e}");
        assert_eq!(http.request("POST", &target, &[], &body).await.status, 200);
        lines.expect(&["7"; 3]).await;
        assert_eq!(http.get(&target).await.status, if ended { 400 } else { 200 });
        if ended {
            lines.expect(&["transport error"]).await;
        }
        assert_eq!(io.refusals().payloads, u64::from(ended));
    }
}

#[tokio::test(start_paused = true)]
async fn attachments_that_do_not_come_end_the_session_however_alive_it_is() {
    let (io, mut lines) = limited(Limits::new().attachment_timeout(SECOND * 5));
    let mut client = join(&io).await;
    client.send(r#"451-["say",{"_placeholder":true,"num":0}]"#).await;
    for _ in 0..4 {
        tokio::time::sleep(SECOND).await;
        client.send("6").await;
    }
    assert_eq!(io.refusals().slow_attachments, 0);
    tokio::time::sleep(SECOND * 2).await;
    assert!(client.closed().await.is_empty());
    lines.expect(&["forced close"]).await;
    assert_eq!(io.refusals(), refusals(|all| all.slow_attachments = 1));
}

#[tokio::test]
async fn attachments_of_too_many_bytes_or_too_many_of_them_end_the_session() {
    let builder = Io::builder().limits(Limits::new().attachment_bytes(1_000)).max_attachments(2);
    let (io, mut lines) = server(builder);
    let mut large = join(&io).await;
    large.send(r#"452-["say",{"_placeholder":true,"num":0}]"#).await;
    large.send_binary(&[0; 600]).await;
    large.send_binary(&[0; 600]).await;
    assert!(large.closed().await.is_empty());
    let mut many = join(&io).await;
    many.send(r#"453-["say",{"_placeholder":true,"num":0}]"#).await;
    assert!(many.closed().await.is_empty());
    until("both have left", || io.is_empty()).await;
    let said = lines.rest();
    assert_eq!(said.iter().filter(|line| *line == "forced close").count(), 2, "{said:?}");
}

#[tokio::test]
async fn values_nested_too_deeply_end_the_session() {
    let (io, mut lines) = server(Io::builder().max_depth(4));
    let mut client = join(&io).await;
    client.send(r#"421["bytes",[[["x"]]]]"#).await;
    assert!(client.text().await.starts_with(r#"431[{"error":"#));
    client.send(r#"421["bytes",[[[["x"]]]]]"#).await;
    assert!(client.closed().await.is_empty());
    until("it has left", || io.is_empty()).await;
    assert!(lines.rest().contains(&"forced close".to_owned()));
}

#[tokio::test]
async fn a_namespace_too_many_is_refused_and_the_others_go_on() {
    let io = Io::builder().max_namespaces(2).build();
    support::answer_sync(&io);
    io.of_pattern("/team/{name}");
    let mut client = join(&io).await;
    client.enter("/team/1").await;
    client.send("40/team/2,").await;
    client.expect(&[r#"44/team/2,{"message":"too many namespaces"}"#]).await;
    client.expect_nothing().await;
    client.send("41/team/1,").await;
    client.expect_nothing().await;
    client.enter("/team/2").await;
    assert_eq!(io.namespaces().len(), 2);
}

#[tokio::test]
async fn a_room_too_many_is_not_joined() {
    let io = Io::builder().max_rooms(2).build();
    io.on("join", async |socket: Socket, room: String| {
        socket.join(room);
        socket.rooms().len()
    });
    let mut client = join(&io).await;
    // Its own comes on top.
    for (room, rooms) in [("a", 2), ("b", 3), ("c", 3), ("a", 3)] {
        client.send(&format!(r#"421["join","{room}"]"#)).await;
        client.expect(&[&format!("431[{rooms}]")]).await;
    }
    assert!(!io.rooms().contains(&"c".into()));
}

#[tokio::test]
async fn a_room_of_a_long_name_is_not_joined_by_any_door() {
    let io = Io::new();
    support::answer_sync(&io);
    io.on("join", async |socket: Socket, room: String| {
        socket.join(room);
        socket.rooms().len()
    });
    let mut client = join(&io).await;
    let (longest, long) = ("é".repeat(Room::MAX_BYTES / 2), "x".repeat(Room::MAX_BYTES + 1));
    for (room, rooms) in [(&longest, 2), (&long, 2)] {
        client.send(&format!(r#"421["join","{room}"]"#)).await;
        client.expect(&[&format!("431[{rooms}]")]).await;
    }
    io.sockets_join([long.as_str(), "short"]);
    io.to(&longest).sockets_join(&long);
    for socket in io.fetch_sockets().await.expect("there is one node") {
        socket.join([long.as_str(), "other"]);
        assert_eq!(socket.rooms().len(), 4);
    }
    assert_eq!((io.room_len(&long), io.rooms().len()), (0, 3));
    // Nobody is there, and nobody is left out.
    assert_eq!(io.to(&long).emit("no", ()).queued(), 0);
    client.expect_nothing().await;
    assert_eq!(io.except(&long).emit("all", ()).queued(), 1);
    client.expect(&[r#"42["all"]"#]).await;
}
