//! Work whose cost is counted, not timed: `cargo xtask guard` runs it under callgrind and compares with a baseline.
//!
//! In: the name of a case, or `list`. Out: one JSON object with the allocations of the counted part, and how many units
//! of work it was; the instructions are counted by callgrind, which looks for one function by its name. What is odd: the
//! server runs on one thread over wires in memory, so that every run does the same.

// The cases, in the order in which data flows through the house.
mod codec;
mod rooms;
mod server;

// What a case is, and how its work is counted.
mod case;

// Shared with the server's own tests, which prove that they count and carry truly.
#[path = "../../../crates/roomcast/tests/support/allocations.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod allocations;
#[path = "../../../crates/roomcast/tests/support/wire.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod wire;

use std::process::ExitCode;

use allocations::Counting;
use case::Case;

#[global_allocator]
static COUNTING: Counting = Counting;

fn main() -> ExitCode {
    let cases: Vec<Case> = [codec::cases(), rooms::cases(), server::cases()].into_iter().flatten().collect();
    let wanted = std::env::args().nth(1).unwrap_or_default();
    if wanted == "list" {
        cases.iter().for_each(|case| println!("{}", case.name));
        return ExitCode::SUCCESS;
    }
    let Some(case) = cases.iter().find(|case| case.name == wanted) else {
        eprintln!("usage: guard list, or guard <case>; there is no case {wanted:?}");
        return ExitCode::FAILURE;
    };
    println!("{}", case.run());
    ExitCode::SUCCESS
}
