//! Whether a test that a row names is there and has passed.
//!
//! In: `file::test`, the record of the last run. Out: nothing, or the doubt. What is odd: a file is named by the end of
//! its path, as long as only one that ends like that has such a test; and one name may have run several times, once per transport: then each
//! of them has to have passed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::record::{Ending, Ran, Record};

use super::holds_tests;

/// Folders that hold nothing of ours.
const FOREIGN: [&str; 4] = ["target", "node_modules", ".git", "artifacts"];

pub(crate) struct Evidence<'a> {
    root: &'a Path,
    files: Vec<PathBuf>,
    record: Record,
}

impl<'a> Evidence<'a> {
    pub(crate) fn new(root: &'a Path, record: Record) -> Self {
        let mut files = Vec::new();
        collect(root, root, &mut files);
        Self { root, files, record }
    }

    /// Why `test` proves nothing, if so.
    pub(crate) fn doubt(&self, test: &str) -> Option<String> {
        let Some((file, name)) = split(test) else {
            return Some(format!("`{test}` is not file::test"));
        };
        let found: Vec<_> = self.files.iter().filter(|path| path.ends_with(file)).collect();
        let ran_in = |path: &Path| {
            let origin = Origin::of(self.root, path);
            self.record.0.iter().filter(|(_, ran)| origin.is(ran, name)).collect::<Vec<_>>()
        };
        let with_test: Vec<_> =
            found.iter().map(|path| (path, ran_in(path))).filter(|(_, ran)| !ran.is_empty()).collect();
        let (path, ran) = match (found.len(), with_test.as_slice()) {
            (_, [one]) => one,
            (0, _) => return Some(format!("there is no file {file}")),
            (1, _) => return Some(format!("`{test}` did not run")),
            (several, _) => return Some(format!("{several} files end with {file}")),
        };
        let changed = fs::metadata(self.root.join(path)).and_then(|about| about.modified());
        for (written, ran) in ran.iter().copied() {
            match ran.ending {
                Ending::Failed => return Some(format!("`{test}` failed")),
                Ending::Skipped => return Some(format!("`{test}` was skipped")),
                Ending::Passed if changed.as_ref().is_ok_and(|changed| changed > written) => {
                    return Some(format!("{file} has changed since `{name}` ran"));
                }
                Ending::Passed => {}
            }
        }
        None
    }
}

/// How the record names the tests of a file.
struct Origin {
    /// As for JavaScript and documentation.
    file: String,
    /// nextest's name of the binary, without its kind.
    binary: Option<String>,
    /// The path of the file's module in its crate.
    module: String,
}

impl Origin {
    fn of(root: &Path, path: &Path) -> Self {
        let file = path.to_string_lossy().into_owned();
        let package = path.ancestors().skip(1).find(|folder| root.join(folder).join("Cargo.toml").is_file());
        let rust = path.extension().is_some_and(|extension| extension == "rs");
        let Some((folder, name)) =
            package.filter(|_| rust).and_then(|at| Some((at, package_name(root, at)?)))
        else {
            return Self { file, binary: None, module: String::new() };
        };
        let inside = path.strip_prefix(folder).unwrap_or(path).with_extension("");
        let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
        let (binary, modules) = match parts.split_first() {
            Some((kind, [target, modules @ ..])) if kind == "tests" => (format!("{name}::{target}"), modules),
            Some((_, modules)) => (name, modules),
            None => (name, [].as_slice()),
        };
        let doors = ["mod", "lib", "main"];
        let modules: Vec<_> =
            modules.iter().map(AsRef::as_ref).filter(|part| !doors.contains(part)).collect();
        Self { file, binary: Some(binary), module: modules.join("::") }
    }

    /// Whether that is the test `name` of this file.
    fn is(&self, ran: &Ran, name: &str) -> bool {
        if ran.place == self.file {
            return ran.name == name;
        }
        let Some(binary) = &self.binary else { return false };
        let own = match ran.place.split_once("::") {
            // A program of the package: its tests are those of its sources.
            Some((package, target)) if target.contains('/') => package == binary,
            _ => ran.place == *binary,
        };
        // `cargo test` does not say whose a test is.
        (own || ran.place.is_empty()) && self.inside(&ran.name, name)
    }

    /// Whether `path` is a function `name` in this file's module, or in a module inside it.
    fn inside(&self, path: &str, name: &str) -> bool {
        let Some(modules) = path.strip_suffix(name) else { return false };
        let Some(rest) = modules.strip_prefix(self.module.as_str()) else { return false };
        rest.is_empty() && self.module.is_empty()
            || rest.ends_with("::") && (self.module.is_empty() || rest.starts_with("::"))
    }
}

/// The file and the name of a test; a name may have `::` in it, a path may not.
fn split(test: &str) -> Option<(&str, &str)> {
    let (file, name) = test.split_once("::")?;
    (holds_tests(Path::new(file)) && !name.is_empty()).then_some((file, name))
}

/// The name that the manifest of that folder gives to its package.
fn package_name(root: &Path, folder: &Path) -> Option<String> {
    let manifest = fs::read_to_string(root.join(folder).join("Cargo.toml")).ok()?;
    let line = manifest.lines().find_map(|line| line.strip_prefix("name = \""))?;
    Some(line.trim_end_matches('"').to_owned())
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let foreign = FOREIGN.iter().any(|name| entry.file_name() == *name);
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !foreign => collect(root, &path, files),
            Ok(kind) if kind.is_file() && holds_tests(&path) => {
                files.extend(path.strip_prefix(root).map(Path::to_owned));
            }
            _ => {}
        }
    }
}
