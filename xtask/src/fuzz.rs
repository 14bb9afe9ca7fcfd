//! libFuzzer on the stable compiler, without further tools.
//!
//! In: a target of `fuzz/fuzz_targets`, or all. Out: nothing, or an input under `fuzz/artifacts` that breaks it. What
//! is odd: the compiler's coverage passes are named by hand, and a target triple is given even though it is the
//! machine's own, because only then build scripts and macros are compiled without them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::machine;
use crate::root;
use crate::scratch;
use crate::step::{Failure, Outcome, Step, all};

/// What cargo-fuzz passes, but for the address sanitizer, which stable does not have and safe code does not need.
const FLAGS: &str = "--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0";

const DEFAULT_SECONDS: u32 = 60;
/// One input may take this long.
const INPUT_SECONDS: u32 = 10;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    seconds: u32,
    keep: bool,
    input: Option<PathBuf>,
}

impl Options {
    pub(crate) fn seconds(seconds: u32) -> Self {
        Self { seconds, ..Self::default() }
    }

    pub(crate) fn parse(args: &[&str]) -> Outcome<Self> {
        let mut options = Self::seconds(DEFAULT_SECONDS);
        let mut args = args.iter();
        while let Some(&arg) = args.next() {
            match (arg, args.clone().next()) {
                ("--keep", _) => {
                    options.keep = true;
                    continue;
                }
                ("--seconds", Some(seconds)) => {
                    options.seconds =
                        seconds.parse().map_err(|_| Failure(format!("not a number: {seconds}")))?;
                }
                ("--input", Some(file)) => {
                    let file = fs::canonicalize(file).map_err(|error| Failure(format!("{file}: {error}")))?;
                    options.input = Some(file);
                }
                _ => return Err(Failure(format!("not an option of fuzz: {arg}"))),
            }
            args.next();
        }
        Ok(options)
    }
}

/// Builds all targets and runs one or all of them.
pub(crate) fn run(target: &str, options: &Options) -> Outcome {
    let known = targets().map_err(|error| Failure(format!("fuzz/fuzz_targets: {error}")))?;
    let chosen: Vec<&String> = known.iter().filter(|name| target == "all" || target == *name).collect();
    if chosen.is_empty() {
        return Err(Failure(format!("no target {target}; there are all, {}", known.join(", "))));
    }
    machine::cxx()?;
    let programs = build()?;
    all(chosen.into_iter().map(|name| {
        one(name, &programs.join(name), options).map_err(|Failure(text)| {
            let seconds = options.seconds;
            Failure(format!(
                "{text}\nor, with the input that libFuzzer has named:\n  \
                 cargo xtask fuzz {name} --input fuzz/artifacts/{name}/<file>\nor all of it:\n  \
                 cargo xtask fuzz {name} --seconds {seconds}"
            ))
        })
    }))
}

/// The names of the targets, in order.
fn targets() -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("fuzz/fuzz_targets"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// Where the built programs are.
fn build() -> Outcome<PathBuf> {
    let version = Step::new("rustc").args("-vV").output()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or_else(|| Failure("rustc does not name its host".into()))?;
    let folder = scratch("fuzz");
    let step = Step::new("cargo").args("build --release --manifest-path fuzz/Cargo.toml --target");
    step.arg(host).arg("--target-dir").arg(&folder).env("RUSTFLAGS", FLAGS).run()?;
    Ok(folder.join(host).join("release"))
}

fn one(name: &str, program: &Path, options: &Options) -> Outcome {
    let folder = |path: PathBuf| match fs::create_dir_all(&path) {
        Ok(()) => Ok(path),
        Err(error) => Err(Failure(format!("{}: {error}", path.display()))),
    };
    let kept = folder(root().join("fuzz/corpus").join(name))?;
    let found = folder(scratch("fuzz").join("corpus").join(name))?;
    let artifacts = folder(root().join("fuzz/artifacts").join(name))?;
    let fuzzer = || {
        let step = Step::new(program.to_string_lossy()).arg(format!("-timeout={INPUT_SECONDS}"));
        step.arg(format!("-artifact_prefix={}/", artifacts.display()))
    };
    if let Some(input) = &options.input {
        return fuzzer().arg(input).run();
    }
    // What is found goes into the first folder; the kept corpus is only read.
    let step = fuzzer().arg(format!("-max_total_time={}", options.seconds)).args("-print_final_stats=1");
    step.args("-verbosity=0").arg(&found).arg(&kept).run()?;
    if options.keep {
        // By edges alone: a corpus that stays small enough for the repository.
        fuzzer().args("-merge=1 -use_counters=0").arg(&kept).arg(&found).run()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_in_any_order() {
        let table: [(&[&str], Options); 3] = [
            (&[], Options::seconds(DEFAULT_SECONDS)),
            (&["--seconds", "5"], Options::seconds(5)),
            (&["--keep", "--seconds", "7"], Options { seconds: 7, keep: true, input: None }),
        ];
        for (args, options) in table {
            assert_eq!(Options::parse(args).unwrap(), options, "{args:?}");
        }
    }

    #[test]
    fn wrong_options_are_refused() {
        let table: [&[&str]; 4] =
            [&["--seconds"], &["--seconds", "soon"], &["--input", "/no such file"], &["fast"]];
        for args in table {
            assert!(Options::parse(args).is_err(), "{args:?}");
        }
    }

    #[test]
    fn every_target_is_declared_in_the_manifest() {
        let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
        for name in targets().unwrap() {
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        }
    }
}
