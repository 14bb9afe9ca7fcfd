//! `cargo xtask bench`: Roomcast, the floor and the peers under the same load, side by side.
//!
//! In: the options of the command line. Out: `results/*.json`, `RESULTS.md`, `plots/*.svg`, and a failure if a message
//! was lost, doubled, altered or out of order. What is odd: no time that was measured fails anything; a missed target
//! stands in the page, for a person to judge.

// What is measured, against whom, where.
mod environment;
mod install;
mod options;
mod plan;
mod scenarios;
mod subjects;
mod versions;

// One run, and what it says.
mod measurement;
mod run;

// All runs, and what they say together.
mod curves;
mod growth;
mod rounds;
mod statistics;

// What is written.
mod plot;
mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;

use self::environment::{Environment, Placement};
use self::options::Options;
use self::plan::SCENARIOS;
use self::rounds::Results;
use self::run::Bench;
use self::scenarios::Pace;
use self::subjects::{Kind, Ready};
use crate::step::{Failure, Outcome, Step};
use crate::{binaries, machine, scratch, test};

/// `cargo xtask bench ...`.
pub(crate) fn run(args: &[&str]) -> Outcome {
    match args {
        ["curves", rest @ ..] => curves::run(&mut Options::parse(rest)?),
        _ => side_by_side(&Options::parse(args)?),
    }
}

fn side_by_side(options: &Options) -> Outcome {
    let scenarios = options.scenarios()?;
    let Prepared { bench, subjects, left_out } = prepare(options)?;
    let environment = Environment::read(&bench.placement);
    let begun = Instant::now();
    let mut results = Results::new(options.pace, options.rounds, scenarios, subjects, left_out);
    for round in 0..options.rounds {
        println!("\nxtask: bench, round {} of {}", round + 1, options.rounds);
        results.measure(&bench, round);
        if options.pace != Pace::Smoke {
            write(&options.out, &results, &environment)?;
        }
    }
    println!("xtask: bench, {:.0} s of measurements", begun.elapsed().as_secs_f32());
    if options.pace != Pace::Smoke {
        println!("xtask: tables in {}", options.out.join("RESULTS.md").display());
    }
    match results.fatal() {
        faults if faults.is_empty() => Ok(()),
        faults => Err(Failure(faults.join("\n"))),
    }
}

/// What there is to measure with, and whom.
struct Prepared {
    bench: Bench,
    subjects: Vec<Ready>,
    /// Peers that cannot be had, and why.
    left_out: Vec<(&'static str, String)>,
}

/// Builds and installs what is asked for, and takes this program off the server's core.
fn prepare(options: &Options) -> Outcome<Prepared> {
    let placement = Placement::read()?;
    let folder = match options.pace {
        // The binaries the tests need anyway.
        Pace::Smoke => test::build().map(|()| binaries())?,
        Pace::Full | Pace::Quick => {
            let build =
                Step::new("cargo").args("build --release -p roomcast-load -p roomcast-floor -p load-subject");
            build.run().map(|()| scratch("release"))?
        }
    };
    let (mut subjects, mut left_out) = (Vec::new(), Vec::new());
    for subject in &options.subjects {
        if !options.installs(subject) && !subject.is_installed() {
            left_out.push((
                subject.name,
                "not installed; a full run installs it, and so does --subjects".to_owned(),
            ));
            continue;
        }
        match subject.prepare(&folder) {
            Ok(ready) => subjects.push(ready),
            Err(failure) if subject.kind == Kind::Peer => left_out.push((subject.name, failure.0)),
            Err(failure) => return Err(failure),
        }
    }
    for (name, why) in &left_out {
        println!("xtask: {name} is left out: {why}");
    }
    let work = scratch("bench-work");
    let made = |error: std::io::Error| Failure(format!("{}: {error}", work.display()));
    fs::create_dir_all(&work).map_err(made)?;
    let certificate = run::certificate(&work)?;
    let web_transport = web_transport(options, &subjects);
    placement.step_aside()?;
    let bench = Bench { load: folder.join("load"), placement, certificate, web_transport, logs: work };
    Ok(Prepared { bench, subjects, left_out })
}

/// What Node needs for WebTransport, if that is measured. Where it cannot be had, that stands in Node's cell.
fn web_transport(options: &Options, subjects: &[Ready]) -> Option<PathBuf> {
    let asked = SCENARIOS.iter().any(|scenario| {
        let speaks = scenario.server.iter().any(|(name, _)| *name == "WEBTRANSPORT");
        speaks
            && options.wants(scenario.key)
            && subjects.iter().any(|ready| scenario.peers.include(ready.name))
    });
    let native = asked.then(|| machine::web_transport("bench/peers/node")).transpose();
    native.inspect_err(|Failure(why)| println!("xtask: no WebTransport for Node: {why}")).ok()??
}

/// Writes results, page and plot of the comparison.
fn write(out: &Path, results: &Results, environment: &Environment) -> Outcome {
    let mut json = results.json();
    json["machine"] = environment.json();
    save_json(out, results.pace.name(), &json)?;
    save_page(out, |old| report::page(old, results, environment))?;
    save(&out.join("plots/ratios.svg"), &plot::ratios(results)?)
}

fn save_json(out: &Path, name: &str, json: &Value) -> Outcome {
    let text = serde_json::to_string_pretty(json).map_err(|error| Failure(error.to_string()))?;
    save(&out.join("results").join(name).with_extension("json"), &(text + "\n"))
}

/// Rewrites the page, or begins one.
fn save_page(out: &Path, change: impl FnOnce(&str) -> String) -> Outcome {
    let path = out.join("RESULTS.md");
    let old = fs::read_to_string(&path).unwrap_or_else(|_| report::BLANK.to_owned());
    save(&path, &change(&old))
}

fn save(path: &Path, text: &str) -> Outcome {
    let failed = |error: std::io::Error| Failure(format!("{}: {error}", path.display()));
    path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
    fs::write(path, text).map_err(failed)
}
