//! engine-suite
fn main() {}
