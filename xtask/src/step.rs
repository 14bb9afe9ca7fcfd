//! One command of a shell: shown before it runs, and named again if it fails.
//!
//! In: program, arguments, environment, folder. Out: success, or a [`Failure`] with the line to repeat. What is odd:
//! a counted step reads the output of its program line by line, and passes it on.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::record::Ran;
use crate::root;
use crate::tally::{Counts, Tally};
use crate::watch::Watch;

/// No suite takes half as long; one that does hangs.
const LIMIT: Duration = Duration::from_secs(480);

/// What went wrong, for a person to read.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// Does all of them, so that one run shows everything that is wrong.
pub(crate) fn all(outcomes: impl Iterator<Item = Outcome>) -> Outcome {
    let failures: Vec<String> =
        outcomes.filter_map(|outcome| outcome.err().map(|failure| failure.0)).collect();
    if failures.is_empty() { Ok(()) } else { Err(Failure(failures.join("\n\n"))) }
}

pub(crate) struct Step {
    program: String,
    args: Vec<String>,
    env: Vec<(&'static str, String)>,
    folder: PathBuf,
}

impl Step {
    /// A program, run in the repository's folder.
    pub(crate) fn new(program: impl Into<String>) -> Self {
        Self { program: program.into(), args: Vec::new(), env: Vec::new(), folder: root().to_owned() }
    }

    /// Arguments as one would type them, without spaces inside.
    pub(crate) fn args(mut self, args: &str) -> Self {
        self.args.extend(args.split_whitespace().map(ToOwned::to_owned));
        self
    }

    /// One argument of any content.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_string_lossy().into_owned());
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name, value.as_ref().to_string_lossy().into_owned()));
        self
    }

    /// In another folder, of the repository or not.
    pub(crate) fn inside(mut self, folder: impl AsRef<Path>) -> Self {
        self.folder = root().join(folder);
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(&self) -> Outcome {
        let begun = self.announce();
        let mut child = self.spawn(&mut self.command())?;
        let status = child.wait().map_err(|error| self.failure(&error.to_string()))?;
        self.judge(status, begun)
    }

    /// Runs it beside what comes next.
    pub(crate) fn start(&self) -> Outcome<Running> {
        self.announce();
        Ok(Running(self.spawn(&mut self.command())?))
    }

    /// Whether it runs at all and ends well; shows nothing.
    pub(crate) fn succeeds(&self) -> bool {
        self.command()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// What it writes; shows nothing.
    pub(crate) fn output(&self) -> Outcome<String> {
        let output = self.command().output().map_err(|error| self.failure(&error.to_string()))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(self.failure(&output.status.to_string())),
        }
    }

    /// Whether it ends well, and all that it says; shows nothing.
    pub(crate) fn said(&self) -> (bool, String) {
        match self.command().output() {
            Ok(output) => {
                let text = [output.stdout, output.stderr].concat();
                (output.status.success(), String::from_utf8_lossy(&text).into_owned())
            }
            Err(error) => (false, error.to_string()),
        }
    }

    /// Runs it and adds the tests it counts, under `name`. A suite that runs no test at all has failed.
    pub(crate) fn count(&self, name: &str, tally: &mut Tally) -> Outcome {
        let begun = self.announce();
        let mut command = self.command();
        let mut child = self.spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
        let watch = Watch::new(child.id(), LIMIT);
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let mut heard = Heard::default();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| pass_on(err));
            heard.add(pass_on(out));
            heard.add(other.join().unwrap_or_default());
        });
        let status = child.wait().map_err(|error| self.failure(&error.to_string()))?;
        let Heard { counts, tests } = heard;
        tally.add(name, counts);
        tally.tests.extend(tests);
        if watch.over() {
            return Err(self.failure(&format!("ended after {} s, it hangs", LIMIT.as_secs())));
        }
        self.judge(status, begun)?;
        match counts.passed {
            0 => Err(self.failure("no test ran")),
            _ => Ok(()),
        }
    }

    fn announce(&self) -> Instant {
        println!("\nxtask: {}", self.line());
        Instant::now()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).envs(self.env.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.folder);
        command
    }

    fn spawn(&self, command: &mut Command) -> Outcome<Child> {
        command.spawn().map_err(|error| self.failure(&error.to_string()))
    }

    fn judge(&self, status: ExitStatus, begun: Instant) -> Outcome {
        println!("xtask: {:.1} s", begun.elapsed().as_secs_f32());
        if status.success() { Ok(()) } else { Err(self.failure(&status.to_string())) }
    }

    fn failure(&self, what: &str) -> Failure {
        Failure(format!("{what}; to repeat it:\n  {}", self.line()))
    }

    /// The step as a line for a shell in the repository's folder.
    fn line(&self) -> String {
        let mut line = String::new();
        for (name, value) in &self.env {
            let _ = write!(line, "{name}={} ", quoted(value));
        }
        let words = std::iter::once(&self.program).chain(&self.args);
        line += &words.map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        match self.folder.strip_prefix(root()) {
            Ok(folder) if folder == Path::new("") => line,
            Ok(folder) => format!("(cd {} && {line})", folder.display()),
            Err(_) => format!("(cd {} && {line})", quoted(&self.folder.to_string_lossy())),
        }
    }
}

/// A program that runs beside the others, and ends with this value.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // If it has ended by itself there is nothing to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a suite has said about its tests.
#[derive(Default)]
struct Heard {
    counts: Counts,
    tests: Vec<Ran>,
}

impl Heard {
    fn add(&mut self, more: Self) {
        self.counts.add(more.counts);
        self.tests.extend(more.tests);
    }
}

/// Shows what comes, and takes note of the tests in it.
fn pass_on(output: Option<impl Read>) -> Heard {
    let mut heard = Heard::default();
    let Some(output) = output else { return heard };
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while let Ok(1..) = output.read_until(b'\n', &mut line) {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        heard.counts.add(Counts::read(&text));
        heard.tests.extend(Ran::read(&text));
        line.clear();
    }
    heard
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=/.,:@+%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_shows_itself_as_a_line_for_a_shell() {
        let step = Step::new("npm").args("run check").arg("it's").env("LEVEL", "a b").inside("clients/web");
        assert_eq!(step.line(), r"(cd clients/web && LEVEL='a b' npm run check 'it'\''s')");
        assert_eq!(Step::new("cargo").args("fmt --all").line(), "cargo fmt --all");
    }

    #[test]
    fn a_failed_step_names_itself() {
        let Err(Failure(text)) = Step::new("false").run() else { panic!("false fails") };
        assert!(text.ends_with("\n  false"), "{text}");
    }

    #[test]
    fn one_failure_does_not_hide_the_next() {
        let outcomes = [Err(Failure("a".into())), Ok(()), Err(Failure("b".into()))];
        let Err(Failure(text)) = all(outcomes.into_iter()) else { panic!("two have failed") };
        assert_eq!(text, "a\n\nb");
        assert!(all([Ok(())].into_iter()).is_ok());
    }

    #[test]
    fn a_step_that_should_test_but_does_not_has_failed() {
        let mut tally = Tally::default();
        assert!(Step::new("true").count("nothing", &mut tally).is_err());
        assert!(Step::new("echo").arg("# pass 1").count("something", &mut tally).is_ok());
    }

    #[test]
    fn a_counted_step_notes_the_tests_by_name() {
        let mut tally = Tally::default();
        let lines = "test a::b ... ok\ntest result: ok. 1 passed; 0 failed";
        Step::new("echo").arg(lines).count("one", &mut tally).unwrap();
        assert_eq!(tally.tests.iter().map(|ran| ran.name.as_str()).collect::<Vec<_>>(), ["a::b"]);
    }
}
