//! Namespaces: static ones, and those made on demand.

mod support;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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

/// A server and the paths of the namespaces that it has announced.
fn announcing() -> (Io, Arc<Mutex<Vec<String>>>) {
    let io = Io::new();
    let announced = Arc::new(Mutex::new(Vec::new()));
    let paths = announced.clone();
    io.on_new_namespace(move |namespace: &Namespace| {
        paths.lock().unwrap_or_else(PoisonError::into_inner).push(namespace.name().to_owned());
    });
    (io, announced)
}

#[tokio::test]
async fn a_new_namespace_is_announced_once_whoever_made_it_and_before_clients_come_in() {
    hush_panics();
    let (io, announced) = announcing();
    io.on_new_namespace(|namespace: &Namespace| {
        namespace.on("where", async |here: Namespace| here.name().to_owned());
    });
    io.on_new_namespace(|namespace: &Namespace| assert!(namespace.name() != "/panic", "on purpose"));
    let take = || std::mem::take(&mut *announced.lock().unwrap_or_else(PoisonError::into_inner));
    for path in ["/", "", "/chat", "chat", "/panic"] {
        let _ = io.of(path);
    }
    io.of_pattern("/team/{name}");
    let mut client = WebSocket::open(serve(&io).await).await;
    client.enter("/team/blue").await;
    client.send(r#"42/team/blue,1["where"]"#).await;
    client.expect(&[r#"43/team/blue,1["/team/blue"]"#]).await;
    assert_eq!(take(), ["/chat", "/panic", "/team/blue"]);
    // Freed and made again it is a new one.
    client.send("41/team/blue,").await;
    until("it is freed", || io.namespaces().len() == 3).await;
    client.enter("/team/blue").await;
    assert_eq!(take(), ["/team/blue"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_wait_for_a_namespace_that_is_being_announced() {
    let io = Io::new();
    let paths = io.clone();
    io.on_new_namespace(move |namespace: &Namespace| {
        // It takes its time, and may make others.
        let _ = paths.of("/other");
        std::thread::sleep(Duration::from_millis(if namespace.name() == "/slow" { 20 } else { 0 }));
        namespace.on("declared", async || {});
    });
    io.of_matching(|path| path == "/slow");
    let address = serve(&io).await;
    let clients = (0..4).map(|_| async move {
        let (mut client, _) = WebSocket::join(address, "/slow").await;
        client.send(r#"42/slow,1["declared"]"#).await;
        client.expect(&["43/slow,1[]"]).await;
    });
    futures_util::future::join_all(clients).await;
}

#[tokio::test]
async fn a_predicate_makes_namespaces_parents_are_asked_in_order_and_concrete_ones_win() {
    hush_panics();
    let io = Io::new();
    let concrete = io.of("/dynamic-7");
    let numbers = io.of_matching(|path| {
        assert!(path != "/panic", "on purpose");
        path.strip_prefix("/dynamic-").is_some_and(|number| number.parse::<u32>().is_ok())
    });
    let all = io.of_pattern("/{name}");
    let address = serve(&io).await;
    for path in ["/dynamic-7", "/dynamic-101", "/dynamic-x", "/panic"] {
        let (client, _) = WebSocket::join(address, path).await;
        assert_eq!(io.of(path).len(), 1);
        drop(client);
    }
    let names = |parent: &roomcast::ParentNamespace| {
        parent.children().iter().map(|child| child.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&numbers), ["/dynamic-101"]);
    assert_eq!(names(&all), ["/dynamic-x", "/panic"]);
    // By hand as well.
    let _ = io.of("/dynamic-5");
    assert_eq!(names(&numbers), ["/dynamic-101", "/dynamic-5"]);
    assert_eq!(concrete.name(), "/dynamic-7");
}

#[tokio::test]
async fn a_parent_reaches_rooms_and_sockets_of_all_its_children() {
    let io = Io::new();
    let teams = io.of_pattern("/team/{name}");
    teams.on("join", async |socket: Socket, room: String| socket.join(room));
    teams.on("sync", async || {});
    let address = serve(&io).await;
    let mut clients = Vec::new();
    for path in ["/team/blue", "/team/red"] {
        for room in ["captains", "others"] {
            let (mut client, _) = WebSocket::join(address, path).await;
            client.send(&format!(r#"42{path},1["join","{room}"]"#)).await;
            client.expect(&[&format!("43{path},1[]")]).await;
            clients.push((path, room, client));
        }
    }
    assert_eq!(teams.to("captains").emit("meeting", ("noon", 1)).result().ok(), Some(2));
    assert_eq!(teams.except("captains").emit("rest", ()).queued(), 2);
    assert_eq!(teams.within(["captains", "others"]).emit("everyone", ()).queued(), 4);
    teams.to("captains").sockets_join("cup");
    teams.to("cup").except("nobody").sockets_leave("captains");
    assert_eq!(teams.to("captains").emit("nobody", ()).queued(), 0);
    teams.to("cup").disconnect_sockets();
    for (path, room, client) in &mut clients {
        match *room {
            "captains" => client.expect(&[&format!(r#"42{path},["meeting","noon",1]"#)]).await,
            _ => client.expect(&[&format!(r#"42{path},["rest"]"#)]).await,
        }
        client.expect(&[&format!(r#"42{path},["everyone"]"#)]).await;
        match *room {
            "captains" => client.expect(&[&format!("41{path},")]).await,
            _ => {
                client.send(&format!(r#"42{path},9["sync"]"#)).await;
                client.expect(&[&format!("43{path},9[]")]).await;
            }
        }
    }
}

#[tokio::test]
async fn a_server_says_how_it_was_set_up_and_who_is_there() {
    let io = Io::new();
    assert_eq!((io.path(), io.serves_client()), ("/socket.io", true));
    assert_eq!((io.connect_timeout(), io.adapter().is_none()), (Duration::from_secs(45), true));
    let io = Io::builder().path("/live/").serve_client(false).connect_timeout(Duration::from_secs(1)).build();
    assert_eq!((io.path(), io.serves_client()), ("/live", false));
    assert_eq!((io.connect_timeout(), io.sessions()), (Duration::from_secs(1), 0));

    let io = Io::new();
    let address = serve(&io).await;
    let (_one, first) = WebSocket::join(address, "/").await;
    let (_two, second) = WebSocket::join(address, "/").await;
    let mut all = io.all_sockets().await.unwrap_or_default();
    let mut expected = vec![first.clone(), second];
    let mut here: Vec<String> = io.sockets().iter().map(|socket| socket.id().to_owned()).collect();
    [&mut all, &mut expected, &mut here].into_iter().for_each(|ids| ids.sort());
    assert_eq!((&all, &here), (&expected, &expected));
    assert_eq!(io.to(first.as_str()).all_sockets().await.unwrap_or_default(), [first]);
}
