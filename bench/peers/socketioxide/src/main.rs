//! socketioxide on axum, as its documentation shows.
//!
//! Comes in: `peer-socketioxide PORT`. Goes out: a line that begins `listening on`. What is odd: the library spawns a task per event,
//! so that a burst from one socket may be handled in another order. `--ordered` runs it on tokio's current-thread
//! runtime, whose queue keeps the order; without it it is the runtime of `#[tokio::main]`.

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use serde_json::Value;
use socketioxide::extract::{AckSender, Data, SocketRef};
use socketioxide::{ParserConfig, SocketIo};
use tokio::net::TcpListener;

/// Messages of 1 MiB and their wrapping shall pass.
const MAX_PAYLOAD: usize = 2_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let port = arguments.first().and_then(|port| port.parse().ok());
    let port = port.ok_or("usage: peer-socketioxide PORT [--ordered]")?;
    let mut runtime = match arguments.iter().any(|argument| argument == "--ordered") {
        true => tokio::runtime::Builder::new_current_thread(),
        false => tokio::runtime::Builder::new_multi_thread(),
    };
    runtime.enable_all().build()?.block_on(serve(port))
}

async fn serve(port: u16) -> Result<(), Box<dyn Error>> {
    let builder = SocketIo::builder()
        .ping_interval(seconds("PING_INTERVAL", 25.0))
        .ping_timeout(seconds("PING_TIMEOUT", 20.0))
        .max_payload(MAX_PAYLOAD as u64)
        .ws_max_message_size(MAX_PAYLOAD)
        .ws_max_frame_size(MAX_PAYLOAD);
    let app = if std::env::var("PARSER").as_deref() == Ok("msgpack") {
        let (layer, io) = builder.with_parser(ParserConfig::msgpack()).build_layer();
        io.ns("/", on_connect);
        Router::new().layer(layer)
    } else {
        let (layer, io) = builder.build_layer();
        io.ns("/", on_connect);
        Router::new().layer(layer)
    };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    match (std::env::var("TLS_CERT"), std::env::var("TLS_KEY")) {
        (Ok(certificate), Ok(key)) => {
            rustls::crypto::ring::default_provider().install_default().map_err(|_| "two providers")?;
            let config = RustlsConfig::from_pem_file(certificate, key).await?;
            println!("listening on {address}");
            axum_server::from_tcp(listener.into_std()?)?
                .acceptor(RustlsAcceptor::new(config).acceptor(NoDelayAcceptor::new()))
                .serve(app.into_make_service())
                .await?;
        }
        _ => {
            println!("listening on {address}");
            // As every other subject; it is off by default in axum.
            let listener = listener.tap_io(|stream| {
                let _ = stream.set_nodelay(true);
            });
            axum::serve(listener, app).await?;
        }
    }
    Ok(())
}

async fn on_connect(socket: SocketRef) {
    socket.on("broadcast", async |io: SocketIo, Data::<Value>(payload), ack: AckSender| {
        let _ = io.emit("msg", &payload).await;
        let _ = ack.send(&());
    });
    socket.on("join", async |socket: SocketRef, Data::<String>(room), ack: AckSender| {
        socket.join(room);
        let _ = ack.send(&());
    });
    socket.on("rooms", async |socket: SocketRef, Data::<Vec<String>>(rooms), ack: AckSender| {
        socket.join(rooms);
        let _ = ack.send(&());
    });
    socket.on("leave", async |socket: SocketRef, Data::<String>(room), ack: AckSender| {
        socket.leave(room);
        let _ = ack.send(&());
    });
    socket.on("room", async |socket: SocketRef, Data::<(String, Value)>((room, payload)), ack: AckSender| {
        let _ = socket.to(room).emit("msg", &payload).await;
        let _ = ack.send(&());
    });
    socket.on(
        "except",
        async |io: SocketIo, Data::<(Vec<String>, Value)>((rooms, payload)), ack: AckSender| {
            let _ = io.except(rooms).emit("msg", &payload).await;
            let _ = ack.send(&());
        },
    );
    // For values that may be binary its documentation says `rmpv`.
    socket.on("echo", async |Data::<rmpv::Value>(payload), ack: AckSender| {
        let _ = ack.send(&payload);
    });
}

/// A number of seconds from the environment.
fn seconds(name: &str, default: f64) -> Duration {
    let value = std::env::var(name).ok().and_then(|value| value.parse().ok());
    Duration::try_from_secs_f64(value.unwrap_or(default)).unwrap_or(Duration::from_secs_f64(default))
}
