//! Connection state recovery as a client sees it, on virtual time and pipes in memory.

mod client;
#[path = "../support/mod.rs"]
mod support;

// The tests.
mod bounds;
mod cluster;
mod crowds;
mod replay;
mod sessions;

use roomcast::{ConnectionStateRecovery, Io, IoBuilder, Socket};

use client::Client;

fn server() -> Io {
    with(ConnectionStateRecovery::default())
}

fn with(recovery: ConnectionStateRecovery) -> Io {
    built(Io::builder().connection_state_recovery(recovery))
}

fn built(builder: IoBuilder) -> Io {
    let io = builder.build();
    io.on("join", async |socket: Socket, room: String| socket.join(room));
    io.on("leave", async |socket: Socket| socket.disconnect());
    io.on("leave all", async |socket: Socket| socket.disconnect_connection());
    io.on("close", async |socket: Socket| socket.close_session());
    support::answer_sync(&io);
    io
}

fn socket(io: &Io, client: &Client) -> Socket {
    io.socket(&client.sid).expect("it is there")
}
