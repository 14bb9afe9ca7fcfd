//! All runs, in rounds: what is measured, and what came of it.
//!
//! In: the scenarios, the subjects, how many rounds. Out: [`Results`]. What is odd: the subjects take turns within each
//! scenario, so that whatever slows the machine down for a while hits all of them; each round begins with another one.

use std::time::Instant;

use serde_json::{Value, json};

use super::measurement::Measurement;
use super::run::{Bench, Job};
use super::scenarios::{Metric, Pace, Scenario};
use super::statistics::Sample;
use super::subjects::{Kind, Ready, find};

/// One run and its place.
#[derive(Clone, Debug)]
struct Run {
    scenario: &'static str,
    subject: &'static str,
    round: usize,
    seconds: f64,
    measurement: Measurement,
}

/// What came of all runs.
#[derive(Debug)]
pub(super) struct Results {
    pub(super) pace: Pace,
    pub(super) rounds: usize,
    pub(super) scenarios: Vec<&'static Scenario>,
    pub(super) subjects: Vec<Ready>,
    /// Subjects that could not be built or installed, and why.
    pub(super) left_out: Vec<(&'static str, String)>,
    runs: Vec<Run>,
}

impl Results {
    pub(super) fn new(
        pace: Pace,
        rounds: usize,
        scenarios: Vec<&'static Scenario>,
        subjects: Vec<Ready>,
        left_out: Vec<(&'static str, String)>,
    ) -> Self {
        Self { pace, rounds, scenarios, subjects, left_out, runs: Vec::new() }
    }

    /// Makes all runs of one round, and shows each.
    pub(super) fn measure(&mut self, bench: &Bench, round: usize) {
        for scenario in self.scenarios.clone() {
            let mut subjects: Vec<_> =
                self.subjects.iter().filter(|subject| self.runs_in(scenario, subject, round)).collect();
            if !subjects.is_empty() {
                let turn = round % subjects.len();
                subjects.rotate_left(turn);
            }
            let job = Job {
                arguments: scenario.arguments(self.pace).map(ToOwned::to_owned).collect(),
                environment: scenario.server.to_vec(),
                cores: scenario.cores,
                tls: scenario.tls,
            };
            let mut runs = Vec::new();
            for subject in subjects {
                let begun = Instant::now();
                let measurement = bench.measure(subject, &job);
                let seconds = begun.elapsed().as_secs_f64();
                println!("{}", line(scenario, subject.name, &measurement, seconds));
                runs.push(Run { scenario: scenario.key, subject: subject.name, round, seconds, measurement });
            }
            self.runs.extend(runs);
        }
    }

    /// Whether that subject takes part in that scenario, in this round.
    fn runs_in(&self, scenario: &Scenario, subject: &Ready, round: usize) -> bool {
        let Ok(known) = find(subject.name) else { return false };
        match known.kind {
            Kind::Ours => round < scenario.rounds,
            // A quick run has no time for both floors where the targets need one.
            Kind::Floor if self.pace == Pace::Quick && subject.name != "floor" => {
                scenario.floor && scenario.aims_at(subject.name)
            }
            Kind::Floor => scenario.floor && round < scenario.rounds,
            Kind::Peer => {
                scenario.peers.include(subject.name)
                    && (self.pace == Pace::Full || scenario.peers_in_quick)
                    && round < scenario.rounds.min(known.rounds)
            }
        }
    }

    /// That number of every round; `None` where a round has none.
    fn numbers(&self, scenario: &Scenario, metric: &Metric, subject: &str) -> Vec<Option<f64>> {
        (0..self.rounds)
            .map(|round| {
                let run = self.runs.iter().find(|run| {
                    run.scenario == scenario.key && run.subject == subject && run.round == round
                })?;
                Some(run.measurement.number(metric.pointer)? * metric.scale)
            })
            .collect()
    }

    /// What the rounds say of a number.
    pub(super) fn sample(&self, scenario: &Scenario, metric: &Metric, subject: &str) -> Option<Sample> {
        Sample::of(self.numbers(scenario, metric, subject).into_iter().flatten())
    }

    /// What the rounds say of one subject beside another.
    pub(super) fn ratio(
        &self,
        scenario: &Scenario,
        metric: &Metric,
        ours: &str,
        theirs: &str,
    ) -> Option<Sample> {
        Sample::ratio(&self.numbers(scenario, metric, ours), &self.numbers(scenario, metric, theirs))
    }

    /// What the load generator said of one of its runs at that JSON pointer; of the last run, if there are several.
    pub(super) fn said(&self, scenario: &Scenario, subject: &str, pointer: &str) -> Option<&Value> {
        let mut runs = self.runs.iter().rev();
        let run = runs.find(|run| run.scenario == scenario.key && run.subject == subject)?;
        run.measurement.said.pointer(pointer)
    }

    /// What was wrong in a cell, each thing once.
    pub(super) fn faults(&self, scenario: &Scenario, subject: &str) -> Vec<&str> {
        let runs = self.runs.iter().filter(|run| run.scenario == scenario.key && run.subject == subject);
        let mut faults = Vec::new();
        for fault in runs.flat_map(|run| &run.measurement.faults) {
            if !faults.contains(&fault.as_str()) {
                faults.push(fault);
            }
        }
        faults
    }

    /// What was wrong with ours or the floor: that fails the whole.
    pub(super) fn fatal(&self) -> Vec<String> {
        let fatal = |run: &&Run| find(run.subject).is_ok_and(|subject| subject.kind != Kind::Peer);
        let runs = self.runs.iter().filter(fatal);
        runs.filter(|run| !run.measurement.is_sound())
            .map(|run| {
                let what = run.measurement.brief();
                format!("{} in {}, round {}: {what}", run.subject, run.scenario, run.round + 1)
            })
            .collect()
    }

    /// Everything, raw.
    pub(super) fn json(&self) -> Value {
        let subjects: Vec<_> = self
            .subjects
            .iter()
            .map(|subject| json!({ "name": subject.name, "version": subject.version }))
            .collect();
        let left_out: Vec<_> =
            self.left_out.iter().map(|(name, why)| json!({ "name": name, "why": why })).collect();
        let runs: Vec<_> = self
            .runs
            .iter()
            .map(|run| {
                json!({
                    "scenario": run.scenario, "subject": run.subject, "round": run.round + 1,
                    "seconds": (run.seconds * 100.0).round() / 100.0,
                    "faults": run.measurement.faults, "result": run.measurement.said,
                })
            })
            .collect();
        json!({
            "pace": self.pace.name(), "rounds": self.rounds, "subjects": subjects, "left_out": left_out, "runs": runs,
        })
    }

    /// As if that had been measured.
    #[cfg(test)]
    pub(super) fn pretend(
        &mut self,
        scenario: &'static str,
        subject: &'static str,
        round: usize,
        said: Value,
    ) {
        let measurement = Measurement::read(&said.to_string(), true, "");
        self.runs.push(Run { scenario, subject, round, seconds: 0.0, measurement });
    }
}

/// A run in one line, for who waits.
fn line(scenario: &Scenario, subject: &str, measurement: &Measurement, seconds: f64) -> String {
    let values: Vec<_> = scenario
        .rows
        .iter()
        .map(|row| match measurement.number(row.metric.pointer) {
            Some(number) => super::statistics::digits(number * row.metric.scale),
            None => "-".to_owned(),
        })
        .collect();
    let share = measurement.number("/load_share").map_or(String::new(), |share| format!("  load {share:.2}"));
    let faults = match measurement.is_sound() {
        true => String::new(),
        false => format!("  FAULT: {}", measurement.brief()),
    };
    format!("{:<18}{subject:<21}{:>16}  {seconds:>5.1} s{share}{faults}", scenario.key, values.join(" / "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::plan::SCENARIOS;
    use crate::bench::scenarios::Target;
    use crate::bench::subjects::SUBJECTS;

    /// Who takes part in a scenario, in the first round and in the last of three.
    fn taking_part(pace: Pace, key: &str, round: usize) -> Vec<&'static str> {
        let ready = |name| Ready {
            name,
            program: "x".into(),
            before: Vec::new(),
            after: Vec::new(),
            version: String::new(),
        };
        let subjects = SUBJECTS.iter().map(|subject| ready(subject.name)).collect();
        let results = Results::new(pace, 3, Vec::new(), subjects, Vec::new());
        let scenario = SCENARIOS.iter().find(|scenario| scenario.key == key).unwrap();
        let those = results.subjects.iter().filter(|subject| results.runs_in(scenario, subject, round));
        those.map(|subject| subject.name).collect()
    }

    #[test]
    fn a_full_run_asks_everybody_and_repeats_what_varies() {
        assert_eq!(taking_part(Pace::Full, "echo-1", 0).len(), SUBJECTS.len());
        assert!(!taking_part(Pace::Full, "echo-1", 2).contains(&"python"), "it takes part in one round");
        assert!(taking_part(Pace::Full, "slow", 2).is_empty(), "it has one round");
        assert!(!taking_part(Pace::Full, "polling", 0).contains(&"floor"), "it has no polling");
    }

    #[test]
    fn a_quick_run_asks_whom_a_target_names() {
        assert_eq!(taking_part(Pace::Quick, "heartbeat", 0), ["roomcast", "floor"]);
        assert_eq!(taking_part(Pace::Quick, "echo-16", 0), ["roomcast", "floor", "floor-batch"]);
        assert!(taking_part(Pace::Quick, "polling", 0).contains(&"socketioxide"));
        for scenario in SCENARIOS {
            for row in scenario.rows {
                let Some(Target::Of(other, _)) = row.target else { continue };
                assert!(taking_part(Pace::Quick, scenario.key, 0).contains(&other), "{}", row.title);
            }
        }
    }
}
