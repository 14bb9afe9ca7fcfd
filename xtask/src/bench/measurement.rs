//! What the load generator says of one run.
//!
//! In: its output, one JSON object, and its exit code. Out: a [`Measurement`], whose numbers are read by name. What is
//! odd: a run that found a fault still has numbers; they are kept, and the fault goes with them.

use serde_json::Value;

/// How many faults a person wants to see.
const SHOWN: usize = 3;

/// One run of one scenario against one subject.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Measurement {
    /// All the load generator said; `null` if it said nothing that can be read.
    pub(super) said: Value,
    /// What was wrong: messages lost, doubled, out of order or altered, a server that never came up, ...
    pub(super) faults: Vec<String>,
}

impl Measurement {
    /// Reads what the load generator wrote. An exit code other than 0 is a fault, whatever it wrote.
    pub(super) fn read(output: &str, well: bool, complaint: &str) -> Self {
        let Some(said) = object(output) else {
            return Self::broken(match complaint.trim() {
                "" => "the load generator wrote no result".to_owned(),
                complaint => last_lines(complaint),
            });
        };
        let listed = said.get("errors").and_then(Value::as_array).into_iter().flatten();
        let mut faults: Vec<String> = listed.map(text).collect();
        if !well && faults.is_empty() {
            faults.push(match complaint.trim() {
                "" => "the load generator failed without a reason".to_owned(),
                complaint => last_lines(complaint),
            });
        }
        Self { said, faults }
    }

    /// A run without a result.
    pub(super) fn broken(why: impl Into<String>) -> Self {
        Self { said: Value::Null, faults: vec![why.into()] }
    }

    /// A number the load generator gave, by its JSON pointer.
    pub(super) fn number(&self, pointer: &str) -> Option<f64> {
        self.said.pointer(pointer)?.as_f64().filter(|number| number.is_finite())
    }

    /// The first faults, and how many more there are; all of them are in the raw results.
    pub(super) fn brief(&self) -> String {
        let shown = self.faults.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("; ");
        match self.faults.len().saturating_sub(SHOWN) {
            0 => shown,
            more => format!("{shown}; and {more} more"),
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }
}

/// The one object in the output; a line of something else beside it does no harm.
fn object(output: &str) -> Option<Value> {
    let from = output.find('{')?;
    let to = output.rfind('}')?;
    serde_json::from_str(output.get(from..=to)?).ok().filter(Value::is_object)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// What a program complained of last, in one line.
pub(super) fn last_lines(complaint: &str) -> String {
    let mut lines: Vec<_> =
        complaint.lines().map(str::trim).filter(|line| !line.is_empty()).rev().take(3).collect();
    lines.reverse();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"scenario": "echo", "unit": "round trip", "units": 10, "server_cpu_ns_per_unit": 5200.5,
        "latency_us": {"p50": 40, "p99": 90.5}, "rss_kib_per_client": null, "errors": []}"#;

    #[test]
    fn numbers_are_read_by_their_place() {
        let measurement = Measurement::read(GOOD, true, "a warning");
        assert!(measurement.is_sound());
        assert_eq!(measurement.number("/server_cpu_ns_per_unit"), Some(5200.5));
        assert_eq!(measurement.number("/latency_us/p99"), Some(90.5));
        assert_eq!(measurement.number("/rss_kib_per_client"), None);
        assert_eq!(measurement.number("/absent"), None);
    }

    #[test]
    fn a_fault_is_kept_beside_the_numbers() {
        let output = r#"{"units": 3, "errors": ["client 7 lost 2 messages", {"client": 8}]}"#;
        let measurement = Measurement::read(output, false, "");
        assert_eq!(measurement.faults, ["client 7 lost 2 messages", r#"{"client":8}"#]);
        assert_eq!(measurement.number("/units"), Some(3.0));
    }

    #[test]
    fn a_brief_look_shows_the_first_faults_and_counts_the_others() {
        let faults = |count: usize| Measurement {
            said: Value::Null,
            faults: (1..=count).map(|number| number.to_string()).collect(),
        };
        assert_eq!((faults(3).brief(), faults(5).brief()), ("1; 2; 3".into(), "1; 2; 3; and 2 more".into()));
    }

    #[test]
    fn a_bad_exit_code_is_a_fault_even_if_no_error_is_listed() {
        assert!(!Measurement::read(GOOD, false, "").is_sound());
    }

    #[test]
    fn errors_are_faults_even_if_the_exit_code_is_good() {
        assert!(!Measurement::read(r#"{"errors": ["altered"]}"#, true, "").is_sound());
    }

    #[test]
    fn output_that_is_no_object_is_a_fault_with_its_complaint() {
        for output in ["", "null", "{", "no {result} here"] {
            let measurement = Measurement::read(output, true, "thread panicked\n\n at main.rs:1\n");
            assert_eq!(measurement.faults, ["thread panicked; at main.rs:1"], "{output}");
            assert_eq!(measurement.number("/units"), None);
        }
        assert_eq!(Measurement::read("", true, "").faults.len(), 1);
    }
}
