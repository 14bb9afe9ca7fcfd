//! A server with an adapter of one's own: what goes through it, when it is made, and what happens when it fails.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use roomcast::adapter::{
    AckSink, Adapter, BoxFuture, Disconnect, Local, MemoryAdapter, RawJson, RemoteSocketData, Target,
};
use roomcast::{AckError, EmitError, FetchError, Io, PublishError, RequestError, Room, Socket};
use tokio::sync::Semaphore;

use support::{WebSocket, answer_sync, hush_panics, serve, soon, until};

/// What the adapters of one server share with the test.
struct Switchboard {
    calls: Mutex<Vec<String>>,
    /// `init` waits for a permit.
    init: Semaphore,
    init_fails: AtomicBool,
    factory_fails: AtomicBool,
    backend_fails: AtomicBool,
}

impl Switchboard {
    fn new() -> Arc<Self> {
        let no = || AtomicBool::new(false);
        Arc::new(Self {
            calls: Mutex::default(),
            init: Semaphore::new(1000),
            init_fails: no(),
            factory_fails: no(),
            backend_fails: no(),
        })
    }

    fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn server(self: &Arc<Self>) -> Io {
        let this = self.clone();
        let adapter = move |local: Weak<dyn Local>| -> Arc<dyn Adapter> {
            assert!(!this.factory_fails.load(Ordering::Relaxed), "on purpose");
            let name = local.upgrade().map_or_else(String::new, |local| local.namespace().to_owned());
            Arc::new(Wired { inner: MemoryAdapter::new(local), name, board: this.clone() })
        };
        let io = Io::builder().adapter(adapter).build();
        answer_sync(&io);
        io.on("join", async |socket: Socket, room: String| socket.join(room));
        io
    }
}

/// The adapter of a lonely node, with a wire that can be cut.
struct Wired {
    inner: MemoryAdapter,
    name: String,
    board: Arc<Switchboard>,
}

impl Wired {
    fn note(&self, call: &str) {
        let mut calls = self.board.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push(format!("{call} {}", self.name));
    }

    fn publish<T>(&self, call: &str, here: Result<T, PublishError>) -> Result<T, PublishError> {
        self.note(call);
        match self.board.backend_fails.load(Ordering::Relaxed) {
            true => Err(PublishError::Backend(Arc::new(std::io::Error::other("cut")))),
            false => here,
        }
    }
}

impl Adapter for Wired {
    fn init(&self) -> BoxFuture<'_, Result<(), RequestError>> {
        Box::pin(async {
            self.board.init.acquire().await.map_err(|_| PublishError::Closed)?.forget();
            self.note("init");
            match self.board.init_fails.load(Ordering::Relaxed) {
                true => Err(PublishError::Backend(Arc::new(std::io::Error::other("no backend"))).into()),
                false => Ok(()),
            }
        })
    }

    fn close(&self) -> BoxFuture<'_, Result<(), RequestError>> {
        Box::pin(async {
            tokio::task::yield_now().await;
            self.note("close");
            Ok(())
        })
    }

    fn server_count(&self) -> BoxFuture<'_, Result<usize, RequestError>> {
        self.inner.server_count()
    }

    fn broadcast(&self, target: Target, event: RawJson) -> Result<Option<usize>, PublishError> {
        self.publish("broadcast", self.inner.broadcast(target, event))
    }

    fn broadcast_with_ack(
        &self,
        target: Target,
        event: RawJson,
        timeout: Duration,
        sink: Arc<dyn AckSink>,
    ) -> Result<(), PublishError> {
        self.publish("ask", self.inner.broadcast_with_ack(target, event, timeout, sink))
    }

    fn fetch_remote_sockets(
        &self,
        target: Target,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Vec<RemoteSocketData>, RequestError<RemoteSocketData>>> {
        Box::pin(async move {
            self.publish("fetch", Ok(()))?;
            self.inner.fetch_remote_sockets(target, timeout).await
        })
    }

    fn add_sockets(&self, target: Target, rooms: Vec<Room>) -> Result<(), PublishError> {
        self.publish("join", self.inner.add_sockets(target, rooms))
    }

    fn del_sockets(&self, target: Target, rooms: Vec<Room>) -> Result<(), PublishError> {
        self.publish("leave", self.inner.del_sockets(target, rooms))
    }

    fn disconnect_sockets(&self, target: Target, how: Disconnect) -> Result<(), PublishError> {
        self.publish("disconnect", self.inner.disconnect_sockets(target, how))
    }

    fn server_side_emit(&self, event: RawJson) -> Result<(), PublishError> {
        self.publish("serverSideEmit", self.inner.server_side_emit(event))
    }

    fn server_side_emit_with_ack(
        &self,
        event: RawJson,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Vec<RawJson>, RequestError>> {
        self.inner.server_side_emit_with_ack(event, timeout)
    }
}

#[tokio::test]
async fn everything_that_may_concern_other_nodes_goes_through_the_adapter() {
    let board = Switchboard::new();
    let io = board.server();
    let address = serve(&io).await;
    let (mut one, first) = WebSocket::join(address, "/").await;
    let (mut two, second) = WebSocket::join(address, "/").await;
    assert_eq!(board.take_calls(), ["init /"]);

    let emitted = io.emit("news", (1, "é"));
    assert_eq!((emitted.queued(), emitted.at_once()), (2, 2));
    let socket = io.socket(&first).expect("it is connected");
    assert_eq!(socket.broadcast().emit("others", ()).result().ok(), Some(1));
    one.expect(&[r#"42["news",1,"é"]"#]).await;
    two.expect(&[r#"42["news",1,"é"]"#, r#"42["others"]"#]).await;

    io.to(second.as_str()).sockets_join(["a", "b"]);
    assert_eq!((io.room_len("a"), io.room_len("b")), (1, 1));
    io.within("a").sockets_leave("b");
    assert_eq!(io.room_len("b"), 0);

    let mut fetched = io.to("a").fetch_sockets().await.expect("nobody else is asked");
    let fetched = fetched.pop().expect("one is in the room");
    assert_eq!((fetched.id(), fetched.rooms()), (second.as_str(), vec![Room::from(&second), "a".into()]));

    io.within("a").disconnect_sockets();
    two.expect(&["41"]).await;
    // What stays on this node takes the short way.
    assert_eq!(io.local().emit("here", ()).queued(), 1);
    assert_eq!(
        board.take_calls(),
        ["broadcast /", "broadcast /", "join /", "leave /", "fetch /", "disconnect /"]
    );
    one.expect(&[r#"42["here"]"#]).await;
    io.close().await;
    assert_eq!(board.take_calls(), ["close /"]);
}

#[tokio::test]
async fn a_question_to_many_is_answered_through_the_adapter() {
    let io = Switchboard::new().server();
    let address = serve(&io).await;
    io.adapters_ready().await.expect("they are");
    assert_eq!(io.emit_with_ack::<u32>("q", ()).await.expect("nobody is asked"), [0; 0]);

    let mut one = WebSocket::connect(address).await;
    let mut two = WebSocket::connect(address).await;
    let asked = io.emit_with_ack::<u32>("q", "how many?");
    one.expect(&[r#"421["q","how many?"]"#]).await;
    two.expect(&[r#"421["q","how many?"]"#]).await;
    one.send(r#"431[1,"and more"]"#).await;
    two.send("431[2]").await;
    let mut answers = soon("the answers", asked).await.expect("both answer");
    answers.sort_unstable();
    assert_eq!(answers, [1, 2]);

    // Who leaves is not waited for; what the others said is there.
    let asked = io.emit_with_ack::<u32>("q", ());
    one.expect(&[r#"422["q"]"#]).await;
    one.send("432[7]").await;
    two.close().await;
    let error = soon("the answer", asked).await.expect_err("one has left");
    assert!(matches!(error.error, AckError::Disconnected));
    assert_eq!(error.responses, [7]);

    // Who keeps silent is waited for until the time is over.
    let error = io.timeout(Duration::from_millis(20)).emit_with_ack::<u32>("q", ()).await;
    assert!(matches!(error.expect_err("nobody answers").error, AckError::Timeout));
}

#[tokio::test]
async fn what_cannot_be_published_reaches_this_node_and_says_so() {
    let board = Switchboard::new();
    let io = board.server();
    let failures = Arc::new(Mutex::new(Vec::new()));
    let hook = failures.clone();
    io.on_error(move |failure| {
        hook.lock().unwrap_or_else(PoisonError::into_inner).push(failure.event.clone());
    });
    let (mut client, id) = WebSocket::join(serve(&io).await, "/").await;
    board.backend_fails.store(true, Ordering::Relaxed);

    let emitted = io.emit("news", ());
    assert_eq!(emitted.queued(), 1);
    assert!(matches!(emitted.result(), Err(EmitError::Publish(PublishError::Backend(_)))));
    client.expect(&[r#"42["news"]"#]).await;

    let asked = io.emit_with_ack::<u32>("q", ());
    client.expect(&[r#"420["q"]"#]).await;
    client.send("430[5]").await;
    let error = soon("the answer", asked).await.expect_err("the others were not asked");
    assert!(matches!(error.error, AckError::Emit(EmitError::Publish(_))));
    assert_eq!(error.responses, [5]);

    io.to(id.as_str()).sockets_join("a");
    assert_eq!(io.room_len("a"), 1);
    assert!(matches!(io.fetch_sockets().await, Err(FetchError::Publish(_))));
    assert_eq!(
        *failures.lock().unwrap_or_else(PoisonError::into_inner),
        ["news", "q", "socketsJoin"],
        "the error hook hears of what was lost"
    );
}

#[tokio::test]
async fn nobody_comes_in_before_the_adapter_is_ready() {
    let board = Switchboard::new();
    board.init.forget_permits(1000);
    let io = board.server();
    let mut client = WebSocket::open(serve(&io).await).await;
    client.send("40").await;
    let emitted = io.emit("early", ());
    assert!(matches!(emitted.result(), Err(EmitError::Publish(PublishError::NotReady))));
    assert_eq!((io.len(), board.take_calls()), (0, vec![]));
    board.init.add_permits(1);
    assert!(client.text().await.starts_with(r#"40{"sid":"#));
    io.adapters_ready().await.expect("it is");
    assert_eq!(board.take_calls(), ["init /"]);
}

#[tokio::test]
async fn an_adapter_that_is_not_to_be_had_leaves_the_node_alone() {
    let board = Switchboard::new();
    board.init_fails.store(true, Ordering::Relaxed);
    let io = board.server();
    let mut client = WebSocket::connect(serve(&io).await).await;
    assert!(io.adapters_ready().await.is_err());
    let emitted = io.emit("news", ());
    assert_eq!(emitted.queued(), 1);
    assert!(matches!(emitted.result(), Err(EmitError::Publish(PublishError::Backend(_)))));
    client.expect(&[r#"42["news"]"#]).await;
}

#[tokio::test]
async fn a_namespace_made_on_demand_closes_its_adapter_when_it_is_freed() {
    let board = Switchboard::new();
    let io = board.server();
    io.of_pattern("/team/{name}");
    let address = serve(&io).await;
    let (client, _) = WebSocket::join(address, "/team/blue").await;
    let mut calls = board.take_calls();
    calls.sort();
    assert_eq!(calls, ["init /", "init /team/blue"]);
    client.close().await;
    until("its adapter is closed", || board.take_calls() == ["close /team/blue"]).await;
    // It comes again with a new one.
    let (_client, _) = WebSocket::join(address, "/team/blue").await;
    assert_eq!(board.take_calls(), ["init /team/blue"]);
    io.close().await;
    let mut calls = board.take_calls();
    calls.sort();
    // The last client's namespace is freed, and closed, on its way out.
    assert_eq!(calls, ["close /", "close /team/blue"]);
}

#[test]
fn an_adapter_made_before_there_is_a_runtime_gets_ready_when_the_server_listens() {
    let board = Switchboard::new();
    let io = board.server();
    assert!(board.take_calls().is_empty());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made").block_on(async {
        serve(&io).await;
        until("it is ready", || board.take_calls() == ["init /"]).await;
    });
}

#[tokio::test]
async fn the_adapter_of_a_namespace_that_is_made_after_the_end_does_not_begin() {
    let board = Switchboard::new();
    let io = board.server();
    io.adapters_ready().await.expect("it is");
    io.close().await;
    let late = io.of("/late");
    let ready = soon("why it is not ready", late.adapter_ready()).await;
    assert!(matches!(ready, Err(RequestError::Publish(PublishError::Closed))));
    assert!(matches!(late.emit("e", ()).result(), Err(EmitError::Publish(PublishError::Closed))));
    assert_eq!(board.take_calls(), ["init /", "close /"]);
}

#[tokio::test(start_paused = true)]
async fn an_adapter_that_is_ready_after_the_server_has_ended_is_closed_all_the_same() {
    let board = Switchboard::new();
    board.init.forget_permits(1000);
    let io = board.server();
    // Ten seconds of patience, then it ends without it.
    io.close().await;
    assert_eq!(board.take_calls(), [""; 0]);
    board.init.add_permits(1);
    let ready = io.adapters_ready().await;
    assert!(matches!(ready, Err(RequestError::Publish(PublishError::Closed))));
    assert_eq!(board.take_calls(), ["init /", "close /"]);
}

#[test]
fn an_adapter_that_never_began_is_not_waited_for_after_the_end() {
    let board = Switchboard::new();
    let io = board.server();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made").block_on(async {
        io.close().await;
        let ready = soon("why it is not ready", io.adapters_ready()).await;
        assert!(matches!(ready, Err(RequestError::Publish(PublishError::Closed))));
    });
    assert_eq!(board.take_calls(), [""; 0]);
}

#[tokio::test]
async fn whoever_closes_the_server_second_waits_for_its_adapters_as_well() {
    let board = Switchboard::new();
    let io = board.server();
    io.adapters_ready().await.expect("it is");
    let closed = async || {
        io.close().await;
        let calls = board.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.clone()
    };
    let (first, second) = tokio::join!(closed(), closed());
    assert_eq!((first, second.len()), (vec!["init /".to_owned(), "close /".to_owned()], 2));
}

#[tokio::test]
async fn a_factory_that_panics_leaves_that_namespace_alone_and_hurts_nobody_else() {
    hush_panics();
    let board = Switchboard::new();
    let io = board.server();
    io.of_pattern("/team/{name}");
    let mut client = WebSocket::connect(serve(&io).await).await;
    board.factory_fails.store(true, Ordering::Relaxed);
    client.enter("/team/blue").await;
    let blue = io.of("/team/blue");
    assert!(blue.adapter().is_none() && io.adapter().is_some());
    assert_eq!(blue.emit("here", ()).result().ok(), Some(1));
    client.expect(&[r#"42/team/blue,["here"]"#]).await;
}
