//! The server that the browser client's tests talk to (the contract: the top of `clients/web/test/fixture.mjs`).
//!
//! Comes in: `web-fixture PORT`, 0 for a free one. Goes out: a line `listening on 127.0.0.1:PORT`. Connection state
//! recovery is on.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use roomcast::{
    Ack, ConnectError, ConnectionStateRecovery, Cors, Data, HandlerError, Handlers, Io, Namespace, Rest,
    Room, Socket, Value,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = std::env::args().nth(1).ok_or("usage: web-fixture PORT")?.parse()?;
    let io = Io::builder()
        .ping_interval(Duration::from_millis(300))
        .ping_timeout(Duration::from_millis(2700))
        .cors(Cors::any())
        .connection_state_recovery(ConnectionStateRecovery::default())
        .build();
    for path in ["/", "/chat", "/other", "/guarded"] {
        declare(&io.of(path));
    }
    io.of("/guarded").middleware(check_token);

    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on {}", listener.local_addr()?);
    io.serve(listener).await;
    Ok(())
}

/// What every namespace answers.
fn declare(namespace: &Handlers) {
    namespace.on("echo", async |socket: Socket, args: Rest| {
        socket.emit("echo", args.spread());
    });
    namespace.on("message", async |socket: Socket, args: Rest| {
        socket.emit("message", args.spread());
    });
    namespace.on("ack", async |args: Rest| args.spread());
    // Who takes the `Ack` answers in their own time, here never.
    namespace.on("silent", async |_: Ack| {});
    namespace.on("handshake", handshake);
    namespace.on("question", async |socket: Socket| {
        // A client that leaves without an answer is told nothing more.
        if let Ok(answer) = socket.emit_with_ack::<Value>("question", 7).await {
            socket.emit("answer", answer);
        }
    });
    namespace.on("join", async |socket: Socket, room: Room| socket.join(room));
    namespace.on("publish", async |namespace: Namespace, room: Room, value: Data| {
        namespace.to(room).emit("published", value);
    });
    namespace.on("present", async |namespace: Namespace, id: String| namespace.socket(&id).is_some());
    namespace.on("leave", async |socket: Socket| socket.disconnect());
    namespace.on("drop", async |socket: Socket| socket.close_session());
}

#[derive(Serialize)]
struct Shaken {
    auth: Value,
    query: BTreeMap<String, String>,
    nsp: String,
}

async fn handshake(socket: Socket) -> Result<Shaken, HandlerError> {
    let url = socket.handshake().url();
    let query = url.split_once('?').map_or("", |(_, query)| query);
    Ok(Shaken {
        auth: socket.auth()?,
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        nsp: socket.namespace().name().to_owned(),
    })
}

#[derive(Deserialize)]
struct Login {
    #[serde(default)]
    token: String,
}

async fn check_token(login: Login) -> Result<(), ConnectError> {
    match login.token.as_str() {
        "secret" => Ok(()),
        _ => Err(ConnectError::new("not authorized").data(json!({ "code": 42 }))),
    }
}
