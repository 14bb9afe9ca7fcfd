//! Runs the measuring program, and says on what machine.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::step::{Failure, Outcome, Step};
use crate::watch::Watch;

/// One scenario that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(900);

/// Runs one scenario; what it says on its way is shown.
pub(super) fn measure(program: &Path, args: &str) -> Outcome<Value> {
    let line = format!("{} {args}", program.display());
    let failure = |what: String| Failure(format!("{what}; to repeat it:\n  {line}"));
    println!("\nxtask: {line}");
    let mut command = Command::new(program);
    let child = command.args(args.split_whitespace()).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let child = child.map_err(|error| failure(error.to_string()))?;
    let watch = Watch::new(child.id(), LIMIT);
    let output = child.wait_with_output().map_err(|error| failure(error.to_string()))?;
    if watch.over() {
        return Err(failure(format!("ended after {} s, it hangs", LIMIT.as_secs())));
    }
    if !output.status.success() {
        return Err(failure(output.status.to_string()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| failure(format!("not JSON: {error}")))
}

/// On what and when it is measured.
pub(super) fn machine() -> Outcome<String> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let mut models = cpu.lines().filter(|line| line.starts_with("model name"));
    let model = models.next().and_then(|line| line.split(": ").nth(1)).unwrap_or("unknown processor");
    let memory = read("/proc/meminfo");
    let kib = memory.split_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
    Ok(format!(
        "Measured on {}: {} × {model}, {} GiB of memory, Linux {}, {}, commit {}; load average before: {}.",
        Step::new("date").args("-u +%Y-%m-%d").output()?.trim(),
        models.count() + 1,
        kib >> 20,
        read("/proc/sys/kernel/osrelease").trim(),
        Step::new("rustc").args("--version").output()?.trim(),
        Step::new("git").args("rev-parse --short HEAD").output()?.trim(),
        read("/proc/loadavg").split_whitespace().next().unwrap_or("unknown"),
    ))
}
