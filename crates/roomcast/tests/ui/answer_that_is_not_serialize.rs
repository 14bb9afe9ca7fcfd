//! An answer that serde cannot write.

use roomcast::{Io, Socket};

fn main() {
    let io = Io::new();
    io.on_connect(async |socket: Socket| {
        socket.on("me", async |socket: Socket| socket);
    });
}
