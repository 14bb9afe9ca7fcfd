//! One case of `bench/guard` under callgrind.
//!
//! In: the program, the name of a case. Out: what one unit of its work costs. What is odd: callgrind counts only inside
//! one function, whose name is all that the program and this file have in common.

use std::path::Path;

use serde_json::Value;

use super::baseline::Counts;
use crate::scratch;
use crate::step::{Failure, Outcome, Step};

/// The function around the counted work, see `bench/guard/src/case.rs`.
const COUNTED: &str = "*counted_by_callgrind*";

/// Runs a case; `index` keeps the files of cases that run at the same time apart.
pub(super) fn count(program: &Path, index: usize, name: &str) -> Outcome<Counts> {
    let folder = scratch("guard");
    std::fs::create_dir_all(&folder).map_err(|error| Failure(format!("{}: {error}", folder.display())))?;
    let file = folder.join(format!("{index}.callgrind"));
    let output = Step::new("valgrind")
        .args("--tool=callgrind --quiet")
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(program)
        .arg(name)
        .output()?;
    let profile =
        std::fs::read_to_string(&file).map_err(|error| Failure(format!("{}: {error}", file.display())))?;
    read(&output, &profile).ok_or_else(|| {
        Failure(format!("no counts for {name:?}: it said {output:?}, and {} has no summary", file.display()))
    })
}

/// The counts of one unit, from what the program said and from callgrind's file.
fn read(output: &str, profile: &str) -> Option<Counts> {
    let said: Value = serde_json::from_str(output.trim()).ok()?;
    let summary = profile.lines().find_map(|line| line.strip_prefix("summary: "))?;
    let units = said["units"].as_f64().filter(|&units| units > 0.0)?;
    // A case without a single instruction was not found by its name.
    let instructions = summary.trim().parse::<f64>().ok().filter(|&count| count > 0.0)?;
    Some(Counts {
        instructions: instructions / units,
        allocations: said["allocations"].as_f64()? / units,
        bytes: said["bytes"].as_f64()? / units,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = r#"{"case":"a","units":4,"allocations":6,"bytes":100}"#;

    #[test]
    fn counts_are_given_for_one_unit() {
        let counts = read(SAID, "events: Ir\nfn=(1) a\n1 2\nsummary: 10\ntotals: 10\n").unwrap();
        assert_eq!(counts, Counts { instructions: 2.5, allocations: 1.5, bytes: 25.0 });
    }

    #[test]
    fn a_run_that_counted_nothing_is_no_count() {
        for (said, profile) in [
            (SAID, "events: Ir\nsummary: 0\n"),
            (SAID, "events: Ir\n"),
            (r#"{"case":"a","units":0,"allocations":6,"bytes":100}"#, "summary: 10\n"),
            ("killed", "summary: 10\n"),
        ] {
            assert_eq!(read(said, profile), None, "{said} {profile}");
        }
    }
}
