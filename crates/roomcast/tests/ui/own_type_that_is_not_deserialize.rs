//! A parameter of a type that serde cannot read.

use roomcast::Io;

struct Login {
    token: String,
}

fn main() {
    let io = Io::new();
    io.of("/admin").middleware(async |login: Login| drop(login.token));
}
