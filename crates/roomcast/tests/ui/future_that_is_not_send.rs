//! A future that cannot move between threads.

use std::rc::Rc;

use roomcast::Io;

fn main() {
    let io = Io::new();
    io.on("count", async || {
        let count = Rc::new(1);
        std::future::ready(()).await;
        *count
    });
}
