//! The server that the official client's own test suite expects: `client-suite [PORT]`, 3210 by default.
//!
//! Comes in: the clients of that suite. Goes out: a line `listening on ADDRESS`, and what the suite waits for. What is
//! odd: it listens on `localhost` in both families, because the suite's address is a name.

// What the main namespace answers.
mod events;

use std::time::Duration;

use roomcast::{ConnectError, ConnectionStateRecovery, Io, Socket};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::net::TcpListener;

/// Long enough that a client whose time limit is next to nothing runs into it.
const BEFORE_THE_HANDSHAKE: Duration = Duration::from_millis(10);

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "3210".into());
    let io = Io::builder()
        .ping_interval(Duration::from_secs(2))
        .connection_state_recovery(ConnectionStateRecovery::default())
        .allow_request_async(async |_| {
            tokio::time::sleep(BEFORE_THE_HANDSHAKE).await;
            Ok(())
        })
        .build();
    declare(&io);

    let first = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on {}", first.local_addr()?);
    // Where there is no such family nobody will ask for it.
    if let Ok(second) = TcpListener::bind(("::1", first.local_addr()?.port())).await {
        let io = io.clone();
        tokio::spawn(async move { io.serve(second).await });
    }
    io.serve(first).await;
    Ok(())
}

fn declare(io: &Io) {
    io.middleware(async |socket: Socket| match socket.handshake().query("fail") {
        Some(_) => Err(ConnectError::new("Auth failed (main namespace)")),
        None => Ok(()),
    });
    io.of("/no").middleware(async || Err::<(), _>(ConnectError::new("Auth failed (custom namespace)")));
    io.of("/foo").on("getId", own_id);
    io.of("/abc").on_connect(async |socket: Socket| {
        socket.emit("handshake", Opening::of(&socket));
    });
    for path in ["/timeout_socket", "/valid", "/asd"] {
        let _ = io.of(path);
    }
    io.on("getId", own_id);
    io.on("getHandshake", async |socket: Socket| Opening::of(&socket));
    events::declare(io);
}

async fn own_id(socket: Socket) -> String {
    socket.id().to_owned()
}

/// As much of a handshake as the suite looks at.
#[derive(Serialize)]
struct Opening {
    url: String,
    query: Map<String, Value>,
    auth: Value,
    xdomain: bool,
    secure: bool,
}

impl Opening {
    fn of(socket: &Socket) -> Self {
        let handshake = socket.handshake();
        let query = handshake.url().split_once('?').map_or("", |(_, query)| query);
        Self {
            url: handshake.url().to_owned(),
            query: form_urlencoded::parse(query.as_bytes())
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            auth: socket.auth().unwrap_or_default(),
            xdomain: handshake.is_cross_domain(),
            secure: handshake.is_secure(),
        }
    }
}
