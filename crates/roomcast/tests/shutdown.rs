//! The end of a server.

mod support;

use std::sync::Arc;

use roomcast::{Io, Reason, State};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use support::{Http, Log, Polling, WebSocket, serve, soon, until};

#[tokio::test]
async fn every_session_ends_and_later_ones_are_refused() {
    let io = Io::new();
    let (log, mut lines) = Log::new();
    io.manage(log);
    io.on_disconnect(async |reason: Reason, log: State<Log>| log.say(reason));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn({
        let io = io.clone();
        async move { io.serve(listener).await }
    });
    let websocket = WebSocket::connect(address).await;
    let mut polling = Polling::connect(address).await;
    polling.begin_poll().await;
    let silent = Polling::connect(address).await;
    let idle = Http::connect(address).await;
    let joined = WebSocket::open(address).await;
    until("all are there", || io.sessions() == 4).await;
    soon("the end", async {
        // Each client sees its end, without a DISCONNECT: it will come again by itself.
        tokio::join!(io.close(), async {
            assert!(websocket.closed().await.is_empty());
            assert!(joined.closed().await.is_empty());
            assert_eq!(polling.poll().await.text(), "1");
            assert!(idle.closed().await);
        })
    })
    .await;
    soon("the listener", serving).await.unwrap();
    assert_eq!((io.sessions(), io.len()), (0, 0));
    let reason = "server shutting down";
    assert_eq!(lines.rest(), [reason; 3]);
    assert!(TcpStream::connect(address).await.is_err());
    // The same server on another listener, or behind a service, takes nobody in, and ends at once.
    soon("the second listener", async { io.listen("127.0.0.1:0").await }).await.unwrap();
    assert!(silent.gets.closed().await);
}

#[tokio::test]
async fn closing_waits_for_handlers_that_are_still_at_work() {
    let io = Io::new();
    let (log, mut lines) = Log::new();
    let gate = Arc::new(Semaphore::new(0));
    io.manage(log).manage(gate.clone());
    io.on("work", async |gate: State<Arc<Semaphore>>, log: State<Log>| {
        log.say("begun");
        gate.acquire().await.expect("the gate is never closed").forget();
        log.say("done");
    });
    io.on_disconnect(async |log: State<Log>| {
        tokio::task::yield_now().await;
        log.say("left");
    });
    let mut client = WebSocket::connect(serve(&io).await).await;
    client.send(r#"42["work"]"#).await;
    lines.expect(&["begun"]).await;
    let mut close = Box::pin(io.close());
    tokio::select! {
        () = &mut close => panic!("nobody waited for the handler"),
        () = lines.expect(&["left"]) => {}
    }
    gate.add_permits(1);
    soon("the end", async { tokio::join!(close, client.closed()) }).await;
    assert_eq!(lines.rest(), ["done"]);
}

#[tokio::test]
async fn closing_needs_nobody_to_wait_for_it_and_may_be_called_twice() {
    let io = Io::new();
    let client = WebSocket::connect(serve(&io).await).await;
    drop(tokio::time::timeout(std::time::Duration::ZERO, io.close()).await);
    assert!(client.closed().await.is_empty());
    soon("the end", async { tokio::join!(io.close(), io.close()) }).await;
    assert_eq!(io.sessions(), 0);
}

#[tokio::test]
async fn a_middleware_that_is_still_deciding_does_not_let_anybody_in() {
    let io = Io::new();
    let (log, mut lines) = Log::new();
    let gate = Arc::new(Semaphore::new(0));
    io.manage(log).manage(gate.clone());
    io.middleware(async |gate: State<Arc<Semaphore>>, log: State<Log>| {
        log.say("deciding");
        gate.acquire().await.expect("the gate is never closed").forget();
    });
    io.on_connect(async |log: State<Log>| log.say("never"));
    let mut client = WebSocket::open(serve(&io).await).await;
    client.send("40").await;
    lines.expect(&["deciding"]).await;
    let mut close = Box::pin(io.close());
    tokio::select! {
        () = &mut close => panic!("nobody waited for the middleware"),
        texts = client.closed() => assert!(texts.is_empty()),
    }
    gate.add_permits(1);
    soon("the end", close).await;
    assert!(lines.rest().is_empty() && io.is_empty());
}
