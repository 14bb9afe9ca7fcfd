//! The server that the Engine.IO protocol's conformance suite expects: it echoes every message of a session.

use std::time::Duration;

use roomcast::Cors;
use roomcast::engine::{Engine, Message};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "3000".into());
    let engine = Engine::builder()
        .ping_interval(Duration::from_millis(300))
        .ping_timeout(Duration::from_millis(200))
        .max_payload(1_000_000)
        .cors(Cors::any())
        .build(|session, message| match message {
            Message::Text(text) => session.send(text),
            Message::Binary(bytes) => session.send_binary(bytes),
        });
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    announce(&listener)?;
    engine.serve(listener).await;
    Ok(())
}

fn announce(listener: &TcpListener) -> std::io::Result<()> {
    println!("listening on {}", listener.local_addr()?);
    Ok(())
}
