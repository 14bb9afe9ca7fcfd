//! How many tests ran, passed, failed or were left out, as their runners say.
//!
//! In: the lines of nextest, `cargo test`, `node --test` and mocha. Out: a table. What is odd: nothing else is understood of
//! the output; whether a suite has failed is what its exit code says.

use std::fmt;

use crate::record::Ran;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
}

impl Counts {
    pub(crate) fn add(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.skipped += more.skipped;
    }

    /// What one line of output adds.
    pub(crate) fn read(line: &str) -> Self {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# ")) {
            return Self::node(rest);
        }
        let cargo = line.strip_prefix("test result:");
        match cargo.or_else(|| line.strip_prefix("Summary [")) {
            Some(rest) => Self::rust(rest),
            None => Self::mocha(line),
        }
    }

    /// `12 passing (3s)`, `1 pending`, `2 failing`.
    fn mocha(line: &str) -> Self {
        let mut counts = Self::default();
        let mut words = line.split(' ');
        let Some(Ok(number)) = words.next().map(str::parse) else { return counts };
        match (words.next(), words.next()) {
            (Some("passing"), Some(time)) if time.starts_with('(') => counts.passed = number,
            (Some("failing"), None) => counts.failed = number,
            (Some("pending"), None) => counts.skipped = number,
            _ => {}
        }
        counts
    }

    /// `pass 12`, `fail 0`, ...
    fn node(line: &str) -> Self {
        let mut counts = Self::default();
        let Some((word, number)) = line.split_once(' ') else { return counts };
        let Ok(number) = number.parse() else { return counts };
        match word {
            "pass" => counts.passed = number,
            "fail" | "cancelled" => counts.failed = number,
            "skipped" | "todo" => counts.skipped = number,
            _ => {}
        }
        counts
    }

    /// `... 12 passed; 0 failed; 1 ignored; ...` or `... 12 tests run: 12 passed (1 slow), 1 skipped`.
    fn rust(line: &str) -> Self {
        let mut counts = Self::default();
        let words: Vec<_> = line.split_whitespace().collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u32>() else { continue };
            match pair[1].trim_end_matches([',', ';']) {
                "passed" => counts.passed += number,
                "failed" => counts.failed += number,
                "skipped" | "ignored" => counts.skipped += number,
                _ => {}
            }
        }
        counts
    }
}

/// The suites that ran, in their order.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    suites: Vec<(String, Counts)>,
    /// Their tests, where the output names each in one line: those of Rust.
    pub(crate) tests: Vec<Ran>,
}

impl Tally {
    pub(crate) fn add(&mut self, name: &str, counts: Counts) {
        self.suites.push((name.to_owned(), counts));
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.suites.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n{:<24}{:>8}{:>8}{:>8}", "tests", "passed", "failed", "skipped")?;
        let mut all = Counts::default();
        for (name, counts) in &self.suites {
            all.add(*counts);
            row(f, name, *counts)?;
        }
        row(f, "all", all)
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, counts: Counts) -> fmt::Result {
    writeln!(f, "{name:<24}{:>8}{:>8}{:>8}", counts.passed, counts.failed, counts.skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_every_runner_are_understood() {
        let table = [
            // node --test, its spec reporter and its TAP reporter
            ("ℹ pass 27\n", (27, 0, 0)),
            ("# fail 2\n", (0, 2, 0)),
            ("# skipped 3\n", (0, 0, 3)),
            ("# duration_ms 20692.557507\n", (0, 0, 0)),
            ("# Subtest: pass 9 balls\n", (0, 0, 0)),
            // cargo test
            ("test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out;\n", (5, 0, 1)),
            ("test result: FAILED. 4 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n", (4, 1, 0)),
            // nextest
            ("     Summary [   3.412s] 268 tests run: 268 passed (2 slow), 4 skipped\n", (268, 0, 4)),
            ("     Summary [   3.4s] 9 tests run: 7 passed, 2 failed, 0 skipped\n", (7, 2, 0)),
            // mocha
            ("  111 passing (9s)\n", (111, 0, 0)),
            ("  1 pending\n", (0, 0, 1)),
            ("  2 failing\n", (0, 2, 0)),
            ("  2 failing attempts are made\n", (0, 0, 0)),
            // anything else
            ("test a_test ... ok\n", (0, 0, 0)),
        ];
        for (line, (passed, failed, skipped)) in table {
            assert_eq!(Counts::read(line), Counts { passed, failed, skipped }, "{line}");
        }
    }

    #[test]
    fn the_table_ends_with_the_sum() {
        let mut tally = Tally::default();
        assert_eq!(tally.to_string(), "");
        tally.add("a", Counts { passed: 1, failed: 2, skipped: 3 });
        tally.add("b", Counts { passed: 10, failed: 0, skipped: 0 });
        let text = tally.to_string();
        let last: Vec<_> = text.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(last, ["all", "11", "2", "3"]);
    }
}
