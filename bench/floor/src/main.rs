//! The floor: what a Socket.IO server costs when it does nothing that it need not do.
//!
//! Comes in: `floor PORT [--batch]`, WebSocket clients, the events of the benchmarks (`bench/README.md`). Goes out: what the
//! events ask for, one `send` per delivery, or with `--batch` one `send` per client and pass of the loop. What is odd:
//! it is a yardstick and no server. It checks nothing, speaks no polling and no TLS, has a client in one namespace at a time,
//! reads only the JSON that `JSON.stringify` and its like write, and hostile input may crash it.
//!
//! One thread, one epoll, one read buffer for all. A client that has nothing under way owns no buffer.

// The way of the data.
mod server;

mod handshake;

mod frame;

mod event;

mod namespaces;

mod rooms;

mod client;

mod sending;

mod heartbeat;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::heartbeat::Heartbeat;
use crate::sending::Way;
use crate::server::Server;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (port, way) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [port] => (port.parse().ok(), Way::Direct),
        [port, "--batch"] | ["--batch", port] => (port.parse().ok(), Way::Batch),
        _ => (None, Way::Direct),
    };
    let Some(port) = port else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "usage: floor PORT [--batch]"));
    };
    let heartbeat = Heartbeat::new(seconds("PING_INTERVAL", 25.0), seconds("PING_TIMEOUT", 20.0));
    let mut server = Server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), way, heartbeat)?;
    println!("listening on {}", server.address()?);
    server.run()
}

/// A number of seconds from the environment.
fn seconds(name: &str, default: f64) -> Duration {
    let value = std::env::var(name).ok().and_then(|value| value.parse().ok());
    Duration::try_from_secs_f64(value.unwrap_or(default)).unwrap_or(Duration::from_secs_f64(default))
}
