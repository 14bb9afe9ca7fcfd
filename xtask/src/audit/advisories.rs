//! Known holes in what the project is built from.
//!
//! In: a database of advisories, if one can be reached: through `cargo audit` or `cargo deny`, where one is installed, and
//! `npm audit`. Out: a failure for what is known to be broken, and a loud line for what could not be asked. What is odd: of
//! npm packages only those are asked about that are shipped; old clients are tested with on purpose, holes and all.

use super::{npm, outcome};
use crate::step::{Outcome, Step};

/// One way to ask.
struct Question {
    what: &'static str,
    /// Whether the tool is there.
    tool: &'static [&'static str],
    ask: &'static [&'static str],
    folder: &'static str,
    /// What it says if it cannot reach its database.
    unreachable: &'static [&'static str],
}

const UNREACHABLE: &[&str] =
    &["failed to fetch", "couldn't fetch", "could not fetch", "error sending request", "unable to"];

const CRATES: [Question; 2] = [
    Question {
        what: "cargo audit",
        tool: &["cargo", "audit", "--version"],
        ask: &["cargo", "audit", "--quiet"],
        folder: "",
        unreachable: UNREACHABLE,
    },
    Question {
        what: "cargo deny",
        tool: &["cargo", "deny", "--version"],
        ask: &["cargo", "deny", "check", "advisories"],
        folder: "",
        unreachable: UNREACHABLE,
    },
];

const NPM: [Question; 1] = [Question {
    what: "npm audit",
    tool: &["npm", "--version"],
    // What is only used to test is not shipped, but the browser client's own dependencies would be.
    ask: &["npm", "audit", "--omit=dev", "--package-lock-only"],
    folder: "clients/web",
    unreachable: &["audit endpoint returned an error", "ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT"],
}];

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// No advisory.
    Nothing,
    Advisories(String),
    /// Nobody could be asked.
    NotAsked(String),
}

/// `needed`: that nobody could be asked is a failure, too.
pub(super) fn check(needed: bool) -> Outcome {
    let mut wrong = Vec::new();
    for (kind, questions) in [("CRATES", &CRATES[..]), ("NPM PACKAGES", &NPM)] {
        if kind == "NPM PACKAGES" && !npm::is_any_shipped()? {
            println!("audit: no npm package is shipped, so there are no advisories to ask for");
            continue;
        }
        match first(questions.iter().map(Question::ask)) {
            Answer::Nothing => println!("audit: no advisories for {}", kind.to_lowercase()),
            Answer::Advisories(text) => wrong.push(text),
            Answer::NotAsked(why) => {
                println!("audit: ADVISORIES FOR {kind} WERE NOT CHECKED: {why}");
                wrong.extend(needed.then(|| format!("advisories for {kind} were not checked: {why}")));
            }
        }
    }
    outcome("advisories", &wrong)
}

/// The first that could be asked.
fn first(answers: impl Iterator<Item = Answer>) -> Answer {
    let mut reasons = Vec::new();
    for answer in answers {
        match answer {
            Answer::NotAsked(why) => reasons.push(why),
            answer => return answer,
        }
    }
    Answer::NotAsked(reasons.join("; "))
}

impl Question {
    fn ask(&self) -> Answer {
        let step = |line: &[&str]| {
            line[1..].iter().fold(Step::new(line[0]).inside(self.folder), |step, arg| step.arg(arg))
        };
        if !step(self.tool).succeeds() {
            return Answer::NotAsked(format!("{} is not installed", self.what));
        }
        let (good, text) = step(self.ask).said();
        self.understand(good, &text)
    }

    fn understand(&self, good: bool, text: &str) -> Answer {
        match good {
            true => Answer::Nothing,
            false if self.unreachable.iter().any(|sign| text.contains(sign)) => {
                Answer::NotAsked(format!("{} cannot reach its database", self.what))
            }
            false => Answer::Advisories(text.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_cannot_be_reached_is_no_clean_bill() {
        let [npm] = &NPM;
        assert_eq!(npm.understand(true, "found 0 vulnerabilities"), Answer::Nothing);
        assert!(matches!(npm.understand(false, "1 critical severity"), Answer::Advisories(_)));
        let unreachable = npm.understand(false, "npm error audit endpoint returned an error");
        assert!(matches!(unreachable, Answer::NotAsked(_)));
        assert_eq!(first([unreachable, Answer::Nothing].into_iter()), Answer::Nothing);
    }
}
