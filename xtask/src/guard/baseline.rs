//! What was counted, as it is kept, and how two countings differ.
//!
//! In: two [`Baseline`]s. Out: a [`Comparison`], which a person can read. What is odd: a change for the better is as
//! much a change as one for the worse.

use std::fmt;

use serde_json::{Map, Value};

use crate::step::{Outcome, Step};

/// The largest change that passes, where the toolchain is the baseline's.
const TOLERANCE: f64 = 0.05;

/// The same for instructions where it is another version: what a compiler inlines and what the libraries of system and
/// language do moves a count by several percent although nothing of ours has changed, while a mistake of ours (a copy, a
/// second look-up, a walk that grew) costs more. Allocations do not depend on it and are held to [`TOLERANCE`].
const OTHER_VERSION: f64 = 0.25;

/// What one unit of a case costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Counts {
    pub(super) instructions: f64,
    pub(super) allocations: f64,
    pub(super) bytes: f64,
}

/// What else decides how many instructions there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Toolchain {
    rustc: String,
    /// The target, and whether the processor has the wide instructions that libraries look for when they run. Counts of
    /// another one cannot be compared at all.
    host: String,
    libc: String,
}

/// Counts by case, in the order of the data, and how they came about.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Baseline {
    pub(super) toolchain: Toolchain,
    pub(super) cases: Vec<(String, Counts)>,
}

/// Every case with what has become of it.
#[derive(Debug)]
pub(super) struct Comparison {
    rows: Vec<Row>,
    /// Said below the table.
    remark: Option<String>,
}

#[derive(Debug)]
struct Row {
    name: String,
    verdict: Verdict,
    now: Option<Counts>,
    before: Option<Counts>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    Worse,
    Better,
    /// It is not in the baseline.
    New,
    /// It is only in the baseline.
    Gone,
}

impl Toolchain {
    pub(super) fn current() -> Outcome<Self> {
        let version = Step::new("rustc").args("--version --verbose").output()?;
        let line = |key| version.lines().find_map(|line: &str| line.strip_prefix(key)).unwrap_or("unknown");
        // Where there is no glibc its version is that of nobody.
        let libc =
            Step::new("getconf").args("GNU_LIBC_VERSION").output().unwrap_or_else(|_| "unknown".into());
        #[cfg(target_arch = "x86_64")]
        let wide = if std::arch::is_x86_feature_detected!("avx2") { ", avx2" } else { "" };
        #[cfg(not(target_arch = "x86_64"))]
        let wide = "";
        Ok(Self {
            rustc: line("rustc ").to_owned(),
            host: format!("{}{wide}", line("host: ")),
            libc: libc.trim().to_owned(),
        })
    }
}

impl Baseline {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let text = |key: &str| value[key].as_str().map(ToOwned::to_owned).ok_or(format!("no {key}"));
        let toolchain = Toolchain { rustc: text("rustc")?, host: text("host")?, libc: text("libc")? };
        let cases = value["cases"].as_object().ok_or("no cases")?;
        let counts = |(name, case): (&String, &Value)| {
            let count = |key: &str| case[key].as_f64().ok_or(format!("{name}: no {key}"));
            let counts = Counts {
                instructions: count("instructions")?,
                allocations: count("allocations")?,
                bytes: count("bytes")?,
            };
            Ok::<_, String>((name.clone(), counts))
        };
        Ok(Self { toolchain, cases: cases.iter().map(counts).collect::<Result<_, _>>()? })
    }

    /// How these counts differ from older ones.
    pub(super) fn compare(&self, before: &Self) -> Comparison {
        let same_host = self.toolchain.host == before.toolchain.host;
        let (tolerance, remark) = match self.toolchain == before.toolchain {
            true => (TOLERANCE, None),
            false if same_host => (OTHER_VERSION, Some("instructions may differ by 25 %")),
            false => (f64::INFINITY, Some("instructions are not compared")),
        };
        let remark = remark.map(|what| {
            let (now, then) = (&self.toolchain, &before.toolchain);
            format!("another toolchain than the baseline's, {what}:\n  {now}\n  {then}")
        });
        let find = |cases: &[(String, Counts)], name: &str| {
            cases.iter().find(|(other, _)| other == name).map(|(_, counts)| *counts)
        };
        let row = |name: &str| {
            let (now, before) = (find(&self.cases, name), find(&before.cases, name));
            let verdict = match (now, before) {
                (Some(now), Some(before)) => judge(&now, &before, tolerance),
                (Some(_), None) => Verdict::New,
                (None, _) => Verdict::Gone,
            };
            Row { name: name.to_owned(), verdict, now, before }
        };
        let gone = before.cases.iter().filter(|(name, _)| find(&self.cases, name).is_none());
        let rows = self.cases.iter().chain(gone).map(|(name, _)| row(name)).collect();
        Comparison { rows, remark }
    }
}

/// One that is worse in anything is worse.
fn judge(now: &Counts, before: &Counts, tolerance: f64) -> Verdict {
    let changes = [
        (change(now.instructions, before.instructions), tolerance),
        (change(now.allocations, before.allocations), TOLERANCE),
        (change(now.bytes, before.bytes), TOLERANCE),
    ];
    if changes.iter().any(|(change, tolerance)| change > tolerance) {
        Verdict::Worse
    } else if changes.iter().any(|(change, tolerance)| *change < -tolerance) {
        Verdict::Better
    } else {
        Verdict::Same
    }
}

/// By which part of what it was it has grown; from nothing, anything is without bound.
fn change(now: f64, before: f64) -> f64 {
    if before == 0.0 {
        return if now == 0.0 { 0.0 } else { f64::INFINITY };
    }
    (now - before) / before
}

impl Comparison {
    pub(super) fn is_good(&self) -> bool {
        self.rows.iter().all(|row| row.verdict == Verdict::Same)
    }
}

/// The form that is kept: one line for each case, so that a diff shows what has changed.
impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Toolchain { rustc, host, libc } = &self.toolchain;
        let text = |text: &str| Value::from(text).to_string();
        let (rustc, host, libc) = (text(rustc), text(host), text(libc));
        writeln!(f, "{{\n  \"rustc\": {rustc},\n  \"host\": {host},\n  \"libc\": {libc},\n  \"cases\": {{")?;
        for (index, (name, counts)) in self.cases.iter().enumerate() {
            let pairs = [
                ("instructions", rounded(counts.instructions, 10.0)),
                ("allocations", rounded(counts.allocations, 100.0)),
                ("bytes", rounded(counts.bytes, 10.0)),
            ];
            let counts: Map<String, Value> =
                pairs.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
            let comma = if index + 1 < self.cases.len() { "," } else { "" };
            writeln!(f, "    {}: {}{comma}", text(name), Value::Object(counts))?;
        }
        writeln!(f, "  }}\n}}")
    }
}

/// Fewer digits, so that what averages out does not show as a change.
fn rounded(number: f64, steps: f64) -> f64 {
    (number * steps).round() / steps
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rustc {}, {}, {}", self.rustc, self.host, self.libc)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<46}{:>22}{:>19}{:>19}", "one unit of", "instructions", "allocations", "bytes")?;
        for Row { name, verdict, now, before } in &self.rows {
            write!(f, "{name:<46}")?;
            let pick = |count: fn(&Counts) -> f64| (now.as_ref().map(count), before.as_ref().map(count));
            write!(f, "{:>22}", cell(pick(|counts| counts.instructions), 0))?;
            write!(f, "{:>19}", cell(pick(|counts| counts.allocations), 2))?;
            write!(f, "{:>19}", cell(pick(|counts| counts.bytes), 0))?;
            match verdict {
                Verdict::Same => writeln!(f)?,
                other => writeln!(f, "  {}", format!("{other:?}").to_uppercase())?,
            }
        }
        self.remark.as_ref().map_or(Ok(()), |remark| writeln!(f, "{remark}"))
    }
}

/// A count, and how it has changed.
fn cell((now, before): (Option<f64>, Option<f64>), digits: usize) -> String {
    match (now, before) {
        (None, _) => "-".to_owned(),
        (Some(now), None) => format!("{now:.digits$}"),
        (Some(now), Some(before)) => match change(now, before) * 100.0 {
            percent if percent.abs() < 0.05 => format!("{now:.digits$}"),
            percent => format!("{now:.digits$} {percent:+.1}%"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: Counts = Counts { instructions: 1_000.0, allocations: 4.0, bytes: 200.0 };

    fn baseline(cases: &[(&str, Counts)]) -> Baseline {
        let toolchain = Toolchain { rustc: "1".into(), host: "a, avx2".into(), libc: "2".into() };
        Baseline {
            toolchain,
            cases: cases.iter().map(|(name, counts)| ((*name).to_owned(), *counts)).collect(),
        }
    }

    fn verdict(now: Counts) -> Verdict {
        baseline(&[("a", now)]).compare(&baseline(&[("a", COUNTS)])).rows[0].verdict
    }

    #[test]
    fn five_percent_pass_and_more_does_not_in_either_direction() {
        assert_eq!(verdict(COUNTS), Verdict::Same);
        assert_eq!(verdict(Counts { instructions: 1_050.0, ..COUNTS }), Verdict::Same);
        assert_eq!(verdict(Counts { instructions: 1_051.0, ..COUNTS }), Verdict::Worse);
        assert_eq!(verdict(Counts { instructions: 949.0, ..COUNTS }), Verdict::Better);
        assert_eq!(verdict(Counts { allocations: 4.3, ..COUNTS }), Verdict::Worse);
        assert_eq!(verdict(Counts { bytes: 180.0, ..COUNTS }), Verdict::Better);
        // Half as many instructions do not pay for one more allocation.
        assert_eq!(verdict(Counts { instructions: 500.0, allocations: 5.0, ..COUNTS }), Verdict::Worse);
    }

    #[test]
    fn the_first_allocation_where_there_was_none_is_worse() {
        let none = Counts { allocations: 0.0, bytes: 0.0, ..COUNTS };
        let one = Counts { allocations: 0.01, bytes: 8.0, ..COUNTS };
        let compare =
            |now, before| baseline(&[("a", now)]).compare(&baseline(&[("a", before)])).rows[0].verdict;
        assert_eq!(compare(one, none), Verdict::Worse);
        assert_eq!(compare(none, one), Verdict::Better);
        assert_eq!(compare(none, none), Verdict::Same);
    }

    #[test]
    fn a_case_that_came_or_went_needs_a_new_baseline() {
        let (one, two) = (baseline(&[("a", COUNTS)]), baseline(&[("a", COUNTS), ("b", COUNTS)]));
        assert!(one.compare(&one).is_good());
        assert!(!two.compare(&one).is_good() && two.compare(&one).to_string().contains("NEW"));
        assert!(!one.compare(&two).is_good() && one.compare(&two).to_string().contains("GONE"));
    }

    #[test]
    fn another_toolchain_may_count_other_instructions_but_not_other_allocations() {
        let before = baseline(&[("a", COUNTS)]);
        let compare = |counts: Counts, change: fn(&mut Toolchain)| {
            let mut now = baseline(&[("a", counts)]);
            change(&mut now.toolchain);
            now.compare(&before)
        };
        let other_rustc = |toolchain: &mut Toolchain| toolchain.rustc = "2".into();
        let other_host = |toolchain: &mut Toolchain| toolchain.host = "b".into();
        let more = |factor| Counts { instructions: COUNTS.instructions * factor, ..COUNTS };
        assert!(compare(more(1.2), other_rustc).is_good());
        assert!(!compare(more(1.3), other_rustc).is_good());
        assert!(compare(more(3.0), other_host).is_good());
        assert!(!compare(Counts { allocations: 5.0, ..COUNTS }, other_host).is_good());
        assert!(compare(COUNTS, other_rustc).to_string().contains("another toolchain"));
    }

    #[test]
    fn what_is_written_reads_back() {
        let kept = baseline(&[("a \"b\"", COUNTS), ("c", Counts { allocations: 0.25, ..COUNTS })]);
        assert_eq!(Baseline::parse(&kept.to_string()), Ok(kept));
        for bad in ["", "{}", r#"{"rustc":"1","host":"a","libc":"2","cases":{"a":{}}}"#] {
            assert!(Baseline::parse(bad).is_err(), "{bad}");
        }
    }
}
