//! A connection may be cut at any byte, by either side of it, and nothing is left of it.

mod support;

use roomcast::{Io, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use support::allocations::Counting;
use support::http::request;
use support::remains::{connect, impatient, nothing_is_left, polling, probe_request, text};
use support::wire::UPGRADE;
use support::{Http, pipe};

#[global_allocator]
static COUNTING: Counting = Counting;

fn server() -> Io {
    let io = impatient().build();
    io.on_connect(async |socket: Socket| socket.join("room"));
    io.on("echo", async |text: String| text);
    io.of_pattern("/made/{name}").on_connect(async |socket: Socket| socket.join("room"));
    io
}

/// Sends these bytes and hangs up, after each number of them.
async fn cut_everywhere(io: &Io, bytes: &[u8]) {
    for length in 0..=bytes.len() {
        let mut client = connect(io);
        client.write_all(&bytes[..length]).await.expect("the server is there");
        // What is on its way arrives, and the server may be in the midst of its answer.
        for _ in 0..length % 5 {
            tokio::task::yield_now().await;
        }
    }
}

#[test]
fn a_polling_handshake_may_be_cut_at_every_byte() {
    let handshake = request("GET", "/socket.io/?EIO=4&transport=polling", &[("origin", "http://a.b")], "");
    nothing_is_left(server, async |io| cut_everywhere(io, handshake.as_bytes()).await);
}

#[test]
fn a_websocket_handshake_and_what_follows_may_be_cut_at_every_byte() {
    let event = text(r#"421["echo","x"]"#);
    let bytes =
        [UPGRADE, &text("40"), &text("40/made/1,"), &event, &text("41"), &[0x88, 0x80, 0, 0, 0, 0]].concat();
    nothing_is_left(server, async |io| cut_everywhere(io, &bytes).await);
}

#[test]
fn a_poll_and_a_post_may_be_cut_at_every_byte() {
    nothing_is_left(server, async |io| {
        let (_, example) = polling(io).await;
        let body = "40\u{1e}40/made/1,\u{1e}421[\"echo\",\"x\"]";
        for (method, body) in [("GET", ""), ("POST", body)] {
            for length in 0..=request(method, &example, &[], body).len() {
                let (http, target) = polling(io).await;
                let mut other = connect(io);
                other.write_all(&request(method, &target, &[], body).as_bytes()[..length]).await.unwrap();
                tokio::task::yield_now().await;
                drop((http, other));
            }
        }
    });
}

#[test]
fn an_upgrade_may_be_cut_at_every_byte_with_all_its_session() {
    nothing_is_left(server, async |io| {
        let (_, example) = polling(io).await;
        let frames = [text("2probe"), text("5"), text(r#"421["echo","x"]"#)].concat();
        for length in 0..=probe_request(&example).len() + frames.len() {
            let (mut http, target) = polling(io).await;
            http.request("POST", &target, &[], "40").await;
            http.get(&target).await;
            // A poll is pending, as with the official client.
            http.write(&request("GET", &target, &[], "")).await;
            let mut probe = connect(io);
            let bytes = [&probe_request(&target)[..], &frames].concat();
            probe.write_all(&bytes[..length]).await.unwrap();
            for _ in 0..length % 7 {
                tokio::task::yield_now().await;
            }
            drop((probe, http));
        }
    });
}

#[test]
fn an_upgrade_that_is_cut_before_its_last_byte_leaves_the_session_where_it_was() {
    nothing_is_left(server, async |io| {
        let (_, example) = polling(io).await;
        let frames = [text("2probe"), text("5")].concat();
        for length in 0..probe_request(&example).len() + frames.len() {
            let (mut http, target) = polling(io).await;
            http.request("POST", &target, &[], "40").await;
            http.get(&target).await;
            let mut probe = connect(io);
            let bytes = [&probe_request(&target)[..], &frames].concat();
            probe.write_all(&bytes[..length]).await.unwrap();
            for _ in 0..length % 7 {
                tokio::task::yield_now().await;
            }
            drop(probe);
            http.request("POST", &target, &[], r#"421["echo","x"]"#).await;
            let mut packets = http.get(&target).await.text().to_owned();
            if packets == "6" {
                // Asked to poll again, because an upgrade had begun.
                packets = http.get(&target).await.text().to_owned();
            }
            assert_eq!(packets, r#"431["x"]"#, "cut at {length}");
            http.request("POST", &target, &[], "1").await;
        }
    });
}

#[test]
fn an_answer_may_be_cut_at_every_byte() {
    let poll = request("GET", "/socket.io/?EIO=4&transport=polling", &[], "");
    let handshake = [UPGRADE, &text("40"), &text(r#"421["echo","x"]"#)].concat();
    nothing_is_left(server, async |io| {
        for (bytes, most) in [(poll.as_bytes(), 350), (&handshake[..], 420)] {
            for length in 1..most {
                // The pipe holds so many bytes, and of the answer so many are read.
                let mut client = pipe(io, Some("198.51.100.1:1"), 64);
                let reading = async {
                    let (mut reader, mut writer) = tokio::io::split(&mut client);
                    let reading = async {
                        let mut answer = vec![0; length];
                        // The whole answer may be shorter.
                        _ = tokio::time::timeout(
                            std::time::Duration::from_millis(1),
                            reader.read_exact(&mut answer),
                        )
                        .await;
                    };
                    let writing = writer.write_all(bytes);
                    tokio::select! {
                        () = reading => {}
                        _ = async { writing.await.unwrap(); std::future::pending::<()>().await } => {}
                    }
                };
                reading.await;
            }
        }
    });
}

#[test]
fn connections_that_only_stay_are_cut_by_the_server() {
    let poll = request("GET", "/socket.io/?EIO=4&transport=polling", &[], "");
    nothing_is_left(server, async |io| {
        let mut clients = Vec::new();
        for length in 0..poll.len() {
            let mut client = connect(io);
            client.write_all(&poll.as_bytes()[..length]).await.unwrap();
            clients.push(Http::on(client));
        }
        for client in clients {
            assert!(client.closed().await);
        }
    });
}
