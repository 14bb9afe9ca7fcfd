//! The server as a part of other servers: on its own listener, as a service, as a layer.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

mod support;

use std::convert::Infallible;
use std::net::SocketAddr;

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use roomcast::engine::{Engine, Message};
use roomcast::{Bytes, Cors, Io, Socket};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, service_fn};

use support::{Http, Polling, WebSocket, answer_sync, serve, soon, try_all_transports, until};

fn server() -> Io {
    let io = Io::new();
    answer_sync(&io);
    io
}

/// Hands every connection of a new listener to `serve`.
async fn accept<Fut>(serve: impl Fn(TcpStream) -> Fut + Send + 'static) -> SocketAddr
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// Serves it as a tower service, over plain hyper.
async fn mount(io: &Io) -> SocketAddr {
    let service = io.service();
    accept(move |stream| {
        let service = TowerToHyperService::new(service.clone());
        let http = hyper::server::conn::http1::Builder::new();
        // A client that goes is no failure of the test.
        async move { _ = http.serve_connection(TokioIo::new(stream), service).with_upgrades().await }
    })
    .await
}

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::from("hello")))
}

#[tokio::test]
async fn an_own_listener_serves_all_transports_and_nothing_else() {
    let io = server();
    let address = serve(&io).await;
    try_all_transports(address).await;
    let mut http = Http::connect(address).await;
    for target in ["/", "/socket.io", "/other/?EIO=4&transport=polling"] {
        assert_eq!(http.get(target).await.status, 404, "{target}");
    }
    until("all sessions have ended", || io.sessions() == 0).await;
}

#[tokio::test]
async fn plain_hyper_serves_it_as_a_tower_service() {
    let io = server();
    let address = mount(&io).await;
    try_all_transports(address).await;
    assert_eq!(Http::connect(address).await.get("/").await.status, 404);
}

#[tokio::test]
async fn a_layer_leaves_other_paths_to_the_service_behind_it() {
    let io = server();
    let service = io.layer().layer(service_fn(hello));
    let address = accept(move |stream| {
        let service = TowerToHyperService::new(service.clone());
        // The builder that also would speak HTTP/2: it wraps the connection once more.
        let http = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
        async move { _ = http.serve_connection_with_upgrades(TokioIo::new(stream), service).await }
    })
    .await;
    try_all_transports(address).await;
    let mut http = Http::connect(address).await;
    assert_eq!(http.get("/").await.text(), "hello");
    // The same connection may carry both.
    assert!(http.get("/socket.io/?EIO=4&transport=polling").await.text().starts_with("0{"));
    assert_eq!(http.get("/socket.io").await.text(), "hello");
}

#[tokio::test]
async fn two_servers_and_an_engine_can_share_one_port() {
    let one = server();
    let two = Io::builder().path("/two/").build();
    answer_sync(&two);
    let engine = Engine::builder().build(|session, message| {
        if let Message::Text(text) = message {
            session.send(text);
        }
    });
    let engine_service = engine.service();
    let service = one.layer().layer(two.layer().layer(engine_service));
    let address = accept(move |stream| {
        let service = TowerToHyperService::new(service.clone());
        let http = hyper::server::conn::http1::Builder::new();
        async move { _ = http.serve_connection(TokioIo::new(stream), service).with_upgrades().await }
    })
    .await;
    try_all_transports(address).await;
    let mut http = Http::connect(address).await;
    assert!(http.get("/two/?EIO=4&transport=polling").await.text().starts_with("0{"));
    let open = http.get("/engine.io/?EIO=4&transport=polling").await;
    let sid = open.text().split('"').nth(3).unwrap();
    let target = format!("/engine.io/?EIO=4&transport=polling&sid={sid}");
    assert_eq!(http.request("POST", &target, &[], "4hey").await.text(), "ok");
    assert_eq!(http.get(&target).await.text(), "4hey");
    until("one has lost its clients", || one.sessions() == 0).await;
    assert_eq!((two.sessions(), engine.sessions()), (1, 1));
    soon("the engine's end", engine.close()).await;
}

#[tokio::test]
async fn the_handshake_tells_what_the_request_said() {
    let io = server();
    io.on("tell", async |socket: Socket| {
        let handshake = socket.handshake();
        let port = handshake.address().map(|address| address.ip().to_string());
        (
            handshake.query("room"),
            handshake.header("x-token").map(ToOwned::to_owned),
            port,
            handshake.is_secure(),
        )
    });
    let address = serve(&io).await;
    let mut http = Http::connect(address).await;
    let target = "/socket.io/?EIO=4&transport=polling&room=a%20b";
    let open = http.request("GET", target, &[("X-Token", "secret")], "").await;
    let target = format!("{target}&sid={}", open.text().split('"').nth(3).unwrap());
    http.request("POST", &target, &[], "40").await;
    http.get(&target).await;
    http.request("POST", &target, &[], r#"421["tell"]"#).await;
    assert_eq!(http.get(&target).await.text(), r#"431["a b","secret","127.0.0.1",false]"#);
}

#[tokio::test]
async fn who_may_come_is_decided_before_a_session_is_made() {
    let io = Io::builder()
        .allow_request(|handshake| match handshake.query("key").as_deref() {
            Some("right") => Ok(()),
            _ => Err("wrong key".into()),
        })
        .cors(Cors::origin("https://example.com"))
        .build();
    let address = serve(&io).await;
    let mut http = Http::connect(address).await;
    let refused = http.get("/socket.io/?EIO=4&transport=polling").await;
    assert_eq!((refused.status, refused.text()), (403, r#"{"code":4,"message":"wrong key"}"#));
    let taken = http.get("/socket.io/?EIO=4&transport=polling&key=right").await;
    assert_eq!(taken.status, 200);
    assert_eq!(taken.header("access-control-allow-origin"), Some("https://example.com"));
    assert_eq!(io.sessions(), 1);
}

#[tokio::test]
async fn a_server_that_was_closed_refuses_new_sessions_behind_another_listener() {
    let io = server();
    let address = mount(&io).await;
    let client = WebSocket::connect(address).await;
    let mut polling = Polling::connect(address).await;
    soon("the end", async { tokio::join!(io.close(), client.closed()) }).await;
    assert_eq!(polling.poll().await.status, 400);
    let refused = Http::connect(address).await.get("/socket.io/?EIO=4&transport=polling").await;
    assert_eq!(refused.status, 503, "{}", refused.text());
}
