//! An error that serde cannot write.

use roomcast::Io;

fn main() {
    let io = Io::new();
    io.on("parse", async |text: String| text.parse::<i64>());
}
