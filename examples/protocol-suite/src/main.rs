//! The server that the Socket.IO protocol's conformance suite expects, with the suite's short intervals.

use std::time::Duration;

use roomcast::{Cors, Io, Rest, Socket, Value};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "3000".into());
    let io = Io::builder()
        .ping_interval(Duration::from_millis(300))
        .ping_timeout(Duration::from_millis(200))
        .max_payload(1_000_000)
        .connect_timeout(Duration::from_millis(1000))
        .cors(Cors::any())
        .build();
    for path in ["/", "/custom"] {
        io.of(path).on_connect(async |socket: Socket, auth: Value| {
            socket.emit("auth", auth);
        });
    }
    io.on("message", async |socket: Socket, rest: Rest| {
        socket.emit("message-back", rest.spread());
    });
    io.on("message-with-ack", async |rest: Rest| rest.spread());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    announce(&listener)?;
    io.serve(listener).await;
    Ok(())
}

fn announce(listener: &TcpListener) -> std::io::Result<()> {
    println!("listening on {}", listener.local_addr()?);
    Ok(())
}
