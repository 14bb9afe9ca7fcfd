//! What the kernel holds, of the whole machine: slabs, pages of sockets, memory left.
//!
//! What is odd: nobody counts kernel memory per process, so differences are taken, and whatever else the machine does
//! meanwhile is in them. What a socket consists of is told without that noise, by the sizes of its parts, each kept in
//! a cache of its own; but only root may read those.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::failure::Outcome;
use crate::meter::field;

#[derive(Clone, Debug)]
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
    /// Objects and the size of one, by the name of their cache; empty if they cannot be read.
    caches: BTreeMap<String, (u64, u64)>,
}

/// What every socket of an event loop has one of, besides small change that shares its caches with others.
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
/// A cache counts if it has grown by as many objects for each socket: another machine may have no such part.
const GROWTH: f64 = 0.9;

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
            caches: caches(&fs::read_to_string("/proc/slabinfo").unwrap_or_default()),
        })
    }

    /// Bytes of the parts of one socket, as seen by `sockets` more of them.
    pub(super) fn socket_since(&self, before: &Self, sockets: u32) -> Value {
        let mut parts = BTreeMap::new();
        for name in PARTS {
            let Some(&(now, size)) = self.caches.get(name) else { continue };
            let then = before.caches.get(name).map_or(0, |cache| cache.0);
            if now.saturating_sub(then) as f64 >= GROWTH * f64::from(sockets) {
                parts.insert(name, size);
            }
        }
        json!({ "bytes": parts.values().sum::<u64>(), "parts": parts })
    }
}

/// Lines of `name active total size ...`, below two lines of titles.
fn caches(table: &str) -> BTreeMap<String, (u64, u64)> {
    let cache = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next()?.to_owned();
        let active = words.next()?.parse().ok()?;
        Some((name, (active, words.nth(1)?.parse().ok()?)))
    };
    table.lines().filter_map(cache).collect()
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
    fn a_socket_consists_of_what_has_grown_with_the_sockets() {
        let title =
            "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab>\n";
        let table = |tcp: u32, dentry: u32, other: u32| {
            caches(&format!(
                "{title}TCP  {tcp}  104   2368   13    8 : tunables 0\ndentry {dentry} 9 192 21\nbio {other} 9 64 64"
            ))
        };
        let kernel =
            Kernel { available: 0, slabs: 0, tables: 0, sockets: 0, buffers: 0, caches: table(100, 50, 0) };
        let later = Kernel { caches: table(300, 60, 500), ..kernel.clone() };
        assert_eq!(kernel.caches.len(), 3);
        assert_eq!(later.socket_since(&kernel, 200), json!({ "bytes": 2368, "parts": { "TCP": 2368 } }));
    }
}
