//! However clients come and go, and whatever handlers do, nothing is left of them: no session, no socket, no room, no
//! namespace made on demand, no memory.
//!
//! 2,000 clients; 10,000 with `ROOMCAST_FULL=1`.

mod support;

use std::time::Duration;

use futures_util::StreamExt;
use roomcast::{Io, Namespace, Socket};

use support::allocations::{self, Counting};
use support::{Http, Polling, WebSocket, hush_panics, serve, soon, until};

#[global_allocator]
static COUNTING: Counting = Counting;

/// How many clients are there at the same time.
const AT_ONCE: usize = 64;
/// What one round may leave behind: caches of the runtime and the allocator's tables, but nothing per client.
const SLACK: isize = 16 * 1024;

/// A server where everything that can go wrong does.
fn server() -> Io {
    // Who is cut off without a request on its way is only found by its silence.
    let io = Io::builder()
        .ping_interval(Duration::from_millis(500))
        .ping_timeout(Duration::from_millis(500))
        .upgrade_timeout(Duration::from_millis(500))
        .connect_timeout(Duration::from_millis(500))
        .build();
    io.on_error(|_| {});
    io.on_connect(async |socket: Socket| {
        socket.insert(vec![0_u8; 1_000]);
        let own = socket.clone();
        socket.middleware(move |_| if own.is_connected() { Ok(()) } else { panic!("on purpose") });
        socket.on_any_outgoing(|_, _| {});
    });
    io.on("join", async |socket: Socket, room: String| {
        socket.join(room);
        socket.rooms().len()
    });
    io.on("panic", async || -> () { panic!("on purpose, at once") });
    io.on("panic later", async || -> () {
        tokio::task::yield_now().await;
        panic!("on purpose, later");
    });
    io.on("ask", async |socket: Socket| {
        // Nobody answers; the end of the socket ends the wait.
        let _ = socket.emit_with_ack::<()>("question", ()).await;
    });
    io.of("/guarded").middleware(async || -> () { panic!("on purpose, in a middleware") });
    io.of("/slow").middleware(async || tokio::time::sleep(Duration::from_millis(200)).await);
    let bad = io.of("/bad");
    bad.on_connect(async |socket: Socket| -> () {
        socket.on_disconnecting(async || -> () { panic!("on purpose, while leaving") });
        socket.on_disconnect(async || -> () {
            tokio::task::yield_now().await;
            panic!("on purpose, after leaving");
        });
        socket.join("doomed");
        panic!("on purpose, while connecting");
    });
    bad.on_disconnecting(async || -> () { panic!("on purpose, while leaving") });
    bad.on_disconnect(async || -> () { panic!("on purpose, after leaving") });
    io.of_pattern("/team/{name}").on("hello", async |team: Namespace| team.name().to_owned());
    io.of_fn(async |path, _| {
        if path == "/panic" {
            panic!("on purpose, while deciding");
        }
        path.starts_with("/made/")
    });
    io
}

/// One client of the kind that its number says.
async fn live(io: &Io, address: std::net::SocketAddr, number: usize) {
    match number % 16 {
        0 => {
            let mut client = WebSocket::connect(address).await;
            client.send(&format!(r#"420["join","room {number}"]"#)).await;
            client.expect(&["430[2]"]).await;
            client.send("41").await;
            client.close().await;
        }
        1 => WebSocket::connect(address).await.close().await,
        2 => Polling::connect(address).await.send("1").await,
        3 => WebSocket::connect(address).await.reset(),
        4 => Http::connect(address).await.write("GET /socket.io/?EIO=4&transport=poll").await,
        5 => {
            let mut client = Polling::connect(address).await;
            let half =
                format!("POST {} HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n42[", client.target());
            client.posts.write(&half).await;
        }
        6 => {
            let mut client = Polling::connect(address).await;
            let mut probe = WebSocket::probe(address, &client.sid).await;
            client.begin_poll().await;
            probe.send("2probe").await;
            probe.expect(&["3probe"]).await;
            probe.reset();
            client.gets.reset();
        }
        7 => {
            // Gone behind the `5`, which the server may not even have read.
            let client = Polling::connect(address).await;
            let mut probe = WebSocket::probe(address, &client.sid).await;
            probe.send("2probe").await;
            probe.expect(&["3probe"]).await;
            probe.send("5").await;
            probe.reset();
        }
        8 => {
            let mut client = WebSocket::connect(address).await;
            client.send(r#"420["panic"]"#).await;
            client.expect(&[r#"430[{"error":"internal error"}]"#]).await;
            client.send(r#"421["panic later"]"#).await;
            client.expect(&[r#"431[{"error":"internal error"}]"#]).await;
        }
        9 => {
            let mut client = WebSocket::connect(address).await;
            client.send(r#"42["ask"]"#).await;
            client.expect(&[]).await;
            assert!(client.text().await.ends_with(r#"["question"]"#));
            client.reset();
        }
        10 => {
            let mut client = WebSocket::open(address).await;
            client.send("40/guarded,").await;
            client.expect(&[r#"44/guarded,{"message":"internal error"}"#]).await;
            client.send("40/panic,").await;
            client.expect(&[r#"44/panic,{"message":"Invalid namespace"}"#]).await;
        }
        11 => {
            let (mut client, _) = WebSocket::join(address, "/bad").await;
            match number % 3 {
                0 => client.send("41/bad,").await,
                1 => client.close().await,
                _ => client.reset(),
            }
        }
        12 => {
            let (mut client, _) = WebSocket::join(address, &format!("/team/{}", number % 32)).await;
            client.enter(&format!("/made/{number}")).await;
            client.close().await;
        }
        13 => {
            // Cut while its middleware runs.
            let mut client = WebSocket::open(address).await;
            client.send("40/slow,").await;
            client.reset();
        }
        14 => {
            let (client, id) = WebSocket::join(address, "/").await;
            match io.socket(&id) {
                Some(socket) if number % 32 == 14 => socket.disconnect(),
                Some(socket) => socket.disconnect_connection(),
                None => panic!("{id} is not there"),
            }
            drop(client);
        }
        _ => drop(Polling::connect(address).await),
    }
}

async fn round(io: &Io, address: std::net::SocketAddr, clients: usize) {
    let lives = (0..clients).map(|number| live(io, address, number));
    futures_util::stream::iter(lives).for_each_concurrent(AT_ONCE, |life| life).await;
    until("every session has ended", || io.sessions() == 0).await;
    for path in ["/", "/guarded", "/slow", "/bad"] {
        let namespace = io.of(path);
        until("every socket has left", || namespace.is_empty() && namespace.rooms().is_empty()).await;
    }
    let paths = || {
        let mut paths = io.namespaces();
        paths.sort();
        paths
    };
    until("the namespaces made on demand are gone", || paths() == ["/", "/bad", "/guarded", "/slow"]).await;
}

#[test]
fn nothing_is_left_of_thousands_of_clients_however_they_went() {
    hush_panics();
    let clients = if std::env::var_os("ROOMCAST_FULL").is_some() { 10_000 } else { 2_000 };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let io = server();
        let address = serve(&io).await;
        // The listener, and nobody else; before the first round and after each.
        let idle = || tokio::runtime::Handle::current().metrics().num_alive_tasks() == 1;
        round(&io, address, clients / 4).await;
        until("every task has ended", idle).await;
        let before = allocations::bytes();
        round(&io, address, clients).await;
        until("every task has ended", idle).await;
        let grown = allocations::bytes() - before;
        assert!(grown < SLACK, "{grown} bytes more than before {clients} clients");
        soon("the server to close", io.close()).await;
    });
}
