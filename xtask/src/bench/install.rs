//! How the servers that are measured are built or installed.
//!
//! In: a [`Subject`]. Out: a [`Ready`], or the reason why there is none. What is odd: a peer that cannot be had is left out,
//! since a machine may lack Python or a registry a package; ours and the floor must build.

use std::fs;
use std::path::{Path, PathBuf};

use super::subjects::{Ready, Source, Subject, UWS};
use super::versions::{self, Lock};
use crate::machine::npm_ci;
use crate::step::{Failure, Outcome, Step};
use crate::{root, scratch};

const UWS_VERSION: &str = "v20.57.0";

impl Subject {
    /// Builds or installs it, if that has not been done; `binaries` has those of this workspace.
    pub(super) fn prepare(&self, binaries: &Path) -> Outcome<Ready> {
        match self.source {
            Source::Workspace { binary, after } => {
                let version =
                    versions::listed(&Lock::Cargo(read(&root().join("Cargo.lock"))?), self.packages);
                Ok(self.ready(binaries.join(binary), "", after, version))
            }
            Source::Cargo { folder, binary, after } => {
                let manifest = peers().join(folder).join("Cargo.toml");
                let target = scratch("bench-peers").join(folder);
                exists(&manifest)?;
                let build = Step::new("cargo")
                    .args("build --quiet --release --locked --manifest-path")
                    .arg(&manifest);
                build.arg("--target-dir").arg(&target).run()?;
                let lock = Lock::Cargo(read(&manifest.with_file_name("Cargo.lock"))?);
                let version = versions::listed(&lock, self.packages);
                Ok(self.ready(target.join("release").join(binary), "", after, version))
            }
            Source::Npm { folder, program, before, after, package } => {
                let place = peers().join(folder);
                exists(&place)?;
                npm_ci(&format!("bench/peers/{folder}"))?;
                let installed = || place.join("node_modules").join(package).exists();
                if package == UWS && !installed() {
                    // Whether that worked is seen below; where GitHub cannot be reached it must not take minutes.
                    let install = Step::new("timeout").args("60 npm install --no-save --no-audit --no-fund");
                    let _ = install.arg(format!("uNetworking/{UWS}#{UWS_VERSION}")).inside(&place).run();
                }
                if !installed() {
                    let why = format!("{package} is not installed; bench/peers/README.md says more");
                    return Err(Failure(why));
                }
                // npm writes there what it has installed, which is more than the lock file asks for if it was uWebSockets.js.
                let lock = Lock::npm(&read(&place.join("node_modules/.package-lock.json"))?)?;
                let program = if program.contains('/') { place.join(program) } else { program.into() };
                let version =
                    format!("{}; {}", versions::listed(&lock, self.packages), versions::runtime(&program));
                Ok(self.ready(program, &place.join(before).to_string_lossy(), after, version))
            }
            Source::Pip { folder, before } => {
                let (from, venv) = (peers().join(folder), scratch("bench-peers").join(folder));
                let wanted = read(&from.join("requirements.txt"))?;
                let done = venv.join("installed.txt");
                if fs::read_to_string(&done).ok().as_ref() != Some(&wanted) {
                    Step::new("python3").args("-m venv --clear").arg(&venv).run()?;
                    let pip = Step::new(venv.join("bin/pip").to_string_lossy());
                    pip.args("install --quiet --requirement").arg(from.join("requirements.txt")).run()?;
                    fs::write(&done, &wanted).map_err(|error| at(&done, &error))?;
                }
                let python = venv.join("bin/python");
                let lock = Lock::Pip(wanted);
                let version =
                    format!("{}; {}", versions::listed(&lock, self.packages), versions::runtime(&python));
                Ok(self.ready(python, &from.join(before).to_string_lossy(), "", version))
            }
        }
    }

    /// Whether it could be started without fetching anything.
    pub(super) fn is_installed(&self) -> bool {
        let place = scratch("bench-peers");
        match self.source {
            Source::Workspace { .. } => true,
            Source::Cargo { folder, binary, .. } => place.join(folder).join("release").join(binary).exists(),
            Source::Npm { folder, package, .. } => {
                peers().join(folder).join("node_modules").join(package).exists()
            }
            Source::Pip { folder, .. } => place.join(folder).join("installed.txt").exists(),
        }
    }

    fn ready(&self, program: PathBuf, before: &str, after: &str, version: String) -> Ready {
        // A path is one argument, whatever it contains.
        let before = if before.is_empty() { Vec::new() } else { vec![before.to_owned()] };
        let after = after.split_whitespace().map(ToOwned::to_owned).collect();
        Ready { name: self.name, program, before, after, version }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::subjects::find;

    #[test]
    fn the_port_stands_between_what_precedes_and_what_follows_it() {
        let floor = find("floor-batch").unwrap().prepare(Path::new("bin")).unwrap();
        assert_eq!(floor.program, Path::new("bin/floor"));
        assert!(floor.before.is_empty());
        assert_eq!(floor.after, ["--batch"]);
    }

    #[test]
    fn ours_says_its_own_version_and_those_it_stands_on() {
        let ours = find("roomcast").unwrap().prepare(Path::new("bin")).unwrap();
        let own = concat!("roomcast ", env!("CARGO_PKG_VERSION"), ", hyper 1.");
        assert!(ours.version.starts_with(own) && !ours.version.contains("unknown"), "{}", ours.version);
    }
}
