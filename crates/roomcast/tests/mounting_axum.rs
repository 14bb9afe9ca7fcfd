//! The server in an axum application.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

mod support;

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use roomcast::{Io, Reason, Socket, State};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use support::{Http, Log, Polling, WebSocket, answer_sync, soon, try_all_transports};

/// Serves an application until the sender speaks or the test ends; the handle ends when axum has.
async fn run(app: Router) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(async move {
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let stopped = async move {
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        axum::serve(listener, app).with_graceful_shutdown(stopped).await.unwrap();
    });
    (address, stop, serving)
}

#[tokio::test]
async fn a_router_is_merged_into_an_application() {
    let io = Io::new();
    answer_sync(&io);
    io.on("address", async |socket: Socket| {
        socket.handshake().address().map(|address| address.ip().to_string())
    });
    let app = Router::new().route("/", get(async || "hello")).merge(io.router());
    let (address, ..) = run(app).await;
    try_all_transports(address).await;
    let mut client = WebSocket::connect(address).await;
    client.send(r#"421["address"]"#).await;
    client.expect(&[r#"431["127.0.0.1"]"#]).await;
    let mut http = Http::connect(address).await;
    assert_eq!(http.get("/").await.text(), "hello");
    assert_eq!(http.get("/socket.io/socket.io.js").await.status, 200);
    assert_eq!(http.get("/elsewhere").await.status, 404);
}

#[tokio::test]
async fn a_router_takes_a_path_without_a_slash_and_what_is_below_it() {
    for path in ["/chat", "/", "/chat/"] {
        let io = Io::builder().path(path).add_trailing_slash(path == "/").build();
        let (address, ..) = run(Router::new().merge(io.router())).await;
        let mut http = Http::connect(address).await;
        let path = path.trim_end_matches('/');
        for target in [format!("{path}/"), format!("{path}/below")] {
            assert_eq!(http.get(&format!("{target}?EIO=4&transport=polling")).await.status, 200, "{target}");
        }
        if !path.is_empty() {
            assert_eq!(http.get(&format!("{path}?EIO=4&transport=polling")).await.status, 200);
            assert_eq!(http.get("/chatter").await.status, 404);
        }
    }
}

#[tokio::test]
async fn a_layer_stands_in_front_of_an_application_with_state() {
    let io = Io::new();
    answer_sync(&io);
    let show = async |axum::extract::State(io): axum::extract::State<Io>| io.sessions().to_string();
    let app = Router::new().route("/sessions", get(show)).layer(io.layer()).with_state(io.clone());
    let (address, ..) = run(app).await;
    try_all_transports(address).await;
    let _client = WebSocket::connect(address).await;
    assert_eq!(Http::connect(address).await.get("/sessions").await.text(), io.sessions().to_string());
}

#[tokio::test]
async fn a_graceful_shutdown_ends_every_session_and_then_axum() {
    let io = Io::new();
    let (log, mut lines) = Log::new();
    answer_sync(&io);
    io.manage(log);
    io.on_disconnect(async |reason: Reason, log: State<Log>| log.say(reason));
    let (address, stop, serving) = run(io.router()).await;
    let mut polling = Polling::connect(address).await;
    polling.begin_poll().await;
    // Once this has been answered, the GET, which came before it, is in the server's hands as well.
    let mut websocket = WebSocket::connect(address).await;
    websocket.expect_nothing().await;
    stop.send(()).unwrap();
    soon("the end of the sessions", async {
        tokio::join!(io.close(), async {
            assert!(websocket.closed().await.is_empty());
            assert_eq!(polling.poll().await.text(), "1");
        })
    })
    .await;
    soon("the end of axum", serving).await.unwrap();
    lines.expect(&["server shutting down", "server shutting down"]).await;
}
