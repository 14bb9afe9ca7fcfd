//! CPU time and memory, as the kernel counts them.
//!
//! Out: nanoseconds of CPU, KiB of memory. What is odd: clients and server of the first scenario share a process, so
//! the clients' one thread is told apart by its own clock.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::failure::{Failure, Outcome};

/// CPU time of all threads of this process.
pub(crate) fn process_cpu() -> Duration {
    duration(clock_gettime(ClockId::ProcessCPUTime))
}

/// CPU time of the thread that asks.
fn thread_cpu() -> Duration {
    duration(clock_gettime(ClockId::ThreadCPUTime))
}

fn duration(time: Timespec) -> Duration {
    // A clock of CPU time starts at nought and does not go back.
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// KiB of this process in memory now, and the most there ever were.
pub(crate) fn resident() -> Outcome<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    Ok((field(&status, "VmRSS:")?, field(&status, "VmHWM:")?))
}

/// The number behind a name in one of the kernel's tables.
pub(crate) fn field(table: &str, name: &str) -> Outcome<u64> {
    let mut words = table.split_whitespace().skip_while(|word| *word != name).skip(1);
    let value = words.next().and_then(|word| word.parse().ok());
    value.ok_or_else(|| Failure(format!("the kernel does not say {name}")))
}

/// Started where a phase begins, by the thread that plays the clients.
pub(crate) struct Meter {
    begun: Instant,
    process: Duration,
    thread: Duration,
}

/// What a phase took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub(crate) seconds: f64,
    /// Nanoseconds of all threads but the one that started the meter.
    pub(crate) server: f64,
    /// Nanoseconds of that one.
    pub(crate) clients: f64,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self { begun: Instant::now(), process: process_cpu(), thread: thread_cpu() }
    }

    pub(crate) fn stop(&self) -> Taken {
        let clients = thread_cpu() - self.thread;
        let process = process_cpu().saturating_sub(self.process);
        Taken {
            seconds: self.begun.elapsed().as_secs_f64(),
            server: process.saturating_sub(clients).as_secs_f64() * 1e9,
            clients: clients.as_secs_f64() * 1e9,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_the_kernel_are_read_by_name() {
        let sockets = "sockets: used 14\nTCP: inuse 1 orphan 0 tw 270 alloc 1 mem 355\n";
        assert_eq!(field("VmHWM:\t  12 kB\nVmRSS:\t   8 kB\n", "VmRSS:"), Ok(8));
        assert_eq!(field(sockets, "tw"), Ok(270));
        assert!(field(sockets, "UDP:").is_err());
        let (now, most) = resident().unwrap();
        assert!(0 < now && now <= most);
    }

    #[test]
    fn the_work_of_this_thread_is_the_clients_and_that_of_another_the_servers() {
        let work = || {
            let begun = thread_cpu();
            while thread_cpu() - begun < Duration::from_millis(20) {
                std::hint::spin_loop();
            }
        };
        let meter = Meter::start();
        std::thread::spawn(work).join().unwrap();
        let other = meter.stop();
        assert!(other.server >= 20e6 && other.clients < other.server, "{other:?}");
        let meter = Meter::start();
        work();
        assert!(meter.stop().clients >= 20e6);
    }
}
