//! The machine a run was made on: what the results have to say of it, and its cores.
//!
//! In: `/proc` and the versions of the tools. Out: [`Environment`], written above every table, and [`Placement`], which
//! core is whose. What is odd: the cores are those this process may use, not those the machine has.

use std::fs;

use serde_json::{Value, json};

use super::scenarios::Cores;
use crate::step::{Failure, Outcome, Step};

/// Machine, kernel, versions, date.
#[derive(Clone, Debug)]
pub(super) struct Environment {
    pub(super) date: String,
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) memory_gib: u64,
    pub(super) kernel: String,
    /// How TCP finds its pace, on loopback too.
    pub(super) congestion_control: String,
    pub(super) rust: String,
    pub(super) commit: String,
}

impl Environment {
    pub(super) fn read(placement: &Placement) -> Self {
        let field = |file: &str, key: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            text.lines().find_map(|line| value_of(line, key).map(ToOwned::to_owned))
        };
        let memory_kib = field("/proc/meminfo", "MemTotal");
        let memory_kib = memory_kib.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        let said = |program: &str, args: &str| {
            Step::new(program)
                .args(args)
                .output()
                .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
        };
        let changed = said("git", "status --porcelain --untracked-files=no");
        let commit = said("git", "rev-parse --short HEAD");
        Self {
            date: said("date", "-u +%Y-%m-%d"),
            processor: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned()),
            cores: placement.all.len(),
            memory_gib: memory_kib.unwrap_or_default() >> 20,
            kernel: said("uname", "-sr"),
            congestion_control: fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control")
                .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned()),
            rust: said("rustc", "--version"),
            commit: if changed.is_empty() { commit } else { format!("{commit} with changes") },
        }
    }

    /// In a line, for the top of a page.
    pub(super) fn line(&self) -> String {
        format!(
            "{}, {} cores, {} GiB, {} (tcp_congestion_control {}); {}; {}; commit {}",
            self.processor,
            self.cores,
            self.memory_gib,
            self.kernel,
            self.congestion_control,
            self.rust,
            self.date,
            self.commit,
        )
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "date": self.date, "processor": self.processor, "cores": self.cores, "memory_gib": self.memory_gib,
            "kernel": self.kernel, "tcp_congestion_control": self.congestion_control, "rust": self.rust, "commit": self.commit,
        })
    }
}

/// Which core is whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placement {
    all: Vec<u32>,
}

impl Placement {
    /// The cores this process may use, and the tools that give them away.
    pub(super) fn read() -> Outcome<Self> {
        for tool in ["taskset", "setpriv"] {
            if !Step::new(tool).args("--version").succeeds() {
                return Err(Failure(format!("{tool} is needed; it is part of util-linux")));
            }
        }
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let list = status.lines().find_map(|line| value_of(line, "Cpus_allowed_list"));
        let all = list.map(cores).unwrap_or_default();
        match all.is_empty() {
            true => Err(Failure("the kernel does not say which cores may be used".into())),
            false => Ok(Self { all }),
        }
    }

    /// The server's and the load's cores, as `taskset -c` takes them.
    pub(super) fn of(&self, cores: Cores) -> (String, String) {
        let server = self.all.first().copied().unwrap_or_default();
        // On a machine with one core they share it, and the figures are worth less; the report says the number of cores.
        let load = self.all.get(1).copied().unwrap_or(server);
        match cores {
            Cores::Apart => (server.to_string(), load.to_string()),
            Cores::Unpinned => {
                let both = format!("{server},{load}");
                (both.clone(), both)
            }
        }
    }

    /// Keeps this program off the server's core.
    pub(super) fn step_aside(&self) -> Outcome {
        let (_, load) = self.of(Cores::Apart);
        let own = std::process::id().to_string();
        Step::new("taskset").args("--all-tasks --cpu-list --pid").arg(load).arg(own).output().map(drop)
    }
}

/// `key : value`, as the files below `/proc` have it.
fn value_of<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (name, value) = line.split_once(':')?;
    (name.trim() == key).then(|| value.trim())
}

/// `0-2,5` as its numbers.
fn cores(list: &str) -> Vec<u32> {
    let range = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        Some(from.trim().parse().ok()?..=to.trim().parse().ok()?)
    };
    list.split(',').filter_map(range).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_list_of_cores_is_read() {
        assert_eq!(cores("0-2,5"), [0, 1, 2, 5]);
        assert_eq!(cores("3"), [3]);
        assert!(cores("").is_empty());
    }

    #[test]
    fn server_and_load_have_a_core_each_if_there_are_two() {
        let placement = Placement { all: vec![4, 6, 7] };
        assert_eq!(placement.of(Cores::Apart), ("4".to_owned(), "6".to_owned()));
        assert_eq!(placement.of(Cores::Unpinned), ("4,6".to_owned(), "4,6".to_owned()));
        assert_eq!(Placement { all: vec![0] }.of(Cores::Apart), ("0".to_owned(), "0".to_owned()));
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        assert_eq!(value_of("MemTotal:       24 kB", "MemTotal"), Some("24 kB"));
        assert_eq!(value_of("MemTotalX: 1", "MemTotal"), None);
    }
}
