//! What the kernel holds, of the whole machine: slabs, pages of sockets, memory left.
//!
//! What is odd: nobody counts kernel memory per process, so differences are taken, and whatever else the machine does
//! meanwhile is in them.

use std::fs;

use crate::failure::Outcome;
use crate::meter::field;

#[derive(Clone, Copy, Debug)]
pub(super) struct Kernel {
    /// KiB that programs could still get.
    pub(super) available: u64,
    /// KiB of slabs that cannot be given back: sockets, files, epoll entries, timers.
    pub(super) slabs: u64,
    /// KiB of page tables.
    pub(super) tables: u64,
    /// TCP sockets that are open.
    pub(super) sockets: u64,
    /// KiB of socket buffers.
    pub(super) buffers: u64,
}

const PAGE_KIB: u64 = 4;

impl Kernel {
    pub(super) fn now() -> Outcome<Self> {
        let memory = fs::read_to_string("/proc/meminfo")?;
        let sockets = fs::read_to_string("/proc/net/sockstat")?;
        let tcp = sockets.lines().find(|line| line.starts_with("TCP:")).unwrap_or_default();
        Ok(Self {
            available: field(&memory, "MemAvailable:")?,
            slabs: field(&memory, "SUnreclaim:")?,
            tables: field(&memory, "PageTables:")?,
            sockets: field(tcp, "inuse")?,
            buffers: field(tcp, "mem")? * PAGE_KIB,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_open_socket_is_seen() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let kernel = Kernel::now().unwrap();
        assert!(kernel.sockets > 0 && kernel.available > 0 && kernel.slabs > 0);
        drop(listener);
    }
}
