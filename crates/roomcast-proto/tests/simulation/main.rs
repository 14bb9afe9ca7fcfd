//! Both ends of an engine session against each other, on a virtual clock and a random network.
//!
//! In: a seed. It draws a [`Scenario`](scenario::Scenario): how long packets travel, what the two applications send,
//! what breaks and when, who closes. Out: nothing, or a panic that names the seed. What is odd: nothing here sleeps,
//! and one seed always takes the same course, so a failure is found again by its number.
//!
//! Held on every run: messages come once and in order, nothing comes after the end, each end learns of the other's
//! within the heartbeat, every request is answered or given up, and nothing is left over.

mod check;
mod client;
mod network;
mod operations;
mod random;
mod scenario;
mod server;
mod world;

use scenario::{Fault, Scenario};
use world::{Outcome, run};

/// Runs the seeds, and gives what came of them.
fn run_all(seeds: std::ops::Range<u64>, scenario: fn(u64) -> Scenario) -> Vec<Outcome> {
    seeds
        .map(|seed| {
            let scenario = scenario(seed);
            std::panic::catch_unwind(|| run(&scenario))
                .unwrap_or_else(|_| panic!("the run above failed: seed {seed}, {scenario:?}"))
        })
        .collect()
}

#[test]
fn a_sound_network_delivers_everything_across_upgrades_and_closes_in_good_order() {
    let outcomes = run_all(0..800, Scenario::sound);
    // The seeds are worth something only if they come into every corner.
    let upgraded = outcomes.iter().filter(|outcome| outcome.upgraded).count();
    let given_up = outcomes.iter().filter(|outcome| outcome.probe_failed).count();
    let delivered: usize = outcomes.iter().map(|outcome| outcome.delivered).sum();
    assert!(upgraded > 200, "{upgraded} of {} upgraded", outcomes.len());
    assert!(given_up > 50, "{given_up} gave up an upgrade");
    assert!(delivered > 100_000, "{delivered} packets delivered");
}

#[test]
fn a_broken_network_loses_nothing_in_the_middle_and_both_ends_learn_of_the_end() {
    let outcomes = run_all(1000..2500, Scenario::broken);
    for fault in Fault::ALL {
        let met = outcomes.iter().filter(|outcome| outcome.fault_met == Some(fault)).count();
        assert!(met > 20, "{fault:?} was met {met} times");
    }
    let reasons: std::collections::HashSet<_> =
        outcomes.iter().filter_map(|outcome| outcome.server_reason).collect();
    assert!(reasons.len() >= 4, "the server saw only {reasons:?}");
}

#[test]
fn one_seed_takes_one_course() {
    for seed in [3, 1003, 1234] {
        let scenario = Scenario::broken(seed);
        assert_eq!(run(&scenario), run(&scenario), "seed {seed}");
    }
}
