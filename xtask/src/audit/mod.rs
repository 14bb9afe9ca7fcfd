//! What the project is built from: licences, sources, versions, known holes.
//!
//! In: `Cargo.lock`, `package-lock.json`, the index of crates as cargo keeps it. Out: a line for each thing looked at, and a
//! [`Failure`] for whatever is not on a list here. What is odd: where no database of advisories can be reached, that part is
//! not done, and is said to be not done, loudly; with `--advisories` it is a failure.

mod advisories;
mod crates;
mod index;
mod licences;
mod npm;

use crate::step::{Failure, Outcome, all};

/// Looks at everything.
pub(crate) fn run(options: &[&str]) -> Outcome {
    let needed = match options {
        [] => false,
        ["--advisories"] => true,
        _ => return Err(Failure("usage: cargo xtask audit [--advisories]".into())),
    };
    all([crates::check(), npm::check(), advisories::check(needed)].into_iter())
}

/// Nothing, or all that is wrong.
fn outcome(what: &str, wrong: &[String]) -> Outcome {
    match wrong {
        [] => Ok(()),
        wrong => Err(Failure(format!("audit: {what}\n  {}", wrong.join("\n  ")))),
    }
}
