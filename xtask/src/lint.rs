//! Format, clippy and rustdoc: every warning is an error.

use crate::step::{Failure, Outcome, Step, all};

/// Asks all of them.
pub(crate) fn run() -> Outcome {
    all(steps().iter().map(Step::run))
        .map_err(|Failure(text)| Failure(format!("{text}\nor all of it:\n  cargo xtask lint")))
}

fn steps() -> [Step; 5] {
    let cargo = |args: &str| Step::new("cargo").args(args);
    [
        cargo("fmt --all -- --check"),
        // A workspace of its own.
        cargo("fmt --manifest-path fuzz/Cargo.toml -- --check"),
        cargo("clippy --workspace --all-targets --all-features -- -D warnings"),
        // What only one feature uses must not be left over without it.
        cargo("clippy -p roomcast --all-targets --no-default-features -- -D warnings"),
        cargo("doc --no-deps --workspace --all-features").env("RUSTDOCFLAGS", "-D warnings"),
    ]
}
