//! A step that hangs is ended, with everything it has started.
//!
//! In: a process and how long it may take. Out: whether it took longer. What is odd: the processes that npm starts do
//! not end with it, so the whole tree is read first, from `/proc`; where there is none, only the process itself ends.

use std::collections::HashMap;
use std::fs;
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

/// Watches a process from now until [`Watch::over`].
pub(crate) struct Watch {
    done: Sender<()>,
    ended: JoinHandle<bool>,
}

impl Watch {
    pub(crate) fn new(process: u32, limit: Duration) -> Self {
        let (done, wait) = channel::<()>();
        let ended = spawn(move || {
            let hangs = wait.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            if hangs {
                end(process);
            }
            hangs
        });
        Self { done, ended }
    }

    /// The process has ended. Was that because it took too long?
    pub(crate) fn over(self) -> bool {
        drop(self.done);
        self.ended.join().unwrap_or(false)
    }
}

/// Ends a process and all it has started.
pub(crate) fn end(process: u32) {
    let list: Vec<_> = tree(process).iter().map(u32::to_string).collect();
    // One that has just ended by itself makes the shell complain, and changes nothing.
    let _ = Command::new("sh").arg("-c").arg(format!("kill -KILL {} 2>/dev/null", list.join(" "))).status();
}

/// A process and all it has started, itself first.
pub(crate) fn tree(process: u32) -> Vec<u32> {
    let parents = parents();
    let mut tree = vec![process];
    let mut at = 0;
    while let Some(&parent) = tree.get(at) {
        tree.extend(parents.iter().filter(|(_, other)| **other == parent).map(|(child, _)| *child));
        at += 1;
    }
    tree
}

/// The parent of every process.
fn parents() -> HashMap<u32, u32> {
    let Ok(processes) = fs::read_dir("/proc") else { return HashMap::new() };
    let parent = |name: &str| {
        let process = name.parse().ok()?;
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name of the program, in parentheses, may hold anything; behind it come the state and the parent.
        let (_, rest) = stat.rsplit_once(')')?;
        Some((process, rest.split_whitespace().nth(1)?.parse().ok()?))
    };
    processes.flatten().filter_map(|entry| parent(entry.file_name().to_str()?)).collect()
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    #[test]
    fn a_process_that_hangs_ends_with_its_children() {
        let mut command = Command::new("sh");
        let child = command.arg("-c").arg("sleep 1000 & wait").stdout(Stdio::piped()).spawn().unwrap();
        let watch = Watch::new(child.id(), Duration::from_millis(50));
        // The sleeping child holds the pipe, so that this returns only when both are gone.
        let output = child.wait_with_output().unwrap();
        assert!(watch.over() && !output.status.success());
    }

    #[test]
    fn a_process_that_ends_in_time_is_left_alone() {
        let mut child = Command::new("true").spawn().unwrap();
        let watch = Watch::new(child.id(), Duration::from_secs(1000));
        assert!(child.wait().unwrap().success() && !watch.over());
    }
}
