//! The server under test: the events of the load tests' subject, nothing tuned.

use std::time::Duration;

use roomcast::{Data, Io, Socket};

/// How late an answer to a ping may be: both sides share the cores of one machine.
const PING_TIMEOUT: Duration = Duration::from_secs(120);

/// A server that broadcasts, lets join rooms and sends to them.
pub(crate) fn server(ping_interval: Duration) -> Io {
    let io = Io::builder().ping_interval(ping_interval).ping_timeout(PING_TIMEOUT).build();
    io.on("broadcast", async |io: Io, payload: Data| {
        io.emit("msg", payload);
    });
    io.on("join", async |socket: Socket, room: String| socket.join(room));
    io.on("room", async |socket: Socket, room: String, payload: Data| {
        socket.to(room).emit("msg", payload);
    });
    io
}
