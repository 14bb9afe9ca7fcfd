//! Which tests ran, and how each ended: what `cargo xtask test` leaves behind for `cargo xtask parity`.
//!
//! In: the lines of nextest and `cargo test`; for Node the files that `xtask/reporter.mjs` writes. Out: one file for
//! each part of the tests. What is odd: a part replaces its own file only, so parts may be run one by one; a run of all
//! parts begins with none.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::scratch;
use crate::step::{Failure, Outcome};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Passed,
    Failed,
    Skipped,
}

const WORDS: [(Ending, &str); 3] =
    [(Ending::Passed, "passed"), (Ending::Failed, "failed"), (Ending::Skipped, "skipped")];

/// One test that ran, or was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) ending: Ending,
    /// The file of a JavaScript test or of an example in documentation, nextest's name of the binary for any other test
    /// of Rust, nothing where `cargo test` ran it.
    pub(crate) place: String,
    /// A title, or the path of a function in its crate.
    pub(crate) name: String,
}

impl Ran {
    /// The test that a line of nextest or `cargo test` speaks of.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        match line.strip_prefix("test ") {
            Some(rest) => Self::cargo(rest),
            None => Self::nextest(line),
        }
    }

    /// `PASS [   0.004s] ( 7/79) roomcast::heartbeat a_test`; the counter is not always there.
    fn nextest(line: &str) -> Option<Self> {
        let (status, rest) = line.split_once(" [")?;
        let ending = match status {
            // A test that leaves a process behind has passed, says nextest.
            "PASS" | "LEAK" => Ending::Passed,
            "FAIL" | "ABORT" | "TIMEOUT" => Ending::Failed,
            _ if status.starts_with("SIG") => Ending::Failed,
            _ => return None,
        };
        let rest = rest.split_once("] ")?.1.trim_start();
        let rest = match rest.strip_prefix('(') {
            Some(counted) => counted.split_once(") ")?.1,
            None => rest,
        };
        let (place, name) = rest.split_once(' ')?;
        Some(Self { ending, place: place.to_owned(), name: name.to_owned() })
    }

    /// `a::test ... ok`, or for documentation `src/lib.rs - Io::new (line 3) - compile fail ... ok`.
    fn cargo(rest: &str) -> Option<Self> {
        let (what, status) = rest.rsplit_once(" ... ")?;
        let ending = match status.split([',', ' ']).next()? {
            "ok" => Ending::Passed,
            "FAILED" => Ending::Failed,
            "ignored" => Ending::Skipped,
            _ => return None,
        };
        let (place, name) = match what.split_once(" - ") {
            Some((file, item)) => (file, item.split_once(" (line").map_or(item, |(item, _)| item)),
            None => ("", what),
        };
        Some(Self { ending, place: place.to_owned(), name: name.to_owned() })
    }

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.splitn(3, '\t');
        let word = fields.next()?;
        let ending = WORDS.iter().find(|(_, known)| *known == word)?.0;
        Some(Self { ending, place: fields.next()?.to_owned(), name: fields.next()?.to_owned() })
    }

    fn line(&self) -> String {
        let word = WORDS.iter().find(|(ending, _)| *ending == self.ending).map_or("", |(_, word)| word);
        format!("{word}\t{}\t{}\n", self.place, self.name)
    }
}

/// All tests of the last run of every part, with the time at which that part ended.
#[derive(Debug, Default)]
pub(crate) struct Record(pub(crate) Vec<(SystemTime, Ran)>);

impl Record {
    /// Reads what the parts have left.
    pub(crate) fn load() -> Outcome<Self> {
        let unreadable = |error: std::io::Error| Failure(format!("no record of tests: {error}"));
        let mut all = Vec::new();
        for entry in fs::read_dir(folder()).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let written = fs::metadata(&path).and_then(|about| about.modified()).map_err(unreadable)?;
            let text = fs::read_to_string(&path).map_err(unreadable)?;
            all.extend(text.lines().filter_map(Ran::parse).map(|ran| (written, ran)));
        }
        Ok(Self(all))
    }
}

/// Where a part notes its tests.
pub(crate) fn file(part: &str) -> PathBuf {
    folder().join(format!("{part}.txt"))
}

/// Forgets what `part` noted, or everything; the folder is there afterwards.
pub(crate) fn forget(part: Option<&str>) -> Outcome {
    let gone = match part {
        Some(part) => fs::remove_file(file(part)),
        None => fs::remove_dir_all(folder()),
    };
    match gone {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure(error.to_string())),
        _ => fs::create_dir_all(folder()).map_err(|error| Failure(error.to_string())),
    }
}

/// Notes what ran in `part`.
pub(crate) fn write(part: &str, tests: &[Ran]) -> Outcome {
    let text: String = tests.iter().map(Ran::line).collect();
    fs::write(file(part), text).map_err(|error| Failure(error.to_string()))
}

/// The reporter that makes `node --test` note its tests.
pub(crate) fn reporter() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("reporter.mjs")
}

fn folder() -> PathBuf {
    scratch("test-record")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_both_runners_name_their_tests() {
        let table = [
            (
                "        PASS [   0.004s] ( 7/79) xtask::bin/xtask step::tests::fails\n",
                Ending::Passed,
                "xtask::bin/xtask",
                "step::tests::fails",
            ),
            (
                "        PASS [   0.004s] roomcast::rooms a_room\n",
                Ending::Passed,
                "roomcast::rooms",
                "a_room",
            ),
            ("        LEAK [   0.104s] (1/2) roomcast a::b\n", Ending::Passed, "roomcast", "a::b"),
            (
                "        FAIL [   1.2s] (10/79) roomcast::rooms a_room\n",
                Ending::Failed,
                "roomcast::rooms",
                "a_room",
            ),
            (
                "     SIGSEGV [   1.2s] (10/79) roomcast::rooms a_room\n",
                Ending::Failed,
                "roomcast::rooms",
                "a_room",
            ),
            ("     TIMEOUT [  60.0s] roomcast::rooms a_room\n", Ending::Failed, "roomcast::rooms", "a_room"),
            ("test step::tests::fails ... ok\n", Ending::Passed, "", "step::tests::fails"),
            ("test step::tests::fails ... FAILED\n", Ending::Failed, "", "step::tests::fails"),
            ("test slow ... ignored, takes long\n", Ending::Skipped, "", "slow"),
            (
                "test crates/roomcast/src/io/mod.rs - io::Io::of (line 12) ... ok\n",
                Ending::Passed,
                "crates/roomcast/src/io/mod.rs",
                "io::Io::of",
            ),
            (
                "test crates/a/src/lib.rs - event (line 12) - compile fail ... ok\n",
                Ending::Passed,
                "crates/a/src/lib.rs",
                "event",
            ),
        ];
        for (line, ending, place, name) in table {
            let ran = Ran { ending, place: place.to_owned(), name: name.to_owned() };
            assert_eq!(Ran::read(line), Some(ran), "{line}");
        }
    }

    #[test]
    fn other_lines_name_no_test() {
        let lines = [
            "        SLOW [> 60.000s] roomcast::rooms a_room",
            "     Summary [   0.309s] 79 tests run: 79 passed, 0 skipped",
            "test result: ok. 5 passed; 0 failed; 1 ignored",
            "test step::tests::slow has been running for over 60 seconds",
            "✔ an event arrives (1.2ms)",
            "",
        ];
        for line in lines {
            assert_eq!(Ran::read(line), None, "{line}");
        }
    }

    #[test]
    fn what_is_noted_is_read_again() {
        for (ending, _) in WORDS {
            let ran = Ran { ending, place: "a.mjs".to_owned(), name: "ends 3-[\"a\",1], twice".to_owned() };
            assert_eq!(Ran::parse(ran.line().trim_end()), Some(ran));
        }
        assert_eq!(Ran::parse("perhaps\ta.mjs\ta test"), None);
        assert_eq!(Ran::parse("passed\ta.mjs"), None);
    }
}
