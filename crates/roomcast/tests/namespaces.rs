//! Namespaces: static ones, and those made on demand.

mod support;

use std::sync::Arc;

use roomcast::{ConnectError, Io, Namespace, Socket, State, Value};
use tokio::sync::Barrier;

use support::{Log, WebSocket, hush_panics, serve, until};

#[tokio::test]
async fn one_connection_carries_many_namespaces_which_know_nothing_of_each_other() {
    let io = Io::new();
    for path in ["/", "/a", "b"] {
        io.of(path).on("where", async |here: Namespace| here.name().to_owned());
    }
    let mut client = WebSocket::open(serve(&io).await).await;
    let main = client.enter("/").await;
    let a = client.enter("/a").await;
    client.enter("/b").await;
    assert_ne!(main, a);
    client.send(r#"42/b,1["where"]"#).await;
    client.send(r#"421["where"]"#).await;
    client.expect(&[r#"43/b,1["/b"]"#, r#"431["/"]"#]).await;
    io.of("/a").emit("a", 1);
    io.emit("main", 1);
    io.of("/b").to(a.as_str()).emit("nobody", ());
    client.expect(&[r#"42/a,["a",1]"#, r#"42["main",1]"#]).await;
    assert_eq!((io.len(), io.of("a").len(), io.sessions()), (1, 1, 1));
}

#[tokio::test]
async fn a_pattern_makes_namespaces_with_its_handlers_and_frees_them_when_they_are_empty() {
    let io = Io::new();
    let teams = io.of_pattern("/team/{name}");
    teams.middleware(async |auth: Value| match auth.get("banned") {
        Some(_) => Err(ConnectError::new("banned")),
        None => Ok(()),
    });
    teams.on("who", async |here: Namespace| (here.name().to_owned(), here.len()));
    let address = serve(&io).await;
    let (mut one, _) = WebSocket::join(address, "/team/blue").await;
    let (two, _) = WebSocket::join(address, "/team/blue").await;
    let (mut three, _) = WebSocket::join(address, "/team/red").await;
    one.send(r#"42/team/blue,1["who"]"#).await;
    one.expect(&[r#"43/team/blue,1["/team/blue",2]"#]).await;
    assert_eq!(teams.emit("all", 1).queued(), 3);
    one.expect(&[r#"42/team/blue,["all",1]"#]).await;
    three.expect(&[r#"42/team/red,["all",1]"#]).await;
    three.send("40/team/,").await;
    three.expect(&[r#"44/team/,{"message":"Invalid namespace"}"#]).await;
    // A first one that is refused leaves no namespace behind.
    three.send(r#"40/team/green,{"banned":true}"#).await;
    three.expect(&[r#"44/team/green,{"message":"banned"}"#]).await;
    until("the refused one is gone", || io.namespaces().len() == 3).await;
    drop(three);
    two.close().await;
    until("red has ended", || teams.children().len() == 1).await;
    assert_eq!(teams.children()[0].name(), "/team/blue");
    one.send("41/team/blue,").await;
    until("all have ended", || io.namespaces() == ["/"]).await;
    // The same client may make it anew.
    one.enter("/team/blue").await;
    assert_eq!(io.of("/team/blue").len(), 1);
}

#[tokio::test]
async fn children_are_kept_if_the_server_is_told_so() {
    let io = Io::builder().cleanup_empty_child_namespaces(false).build();
    io.of_pattern("/room/*");
    let (client, _) = WebSocket::join(serve(&io).await, "/room/a/b").await;
    client.close().await;
    until("the client has left", || io.sessions() == 0).await;
    assert!(io.namespaces().contains(&"/room/a/b".to_owned()));
}

#[tokio::test]
async fn a_function_decides_after_waiting_and_one_that_panics_says_no() {
    hush_panics();
    let io = Io::new();
    let tenants = io.of_fn(async |path, auth| {
        tokio::task::yield_now().await;
        match path.as_str() {
            "/panic" => panic!("on purpose"),
            path => path.starts_with("/tenant/") && auth.get("token") == Some(&Value::from("secret")),
        }
    });
    tenants.on_connect(async |socket: Socket| _ = socket.emit("welcome", socket.namespace().name()));
    let mut client = WebSocket::open(serve(&io).await).await;
    for (path, auth) in
        [("/panic", ""), ("/tenant/a", ""), ("/tenant/a", r#"{"token":"guess"}"#), ("/other", "{}")]
    {
        client.send(&format!("40{path},{auth}")).await;
        client.expect(&[&format!(r#"44{path},{{"message":"Invalid namespace"}}"#)]).await;
    }
    client.send(r#"40/tenant/a,{"token":"secret"}"#).await;
    assert!(client.text().await.starts_with(r#"40/tenant/a,{"sid":"#));
    client.expect(&[r#"42/tenant/a,["welcome","/tenant/a"]"#]).await;
    assert_eq!(tenants.children().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_first_connects_at_once_make_one_namespace() {
    const CLIENTS: usize = 8;
    let io = Io::new();
    // All of them have asked before any of them is told.
    let together = Arc::new(Barrier::new(CLIENTS));
    let parent = io.of_fn(move |_, _| {
        let together = together.clone();
        async move {
            together.wait().await;
            true
        }
    });
    let address = serve(&io).await;
    for round in 0..20 {
        let path = format!("/round/{round}");
        let joins = (0..CLIENTS).map(|_| WebSocket::join(address, &path));
        let clients = futures_util::future::join_all(joins).await;
        assert_eq!(parent.children().len(), 1);
        assert_eq!(parent.children()[0].len(), CLIENTS);
        assert_eq!(parent.emit("all", ()).queued(), CLIENTS);
        drop(clients);
        until("it has ended", || io.namespaces() == ["/"] && parent.children().is_empty()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_that_ends_while_others_come_loses_nobody() {
    let io = Io::new();
    let parent = io.of_pattern("/busy/{name}");
    let children = parent.clone();
    parent.on("here", move |socket: Socket, here: Namespace| {
        // The namespace that a client is in is the one that the server knows.
        let known = children.children() == [here.clone()];
        async move { known && here.socket(socket.id()).is_some() }
    });
    let address = serve(&io).await;
    let lives = (0..4).map(|_| async move {
        for _ in 0..50 {
            let (mut client, _) = WebSocket::join(address, "/busy/one").await;
            client.send(r#"42/busy/one,1["here"]"#).await;
            client.expect(&["43/busy/one,1[true]"]).await;
        }
    });
    futures_util::future::join_all(lives).await;
    until("it has ended", || io.namespaces() == ["/"]).await;
}

#[tokio::test]
async fn what_is_declared_later_concerns_the_children_made_later() {
    let io = Io::new();
    let (log, mut lines) = Log::new();
    io.manage(log);
    let parent = io.of_pattern("/child/{name}");
    parent.on_connect(async |log: State<Log>| log.say("first"));
    let address = serve(&io).await;
    let (_one, _) = WebSocket::join(address, "/child/one").await;
    parent.on_connect(async |log: State<Log>| log.say("second"));
    let (_two, _) = WebSocket::join(address, "/child/one").await;
    let (_three, _) = WebSocket::join(address, "/child/two").await;
    lines.expect(&["first", "first", "first", "second"]).await;
}
