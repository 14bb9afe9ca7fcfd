//! The regression guard: counted instructions and allocations against a committed baseline. Nothing is timed.
//!
//! In: the cases of `bench/guard`, `bench/guard/baseline.json`. Out: a table, and a failure for every change that the
//! baseline does not know: for the worse, because it is to be noticed, and for the better, because the next one for the
//! worse would hide behind it. What is odd: the counts hold for one toolchain; see [`baseline::Toolchain`].

// One case under callgrind.
mod callgrind;

// What was counted, then and now.
mod baseline;

use std::fs;
use std::sync::Mutex;

use baseline::{Baseline, Counts, Toolchain};

use crate::machine::valgrind;
use crate::step::{Failure, Outcome, Step};
use crate::{root, scratch};

const BASELINE: &str = "bench/guard/baseline.json";

/// What to do with the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Compare them.
    Check,
    /// Make them the baseline.
    Update,
}

impl Mode {
    pub(crate) fn parse(options: &[&str]) -> Outcome<Self> {
        match options {
            [] => Ok(Self::Check),
            ["--update"] => Ok(Self::Update),
            other => Err(Failure(format!("guard takes --update, not {}", other.join(" ")))),
        }
    }
}

/// Counts everything, compares or updates.
pub(crate) fn run(mode: Mode) -> Outcome {
    valgrind()?;
    Step::new("cargo").args("build --release -p roomcast-guard").run()?;
    let now = Baseline { toolchain: Toolchain::current()?, cases: count_all()? };
    let path = root().join(BASELINE);
    let at = |error: std::io::Error| Failure(format!("{}: {error}", path.display()));
    let before = match fs::read_to_string(&path) {
        Ok(text) => {
            Baseline::parse(&text).map_err(|error| Failure(format!("{}: {error}", path.display())))?
        }
        Err(error) if mode == Mode::Update && error.kind() == std::io::ErrorKind::NotFound => now.clone(),
        Err(error) => return Err(at(error)),
    };
    let comparison = now.compare(&before);
    print!("\n{comparison}");
    match mode {
        Mode::Update => fs::write(&path, now.to_string()).map_err(at),
        Mode::Check if comparison.is_good() => Ok(()),
        Mode::Check => Err(Failure(format!(
            "the counts are not those of {BASELINE}; if the change is meant, make it the baseline and commit it:\n  \
             cargo xtask guard --update"
        ))),
    }
}

/// All cases, as many at a time as there are processors: what is counted does not depend on who else runs.
fn count_all() -> Outcome<Vec<(String, Counts)>> {
    let program = scratch("release").join("guard");
    let names = Step::new(program.to_string_lossy()).args("list").output()?;
    let names: Vec<&str> = names.lines().collect();
    let counted = Mutex::new(Vec::new());
    let queue = Mutex::new(names.iter().enumerate());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!("\nxtask: counting {} cases under callgrind", names.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("nobody panics with the queue").next();
                    let Some((index, name)) = next else { return };
                    let counts = callgrind::count(&program, index, name);
                    counted.lock().expect("nobody panics with the list").push((index, counts));
                }
            });
        }
    });
    let mut counted = counted.into_inner().expect("nobody panics with the list");
    counted.sort_by_key(|(index, _)| *index);
    counted.into_iter().map(|(index, counts)| Ok((names[index].to_owned(), counts?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_options_are_refused() {
        assert_eq!(Mode::parse(&["--update"]).unwrap(), Mode::Update);
        let Err(Failure(text)) = Mode::parse(&["--updat"]) else { panic!("there is no such option") };
        assert!(text.contains("--updat"));
    }

    #[test]
    fn the_kept_baseline_is_in_the_form_that_is_written() {
        let kept = fs::read_to_string(root().join(BASELINE)).unwrap();
        assert_eq!(Baseline::parse(&kept).unwrap().to_string(), kept);
    }
}
