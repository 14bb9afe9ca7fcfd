//! The server under load tests (the contract: `bench/README.md`). Nothing in it is tuned for a test.
//!
//! Comes in: `load-subject PORT`, `PING_INTERVAL`, `PING_TIMEOUT`, the form on the wire (`DEFLATE`, `PARSER`, `RECOVERY`, `WEBTRANSPORT`), and
//! `TLS_CERT` with `TLS_KEY` if it shall speak TLS. Goes out: a line that begins `listening on`. What is odd: one bound is not the default, because messages of 1 MiB shall pass.

use std::env::{self, VarError};
use std::error::Error;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use roomcast::parser::MessagePack;
use roomcast::{
    ConnectionStateRecovery, Data, Handlers, Io, Namespace, PerMessageDeflate, Room, Socket, Transport,
};
use tokio::net::TcpListener;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Messages of 1 MiB and their wrapping shall pass.
const MAX_PAYLOAD: usize = 2_000_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::args().nth(1).unwrap_or_else(|| "3000".into());
    let mut builder = Io::builder()
        .ping_interval(seconds("PING_INTERVAL", 25.0))
        .ping_timeout(seconds("PING_TIMEOUT", 20.0))
        .max_payload(MAX_PAYLOAD);
    if env::var_os("DEFLATE").is_some() {
        builder = builder.per_message_deflate(PerMessageDeflate::default());
    }
    if env::var("PARSER").as_deref() == Ok("msgpack") {
        builder = builder.parser(MessagePack);
    }
    if env::var_os("RECOVERY").is_some() {
        builder = builder.connection_state_recovery(ConnectionStateRecovery::default());
    }
    let webtransport = env::var_os("WEBTRANSPORT").is_some();
    if webtransport {
        builder = builder.transports(&[Transport::Polling, Transport::WebSocket, Transport::WebTransport]);
    }
    let io = builder.build();
    declare(&io.of("/"));
    declare(&io.of_pattern("/{name}"));
    let tls = tls()?;
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on {}", listener.local_addr()?);
    match tls {
        Some(config) if webtransport => {
            let datagrams = UdpSocket::bind(listener.local_addr()?)?;
            let ((), served) = tokio::join!(
                io.serve_tls(listener, config.clone()),
                io.serve_webtransport(datagrams, config)
            );
            served?;
        }
        Some(config) => io.serve_tls(listener, config).await,
        None => io.serve(listener).await,
    }
    Ok(())
}

/// The events of the benchmarks, in a namespace or in all that clients name.
fn declare(io: &Handlers) {
    io.on("broadcast", async |namespace: Namespace, payload: Data| {
        namespace.emit("msg", payload);
    });
    io.on("join", async |socket: Socket, room: Room| socket.join(room));
    io.on("rooms", async |socket: Socket, rooms: Vec<Room>| {
        for room in rooms {
            socket.join(room);
        }
    });
    io.on("leave", async |socket: Socket, room: Room| socket.leave(room));
    io.on("room", async |socket: Socket, room: Room, payload: Data| {
        socket.to(room).emit("msg", payload);
    });
    io.on("except", async |namespace: Namespace, rooms: Vec<Room>, payload: Data| {
        namespace.except(rooms).emit("msg", payload);
    });
    io.on("echo", async |payload: Data| payload);
}

/// The certificate and the key whose paths are in the environment.
fn tls() -> Result<Option<Arc<ServerConfig>>, Box<dyn Error>> {
    let (certificate, key) = match (env::var("TLS_CERT"), env::var("TLS_KEY")) {
        (Err(VarError::NotPresent), Err(VarError::NotPresent)) => return Ok(None),
        (certificate, key) => (certificate?, key?),
    };
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    Ok(Some(Arc::new(config)))
}

/// A number of seconds from the environment.
fn seconds(name: &str, default: f64) -> Duration {
    let value = env::var(name).ok().and_then(|value| value.parse().ok());
    Duration::try_from_secs_f64(value.unwrap_or(default)).unwrap_or(Duration::from_secs_f64(default))
}
