//! All tests: Rust's own, the browser client's, the conformance tests, the chat in a browser.
//!
//! In: which parts. Out: their counts, and a record of the tests by name. What is odd: everything is built once, with all
//! features, as debug binaries; the Node suites start those.

use crate::machine::{WEB_TRANSPORT, chromium, npm_ci, python, web_transport};
use crate::record;
use crate::step::{Failure, Outcome, Step, all};
use crate::tally::Tally;
use crate::{binaries, root};

type Part = fn(&mut Tally) -> Outcome;

const PARTS: [(&str, Part); 4] = [("rust", rust), ("web", web), ("conformance", conformance), ("chat", chat)];

/// Runs the parts of those names, or all.
pub(crate) fn run(names: &[&str], tally: &mut Tally) -> Outcome {
    let known: Vec<_> = PARTS.iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        return Err(Failure(format!("no part {unknown}; there are {}", known.join(", "))));
    }
    if names.is_empty() {
        record::forget(None)?;
    }
    let chosen = PARTS.iter().filter(|(name, _)| names.is_empty() || names.contains(name));
    all(chosen.map(|(name, part)| {
        record::forget(Some(name))?;
        part(tally).map_err(|failure| again(&failure, &format!("test {name}")))
    }))
}

/// The protocol suites alone: Engine.IO, Engine.IO of revision 3, Socket.IO.
pub(crate) fn suites(tally: &mut Tally) -> Outcome {
    build()?;
    npm_ci("conformance")?;
    let suites = [
        ("Engine.IO", "engine-protocol"),
        ("Engine.IO v3", "engine-v3-protocol"),
        ("Socket.IO", "socket-protocol"),
    ];
    for (name, suite) in suites {
        let file = format!("tests/{suite}.test.mjs");
        let step = Step::new("node").args("--test --test-timeout=120000").arg(file).inside("conformance");
        let step = readable(step).env("SUBJECT", "rust").env("BIN_DIR", binaries());
        step.count(name, tally).map_err(|failure| again(&failure, "suites"))?;
    }
    Ok(())
}

/// The conformance tests against the packages they describe.
pub(crate) fn reference(tally: &mut Tally) -> Outcome {
    let step = readable(Step::new("npm").args("run --silent test:reference").inside("conformance"));
    with_clients(step)?.count("reference", tally).map_err(|failure| again(&failure, "reference"))
}

fn rust(tally: &mut Tally) -> Outcome {
    build()?;
    let cargo = || Step::new("cargo");
    let tests = match cargo().args("nextest --version").succeeds() {
        true => cargo().args("nextest run --no-fail-fast"),
        false => cargo().args("test --no-fail-fast --tests"),
    };
    let outcomes = [
        tests.args("--workspace --all-features").count("rust", tally),
        cargo().args("test --doc --workspace --all-features").count("rust, documentation", tally),
        record::write("rust", &tally.tests),
    ];
    all(outcomes.into_iter())
}

fn web(tally: &mut Tally) -> Outcome {
    npm_ci("clients/web")?;
    let npm = |args| Step::new("npm").args(args).inside("clients/web");
    npm("run --silent check").run()?;
    let chromium = chromium()?;
    let test = |args| npm(args).env("CHROMIUM", &chromium);
    readable(test("test --silent")).count("web client, reference", tally)?;
    build()?;
    let ours = noted(test("run --silent test:rust"), "web");
    ours.env("WEB_FIXTURE_BIN", binaries().join("web-fixture")).count("web client, ours", tally)
}

fn conformance(tally: &mut Tally) -> Outcome {
    build()?;
    let step = Step::new("npm").args("run --silent test:rust").inside("conformance");
    let step = noted(step, "conformance").env("BIN_DIR", binaries());
    with_clients(step)?.count("conformance", tally)
}

/// The conformance tests with all that their clients need: packages, a browser, WebTransport for Node.
fn with_clients(step: Step) -> Outcome<Step> {
    let step = match web_transport("conformance")? {
        Some(native) => step.env(WEB_TRANSPORT, native),
        None => step,
    };
    Ok(step.env("CHROMIUM", chromium()?))
}

fn chat(tally: &mut Tally) -> Outcome {
    build()?;
    npm_ci("examples/chat")?;
    let step = Step::new("npm").args("test --silent").inside("examples/chat");
    noted(step, "chat")
        .env("CHROMIUM", chromium()?)
        .env("PYTHON", python("examples/chat/test/python")?)
        .env("CHAT_BIN", binaries().join("chat"))
        .env("ARTIFACTS", root().join("artifacts"))
        .count("chat in a browser", tally)
}

/// One set of features for the tests and the binaries, so that nothing is built twice.
pub(crate) fn build() -> Outcome {
    Step::new("cargo").args("build --workspace --all-features --all-targets").run()
}

/// Without a terminal Node writes TAP, which has six lines for every test.
fn readable(step: Step) -> Step {
    let options = std::env::var("NODE_OPTIONS").unwrap_or_default();
    step.env("NODE_OPTIONS", format!("{options} --test-reporter=spec").trim_start())
}

/// The same, and each test is noted in the record of that part.
fn noted(step: Step, part: &str) -> Step {
    let options = std::env::var("NODE_OPTIONS").unwrap_or_default();
    let (reporter, file) = (record::reporter(), record::file(part));
    let both = format!(
        "{options} --test-reporter=spec --test-reporter-destination=stdout \
         --test-reporter=\"{}\" --test-reporter-destination=\"{}\"",
        reporter.display(),
        file.display()
    );
    step.env("NODE_OPTIONS", both.trim_start())
}

fn again(Failure(text): &Failure, command: &str) -> Failure {
    Failure(format!("{text}\nor all of it:\n  cargo xtask {command}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_part_is_refused_before_anything_runs() {
        let Err(Failure(text)) = run(&["rust", "everything"], &mut Tally::default()) else {
            panic!("there is no such part")
        };
        assert!(text.contains("everything") && text.contains("rust, web, conformance, chat"));
    }
}
