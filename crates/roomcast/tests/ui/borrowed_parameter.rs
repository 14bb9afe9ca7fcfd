//! A parameter that borrows from the event.

use roomcast::{Io, Socket};

fn main() {
    let io = Io::new();
    io.on("message", async |socket: Socket, text: &str| {
        socket.emit("echo", text);
    });
}
