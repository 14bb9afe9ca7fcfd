//! What is bounded before a session exists, and around its requests: connections, sessions, handshakes, heads, bodies, and
//! how long each may take. Time is virtual where it matters.

mod support;

use std::time::Duration;

use roomcast::{Io, Limits, Rate, Refusals, Socket, TrustedProxies};
use tokio::io::DuplexStream;
use tokio::time::Instant;

use support::http::Response;
use support::{Http, WebSocket, pipe, serve, soon, until};

const OPEN: &str = "/socket.io/?EIO=4&transport=polling";
const SECOND: Duration = Duration::from_secs(1);

fn server(limits: Limits) -> Io {
    Io::builder().limits(limits).build()
}

/// A connection from an address.
fn connect(io: &Io, address: &str) -> Http<DuplexStream> {
    Http::on(pipe(io, Some(&format!("{address}:4711")), 4096))
}

/// A handshake on a connection of its own.
async fn handshake(io: &Io, address: &str) -> Response {
    connect(io, address).get(OPEN).await
}

/// The same behind a proxy at that address.
async fn forwarded(io: &Io, proxy: &str, client: &str) -> Response {
    connect(io, proxy).request("GET", OPEN, &[("x-forwarded-for", client)], "").await
}

/// The answer to a WebSocket handshake that is refused.
async fn refused_upgrade(io: &Io, address: &str) -> Response {
    let headers = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    connect(io, address).request("GET", "/socket.io/?EIO=4&transport=websocket", &headers, "").await
}

#[tokio::test]
async fn a_connection_too_many_is_closed_before_its_first_byte_and_harms_nobody() {
    let io = server(Limits::new().connections(2));
    support::answer_sync(&io);
    let address = serve(&io).await;
    let mut first = WebSocket::connect(address).await;
    let second = Http::connect(address).await;
    until("both are counted", || io.sessions() == 1).await;
    assert!(Http::connect(address).await.closed().await);
    assert_eq!(io.refusals(), refusals(|all| all.connections = 1));
    first.expect_nothing().await;
    drop(second);
    // The place is free as soon as its connection has ended.
    loop {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let mut http = Http::on(stream);
        if http.try_get(OPEN).await.is_some_and(|answer| answer.status == 200) {
            break;
        }
    }
    first.expect_nothing().await;
}

fn refusals(count: impl FnOnce(&mut Refusals)) -> Refusals {
    let mut refusals = Refusals::default();
    count(&mut refusals);
    refusals
}

#[tokio::test(start_paused = true)]
async fn connections_of_one_address_are_limited_also_those_that_became_websockets() {
    let io = server(Limits::new().connections_per_address(2));
    let connect_websocket = async |address: &str| {
        let stream = pipe(&io, Some(address), 4096);
        WebSocket::on(stream, "EIO=4&transport=websocket").await
    };
    let first = connect_websocket("198.51.100.1:1").await;
    let second = connect_websocket("198.51.100.1:2").await;
    assert!(connect(&io, "198.51.100.1").closed().await);
    assert_eq!(handshake(&io, "198.51.100.2").await.status, 200);
    assert_eq!(io.refusals().connections_of_address, 1);
    first.close().await;
    assert_eq!(handshake(&io, "198.51.100.1").await.status, 200);
    drop(second);
}

#[tokio::test(start_paused = true)]
async fn a_session_too_many_is_answered_503_and_its_place_is_free_when_another_ends() {
    let io = server(Limits::new().sessions(1));
    let websocket = WebSocket::on(pipe(&io, None, 4096), "EIO=4&transport=websocket").await;
    let refused = handshake(&io, "198.51.100.1").await;
    assert_eq!((refused.status, refused.text()), (503, r#"{"code":7,"message":"Server full"}"#));
    assert_eq!(refused.header("content-type"), Some("application/json"));
    let refused = refused_upgrade(&io, "198.51.100.1").await;
    assert_eq!((refused.status, refused.text()), (503, "Server full"));
    assert_eq!(refused.header("connection"), Some("close"));
    assert_eq!((io.sessions(), io.refusals().sessions), (1, 2));
    websocket.close().await;
    until("it has ended", || io.sessions() == 0).await;
    assert_eq!(handshake(&io, "198.51.100.1").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_comes_to_nothing_holds_no_place() {
    let io = Io::builder()
        .limits(Limits::new().sessions(1).sessions_per_address(1))
        .allow_request(|handshake| match handshake.query("bad") {
            Some(_) => Err("no".into()),
            None => Ok(()),
        })
        .build();
    for _ in 0..3 {
        let mut http = connect(&io, "198.51.100.1");
        assert_eq!(http.get(&format!("{OPEN}&bad=1")).await.status, 403);
        assert_eq!(http.get("/socket.io/?EIO=9&transport=polling").await.status, 400);
        // Hangs up in the midst of its WebSocket handshake, which has been granted.
        let stream = pipe(&io, Some("198.51.100.1:1"), 16);
        let mut half = Http::on(stream);
        half.write(std::str::from_utf8(support::wire::UPGRADE).unwrap()).await;
        drop(half);
    }
    until("nobody is there", || io.sessions() == 0).await;
    assert_eq!(handshake(&io, "198.51.100.1").await.status, 200);
    assert_eq!(io.refusals(), Refusals::default());
}

#[tokio::test(start_paused = true)]
async fn handshakes_of_one_address_are_slowed_down_and_others_are_not() {
    let io = server(Limits::new().handshakes_per_address(Rate::per_second(1).burst(3)));
    for _ in 0..3 {
        assert_eq!(handshake(&io, "198.51.100.1").await.status, 200);
    }
    let refused = handshake(&io, "198.51.100.1").await;
    assert_eq!((refused.status, refused.text()), (429, r#"{"code":6,"message":"Too many requests"}"#));
    assert_eq!(refused_upgrade(&io, "198.51.100.1").await.status, 429);
    assert_eq!(handshake(&io, "198.51.100.2").await.status, 200);
    tokio::time::sleep(SECOND).await;
    assert_eq!(handshake(&io, "198.51.100.1").await.status, 200);
    assert_eq!(handshake(&io, "198.51.100.1").await.status, 429);
    assert_eq!(io.refusals().handshakes_of_address, 3);
}

#[tokio::test(start_paused = true)]
async fn handshakes_are_limited_in_all() {
    let io = server(Limits::new().handshakes(Rate::per_second(10).burst(20)));
    let mut opened = 0;
    for number in 0..30 {
        opened += usize::from(handshake(&io, &format!("198.51.100.{number}")).await.status == 200);
    }
    assert_eq!((opened, io.refusals().handshakes), (20, 10));
}

#[tokio::test(start_paused = true)]
async fn behind_a_trusted_proxy_the_clients_are_counted_and_not_the_proxy() {
    let proxies: TrustedProxies = "10.0.0.0/8".parse().unwrap();
    let limits = Limits::new().connections_per_address(1).sessions_per_address(1);
    let io = Io::builder().limits(limits).trusted_proxies(proxies).build();
    let mut open = Vec::new();
    for (client, status) in [("203.0.113.1", 200), ("203.0.113.2", 200), ("203.0.113.1", 429)] {
        let mut http = connect(&io, "10.0.0.1");
        let answer = http.request("GET", OPEN, &[("x-forwarded-for", client)], "").await;
        assert_eq!(answer.status, status, "{client}");
        open.push(http);
    }
    // Whoever is no proxy cannot choose who it is.
    assert_eq!(forwarded(&io, "198.51.100.1", "203.0.113.9").await.status, 200);
    assert_eq!(forwarded(&io, "198.51.100.1", "203.0.113.10").await.status, 429);
    assert_eq!((io.sessions(), io.refusals().sessions_of_address), (3, 2));
}

#[tokio::test]
async fn a_handler_sees_the_clients_address() {
    let io = Io::builder().trusted_proxies("10.0.0.0/8".parse().unwrap()).build();
    io.on("where", async |socket: Socket| {
        let handshake = socket.handshake();
        (handshake.address(), handshake.client_address())
    });
    let mut http = Http::on(pipe(&io, Some("10.0.0.1:9"), 4096));
    let headers = [("x-forwarded-for", "1.1.1.1, 203.0.113.7:123")];
    let open = http.request("GET", OPEN, &headers, "").await;
    let sid = open.text().split('"').nth(3).unwrap();
    let target = format!("{OPEN}&sid={sid}");
    http.request("POST", &target, &[], "40").await;
    http.get(&target).await;
    http.request("POST", &target, &[], r#"421["where"]"#).await;
    assert_eq!(http.get(&target).await.text(), r#"431["10.0.0.1:9","203.0.113.7"]"#);
}

#[tokio::test]
async fn a_head_too_large_or_with_too_many_lines_is_answered_431() {
    let io = server(Limits::new().head_bytes(1024).head_lines(10));
    let long = "x".repeat(1024);
    let many: Vec<_> = (0..10).map(|_| ("x", "y")).collect();
    for (headers, status) in [(&[("x", "y")][..], 200), (&[("x", &long)], 431), (&many, 431)] {
        let mut http = connect(&io, "198.51.100.1");
        assert_eq!(http.request("GET", OPEN, headers, "").await.status, status);
        if status == 431 {
            assert!(http.closed().await);
        }
    }
    until("both are counted", || io.refusals().large_heads == 2).await;
    // A large head without an end is not waited for.
    let mut http = connect(&io, "198.51.100.1");
    http.write(&format!("GET {OPEN} HTTP/1.1\r\nx: {long}")).await;
    assert_eq!(http.response().await.status, 431);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_slowly_and_a_connection_that_idles_are_cut() {
    let io = server(Limits::new().head_timeout(SECOND * 5));
    let begun = Instant::now();
    let mut slow = connect(&io, "198.51.100.1");
    let dripping = async {
        for _ in 0..4 {
            slow.write("G").await;
            tokio::time::sleep(SECOND).await;
        }
        slow.closed().await
    };
    let idle = async {
        let mut idle = connect(&io, "198.51.100.1");
        assert_eq!(idle.get(OPEN).await.status, 200);
        idle.closed().await
    };
    let silent = connect(&io, "198.51.100.1").closed();
    assert_eq!(tokio::join!(dripping, idle, silent), (true, true, true));
    assert_eq!(begun.elapsed(), SECOND * 5);
    until("all are counted", || io.refusals().slow_heads == 3).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_slowly_is_answered_408_and_ends_its_session() {
    let io = server(Limits::new().body_timeout(SECOND * 5));
    let mut http = connect(&io, "198.51.100.1");
    let open = http.get(OPEN).await;
    let sid = open.text().split('"').nth(3).unwrap();
    let begun = Instant::now();
    http.write(&format!("POST {OPEN}&sid={sid} HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n42[")).await;
    assert_eq!(http.response().await.status, 408);
    assert_eq!(begun.elapsed(), SECOND * 5);
    until("the session has ended", || io.sessions() == 0).await;
    assert!(http.closed().await);
    assert_eq!(io.refusals(), refusals(|all| all.slow_bodies = 1));
}

#[tokio::test(start_paused = true)]
async fn who_takes_no_byte_of_an_answer_is_cut_off_and_one_who_reads_slowly_is_not() {
    let io = server(Limits::new().write_timeout(SECOND * 5).head_timeout(SECOND * 1_000));
    io.on_connect(async |socket: Socket| _ = socket.emit("much", "x".repeat(100_000)));
    for (reads, cut) in [(false, 1), (true, 1)] {
        let mut http = connect(&io, "198.51.100.1");
        let open = http.get(OPEN).await;
        let sid = open.text().split('"').nth(3).unwrap();
        let target = format!("{OPEN}&sid={sid}");
        http.request("POST", &target, &[], "40").await;
        http.write(&format!("GET {target} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
        for _ in 0..10 {
            tokio::time::sleep(SECOND).await;
            if reads {
                http.skip(4096).await;
            }
        }
        assert_eq!(io.refusals().slow_readers, cut);
        if reads {
            http.skip(100_000 - 10 * 4096).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_full_of_silent_connections_ends_at_once() {
    let io = server(Limits::internet());
    let connections: Vec<_> = (0..100).map(|number| connect(&io, &format!("198.51.100.{number}"))).collect();
    tokio::task::yield_now().await;
    let begun = Instant::now();
    soon("the end", io.close()).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    drop(connections);
}
