//! The servers that are measured: ours, the floor, the peers.
//!
//! In: nothing; it is a table. Out: [`SUBJECTS`], and one of them by name. What is odd: a program may be two subjects,
//! with another option each.

use std::path::PathBuf;

use crate::step::{Failure, Outcome};

/// A server by name.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) name: &'static str,
    /// For a person.
    pub(super) title: &'static str,
    pub(super) kind: Kind,
    /// How many rounds it takes part in, if not all: one that is slow, and far from the others, needs few.
    pub(super) rounds: usize,
    pub(super) source: Source,
    /// The packages whose versions stand above the tables.
    pub(super) packages: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Ours: a fault is a failure of the run.
    Ours,
    /// The yardstick: a fault is a failure too, since nothing else could be believed.
    Floor,
    /// Somebody else's: a fault stands in its cell.
    Peer,
}

/// Where a server comes from, and what follows the port on its command line.
#[derive(Debug)]
pub(super) enum Source {
    /// A binary of this workspace.
    Workspace { binary: &'static str, after: &'static str },
    /// A Rust program with a lock file of its own, in a folder of the peers.
    Cargo { folder: &'static str, binary: &'static str, after: &'static str },
    /// What `npm ci` installs in a folder of the peers: the program, what precedes the port, the package it cannot be
    /// without.
    Npm {
        folder: &'static str,
        program: &'static str,
        before: &'static str,
        after: &'static str,
        package: &'static str,
    },
    /// What pip installs into an environment of its own.
    Pip { folder: &'static str, before: &'static str },
}

/// It is not in the npm registry; its author publishes it on GitHub alone.
pub(super) const UWS: &str = "uWebSockets.js";

const SOCKETIOXIDE: &[&str] = &["socketioxide", "axum", "tokio", "tungstenite"];

/// In the order of the tables.
pub(super) const SUBJECTS: [Subject; 9] = [
    Subject {
        name: "roomcast",
        title: "Roomcast",
        kind: Kind::Ours,
        rounds: usize::MAX,
        source: Source::Workspace { binary: "load-subject", after: "" },
        packages: &["roomcast", "hyper", "tokio"],
    },
    Subject {
        name: "floor",
        title: "floor",
        kind: Kind::Floor,
        rounds: usize::MAX,
        source: Source::Workspace { binary: "floor", after: "" },
        packages: &["roomcast-floor", "mio"],
    },
    Subject {
        name: "floor-batch",
        title: "floor-batch",
        kind: Kind::Floor,
        rounds: usize::MAX,
        source: Source::Workspace { binary: "floor", after: "--batch" },
        packages: &["roomcast-floor", "mio"],
    },
    Subject {
        name: "socketioxide",
        title: "socketioxide",
        kind: Kind::Peer,
        rounds: usize::MAX,
        source: Source::Cargo { folder: "socketioxide", binary: "peer-socketioxide", after: "" },
        packages: SOCKETIOXIDE,
    },
    Subject {
        name: "socketioxide-ordered",
        title: "socketioxide ordered",
        kind: Kind::Peer,
        rounds: usize::MAX,
        source: Source::Cargo { folder: "socketioxide", binary: "peer-socketioxide", after: "--ordered" },
        packages: SOCKETIOXIDE,
    },
    Subject {
        name: "node-ws",
        title: "node ws",
        kind: Kind::Peer,
        rounds: usize::MAX,
        source: Source::Npm {
            folder: "node",
            program: "node",
            before: "server.mjs",
            after: "--engine ws",
            package: "socket.io",
        },
        packages: &["socket.io", "engine.io", "ws", "bufferutil", "@moq/web-transport"],
    },
    Subject {
        name: "node-uws",
        title: "node uws",
        kind: Kind::Peer,
        rounds: usize::MAX,
        source: Source::Npm {
            folder: "node",
            program: "node",
            before: "server.mjs",
            after: "--engine uws",
            package: UWS,
        },
        packages: &["socket.io", "engine.io", UWS],
    },
    Subject {
        name: "bun",
        title: "bun",
        kind: Kind::Peer,
        rounds: usize::MAX,
        source: Source::Npm {
            folder: "bun",
            program: "node_modules/.bin/bun",
            before: "server.mjs",
            after: "",
            package: "@socket.io/bun-engine",
        },
        packages: &["socket.io", "@socket.io/bun-engine", "bun"],
    },
    Subject {
        name: "python",
        title: "python",
        kind: Kind::Peer,
        rounds: 1,
        source: Source::Pip { folder: "python", before: "server.py" },
        packages: &["python-socketio", "python-engineio", "uvicorn", "uvloop", "httptools", "websockets"],
    },
];

/// The subject of that name.
pub(super) fn find(name: &str) -> Outcome<&'static Subject> {
    SUBJECTS.iter().find(|subject| subject.name == name).ok_or_else(|| {
        let known: Vec<_> = SUBJECTS.iter().map(|subject| subject.name).collect();
        Failure(format!("no subject {name}; there are {}", known.join(", ")))
    })
}

/// A server that can be started: `program before PORT after`.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
    pub(super) before: Vec<String>,
    pub(super) after: Vec<String>,
    /// Which release of which packages.
    pub(super) version: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_subject_is_refused_with_those_there_are() {
        let Err(Failure(text)) = find("deno") else { panic!("there is no such subject") };
        assert!(text.contains("deno") && text.contains("roomcast, floor, floor-batch, socketioxide"));
        assert_eq!(find("bun").unwrap().kind, Kind::Peer);
    }
}
