//! Which versions a subject is made of.
//!
//! In: what pins them, and the program that runs them. Out: a line for the page. What is odd: what a lock file does not
//! name is said to be unknown, not left out, so that nobody overlooks it.

use std::path::Path;

use serde_json::Value;

use crate::step::{Failure, Outcome, Step};

/// What pins versions.
#[derive(Debug)]
pub(super) enum Lock {
    /// A `Cargo.lock`.
    Cargo(String),
    /// A `package-lock.json`, or what npm writes beside what it has installed.
    Npm(Value),
    /// Requirements that are pinned with `==`.
    Pip(String),
}

impl Lock {
    /// Reads npm's.
    pub(super) fn npm(text: &str) -> Outcome<Self> {
        serde_json::from_str(text)
            .map(Self::Npm)
            .map_err(|error| Failure(format!("npm's lock file: {error}")))
    }

    /// The version of a package. Of several the first one counts: in a `Cargo.lock` the oldest.
    fn version<'a>(&'a self, package: &str) -> Option<&'a str> {
        match self {
            Self::Cargo(lock) => {
                let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
                rest.split('"').next()
            }
            Self::Npm(lock) => {
                lock.get("packages")?.get(format!("node_modules/{package}"))?["version"].as_str()
            }
            Self::Pip(requirements) => {
                let mut pinned = requirements.lines().filter_map(|line| line.split_once("=="));
                let name = |name: &str| name.split('[').next().unwrap_or(name).trim().to_ascii_lowercase();
                let (_, version) = pinned.find(|(found, _)| name(found) == package)?;
                version.split([' ', ';', '#']).next()
            }
        }
    }
}

/// The packages with their versions.
pub(super) fn listed(lock: &Lock, packages: &[&str]) -> String {
    let one = |package: &&str| format!("{package} {}", lock.version(package).unwrap_or("of unknown version"));
    packages.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The program that runs a peer, with its version.
pub(super) fn runtime(program: &Path) -> String {
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let said = Step::new(program.to_string_lossy()).args("--version").output().unwrap_or_default();
    // Python says its own name.
    let version = said.split_whitespace().last().unwrap_or("of unknown version");
    format!("{name} {version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_pins_them() {
        let cargo = "[[package]]\nname = \"socketioxide-core\"\nversion = \"0.17.0\"\n\n[[package]]\n\
                     name = \"socketioxide\"\nversion = \"0.18.0\"\n";
        let npm = r#"{"packages": {"": {"version": "1.0.0"}, "node_modules/ws": {"version": "8.18.0"},
            "node_modules/engine.io/node_modules/ws": {"version": "7.0.0"}}}"#;
        let pip = "uvicorn[standard]==0.30.1\npython-socketio==5.14.0 # the server\n";
        let table = [
            (Lock::Cargo(cargo.into()), "socketioxide", "socketioxide 0.18.0"),
            (Lock::Cargo(cargo.into()), "tokio", "tokio of unknown version"),
            (Lock::npm(npm).unwrap(), "ws", "ws 8.18.0"),
            (Lock::npm(npm).unwrap(), "socket.io", "socket.io of unknown version"),
            (Lock::Pip(pip.into()), "python-socketio", "python-socketio 5.14.0"),
            (Lock::Pip(pip.into()), "uvicorn", "uvicorn 0.30.1"),
        ];
        for (lock, package, text) in table {
            assert_eq!(listed(&lock, &[package]), text, "{lock:?}");
        }
        assert!(Lock::npm("{").is_err());
    }
}
