//! The load generator: many Socket.IO clients on one thread, which check everything they receive.
//!
//! ```text
//! load <scenario> --port P --pid SERVER_PID [--clients N --rooms N --members N --size BYTES --inflight N --seconds S
//!      --warmup S --namespaces N --rate PER_S --broadcast --form F --tls --threads-of PID --patience S]
//! ```
//!
//! In: a server that runs on a port of this machine and speaks the events of `bench/` (`broadcast`, `join`, `rooms`,
//! `leave`, `room`, `except`, `echo`), and the id of its process. Out: one JSON object on standard output, and the exit
//! code 1 if any client missed a message, or got one twice, out of order, altered or unasked.
//!
//! The time that the server takes is read from the kernel's clock of its process, at the edges of the measured window
//! only, after a warm-up. Odd: the load has to be far cheaper than any server, so it knows beforehand what bytes will
//! come and compares them; a byte that differs sends it the slow way (`check`). Sending is a template with a number in
//! it, masked with the key zero (`frame`).
//!
//! The way through this program:
//!
//! ```text
//!   params ─► scenario ─► fleet ─► net ─► the server
//!                │          │
//!             measure     check
//!                └─► report ◄┘
//! ```

mod params;

mod scenario;

mod fleet;

mod frame;

mod http;

mod net;

mod check;

mod measure;

mod report;

use std::process::ExitCode;

use crate::params::{Arguments, Params};
use crate::scenario::Run;

fn main() -> ExitCode {
    let params = Params::from(Arguments::read());
    let report = Run::begin(params).map_or_else(report::Report::failed, scenario::perform);
    println!("{}", serde_json::to_string(&report).expect("a report has nothing that JSON has not"));
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
