//! The scenarios: what the clients do, and what is counted.
//!
//! In: the parameters of a run; out: its report. Odd: a scenario that stops early still reports what was wrong until
//! then.

mod run;

mod tally;

mod silent;

mod ask;

mod idle;

mod connect;

mod churn;

mod heartbeat;

mod fanout;

mod forms;

mod rooms;

mod many_rooms;

mod one_socket;

mod except;

mod presence;

mod echo;

mod attachment;

mod polling;

mod pace;

mod latency;

mod slow;

mod webtransport;

pub(crate) use forms::WireForm;
pub(crate) use run::Run;

use crate::params::Scenario;
use crate::report::Report;

/// Performs a run.
pub(crate) fn perform(mut run: Run) -> Report {
    let outcome = match run.params.scenario {
        Scenario::Idle => idle::idle(&mut run),
        Scenario::Connect => connect::connect(&mut run),
        Scenario::Churn => churn::churn(&mut run),
        Scenario::Heartbeat => heartbeat::heartbeat(&mut run),
        Scenario::Fanout => fanout::fanout(&mut run),
        Scenario::Forms => forms::forms(&mut run),
        Scenario::Rooms => rooms::rooms(&mut run),
        Scenario::ManyRooms => many_rooms::many_rooms(&mut run),
        Scenario::OneSocket => one_socket::one_socket(&mut run),
        Scenario::Except => except::except(&mut run),
        Scenario::Presence => presence::presence(&mut run),
        Scenario::Echo => echo::echo(&mut run),
        Scenario::Attachment => attachment::attachment(&mut run),
        Scenario::Polling => polling::polling(&mut run),
        Scenario::Latency => latency::latency(&mut run),
        Scenario::Slow => slow::slow(&mut run),
        Scenario::WebTransport => webtransport::webtransport(&mut run),
    };
    run.report(outcome)
}
