//! The servers that are measured: ours, the floor, the peers; and how each is built or installed.
//!
//! In: which of them. Out: a [`Ready`] for each that can run, and the reason for each that cannot. What is odd: a peer
//! that cannot be had is left out, since a machine may lack Python or a registry a package; ours and the floor must build.

use std::fs;
use std::path::{Path, PathBuf};

use crate::machine::npm_ci;
use crate::step::{Failure, Outcome, Step};
use crate::{root, scratch};

/// It is not in the npm registry; its author publishes it on GitHub alone.
const UWS: &str = "uWebSockets.js";
const UWS_VERSION: &str = "v20.57.0";

/// A server by name.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) name: &'static str,
    /// For a person.
    pub(super) title: &'static str,
    pub(super) kind: Kind,
    /// How many rounds it takes part in, if not all: one that is slow, and far from the others, needs few.
    pub(super) rounds: usize,
    source: Source,
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

#[derive(Debug)]
enum Source {
    /// A binary of this workspace, with what follows the port.
    Workspace(&'static str, &'static str),
    /// A Rust program with a lock file of its own; the name of its binary.
    Cargo(&'static str),
    /// What `npm ci` installs: the folder of the peer, the program, what precedes and what follows the port.
    Npm {
        folder: &'static str,
        program: &'static str,
        before: &'static str,
        after: &'static str,
        package: &'static str,
    },
    /// What pip installs into an environment of its own.
    Pip { before: &'static str, package: &'static str },
}

/// In the order of the tables.
pub(super) const SUBJECTS: [Subject; 8] = [
    Subject {
        name: "roomcast",
        title: "Roomcast",
        kind: Kind::Ours,
        rounds: usize::MAX,
        source: Source::Workspace("load-subject", ""),
    },
    Subject {
        name: "floor",
        title: "floor",
        kind: Kind::Floor,
        rounds: usize::MAX,
        source: Source::Workspace("floor", ""),
    },
    Subject {
        name: "floor-batch",
        title: "floor-batch",
        kind: Kind::Floor,
        rounds: usize::MAX,
        source: Source::Workspace("floor", "--batch"),
    },
    Subject {
        name: "socketioxide",
        title: "socketioxide",
        kind: Kind::Peer,
        rounds: usize::MAX,
        source: Source::Cargo("peer-socketioxide"),
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
    },
    Subject {
        name: "python",
        title: "python",
        kind: Kind::Peer,
        rounds: 1,
        source: Source::Pip { before: "server.py", package: "python-socketio" },
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
    /// Which release of which package.
    pub(super) version: String,
}

impl Subject {
    /// Builds or installs it, if that has not been done; `binaries` has those of this workspace.
    pub(super) fn prepare(&self, binaries: &Path) -> Outcome<Ready> {
        match self.source {
            Source::Workspace(binary, after) => {
                Ok(self.ready(binaries.join(binary), "", after, env!("CARGO_PKG_VERSION")))
            }
            Source::Cargo(binary) => {
                let manifest = peers().join(self.name).join("Cargo.toml");
                let target = scratch("bench-peers").join(self.name);
                exists(&manifest)?;
                let build = Step::new("cargo")
                    .args("build --quiet --release --locked --manifest-path")
                    .arg(&manifest);
                build.arg("--target-dir").arg(&target).run()?;
                let lock = read(&manifest.with_file_name("Cargo.lock"))?;
                let version = cargo_version(&lock, self.name).unwrap_or("unknown version");
                Ok(self.ready(target.join("release").join(binary), "", "", version))
            }
            Source::Npm { folder, program, before, after, package } => {
                let place = peers().join(folder);
                exists(&place)?;
                npm_ci(&format!("bench/peers/{folder}"))?;
                if package == UWS && !place.join("node_modules").join(package).exists() {
                    // Whether that worked is seen below; where GitHub cannot be reached it must not take minutes.
                    let install = Step::new("timeout").args("60 npm install --no-save --no-audit --no-fund");
                    let _ = install
                        .arg(format!("uNetworking/{UWS}#{UWS_VERSION}"))
                        .inside(&place.to_string_lossy())
                        .run();
                }
                let manifest =
                    read(&place.join("node_modules").join(package).join("package.json")).map_err(|_| {
                        Failure(format!("{package} is not installed; bench/peers/README.md says more"))
                    })?;
                let program = if program.contains('/') { place.join(program) } else { program.into() };
                let before = place.join(before);
                let version =
                    format!("{package} {}", json_version(&manifest).unwrap_or("unknown version".into()));
                Ok(self.ready(program, &before.to_string_lossy(), after, &version))
            }
            Source::Pip { before, package } => {
                let (from, venv) = (peers().join(self.name), scratch("bench-peers").join(self.name));
                let wanted = read(&from.join("requirements.txt"))?;
                let done = venv.join("installed.txt");
                if fs::read_to_string(&done).ok().as_ref() != Some(&wanted) {
                    Step::new("python3").args("-m venv --clear").arg(&venv).run()?;
                    let pip = Step::new(venv.join("bin/pip").to_string_lossy());
                    pip.args("install --quiet --requirement").arg(from.join("requirements.txt")).run()?;
                    fs::write(&done, &wanted).map_err(|error| at(&done, &error))?;
                }
                let version = pip_version(&wanted, package).unwrap_or("unknown version");
                let before = from.join(before);
                let python = venv.join("bin/python");
                let version = format!("{package} {version}; {}", runtime(&python));
                Ok(self.ready(python, &before.to_string_lossy(), "", &version))
            }
        }
    }

    /// Whether it could be started without fetching anything.
    pub(super) fn is_installed(&self) -> bool {
        let place = scratch("bench-peers");
        match self.source {
            Source::Workspace(..) => true,
            Source::Cargo(binary) => place.join(self.name).join("release").join(binary).exists(),
            Source::Npm { folder, package, .. } => {
                peers().join(folder).join("node_modules").join(package).exists()
            }
            Source::Pip { .. } => place.join(self.name).join("installed.txt").exists(),
        }
    }

    fn ready(&self, program: PathBuf, before: &str, after: &str, version: &str) -> Ready {
        // A path is one argument, whatever it contains.
        let before = if before.is_empty() { Vec::new() } else { vec![before.to_owned()] };
        let after = after.split_whitespace().map(ToOwned::to_owned).collect();
        Ready { name: self.name, program, before, after, version: version.to_owned() }
    }
}

fn peers() -> PathBuf {
    root().join("bench/peers")
}

fn exists(path: &Path) -> Outcome {
    if path.exists() { Ok(()) } else { Err(Failure(format!("there is no {}", path.display()))) }
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| at(path, &error))
}

fn at(path: &Path, error: &std::io::Error) -> Failure {
    Failure(format!("{}: {error}", path.display()))
}

/// The program that runs a peer, with its version.
fn runtime(program: &Path) -> String {
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let said = Step::new(program.to_string_lossy()).args("--version").output().unwrap_or_default();
    // Python says its own name.
    let version = said.split_whitespace().last().unwrap_or("of unknown version");
    format!("{name} {version}")
}

/// The version of a package in a `Cargo.lock`.
fn cargo_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    rest.split('"').next()
}

fn json_version(manifest: &str) -> Option<String> {
    let manifest: serde_json::Value = serde_json::from_str(manifest).ok()?;
    manifest.get("version")?.as_str().map(ToOwned::to_owned)
}

/// The version of a package that is pinned with `==`.
fn pip_version<'a>(requirements: &'a str, package: &str) -> Option<&'a str> {
    let pinned = requirements.lines().filter_map(|line| line.split_once("=="));
    let name = |name: &str| name.split('[').next().unwrap_or(name).trim().to_ascii_lowercase();
    let (_, version) = pinned.into_iter().find(|(found, _)| name(found) == package)?;
    version.split([' ', ';', '#']).next()
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

    #[test]
    fn versions_are_read_from_what_pins_them() {
        let lock = "[[package]]\nname = \"socketioxide-core\"\nversion = \"0.17.0\"\n\n[[package]]\n\
                    name = \"socketioxide\"\nversion = \"0.18.0\"\n";
        assert_eq!(cargo_version(lock, "socketioxide"), Some("0.18.0"));
        assert_eq!(cargo_version(lock, "tokio"), None);
        assert_eq!(json_version(r#"{"version": "4.8.1"}"#).as_deref(), Some("4.8.1"));
        let requirements = "uvicorn[standard]==0.30.1\npython-socketio==5.14.0 # the server\n";
        assert_eq!(pip_version(requirements, "python-socketio"), Some("5.14.0"));
        assert_eq!(pip_version(requirements, "uvicorn"), Some("0.30.1"));
    }

    #[test]
    fn the_port_stands_between_what_precedes_and_what_follows_it() {
        let floor = find("floor-batch").unwrap().prepare(Path::new("bin")).unwrap();
        assert_eq!(floor.program, Path::new("bin/floor"));
        assert!(floor.before.is_empty());
        assert_eq!(floor.after, ["--batch"]);
    }
}
