//! protocol-suite
fn main() {}
