//! The results as Markdown tables, between marks in a page whose prose is written by hand.
//!
//! In: [`Results`] and the page as it is. Out: the page with new tables. What is odd: only what stands between
//! `<!-- bench:NAME -->` and `<!-- /bench:NAME -->` is ours to change; a page that lacks a mark gets it at its end.

use std::fmt::Write as _;

use serde_json::Value;

use super::environment::Environment;
use super::rounds::Results;
use super::scenarios::{Pace, Row, Scenario, Target};
use super::statistics::{Sample, digits};
use super::subjects::{Kind, SUBJECTS, Subject};

/// Who the ratios are about.
pub(super) const OURS: &str = "roomcast";

/// What a page begins as where there is none.
pub(super) const BLANK: &str = "\
# Results of `cargo xtask bench`

<!-- bench:machine -->
<!-- /bench:machine -->

## Targets

<!-- bench:targets -->
<!-- /bench:targets -->

## Figures

<!-- bench:figures -->
<!-- /bench:figures -->

<!-- bench:faults -->
<!-- /bench:faults -->

## Ratios

<!-- bench:ratios -->
<!-- /bench:ratios -->

![What everybody costs as a multiple of what Roomcast costs](plots/ratios.svg)

## As the work grows

<!-- bench:curves -->
<!-- /bench:curves -->
";

/// A page with the results in it.
pub(super) fn page(old: &str, results: &Results, environment: &Environment) -> String {
    let mut page = old.to_owned();
    for (name, text) in [
        ("machine", machine(results, environment)),
        ("targets", targets(results)),
        ("figures", figures(results)),
        ("ratios", ratios(results)),
        ("faults", faults(results)),
    ] {
        page = replaced(&page, name, &text);
    }
    page
}

/// The page with that text between the marks of that name.
pub(super) fn replaced(page: &str, name: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- bench:{name} -->"), format!("<!-- /bench:{name} -->"));
    let block = format!("{begin}\n{}\n{end}", text.trim_end());
    let place = page.find(&begin).and_then(|from| {
        let length = page.get(from..)?.find(&end)?;
        Some((from, from + length + end.len()))
    });
    match place {
        Some((from, to)) => format!("{}{block}{}", &page[..from], &page[to..]),
        None => format!("{}\n\n{block}\n", page.trim_end()).trim_start().to_owned(),
    }
}

fn machine(results: &Results, environment: &Environment) -> String {
    let mut text = format!(
        "{}; a {} run of {} round{}{}.\n\n",
        environment.line(),
        results.pace.name(),
        results.rounds,
        if results.rounds == 1 { "" } else { "s" },
        if results.pace == Pace::Full {
            ""
        } else {
            ", some of it with fewer clients or rooms than the titles say"
        },
    );
    for subject in &results.subjects {
        let _ = writeln!(text, "- {}: {}", subject.name, subject.version);
    }
    for (name, why) in &results.left_out {
        let _ = writeln!(text, "- {name}: **left out**, {}", cell_text(why));
    }
    text
}

/// Every row with a target: what was measured, what was wanted.
fn targets(results: &Results) -> String {
    let mut text = String::from("| scenario | measured | target | |\n|---|---|---|---|\n");
    for (scenario, row) in rows(results) {
        let Some(target) = row.target else { continue };
        let (measured, limit, wanted) = match target {
            Target::AtMost(limit) => {
                (results.sample(scenario, &row.metric, OURS), limit, format!("at most {}", digits(limit)))
            }
            Target::Of(other, limit) => (
                results.ratio(scenario, &row.metric, OURS, other),
                limit,
                format!("at most {} of {other}", digits(limit)),
            ),
        };
        let sound = results.faults(scenario, OURS).is_empty();
        let verdict = match measured {
            None => "not measured",
            Some(_) if !sound => "**fault**",
            Some(sample) if sample.median <= limit => "met",
            Some(_) => "**missed**",
        };
        let _ = writeln!(text, "| {} | {} | {wanted} | {verdict} |", row.title, spread(measured));
    }
    text
}

/// Every row, absolute.
fn figures(results: &Results) -> String {
    let subjects = present(results);
    let mut text = String::from("| scenario |");
    let _ = writeln!(text, "{}", columns(subjects.iter().map(|subject| subject.title)));
    let _ = writeln!(text, "|---|{}", "---|".repeat(subjects.len()));
    for (scenario, row) in rows(results) {
        let cells = subjects.iter().map(|subject| {
            let mark = if results.faults(scenario, subject.name).is_empty() { "" } else { " †" };
            format!("{}{mark}", spread(results.sample(scenario, &row.metric, subject.name)))
        });
        let _ = writeln!(text, "| {} |{}", row.title, columns(cells));
    }
    text + &ends_of_the_slow(results)
}

/// How the connections of slow readers ended, as far as the wire shows it.
fn ends_of_the_slow(results: &Results) -> String {
    let mut lines = String::new();
    for scenario in &results.scenarios {
        for subject in present(results) {
            let ends = results.said(scenario, subject.name, "/slow/reasons").and_then(Value::as_object);
            let ends = ends.into_iter().flatten();
            let ends: Vec<_> = ends.map(|(end, count)| format!("{} × {count}", cell_text(end))).collect();
            if !ends.is_empty() {
                let _ = writeln!(lines, "- {} closed slow readers with: {}", subject.title, ends.join(", "));
            }
        }
    }
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

/// Every row that is a cost: ours as a ratio to each of the others.
fn ratios(results: &Results) -> String {
    let subjects: Vec<_> = present(results).into_iter().filter(|subject| subject.name != OURS).collect();
    let mut text = String::from("| Roomcast as a ratio to |");
    let _ = writeln!(text, "{} best peer |", columns(subjects.iter().map(|subject| subject.title)));
    let _ = writeln!(text, "|---|{}---|", "---|".repeat(subjects.len()));
    for (scenario, row) in rows(results).filter(|(_, row)| row.metric.cost) {
        let ratio = |subject: &&Subject| results.ratio(scenario, &row.metric, OURS, subject.name);
        let cells = subjects.iter().map(|subject| spread(ratio(subject)));
        // The best peer is the one we have the highest ratio to.
        let peers = subjects.iter().filter(|subject| subject.kind == Kind::Peer);
        let sound = peers.filter(|subject| results.faults(scenario, subject.name).is_empty());
        let best = sound.filter_map(|subject| Some((ratio(subject)?.median, subject.title)));
        let best = best.max_by(|one, other| one.0.total_cmp(&other.0));
        let verdict = match best {
            None => String::new(),
            Some((ratio, title)) if ratio < 1.0 => format!("{title}: ahead"),
            Some((_, title)) => format!("{title}: **behind**"),
        };
        let _ = writeln!(text, "| {} |{} {verdict} |", row.title, columns(cells));
    }
    text
}

/// What the marks in the tables stand for.
fn faults(results: &Results) -> String {
    let mut text = String::new();
    for scenario in &results.scenarios {
        for subject in &results.subjects {
            let faults = results.faults(scenario, subject.name);
            if !faults.is_empty() {
                let shown: Vec<_> = faults.iter().take(3).map(|fault| cell_text(fault)).collect();
                let more = match faults.len() {
                    0..=3 => String::new(),
                    all => format!("; and {} more", all - 3),
                };
                let _ =
                    writeln!(text, "- † {} in `{}`: {}{more}", subject.name, scenario.key, shown.join("; "));
            }
        }
    }
    if text.is_empty() {
        "Every message arrived once, in order, unaltered, in every run of every subject.".to_owned()
    } else {
        text
    }
}

fn rows(results: &Results) -> impl Iterator<Item = (&'static Scenario, &'static Row)> {
    results
        .scenarios
        .clone()
        .into_iter()
        .flat_map(|scenario| scenario.rows.iter().map(move |row| (scenario, row)))
}

/// The subjects that were measured, in the order of the tables.
fn present(results: &Results) -> Vec<&'static Subject> {
    let measured = |subject: &&Subject| results.subjects.iter().any(|ready| ready.name == subject.name);
    SUBJECTS.iter().filter(measured).collect()
}

fn columns(cells: impl Iterator<Item = impl AsRef<str>>) -> String {
    cells.fold(String::new(), |mut line, cell| {
        let _ = write!(line, " {} |", cell.as_ref().trim());
        line
    })
}

/// The median, and the spread if there is one.
fn spread(sample: Option<Sample>) -> String {
    let Some(Sample { median, min, max }) = sample else { return String::new() };
    let [median, min, max] = [median, min, max].map(digits);
    if min == max { median } else { format!("{median} ({min}..{max})") }
}

/// Without what would break a table or a list.
fn cell_text(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "/");
    match line.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bench::plan::SCENARIOS;
    use crate::bench::subjects::Ready;

    fn results(keys: &[&str]) -> Results {
        let scenarios = SCENARIOS.iter().filter(|scenario| keys.contains(&scenario.key)).collect();
        let ready = |name| Ready {
            name,
            program: "x".into(),
            before: Vec::new(),
            after: Vec::new(),
            version: format!("{name} 1.0"),
        };
        let subjects = ["roomcast", "floor", "node-ws", "bun"].map(ready).to_vec();
        Results::new(Pace::Full, 3, scenarios, subjects, vec![("python", "no | pip".into())])
    }

    fn costs(results: &mut Results, scenario: &'static str, subject: &'static str, ns: [f64; 3]) {
        for (round, ns) in ns.into_iter().enumerate() {
            results.pretend(scenario, subject, round, json!({ "server_cpu_ns_per_unit": ns, "errors": [] }));
        }
    }

    fn line<'a>(table: &'a str, title: &str) -> &'a str {
        table.lines().find(|line| line.starts_with(&format!("| {title}"))).unwrap()
    }

    #[test]
    fn a_target_is_met_or_missed_by_the_median_of_the_ratios() {
        let mut results = results(&["echo-1", "heartbeat", "connect"]);
        costs(&mut results, "echo-1", "roomcast", [5500.0, 5500.0, 9000.0]);
        costs(&mut results, "echo-1", "floor", [5000.0, 5000.0, 5000.0]);
        costs(&mut results, "heartbeat", "roomcast", [12_000.0, 12_000.0, 1000.0]);
        costs(&mut results, "heartbeat", "floor", [10_000.0, 10_000.0, 10_000.0]);
        let table = targets(&results);
        assert_eq!(
            line(&table, "echo with ack, 50"),
            "| echo with ack, 50 clients, 1 each (µs per round trip) | 1.10 (1.10..1.80) | at most 1.15 of floor | met |"
        );
        assert!(
            line(&table, "heartbeat")
                .ends_with("| 1.20 (0.100..1.20) | at most 1.15 of floor | **missed** |")
        );
        assert!(line(&table, "connect").ends_with("|  | at most 1.50 of floor | not measured |"));
    }

    #[test]
    fn an_absolute_target_is_compared_in_the_unit_of_its_row() {
        let mut results = results(&["idle"]);
        results.pretend("idle", "roomcast", 0, json!({ "rss_kib_per_client": 2.4 }));
        assert!(line(&targets(&results), "idle").ends_with("| 2.40 | at most 2.50 | met |"));
    }

    #[test]
    fn the_best_peer_is_the_cheapest_one_without_a_fault() {
        let mut results = results(&["echo-1"]);
        costs(&mut results, "echo-1", "roomcast", [5000.0; 3]);
        costs(&mut results, "echo-1", "node-ws", [10_000.0; 3]);
        costs(&mut results, "echo-1", "bun", [8000.0; 3]);
        assert!(line(&ratios(&results), "echo").ends_with("| bun: ahead |"));
        let fault = json!({ "server_cpu_ns_per_unit": 4000.0, "errors": ["lost 3"] });
        results.pretend("echo-1", "bun", 0, fault);
        let table = ratios(&results);
        assert!(line(&table, "echo").ends_with("|  | 0.500 | 0.625 | node ws: ahead |"), "{table}");
    }

    #[test]
    fn a_fault_of_a_peer_stands_in_its_cell_and_below_and_fails_nothing() {
        let mut results = results(&["slow"]);
        let said =
            json!({ "slow": { "lost_silently": 19_010 }, "errors": ["client 3: 1,901 messages lost"] });
        results.pretend("slow", "bun", 0, said);
        assert!(line(&figures(&results), "5 % stop reading: messages lost").ends_with("| 19,010 † |"));
        assert_eq!(faults(&results), "- † bun in `slow`: client 3: 1,901 messages lost\n");
        assert!(results.fatal().is_empty());
    }

    #[test]
    fn how_slow_readers_were_closed_stands_below_the_figures() {
        let mut results = results(&["slow", "idle"]);
        results.pretend(
            "slow",
            "floor",
            0,
            json!({ "slow": { "reasons": { "a reset": 3, "close frame 1008 ": 1 } } }),
        );
        results.pretend("slow", "bun", 0, json!({ "slow": { "reasons": {} } }));
        let text = figures(&results);
        assert!(
            text.ends_with("|\n\n- floor closed slow readers with: a reset × 3, close frame 1008 × 1\n"),
            "{text}"
        );
    }

    #[test]
    fn a_fault_of_ours_or_of_the_floor_is_fatal_and_no_target_is_met_with_it() {
        let mut results = results(&["slow", "echo-1"]);
        let said = json!({ "slow": { "lost_silently": 0 }, "errors": ["client 3: out of order"] });
        results.pretend("slow", "roomcast", 0, said);
        results.pretend("echo-1", "floor", 1, json!({ "errors": ["altered"] }));
        let fatal =
            ["roomcast in slow, round 1: client 3: out of order", "floor in echo-1, round 2: altered"];
        assert_eq!(results.fatal(), fatal);
        assert!(targets(&results).contains("**fault**"));
    }

    #[test]
    fn prose_around_the_marks_stays() {
        let page = "# Results\n\nBefore.\n<!-- bench:targets -->\nold\n<!-- /bench:targets -->\nAfter.\n";
        let new = replaced(page, "targets", "| new |\n");
        assert_eq!(
            new,
            "# Results\n\nBefore.\n<!-- bench:targets -->\n| new |\n<!-- /bench:targets -->\nAfter.\n"
        );
        assert_eq!(replaced(&new, "targets", "| new |\n"), new);
    }

    #[test]
    fn a_page_without_the_marks_gets_them_at_its_end() {
        let new = replaced("# Results\n", "faults", "none");
        assert_eq!(new, "# Results\n\n<!-- bench:faults -->\nnone\n<!-- /bench:faults -->\n");
        // A mark that is never closed is prose.
        assert!(
            replaced("<!-- bench:faults -->\nx\n", "faults", "y").starts_with("<!-- bench:faults -->\nx\n")
        );
    }

    #[test]
    fn who_was_left_out_is_said_above_the_tables() {
        let environment = Environment {
            date: "2026-11-24".into(),
            processor: "a processor".into(),
            cores: 2,
            memory_gib: 23,
            kernel: "Linux 6.18".into(),
            congestion_control: "cubic".into(),
            rust: "rustc 1.95".into(),
            commit: "abc".into(),
        };
        let text = machine(&results(&["idle"]), &environment);
        assert!(
            text.starts_with(
                "a processor, 2 cores, 23 GiB, Linux 6.18 (tcp_congestion_control cubic); rustc"
            ),
            "{text}"
        );
        assert!(
            text.contains("- python: **left out**, no / pip\n") && text.contains("- bun: bun 1.0\n"),
            "{text}"
        );
        let page = page(BLANK, &results(&["idle"]), &environment);
        for name in ["machine", "targets", "figures", "ratios", "faults"] {
            assert_eq!(page.matches(&format!("<!-- bench:{name} -->\n")).count(), 1, "{name}");
        }
        assert!(page.contains("idle WebSocket clients"), "{page}");
    }

    #[test]
    fn the_kept_page_has_a_place_for_every_table() {
        let kept = std::fs::read_to_string(crate::root().join("bench/RESULTS.md")).unwrap();
        for mark in BLANK.lines().filter(|line| line.starts_with("<!--")) {
            assert_eq!(kept.matches(mark).count(), 1, "{mark}");
        }
    }
}
