//! What the command line of `cargo xtask bench` asks for.
//!
//! In: its words. Out: [`Options`], with every name checked before anything is built. What is odd: only a whole full run
//! writes to the repository; one that is quick or partial would put holes into the committed tables.

use std::path::PathBuf;

use super::plan::SCENARIOS;
use super::scenarios::{Pace, Scenario};
use super::subjects::{Kind, SUBJECTS, Subject, find};
use crate::step::{Failure, Outcome};
use crate::{root, scratch};

const USAGE: &str = "\
usage: cargo xtask bench [curves] [--quick | --smoke] [--only a,b] [--subjects a,b] [--rounds N] [--out DIR]";

/// Of a full run.
const ROUNDS: usize = 3;

#[derive(Debug)]
pub(super) struct Options {
    pub(super) pace: Pace,
    /// Names of scenarios or curves; all, if there are none.
    pub(super) only: Vec<String>,
    pub(super) subjects: Vec<&'static Subject>,
    /// Whether the subjects were named, so that a peer that is not there shall be installed in a quick run too.
    pub(super) named: bool,
    pub(super) rounds: usize,
    pub(super) out: PathBuf,
}

impl Options {
    pub(super) fn parse(args: &[&str]) -> Outcome<Self> {
        let wrong = |what: &str| Failure(format!("{what}\n{USAGE}"));
        let (mut pace, mut only, mut subjects, mut rounds, mut out) =
            (Pace::Full, Vec::new(), None, None, None);
        let mut args = args.iter();
        while let Some(option) = args.next() {
            match *option {
                "--quick" => pace = Pace::Quick,
                "--smoke" => pace = Pace::Smoke,
                _ => {
                    let value = args
                        .next()
                        .ok_or_else(|| wrong(&format!("{option} is not known, or lacks its value")))?;
                    match *option {
                        "--only" => only = value.split(',').map(ToOwned::to_owned).collect(),
                        "--subjects" => {
                            subjects = Some(value.split(',').map(find).collect::<Outcome<Vec<_>>>()?)
                        }
                        "--rounds" => {
                            let number = value.parse().ok().filter(|number| (1..=100).contains(number));
                            rounds =
                                Some(number.ok_or_else(|| wrong("--rounds wants a number from 1 to 100"))?);
                        }
                        "--out" => out = Some(PathBuf::from(value)),
                        _ => return Err(wrong(&format!("{option} is not known"))),
                    }
                }
            }
        }
        let whole = pace == Pace::Full && only.is_empty() && subjects.is_none();
        let here = if whole { root().join("bench") } else { scratch("bench") };
        let named = subjects.is_some();
        let usual = SUBJECTS.iter().filter(|subject| match pace {
            Pace::Smoke => ["roomcast", "floor"].contains(&subject.name),
            // It takes longer than all others together.
            Pace::Quick => subject.name != "python",
            Pace::Full => true,
        });
        Ok(Self {
            pace,
            only,
            subjects: subjects.unwrap_or_else(|| usual.collect()),
            named,
            rounds: rounds.unwrap_or(if pace == Pace::Full { ROUNDS } else { 1 }),
            out: out.unwrap_or(here),
        })
    }

    /// Whether that name was asked for.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }

    /// The scenarios that were asked for.
    pub(super) fn scenarios(&self) -> Outcome<Vec<&'static Scenario>> {
        self.check(SCENARIOS.iter().map(|scenario| scenario.key))?;
        Ok(SCENARIOS.iter().filter(|scenario| self.wants(scenario.key)).collect())
    }

    /// Refuses a name that is none of those.
    pub(super) fn check(&self, known: impl Iterator<Item = &'static str>) -> Outcome {
        let known: Vec<_> = known.collect();
        match self.only.iter().find(|only| !known.contains(&only.as_str())) {
            Some(unknown) => Err(Failure(format!("there is no {unknown}; there are {}", known.join(", ")))),
            None => Ok(()),
        }
    }

    /// Whether a subject that is not there yet is to be installed.
    pub(super) fn installs(&self, subject: &Subject) -> bool {
        subject.kind != Kind::Peer || self.pace == Pace::Full || self.named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_full_run_alone_writes_to_the_repository() {
        assert_eq!(Options::parse(&[]).unwrap().out, root().join("bench"));
        for args in [&["--quick"][..], &["--smoke"], &["--only", "idle"], &["--subjects", "floor"]] {
            assert_eq!(Options::parse(args).unwrap().out, scratch("bench"), "{args:?}");
        }
        assert_eq!(Options::parse(&["--quick", "--out", "x"]).unwrap().out, PathBuf::from("x"));
    }

    #[test]
    fn a_full_run_has_three_rounds_and_the_others_one() {
        let rounds = |args: &[&str]| Options::parse(args).unwrap().rounds;
        assert_eq!((rounds(&[]), rounds(&["--quick"]), rounds(&["--quick", "--rounds", "5"])), (3, 1, 5));
    }

    #[test]
    fn names_are_checked_before_anything_runs() {
        let chosen = Options::parse(&["--only", "echo-1,idle", "--subjects", "bun,floor"]).unwrap();
        let keys: Vec<_> = chosen.scenarios().unwrap().iter().map(|scenario| scenario.key).collect();
        assert_eq!(keys, ["idle", "echo-1"]);
        let subjects: Vec<_> = chosen.subjects.iter().map(|subject| subject.name).collect();
        assert_eq!(subjects, ["bun", "floor"]);
        assert!(Options::parse(&["--only", "everything"]).unwrap().scenarios().is_err());
        for args in
            [&["--subjects", "deno"][..], &["--rounds", "0"], &["--fast"], &["--rounds"], &["--fast", "1"]]
        {
            assert!(Options::parse(args).is_err(), "{args:?}");
        }
    }

    #[test]
    fn the_slowest_peer_is_left_to_the_full_run() {
        let asked = |args: &[&str]| {
            Options::parse(args).unwrap().subjects.iter().any(|subject| subject.name == "python")
        };
        assert!(asked(&[]) && !asked(&["--quick"]) && asked(&["--quick", "--subjects", "python"]));
    }

    #[test]
    fn a_quick_run_installs_no_peer_unless_it_is_named() {
        let peer = find("bun").unwrap();
        let installs = |args: &[&str]| Options::parse(args).unwrap().installs(peer);
        assert!(installs(&[]) && installs(&["--quick", "--subjects", "bun"]) && !installs(&["--quick"]));
        assert!(Options::parse(&["--quick"]).unwrap().installs(find("floor").unwrap()));
    }
}
