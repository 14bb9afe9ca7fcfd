//! `cargo xtask bench curves`: what a unit of work costs as the work grows.
//!
//! In: the options of a run. Out: `results/curves.json`, a table in `RESULTS.md` and a plot for each curve. What is odd:
//! a curve that bends upward is marked, not failed: whether there is a good reason for it stands in the prose of the page.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::environment::Environment;
use super::growth::{CURVES, Curve, Point};
use super::measurement::Measurement;
use super::options::Options;
use super::plot::{self, Line};
use super::report::{OURS, replaced};
use super::run::{Bench, Job};
use super::scenarios::Pace;
use super::statistics::{Sample, digits};
use super::subjects::{Kind, Ready, find};
use super::{Prepared, prepare, save, save_json, save_page};
use crate::step::{Failure, Outcome};

/// Above this a step counts as bent upward: less is what runs differ by.
const BENT: f64 = 1.25;

/// The runs of one subject at one point, a measurement for each round.
struct Cell {
    curve: &'static Curve,
    point: &'static Point,
    subject: &'static str,
    rounds: Vec<Measurement>,
}

impl Cell {
    /// µs per unit.
    fn sample(&self) -> Option<Sample> {
        Sample::of(
            self.rounds.iter().filter_map(|round| Some(round.number("/server_cpu_ns_per_unit")? / 1e3)),
        )
    }

    fn faults(&self) -> Option<String> {
        let faults: Vec<_> =
            self.rounds.iter().flat_map(|round| round.faults.iter().map(String::as_str)).collect();
        let place =
            || format!("{} in {}, {} {}: ", self.subject, self.curve.key, self.point.x, self.curve.axis);
        (!faults.is_empty()).then(|| place() + &faults.join("; "))
    }
}

/// Measures the curves, and writes them.
pub(super) fn run(options: &mut Options) -> Outcome {
    options.check(CURVES.iter().map(|curve| curve.key))?;
    if options.pace == Pace::Smoke {
        return Err(Failure("curves have no smoke run: their sizes are what they are about".into()));
    }
    let chosen: Vec<_> = CURVES.iter().filter(|curve| options.wants(curve.key)).collect();
    // The others only if they are named: a curve is about what grows, not about who is cheaper.
    options.subjects.retain(|subject| options.named || ["roomcast", "floor"].contains(&subject.name));
    let Prepared { bench, subjects, .. } = prepare(options)?;
    let subjects: Vec<_> = subjects.iter().collect();
    let cells = measure(&bench, &chosen, &subjects, options.rounds);
    let environment = Environment::read(&bench.placement);
    write(options, &chosen, &cells, &environment)?;
    let fatal = |cell: &&Cell| find(cell.subject).is_ok_and(|subject| subject.kind != Kind::Peer);
    let faults: Vec<_> = cells.iter().filter(fatal).filter_map(Cell::faults).collect();
    if faults.is_empty() { Ok(()) } else { Err(Failure(faults.join("\n"))) }
}

fn measure(bench: &Bench, curves: &[&'static Curve], subjects: &[&Ready], rounds: usize) -> Vec<Cell> {
    let mut cells = Vec::new();
    for &curve in curves {
        for point in curve.points {
            let job = Job {
                arguments: point.load.split_whitespace().map(ToOwned::to_owned).collect(),
                environment: Vec::new(),
                cores: point.cores,
                tls: false,
            };
            let mut these: Vec<_> = subjects
                .iter()
                .map(|subject| Cell { curve, point, subject: subject.name, rounds: Vec::new() })
                .collect();
            for _ in 0..rounds {
                for (subject, cell) in subjects.iter().zip(&mut these) {
                    cell.rounds.push(bench.measure(subject, &job));
                }
            }
            for cell in &these {
                let cost = cell.sample().map_or("-".to_owned(), |sample| digits(sample.median));
                let faults = cell.faults().map_or(String::new(), |faults| format!("  FAULT: {faults}"));
                println!("{:<14}{:>9}  {:<21}{cost:>9}{faults}", curve.key, point.x, cell.subject);
            }
            cells.extend(these);
        }
    }
    cells
}

fn write(options: &Options, curves: &[&'static Curve], cells: &[Cell], environment: &Environment) -> Outcome {
    save_json(&options.out, "curves", &raw(cells, environment))?;
    let mut text = format!(
        "{}; median of {} round{}.\n",
        environment.line(),
        options.rounds,
        if options.rounds == 1 { "" } else { "s" },
    );
    for curve in curves {
        let lines = lines(curve, cells);
        text += &table(curve, &lines);
        save(
            &options.out.join(format!("plots/curve-{}.svg", curve.key)),
            &plot::curve(curve.title, curve.axis, &lines)?,
        )?;
    }
    let faults: Vec<_> =
        cells.iter().filter_map(Cell::faults).map(|fault| format!("- † {fault}\n")).collect();
    text += &faults.concat();
    save_page(&options.out, |old| replaced(old, "curves", &text))
}

/// The points of every subject that has some.
fn lines(curve: &Curve, cells: &[Cell]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for cell in cells.iter().filter(|cell| cell.curve.key == curve.key) {
        let Some(sample) = cell.sample() else { continue };
        let point = (f64::from(cell.point.x), sample.median);
        match lines.iter_mut().find(|line| line.subject == cell.subject) {
            Some(line) => line.points.push(point),
            None => lines.push(Line { subject: cell.subject, points: vec![point] }),
        }
    }
    lines
}

/// A curve as a table: a column for each size, and where it bends.
fn table(curve: &Curve, lines: &[Line]) -> String {
    let mut text = format!("\n### {}\n\n![{}](plots/curve-{}.svg)\n\n", curve.title, curve.title, curve.key);
    let _ = write!(text, "| {} |", curve.axis);
    for point in curve.points {
        let _ = write!(text, " {} |", digits(f64::from(point.x)));
    }
    let _ = writeln!(text, " bends upward |\n|---|{}---|", "---|".repeat(curve.points.len()));
    for line in lines {
        let _ = write!(text, "| {} (µs) |", line.subject);
        for point in curve.points {
            let found = line.points.iter().find(|(x, _)| (x - f64::from(point.x)).abs() < 0.5);
            let _ = write!(text, " {} |", found.map_or(String::new(), |(_, cost)| digits(*cost)));
        }
        let _ = writeln!(text, " {} |", bends(line));
    }
    text
}

/// The sizes at which ours costs clearly more than at the size before.
fn bends(line: &Line) -> String {
    if line.subject != OURS {
        return String::new();
    }
    let steps = line.points.windows(2).filter(|pair| pair[1].1 > pair[0].1 * BENT);
    let at: Vec<_> =
        steps.map(|pair| format!("at {} (×{})", digits(pair[1].0), digits(pair[1].1 / pair[0].1))).collect();
    if at.is_empty() { "no".to_owned() } else { at.join(", ") }
}

fn raw(cells: &[Cell], environment: &Environment) -> Value {
    let points: Vec<_> = cells
        .iter()
        .map(|cell| {
            let said: Vec<_> = cell.rounds.iter().map(|round| &round.said).collect();
            json!({
                "curve": cell.curve.key, "x": cell.point.x, "subject": cell.subject, "rounds": said,
                "fault": cell.faults(),
            })
        })
        .collect();
    json!({ "machine": environment.json(), "points": points })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(point: usize, subject: &'static str, ns: &[f64]) -> Cell {
        let said = ns.iter().map(|ns| json!({ "server_cpu_ns_per_unit": ns }).to_string());
        let rounds = said.map(|said| Measurement::read(&said, true, "")).collect();
        Cell { curve: &CURVES[0], point: &CURVES[0].points[point], subject, rounds }
    }

    #[test]
    fn a_curve_is_a_table_of_medians_and_says_where_it_bends() {
        let cells = [
            cell(0, "roomcast", &[5000.0, 9000.0, 4000.0]),
            cell(1, "roomcast", &[5100.0]),
            cell(2, "roomcast", &[8000.0]),
            cell(0, "floor", &[1000.0]),
            cell(1, "floor", &[3000.0]),
        ];
        let table = table(&CURVES[0], &lines(&CURVES[0], &cells));
        assert!(table.contains("| roomcast (µs) | 5.00 | 5.10 | 8.00 |  |  | at 100 (×1.57) |\n"), "{table}");
        assert!(
            table.contains("| floor (µs) | 1.00 | 3.00 |  |  |  |  |\n"),
            "the yardstick is not judged: {table}"
        );
    }

    #[test]
    fn a_run_without_a_number_is_a_fault_and_no_point() {
        let broken = Cell { rounds: vec![Measurement::broken("hung")], ..cell(1, "roomcast", &[]) };
        assert!(
            broken.faults().is_some_and(|text| text.contains("room-size, 10 ") && text.ends_with("hung"))
        );
        assert!(lines(&CURVES[0], &[broken]).is_empty());
    }
}
