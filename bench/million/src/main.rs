//! How many clients one machine holds; `cargo xtask million` runs this and writes `bench/MILLION.md`.
//!
//! ```text
//! million memory   [--sessions N] [--room N] [--ping-interval MS] [--broadcasts N]
//! million sockets  [--clients N] [--servers N] [--room N] [--ping-interval MS] [--broadcasts N]
//! ```
//! In: a scenario and its sizes. Out: one JSON object on stdout, progress on stderr; the exit code is 1 if a client got
//! anything but each message once, in order, unaltered. What is odd: the second scenario runs this same program again,
//! as `server` and as `clients`, because one process may not open enough files for both.

// The server under test, and what it is told by its clients.
mod subject;

// One client without a transport.
mod client;
mod frame;
mod message;

// A million of them over pipes in memory.
mod memory;

// Many of them over loopback.
mod sockets;

// What is measured, and how it is said.
mod allocator;
mod failure;
mod meter;
mod options;

use std::process::ExitCode;

use failure::{Failure, Outcome};
use options::Options;

const USAGE: &str = "usage: million <memory|sockets> [--sessions N] [--clients N] [--servers N] [--room N] \
                     [--ping-interval MILLISECONDS] [--broadcasts N]";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(text)) => {
            eprintln!("million: {text}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Outcome {
    let (command, options) = args.split_first().ok_or_else(|| Failure(USAGE.to_owned()))?;
    let options = Options::parse(options)?;
    match command.as_str() {
        "memory" => println!("{}", memory::run(&options)?),
        "sockets" => println!("{}", sockets::run(&options)?),
        // The parts of `sockets`.
        "server" => sockets::server(&options)?,
        "clients" => sockets::clients(&options)?,
        _ => return Err(Failure(USAGE.to_owned())),
    }
    Ok(())
}
