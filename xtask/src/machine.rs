//! What the chores need of the machine: system packages, npm packages, Python packages.
//!
//! In: a need. Out: it is met, by `apt-get`, `npm ci` or `pip` if it was not, or a [`Failure`] says what to install.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};

use crate::step::{Failure, Outcome, Step};
use crate::{root, scratch};

/// Older ones lack parts of `node:test`.
const NODE: (u32, u32) = (20, 14);

/// Where `@moq/web-transport` looks for its native part first.
pub(crate) const WEB_TRANSPORT: &str = "NAPI_RS_NATIVE_LIBRARY_PATH";

/// Places where a distribution puts the browser.
const CHROMIUMS: [&str; 3] = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/// The browser of the browser tests; `CHROMIUM` names another one.
pub(crate) fn chromium() -> Outcome<PathBuf> {
    if let Some(chosen) = std::env::var_os("CHROMIUM") {
        return Ok(chosen.into());
    }
    let find = || CHROMIUMS.iter().map(Path::new).find(|path| path.exists()).map(Path::to_owned);
    if let Some(found) = find() {
        return Ok(found);
    }
    apt_get("chromium")?;
    find().ok_or_else(|| Failure("no Chromium after its installation; set CHROMIUM to its path".into()))
}

/// The C++ compiler that libFuzzer is built with.
pub(crate) fn cxx() -> Outcome {
    if std::env::var_os("CXX").is_some() || Step::new("c++").args("--version").succeeds() {
        return Ok(());
    }
    apt_get("g++")
}

/// What the regression guard counts with.
pub(crate) fn valgrind() -> Outcome {
    match Step::new("valgrind").args("--version").succeeds() {
        true => Ok(()),
        false => apt_get("valgrind"),
    }
}

/// Installs a system package.
fn apt_get(package: &str) -> Outcome {
    if !Step::new("apt-get").args("--version").succeeds() {
        return Err(Failure(format!("{package} is missing, and there is no apt-get to install it with")));
    }
    let root = Step::new("id").args("-u").output()?.trim() == "0";
    let apt_get = || {
        let step = if root { Step::new("env") } else { Step::new("sudo").args("env") };
        step.args("DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes")
    };
    apt_get().args("update").run()?;
    apt_get().args("install --no-install-recommends").arg(package).run()
}

/// Installs what `package-lock.json` of that folder says, unless that is there already.
pub(crate) fn npm_ci(folder: &str) -> Outcome {
    node()?;
    let folder_path = root().join(folder);
    let changed = |path: &str| folder_path.join(path).metadata().and_then(|data| data.modified()).ok();
    let wanted = ["package.json", "package-lock.json", ".npmrc"].into_iter().filter_map(changed).max();
    // npm writes this file last.
    if wanted <= changed("node_modules/.package-lock.json") {
        return Ok(());
    }
    Step::new("npm").args("ci --no-audit --no-fund").inside(folder).run()
}

/// The native part of `@moq/web-transport` in that folder, if the one in the package does not load on this machine: it wants a
/// C library that many distributions do not have yet. It is built from the source that its authors publish.
pub(crate) fn web_transport(folder: &str) -> Outcome<Option<PathBuf>> {
    npm_ci(folder)?;
    let of_the_package = "require('./node_modules/@moq/web-transport/napi.cjs')";
    let loads = Step::new("node").args("--eval").arg(of_the_package).inside(folder);
    if std::env::var_os(WEB_TRANSPORT).is_some() || loads.succeeds() {
        return Ok(None);
    }
    let target = scratch("web-transport");
    let build = "build --release --locked --package web-transport-node --target-dir";
    Step::new("cargo").args(build).arg(&target).inside("conformance/web-transport").run()?;
    let built = format!("{DLL_PREFIX}web_transport_node{DLL_SUFFIX}");
    // Node loads nothing native of another name.
    let module = target.join("web-transport.node");
    fs::copy(target.join("release").join(built), &module).map_err(|error| Failure(error.to_string()))?;
    Ok(Some(module))
}

/// A Python that has what `requirements.txt` of that folder says, in an environment below `target`.
pub(crate) fn python(folder: &str) -> Outcome<PathBuf> {
    let wanted = root().join(folder).join("requirements.txt");
    let wanted =
        fs::read_to_string(&wanted).map_err(|error| Failure(format!("{}: {error}", wanted.display())))?;
    let environment = scratch("python");
    let (python, installed) = (environment.join("bin/python"), environment.join("installed.txt"));
    if python.exists() && fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    if !Step::new("python3").args("-m ensurepip --version").succeeds() {
        apt_get("python3-venv")?;
    }
    Step::new("python3").args("-m venv --clear").arg(&environment).run()?;
    let pip = Step::new(python.to_string_lossy()).args("-m pip install --quiet --disable-pip-version-check");
    pip.args("--requirement requirements.txt").inside(folder).run()?;
    fs::write(&installed, wanted).map_err(|error| Failure(error.to_string()))?;
    Ok(python)
}

fn node() -> Outcome {
    let needed = format!("Node.js {}.{} or later, with npm, is needed", NODE.0, NODE.1);
    let version = Step::new("node").args("--version").output().map_err(|_| Failure(needed.clone()))?;
    match version_of(&version) {
        Some(version) if version >= NODE => Ok(()),
        _ => Err(Failure(format!("{needed}; this is {}", version.trim()))),
    }
}

/// `v20.14.0` and the like.
fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix('v')?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert_eq!(version_of("v20.14.0\n"), Some((20, 14)));
        assert!(version_of("v20.9.1") < Some(NODE) && version_of("v100.0.0") > Some(NODE));
        assert_eq!(version_of("20.14"), None);
    }
}
