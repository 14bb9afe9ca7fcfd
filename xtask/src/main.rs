//! `cargo xtask <command>`: every chore of the project has a command here.
//!
//! In: a command and its options. Out: what the tools say, a table of the tests that ran, and an exit code. What is
//! odd: the tests need the binaries of this workspace, and those lie beside this program, wherever that is.

// One command of a shell: shown, run, named again if it fails; ended if it hangs.
mod step;
mod watch;

// What its output says about tests: how many, and which.
mod record;
mod tally;

// What a machine has to have, and how it gets it.
mod machine;

// The chores.
mod audit;
mod autobahn;
mod bench;
mod fuzz;
mod guard;
mod lint;
mod million;
mod parity;
mod test;
mod upstream;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use step::{Failure, Outcome};
use tally::Tally;

const USAGE: &str = "\
usage: cargo xtask <command>

  test [part ...]       all tests, or only: rust, web, conformance, chat
  suites                the protocol suites alone: Engine.IO and Socket.IO
  reference             the conformance tests against the official packages, to prove the tests
  upstream <folder>     the test suites of the official project, from a checkout of github.com/socketio/socket.io
  parity                docs/parity.md against the tests of the last run of all: is each row proven?
  lint                  format, clippy, rustdoc; every warning is an error
  audit                 licences, sources and versions of all that is used, advisories where they can be had;
                        --advisories to fail where they cannot
  fuzz <target|all>     fuzz a target; --seconds N (60), --keep to add what is new to the kept corpus,
                        --input FILE to run one input again
  guard [--update]      count instructions and allocations, compare with the committed baseline, or renew it
  autobahn              the Autobahn suite against the WebSocket codec, needs Python 2.7
  million               how many clients this machine holds, written into bench/MILLION.md, about ten minutes;
                        --quick, --smoke for less of it, unwritten
  bench                 Roomcast beside the floor and the peers, 25 minutes; --quick takes three, --smoke only
                        looks for faults; --only scenario,... --subjects a,b --rounds N --out DIR
  bench curves          what a unit of work costs as the work grows; --only curve,...
  ci                    lint, audit, test, parity, guard, small runs of bench and million, 20 seconds of every fuzz target";

const SMOKE_SECONDS: u32 = 20;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let begun = Instant::now();
    let mut tally = Tally::default();
    let outcome = run(&args, &mut tally);
    print!("{tally}");
    let seconds = begun.elapsed().as_secs();
    match outcome {
        Ok(()) => {
            println!("xtask: done in {seconds} s");
            ExitCode::SUCCESS
        }
        Err(Failure(text)) => {
            eprintln!("xtask: failed after {seconds} s\n{text}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str], tally: &mut Tally) -> Outcome {
    match args {
        ["test", parts @ ..] => test::run(parts, tally),
        ["suites"] => test::suites(tally),
        ["reference"] => test::reference(tally),
        ["parity"] => parity::run(),
        ["upstream", source] => upstream::run(Path::new(source), tally),
        ["lint"] => lint::run(),
        ["audit", options @ ..] => audit::run(options),
        ["fuzz", target, options @ ..] => fuzz::run(target, &fuzz::Options::parse(options)?),
        ["guard", options @ ..] => guard::run(guard::Mode::parse(options)?),
        ["million", options @ ..] => million::run(options),
        ["autobahn"] => autobahn::run(),
        ["bench", options @ ..] => bench::run(options),
        ["ci"] => {
            let smoke = fuzz::Options::seconds(SMOKE_SECONDS);
            let chores = [
                lint::run(),
                audit::run(&[]),
                test::run(&[], tally),
                parity::run(),
                guard::run(guard::Mode::Check),
                bench::run(&["--smoke"]),
                million::run(&["--smoke"]),
                fuzz::run("all", &smoke),
            ];
            step::all(chores.into_iter())
        }
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(Failure(USAGE.to_owned())),
    }
}

/// The folder of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository")
}

/// Where cargo puts the binaries of the workspace: this program is one of them.
fn binaries() -> PathBuf {
    let own = std::env::current_exe().expect("the system knows what it runs");
    own.parent().expect("a program lies in a folder").to_owned()
}

/// Where this program may keep what it makes.
fn scratch(name: &str) -> PathBuf {
    let target = binaries().parent().map(Path::to_owned).expect("cargo's folders are two deep");
    target.join(name)
}
