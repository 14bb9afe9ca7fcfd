//! The scenarios: what the clients do, and what is counted.
//!
//! In: the parameters of a run; out: its report. Odd: a scenario that stops early still reports what was wrong until
//! then.

mod run;

mod silent;

mod ask;

mod idle;

mod connect;

mod heartbeat;

mod fanout;

mod rooms;

mod echo;

pub(crate) use run::Run;

use crate::params::Scenario;
use crate::report::Report;

/// Performs a run.
pub(crate) fn perform(mut run: Run) -> Report {
    let outcome = match run.params.scenario {
        Scenario::Idle => idle::idle(&mut run),
        Scenario::Connect => connect::connect(&mut run),
        Scenario::Heartbeat => heartbeat::heartbeat(&mut run),
        Scenario::Fanout => fanout::fanout(&mut run),
        Scenario::Rooms => rooms::rooms(&mut run),
        Scenario::Echo => echo::echo(&mut run),
    };
    run.report(outcome)
}
