//! An async closure that uses a variable from outside.

use roomcast::Io;

fn main() {
    let io = Io::new();
    let greeting = String::from("hello");
    io.on("greet", async move |name: String| format!("{greeting} {name}"));
}
