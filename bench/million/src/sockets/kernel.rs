//! What the kernel holds, of the whole machine: slabs, pages of sockets, memory left.
//!
//! What is odd: nobody counts kernel memory per process, so differences are taken, and whatever else the machine does
//! meanwhile is in them. What a socket consists of is told without that noise, by the sizes of its parts, each kept in
//! a cache of its own; but only root may read those. (Their counts would not do: a freed object stays counted for a
//! while.)

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

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

/// What every socket of an event loop has one of, where the kernel has such a part at all, besides small change that
/// shares its caches with others.
const PARTS: [&str; 8] = [
    "TCP",
    "sock_inode_cache",
    "dentry",
    "filp",
    "eventpoll_epi",
    "ep_head",
    "lsm_inode_cache",
    "lsm_file_cache",
];
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

/// Bytes of the parts of one idle socket; `null` where they cannot be read.
pub(super) fn socket() -> Value {
    parts(&fs::read_to_string("/proc/slabinfo").unwrap_or_default())
}

/// Lines of `name active total size ...`, below two lines of titles.
fn parts(table: &str) -> Value {
    let part = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next().filter(|name| PARTS.contains(name))?.to_owned();
        Some((name, words.nth(2)?.parse::<u64>().ok()?))
    };
    let parts: BTreeMap<_, _> = table.lines().filter_map(part).collect();
    match parts.is_empty() {
        true => Value::Null,
        false => json!({ "bytes": parts.values().sum::<u64>(), "parts": parts }),
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

    #[test]
    fn a_socket_consists_of_the_parts_that_this_kernel_has() {
        let table = "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab>\n\
            TCP                  104    104   2368   13    8 : tunables    0    0    0\n\
            TCPv6                 91     91   2496   13    8 : tunables    0    0    0\n\
            filp                 861    861    192   21    1 : tunables    0    0    0\n";
        let expected = json!({ "bytes": 2560, "parts": { "TCP": 2368, "filp": 192 } });
        assert_eq!((parts(table), parts("")), (expected, Value::Null));
    }
}
