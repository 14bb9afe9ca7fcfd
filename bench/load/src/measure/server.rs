//! The server's process, seen through the kernel.
//!
//! In: process ids; out: the time they took on processors, in nanoseconds over all their threads, dead ones included,
//! and the memory they hold. Odd: how the time splits into user and system is known in steps of 10 ms only.

use std::io;

use nix::sys::time::TimeValLike as _;
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

/// One server: usually one process.
#[derive(Debug)]
pub(crate) struct Server {
    processes: Vec<(i32, ClockId)>,
}

/// The time that a server has taken so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Nanoseconds on processors.
    pub(crate) cpu_ns: u64,
    /// Clock ticks in user mode.
    pub(crate) user_ticks: u64,
    /// Clock ticks in the kernel.
    pub(crate) system_ticks: u64,
}

impl Server {
    /// Watches these processes.
    ///
    /// # Errors
    /// When one of them does not live.
    pub(crate) fn new(pids: impl IntoIterator<Item = i32>) -> io::Result<Self> {
        let watch = |pid| Ok((pid, clock_getcpuclockid(Pid::from_raw(pid))?));
        Ok(Self { processes: pids.into_iter().map(watch).collect::<io::Result<_>>()? })
    }

    /// The time taken until now.
    ///
    /// # Errors
    /// When a process has ended.
    pub(crate) fn taken(&self) -> io::Result<Taken> {
        let mut sum = Taken::default();
        for (pid, clock) in &self.processes {
            sum.cpu_ns += u64::try_from(clock.now()?.num_nanoseconds()).map_err(io::Error::other)?;
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
            let (user, system) =
                ticks(&stat).ok_or_else(|| io::Error::other("no times in /proc/PID/stat"))?;
            sum.user_ticks += user;
            sum.system_ticks += system;
        }
        Ok(sum)
    }

    /// The memory that is resident now, in KiB.
    ///
    /// # Errors
    /// When a process has ended.
    pub(crate) fn rss_kib(&self) -> io::Result<u64> {
        let mut sum = 0;
        for (pid, _) in &self.processes {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
            sum += resident(&status).ok_or_else(|| io::Error::other("no VmRSS in /proc/PID/status"))?;
        }
        Ok(sum)
    }
}

/// The user and system time in `/proc/PID/stat`; the name before them may hold spaces and brackets.
fn ticks(stat: &str) -> Option<(u64, u64)> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// `VmRSS` in `/proc/PID/status`.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_are_found_behind_an_odd_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194304 100 0 0 0 31 14 0 0 20 0 3 0 100 1000 50";
        assert_eq!(ticks(stat), Some((31, 14)));
        assert_eq!(ticks("7 (a"), None);
    }

    #[test]
    fn the_resident_memory_is_found() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t    5124 kB\nThreads:\t3\n"), Some(5124));
        assert_eq!(resident("Name:\tx\n"), None);
    }

    #[test]
    fn a_process_that_works_takes_time() {
        let own = Server::new([i32::try_from(std::process::id()).unwrap()]).unwrap();
        let before = own.taken().unwrap();
        let mut number = 0_u64;
        while own.taken().unwrap().cpu_ns < before.cpu_ns + 1_000_000 {
            number = std::hint::black_box(number + 1);
        }
        assert!(own.rss_kib().unwrap() > 100);
    }

    #[test]
    fn a_process_that_does_not_live_is_an_error() {
        // The largest id that Linux gives is 4,194,304.
        assert!(Server::new([4_194_305]).is_err());
    }
}
