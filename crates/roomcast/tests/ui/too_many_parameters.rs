//! More parameters than a handler may have.

use roomcast::Io;

fn main() {
    let io = Io::new();
    io.on("sum", async |a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8| {
        a + b + c + d + e + f + g + h + i
    });
}
