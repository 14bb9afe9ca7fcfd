//! Clients that flood, stall, babble and give up, and a server that ends in the midst of it. Whoever behaves is served, and
//! nothing is left of the others.

mod support;

use std::time::Duration;

use roomcast::{Io, Limits, Rate, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use support::allocations::Counting;
use support::http::request;
use support::remains::{
    connect, frame, impatient, join, nothing_is_left, polling, probe_request, text, websocket,
};
use support::wire::UPGRADE;
use support::{Http, WebSocket, answer_sync, pipe, soon, until};

#[global_allocator]
static COUNTING: Counting = Counting;

const OPEN: &str = "/socket.io/?EIO=4&transport=polling";
const SECOND: Duration = Duration::from_secs(1);

fn server() -> Io {
    let io = impatient().build();
    answer_sync(&io);
    io.on_error(|_| {});
    io.on_connect(async |socket: Socket| socket.join("room"));
    io.on("echo", async |text: String| text);
    io
}

#[test]
fn a_flood_of_handshakes_is_refused_and_who_is_there_is_served() {
    let limited = || {
        let rate = Rate::per_second(50).burst(100);
        let io = impatient().limits(Limits::internet().handshakes(rate).handshakes_per_address(None)).build();
        answer_sync(&io);
        io
    };
    nothing_is_left(limited, async |io| {
        let mut there = join(io).await;
        let (mut opened, mut refused) = (0, 0);
        for number in 0..1_000 {
            let mut http =
                Http::on(pipe(io, Some(&format!("198.51.{}.{}:1", number / 250, number % 250)), 2048));
            match http.get(OPEN).await.status {
                200 => opened += 1,
                429 => refused += 1,
                status => panic!("{status}"),
            }
        }
        assert!(opened <= 101 && refused >= 899, "{opened} opened, {refused} refused");
        there.expect_nothing().await;
        // The next round begins with a full burst.
        there.close().await;
        tokio::time::sleep(SECOND * 3).await;
    });
}

#[test]
fn a_flood_of_connections_that_say_nothing_is_over_in_time() {
    nothing_is_left(server, async |io| {
        let mut there = join(io).await;
        let silent: Vec<_> = (0..400).map(|_| Http::on(connect(io))).collect();
        let begun = Instant::now();
        for client in silent {
            assert!(client.closed().await);
        }
        assert!(begun.elapsed() <= SECOND * 2);
        there.expect_nothing().await;
        there.close().await;
    });
}

#[test]
fn upgrades_that_stop_halfway_leave_their_session_where_it_was() {
    let stops: &[&[&[u8]]] = &[
        // Not a byte behind the handshake.
        &[],
        &[&text("2probe")],
        &[&text("2probe"), &text("2probe")],
        &[&text("2wrong")],
        &[&text("42[\"echo\",\"x\"]")],
        &[&text("2probe"), &text("1")],
        &[&text("2probe"), &frame(0x88, b"")],
        &[&text("2probe"), &frame(0x83, b"?")],
        &[b"\x81\xfe\xff\xff"],
    ];
    let stops: Vec<Vec<u8>> = stops.iter().map(|frames| frames.concat()).collect();
    nothing_is_left(server, async |io| {
        for frames in &stops {
            let (mut http, target) = polling(io).await;
            http.request("POST", &target, &[], "40").await;
            http.get(&target).await;
            let mut probes = Vec::new();
            for _ in 0..3 {
                let mut probe = connect(io);
                probe.write_all(&[&probe_request(&target)[..], frames].concat()).await.unwrap();
                probes.push(probe);
            }
            // Longer than an upgrade may take; the client is alive meanwhile.
            for _ in 0..4 {
                tokio::time::sleep(SECOND / 2).await;
                http.request("POST", &target, &[], "3").await;
            }
            http.request("POST", &target, &[], r#"421["echo","x"]"#).await;
            let mut heard = String::new();
            while !heard.contains(r#"431["x"]"#) {
                let poll = http.get(&target).await;
                assert_eq!(poll.status, 200, "{frames:?}");
                heard += poll.text();
            }
            // Those that did not take over have been closed, whatever they said.
            for mut probe in probes {
                soon("its end", probe.read_to_end(&mut Vec::new())).await.unwrap();
            }
            http.request("POST", &target, &[], "1").await;
        }
    });
}

#[test]
fn clients_that_stop_reading_are_closed_and_what_waited_for_them_is_gone() {
    let make = || {
        let io = impatient().max_outbox(64 * 1024).build();
        answer_sync(&io);
        io
    };
    nothing_is_left(make, async |io| {
        let mut there = join(io).await;
        let mut stuck: Vec<WebSocket<_>> = Vec::new();
        for _ in 0..5 {
            stuck.push(join(io).await);
        }
        let (mut poller, target) = polling(io).await;
        poller.request("POST", &target, &[], "40").await;
        poller.write(&request("GET", &target, &[], "")).await;
        until("all are there", || io.len() == 7).await;
        let long = "x".repeat(10_000);
        for _ in 0..30 {
            io.emit("much", &long);
            assert!(there.text().await.starts_with(r#"42["much"#));
        }
        until("who reads is left", || io.len() == 1).await;
        there.expect_nothing().await;
        // Their connections do not outlive the session for long, though nobody reads on them.
        there.close().await;
        let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        until("their tasks have ended", || alive() == 0).await;
        drop((stuck, poller));
    });
}

#[test]
fn a_client_that_takes_one_message_and_no_more_is_ended_by_its_silence() {
    nothing_is_left(server, async |io| {
        let mut client = pipe(io, None, 256);
        client.write_all(UPGRADE).await.unwrap();
        client.read_exact(&mut [0; 129]).await.unwrap();
        until("it is there", || io.sessions() == 1).await;
        client.write_all(&text("40")).await.unwrap();
        until("it has joined", || io.len() == 1).await;
        io.emit("much", "x".repeat(10_000));
        until("it has ended", || io.sessions() == 0).await;
        drop(client);
    });
}

#[test]
fn polls_and_posts_that_are_given_up_end_their_session() {
    nothing_is_left(server, async |io| {
        for number in 0..50 {
            let (mut http, target) = polling(io).await;
            http.request("POST", &target, &[], "40").await;
            http.get(&target).await;
            let mut other = Http::on(connect(io));
            match number % 4 {
                // A poll that waits is given up.
                0 => other.write(&request("GET", &target, &[], "")).await,
                // A body stops in its midst.
                1 => {
                    other
                        .write(&request("POST", &target, &[], r#"42["echo","#).replace("10\r\n", "99\r\n"))
                        .await
                }
                // Two of each at the same time.
                2 => {
                    other.write(&request("GET", &target, &[], "")).await;
                    assert_eq!(http.get(&target).await.status, 400);
                }
                _ => {
                    other
                        .write(&format!("POST {target} HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n"))
                        .await
                }
            }
            tokio::task::yield_now().await;
            drop(other);
            until("it has ended", || io.sessions() == 0).await;
        }
    });
}

#[test]
fn garbage_frames_end_their_session_and_no_other() {
    let mut rows: Vec<Vec<u8>> = vec![
        // Not masked; an opcode and bits that nobody has given a meaning; a control frame in pieces, one too long.
        b"\x81\x0240".to_vec(),
        frame(0x83, b"x"),
        frame(0xF1, b"x"),
        frame(0x09, b"x"),
        [&b"\x89\xfe\x00\x7e\0\0\0\0"[..], &[0; 126]].concat(),
        // Nothing to go on with; a new message in the midst of one; half a character; lengths beyond all bounds.
        frame(0x80, b"x"),
        [frame(0x01, b"4"), frame(0x81, b"x")].concat(),
        frame(0x81, b"4\xff"),
        b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0".to_vec(),
        b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0".to_vec(),
        b"\x81\xfe\x00\x05\0\0\0\x0042[1]".to_vec(),
        // A close without sense.
        frame(0x88, b"\x03"),
        frame(0x88, b"\x03\xe7"),
        // Engine and Socket.IO.
        text(""),
        text("9"),
        text("2"),
        text("4"),
        text("4abc"),
        text("42"),
        text("42[\"echo\""),
        text("451-[\"echo\",{\"_placeholder\":true,\"num\":9}]"),
        [text("451-[\"echo\",{\"_placeholder\":true,\"num\":0}]"), text("42[\"echo\"]")].concat(),
        text("459999999999-[]"),
        frame(0x82, b"nobody asked for this"),
        text("44{}"),
        text("40/x"),
        text("40{{"),
        text("42/nope,[\"echo\"]"),
    ];
    // And what chance brings; the same every time.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for length in 0..200 {
        let random = (0..length).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        });
        rows.push(random.collect());
    }
    nothing_is_left(server, async |io| {
        let mut there = join(io).await;
        for (number, row) in rows.iter().enumerate() {
            let mut client = connect(io);
            let first = if number % 2 == 0 { text("40") } else { Vec::new() };
            client.write_all(&[UPGRADE, &first, row].concat()).await.unwrap();
            // Some of it is only the beginning of a frame: the server waits for the rest until the heartbeat.
            let mut answer = Vec::new();
            let reading = tokio::time::timeout(SECOND / 10, client.read_to_end(&mut answer));
            _ = reading.await;
            assert!(answer.starts_with(b"HTTP/1.1 101 "));
            drop(client);
            there.expect_nothing().await;
        }
        there.close().await;
    });
}

#[test]
fn requests_of_garbage_are_refused() {
    let rows = [
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "\0\0\0\0\0\0\0\0\r\n\r\n",
        "GET /socket.io/ HTTP/9.9\r\n\r\n",
        "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost\r\n\r\n",
        "POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        "POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET http://[::1 HTTP/1.1\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}",
    ];
    nothing_is_left(server, async |io| {
        for row in rows {
            let mut client = connect(io);
            client.write_all(row.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            soon("its end", client.read_to_end(&mut answer)).await.unwrap();
            assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{row:?}");
        }
    });
}

/// The server is another one each time, because each of them ends.
#[test]
fn a_server_that_ends_under_load_ends_all_of_it() {
    let outer = Io::new;
    nothing_is_left(outer, async |_| {
        let io = server();
        io.on("slow", async |text: String| {
            tokio::time::sleep(SECOND / 10).await;
            text
        });
        io.of("/slow").middleware(async || tokio::time::sleep(SECOND / 10).await);
        let mut sockets = Vec::new();
        for number in 0..40 {
            let mut client = join(&io).await;
            client.send(&format!(r#"42{number}["slow","x"]"#)).await;
            client.send(r#"42["echo","x"]"#).await;
            sockets.push(client);
        }
        let mut pollers = Vec::new();
        for number in 0..40 {
            let (mut http, target) = polling(&io).await;
            http.request("POST", &target, &[], "40\u{1e}40/slow,").await;
            http.get(&target).await;
            let mut probe = connect(&io);
            match number % 4 {
                0 => http.write(&request("GET", &target, &[], "")).await,
                1 => {
                    http.write(&request("POST", &target, &[], "42[\"echo\"").replace("9\r\n", "99\r\n")).await
                }
                2 => probe.write_all(&[&probe_request(&target)[..], &text("2probe")].concat()).await.unwrap(),
                _ => probe.write_all(&probe_request(&target)[..number]).await.unwrap(),
            }
            pollers.push((http, probe));
        }
        let joining = websocket(&io).await;
        let begun = Instant::now();
        // Others come while it ends, and somebody emits without pause.
        let coming = async {
            for _ in 0..50 {
                io.emit("more", "x".repeat(1_000));
                let mut late = connect(&io);
                _ = late.write_all(UPGRADE).await;
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(io.close(), coming);
        // As long as a goodbye is waited for that does not come.
        assert!(begun.elapsed() <= SECOND * 2, "{:?}", begun.elapsed());
        assert_eq!((io.sessions(), io.len(), io.rooms().len()), (0, 0, 0));
        for client in sockets {
            client.closed().await;
        }
        for (http, mut probe) in pollers {
            soon("its end", probe.read_to_end(&mut Vec::new())).await.unwrap();
            drop(http);
        }
        joining.closed().await;
    });
}
