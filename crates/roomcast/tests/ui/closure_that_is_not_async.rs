//! A closure that is not async.

use roomcast::{Io, Socket};

fn main() {
    let io = Io::new();
    io.on("message", |socket: Socket, text: String| {
        socket.emit("echo", text);
    });
}
