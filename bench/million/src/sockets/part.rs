//! A part of the scenario: this program again, in a process of its own, that answers each line with a line.
//!
//! In: a word, on its stdin. Out: a JSON object, on its stdout. What is odd: a part that does not answer in time, or
//! complains, fails the whole run; all parts end with the value that stands for them.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::failure::{Failure, Outcome};

/// No answer takes as long.
const PATIENCE: Duration = Duration::from_secs(240);

pub(super) struct Part {
    name: String,
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Part {
    pub(super) fn start(name: &str, args: &[String]) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(name)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure("a part without pipes".into()));
        };
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            // The receiver is gone when the part is not listened to any more.
            lines.take_while(|line| sender.send(line.clone()).is_ok()).for_each(drop);
        });
        Ok(Self { name: name.to_owned(), child, input, lines })
    }

    /// Tells it something; the answer is taken by [`Part::answer`].
    pub(super) fn tell(&mut self, word: &str) -> Outcome {
        writeln!(self.input, "{word}").map_err(|error| self.failure(&error.to_string()))
    }

    /// Its next line.
    pub(super) fn answer(&self) -> Outcome<Value> {
        let line = self.lines.recv_timeout(PATIENCE).map_err(|_| self.failure("gives no answer"))?;
        serde_json::from_str(&line).map_err(|_| self.failure(&line))
    }

    pub(super) fn ask(&mut self, word: &str) -> Outcome<Value> {
        self.tell(word)?;
        self.answer()
    }

    fn failure(&self, what: &str) -> Failure {
        Failure(format!("{} (process {}): {what}", self.name, self.child.id()))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // If it has ended by itself there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A number of an answer.
pub(super) fn number(answer: &Value, name: &str) -> Outcome<f64> {
    let value = answer.get(name).and_then(Value::as_f64);
    value.ok_or_else(|| Failure(format!("no {name} in {answer}")))
}
