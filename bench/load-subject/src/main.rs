//! The server under load tests: broadcasts, rooms, echoes. Nothing in it is tuned for a test.

use std::time::Duration;

use roomcast::{Data, Io, Socket};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "3000".into());
    let io = Io::builder()
        .ping_interval(seconds("PING_INTERVAL", 25.0))
        .ping_timeout(seconds("PING_TIMEOUT", 20.0))
        .build();
    io.on("broadcast", async |io: Io, payload: Data| {
        io.emit("msg", payload);
    });
    io.on("join", async |socket: Socket, room: String| socket.join(room));
    io.on("room", async |socket: Socket, room: String, payload: Data| {
        socket.to(room).emit("msg", payload);
    });
    io.on("echo", async |payload: Data| payload);
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    announce(&listener)?;
    io.serve(listener).await;
    Ok(())
}

/// A number of seconds from the environment.
fn seconds(name: &str, default: f64) -> Duration {
    let value = std::env::var(name).ok().and_then(|value| value.parse().ok());
    Duration::try_from_secs_f64(value.unwrap_or(default)).unwrap_or(Duration::from_secs_f64(default))
}

fn announce(listener: &TcpListener) -> std::io::Result<()> {
    println!("listening on {}", listener.local_addr()?);
    Ok(())
}
