//! `cargo xtask million`: how many clients one machine holds, measured, and written into `bench/MILLION.md`.
//!
//! In: how much of it: everything, `--quick` or `--smoke`. Out: tables; only a whole run writes them into the page, between
//! its two markers. What is odd: the measuring program fails if any client got anything but each message once, in
//! order, so the short forms are tests, too; `--smoke` takes the debug build that the other tests have made.

// The program that measures.
mod measure;

// What it said, as tables.
mod page;

use measure::{machine, measure};

use crate::step::{Failure, Outcome, Step};
use crate::{binaries, root, scratch};

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    Whole,
    Quick,
    Smoke,
}

/// Runs the scenarios.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let size = match args {
        [] => Size::Whole,
        ["--quick"] => Size::Quick,
        ["--smoke"] => Size::Smoke,
        _ => return Err(Failure(format!("not an option of million: {}", args.join(" ")))),
    };
    let release = scratch("release");
    let folder = match size {
        Size::Smoke => binaries(),
        Size::Whole | Size::Quick => release,
    };
    let profile = if size == Size::Smoke { "dev" } else { "release" };
    Step::new("cargo").args("build -p roomcast-million --profile").args(profile).run()?;
    let machine = machine()?;
    let program = folder.join("million");
    let results = scenarios(size).iter().map(|args| measure(&program, args)).collect::<Outcome<Vec<_>>>()?;
    let tables = page::tables(&results)
        .ok_or_else(|| Failure(format!("the program said something else: {results:?}")))?;
    println!("\n{tables}");
    if size == Size::Whole {
        let path = root().join("bench/MILLION.md");
        let at = |error: std::io::Error| Failure(format!("{}: {error}", path.display()));
        let old = std::fs::read_to_string(&path).map_err(at)?;
        let new = page::replace(&old, &format!("{machine}\n\n{tables}"))
            .ok_or_else(|| Failure(format!("{} has lost its markers", path.display())))?;
        std::fs::write(&path, new).map_err(at)?;
    }
    Ok(())
}

fn scenarios(size: Size) -> &'static [&'static str] {
    match size {
        Size::Whole => &[
            "memory --sessions 1000000 --ping-interval 60000",
            "sockets --clients 19000 --servers 1 --ping-interval 5000",
            "sockets --clients 150000 --servers 8 --ping-interval 25000",
        ],
        Size::Quick => &[
            "memory --sessions 50000 --ping-interval 3000",
            "sockets --clients 2000 --servers 1 --ping-interval 2000",
        ],
        Size::Smoke => &[
            "memory --sessions 1000 --ping-interval 1000",
            "sockets --clients 200 --servers 2 --ping-interval 1000",
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_option_is_refused_before_anything_is_built() {
        assert!(run(&["--fast"]).is_err() && run(&["--quick", "--smoke"]).is_err());
    }
}
