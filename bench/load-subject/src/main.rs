//! load-subject
fn main() {}
