//! The Autobahn suite against the WebSocket codec.
//!
//! In: Python 2.7, which the suite needs. Out: `conformance/autobahn/result.json`, the verdict on each case. What is
//! odd: the suite is of another age; its installation goes through a virtualenv that is old enough to make one for 2.7.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::step::{Failure, Outcome, Step};
use crate::{root, scratch};

const SUITE: &str = "autobahntestsuite==0.8.2";
const VIRTUALENV: &str = "virtualenv==20.15.1";
const AGENT: &str = "roomcast";
/// All; 12 and 13 are compression, 8 and 11 do not exist.
const CASES: [&str; 11] = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*", "12.*", "13.*"];
/// How long the echo server may take to start.
const START: Duration = Duration::from_secs(10);

/// Runs the suite and rewrites the result; a case that fails is a failure.
pub(crate) fn run() -> Outcome {
    let folder = scratch("autobahn");
    install(&folder)?;
    Step::new("cargo").args("build --release -p roomcast-proto --example autobahn_echo").run()?;

    let address = free_address().map_err(|error| Failure(format!("no free port: {error}")))?;
    let report = folder.join("report");
    let spec = folder.join("spec.json");
    let servers = json!([{ "agent": AGENT, "url": format!("ws://{address}") }]);
    let text = json!({
        "outdir": report, "servers": servers, "cases": CASES, "exclude-cases": [], "exclude-agent-cases": {},
    });
    fs::write(&spec, text.to_string()).map_err(|error| at(&spec, &error))?;

    let echo = scratch("release").join("examples/autobahn_echo");
    let server = Step::new(echo.to_string_lossy()).arg(address.to_string()).start()?;
    wait_for(address)?;
    let suite = Step::new(folder.join("venv/bin/wstest").to_string_lossy());
    suite.args("--mode fuzzingclient --spec").arg(&spec).run()?;
    drop(server);

    let index = report.join("index.json");
    let index = fs::read_to_string(&index).map_err(|error| at(&index, &error))?;
    let (text, failed) =
        compact(&index).ok_or_else(|| Failure("the suite wrote a report of another form".into()))?;
    let result = root().join("conformance/autobahn/result.json");
    fs::write(&result, text).map_err(|error| at(&result, &error))?;
    match failed.is_empty() {
        true => Ok(()),
        false => Err(Failure(format!(
            "failed cases: {}; the report is {}; to repeat it:\n  cargo xtask autobahn",
            failed.join(", "),
            report.display()
        ))),
    }
}

fn install(folder: &Path) -> Outcome {
    let (boot, venv) = (folder.join("boot"), folder.join("venv"));
    if venv.join("bin/wstest").exists() {
        return Ok(());
    }
    let python = std::env::var("PYTHON2").unwrap_or_else(|_| "python2.7".to_owned());
    if !Step::new(&python).args("-m pip --version").succeeds() {
        return Err(Failure(format!(
            "the Autobahn suite needs Python 2.7 with pip, and `{python} -m pip` does not run.\nInstall it, \
             with pyenv for example (`pyenv install 2.7.18`, `export PYENV_VERSION=2.7.18`), or set PYTHON2 to \
             its path."
        )));
    }
    Step::new(&python).args("-m pip install --quiet --target").arg(&boot).args(VIRTUALENV).run()?;
    Step::new(&python).args("-m virtualenv --quiet").arg(&venv).env("PYTHONPATH", &boot).run()?;
    Step::new(venv.join("bin/pip").to_string_lossy()).args("install --quiet").args(SUITE).run()
}

/// Free now: the suite is told the address before the server takes it.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}

fn wait_for(address: SocketAddr) -> Outcome {
    let begun = Instant::now();
    while let Err(error) = TcpStream::connect(address) {
        if begun.elapsed() > START {
            return Err(Failure(format!("the echo server does not listen on {address}: {error}")));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn at(path: &Path, error: &io::Error) -> Failure {
    Failure(format!("{}: {error}", path.display()))
}

/// The report as one line for each case, in order, and the cases that failed; `None` if it is no such report.
fn compact(index: &str) -> Option<(String, Vec<String>)> {
    let index: Value = serde_json::from_str(index).ok()?;
    let mut cases: Vec<_> = index.get(AGENT)?.as_object()?.iter().collect();
    cases.sort_by_key(|(case, _)| case.split('.').map(|n| n.parse().unwrap_or(0)).collect::<Vec<u32>>());
    let mut lines = vec![
        format!("  \"suite\": \"{}, fuzzingclient, cases 1-7, 9, 10, 12, 13\"", SUITE.replace("==", " ")),
        "  \"columns\": [\"behavior\", \"behaviorClose\"]".to_owned(),
    ];
    let mut failed = Vec::new();
    for (case, verdict) in cases {
        let [behavior, close] = ["behavior", "behaviorClose"].map(|key| verdict.get(key)?.as_str());
        let (behavior, close) = (behavior?, close?);
        lines.push(format!("  \"{case}\": [\"{behavior}\", \"{close}\"]"));
        if !is_good(behavior) || !is_good(close) {
            failed.push(case.clone());
        }
    }
    Some((format!("{{\n{}\n}}\n", lines.join(",\n")), failed))
}

/// `NON-STRICT` is not good enough here.
fn is_good(verdict: &str) -> bool {
    matches!(verdict, "OK" | "INFORMATIONAL")
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"{"roomcast": {
        "10.1.1": {"behavior": "OK", "behaviorClose": "OK", "duration": 2},
        "2.10": {"behavior": "OK", "behaviorClose": "INFORMATIONAL"},
        "2.9": {"behavior": "NON-STRICT", "behaviorClose": "OK"}
    }}"#;

    #[test]
    fn cases_stand_in_their_order_and_failures_are_named() {
        let (text, failed) = compact(REPORT).unwrap();
        assert_eq!(failed, ["2.9"]);
        let cases: Vec<_> = text.lines().skip(3).take(3).map(|line| &line[..8]).collect();
        assert_eq!(cases, ["  \"2.9\":", "  \"2.10\"", "  \"10.1."]);
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["2.10"], json!(["OK", "INFORMATIONAL"]));
    }

    #[test]
    fn the_kept_result_is_in_the_form_that_is_written() {
        let kept = fs::read_to_string(root().join("conformance/autobahn/result.json")).unwrap();
        let read: Value = serde_json::from_str(&kept).unwrap();
        let verdicts = read.as_object().unwrap().iter().skip(2).map(|(case, verdict)| {
            (case.clone(), json!({ "behavior": verdict[0], "behaviorClose": verdict[1] }))
        });
        let report = json!({ AGENT: verdicts.collect::<serde_json::Map<_, _>>() });
        let (text, failed) = compact(&report.to_string()).unwrap();
        assert_eq!(text, kept);
        assert_eq!(failed, Vec::<String>::new());
    }

    #[test]
    fn any_other_report_is_refused() {
        for text in ["", "{}", r#"{"roomcast": {"1.1.1": {}}}"#, r#"{"other": {}}"#] {
            assert!(compact(text).is_none(), "{text}");
        }
    }
}
