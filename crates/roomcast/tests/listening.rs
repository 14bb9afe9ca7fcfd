//! One server at many doors.

mod support;

use std::net::SocketAddr;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use roomcast::{Io, RoomcastService};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use support::{Http, Polling, WebSocket, answer_sync, soon, until};

/// A listener of the server's own, and the task that serves on it.
async fn door(io: &Io) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let io = io.clone();
    (address, tokio::spawn(async move { io.serve(listener).await }))
}

/// Another HTTP server with the service in it.
async fn application(service: RoomcastService) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                let http = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                // The client leaves when it likes.
                let _ = http.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn one_server_stands_on_several_ports_and_in_several_applications_at_once() {
    let io = Io::new();
    answer_sync(&io);
    let doors = [
        door(&io).await.0,
        door(&io).await.0,
        application(io.service()).await,
        application(io.service()).await,
    ];
    let mut clients = Vec::new();
    for address in doors {
        clients.push(WebSocket::connect(address).await);
    }
    assert_eq!(io.sessions(), 4);
    io.emit("hello", "all");
    for client in &mut clients {
        client.expect(&[r#"42["hello","all"]"#]).await;
    }
    io.close().await;
}

#[tokio::test]
async fn a_session_does_not_care_by_which_door_its_requests_come() {
    let io = Io::new();
    answer_sync(&io);
    let ((first, _), (second, _)) = (door(&io).await, door(&io).await);
    let mut client = Polling::open(first).await;
    client.gets = Http::connect(second).await;
    client.send("40").await;
    assert!(client.next().await.starts_with("40{"));
    let mut websocket = WebSocket::probe(second, &client.sid).await;
    websocket.send("2probe").await;
    websocket.expect(&["3probe"]).await;
    websocket.send("5").await;
    websocket.expect_nothing().await;
    assert_eq!(io.sessions(), 1);
    io.close().await;
}

#[tokio::test]
async fn a_door_is_closed_alone_and_those_who_came_in_by_it_stay() {
    let io = Io::new();
    answer_sync(&io);
    let ((first, serving), (second, _)) = (door(&io).await, door(&io).await);
    let mut early = WebSocket::connect(first).await;
    serving.abort();
    assert!(soon("the end", serving).await.is_err());
    until("the door is closed", || std::net::TcpStream::connect(first).is_err()).await;
    early.expect_nothing().await;
    let mut late = WebSocket::connect(second).await;
    late.expect_nothing().await;
    assert_eq!(io.sessions(), 2);
    io.close().await;
    assert!(TcpStream::connect(second).await.is_err());
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_a_door_like_the_others() {
    let path = std::env::temp_dir().join(format!("roomcast-listening-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = tokio::net::UnixListener::bind(&path).expect("the path is free");
    let io = Io::new();
    answer_sync(&io);
    let serving = tokio::spawn({
        let io = io.clone();
        async move { io.serve_unix(listener).await }
    });
    let connect = async || tokio::net::UnixStream::connect(&path).await.expect("the server listens");
    let mut client = WebSocket::on(connect().await, "EIO=4&transport=websocket").await;
    assert!(client.text().await.starts_with("0{"));
    client.enter("/").await;
    client.expect_nothing().await;
    let mut http = Http::on(connect().await);
    assert_eq!(http.get("/socket.io/?EIO=4&transport=polling").await.status, 200);
    assert_eq!(http.get("/elsewhere").await.status, 404);
    assert_eq!(io.sessions(), 2);
    io.close().await;
    soon("the end", serving).await.expect("it ends by itself");
    std::fs::remove_file(&path).expect("it was there");
}
