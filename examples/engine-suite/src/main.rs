//! The server that the Engine.IO protocol's conformance suites expect: it echoes every message of a session. With `--eio3`
//! it takes clients of revision 3 as well.

use std::time::Duration;

use roomcast::Cors;
use roomcast::engine::{Engine, Message};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut port = "3000".to_owned();
    let mut eio3 = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--eio3" => eio3 = true,
            _ => port = argument,
        }
    }
    let engine = Engine::builder()
        .ping_interval(Duration::from_millis(300))
        .ping_timeout(Duration::from_millis(200))
        .max_payload(1_000_000)
        .cors(Cors::any())
        .allow_eio3(eio3)
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
