//! The crates: where they come from, under which licence, in how many versions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::index::{self, Standing};
use super::{licences, outcome};
use crate::step::{Failure, Outcome, Step};

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Two versions of one of these in one program do not fit together, or bring a second of what there must be one of.
const ONLY_ONCE: [&str; 12] = [
    "bytes",
    "http",
    "http-body",
    "hyper",
    "hyper-util",
    "ring",
    "rustls",
    "serde",
    "serde_json",
    "tokio",
    "tokio-rustls",
    "tower-service",
];

/// What must not come in, and why.
const NEVER: [(&str, &str); 4] = [
    ("aws-lc-rs", "there is one provider of cryptography, ring"),
    ("aws-lc-sys", "there is one provider of cryptography, ring"),
    ("openssl-sys", "TLS is by rustls"),
    ("native-tls", "TLS is by rustls"),
];

/// The workspaces, each with its own lock file; the peers of the benchmarks are theirs to look after.
const WORKSPACES: [Workspace; 3] = [
    Workspace { manifest: "Cargo.toml", ours: true },
    Workspace { manifest: "fuzz/Cargo.toml", ours: true },
    Workspace { manifest: "conformance/web-transport/Cargo.toml", ours: false },
];

struct Workspace {
    manifest: &'static str,
    /// Somebody else's program, of which only source and licence matter, if not.
    ours: bool,
}

pub(super) fn check() -> Outcome {
    let mut wrong = Vec::new();
    for Workspace { manifest, ours } in WORKSPACES {
        let step = Step::new("cargo")
            .args("metadata --format-version 1 --all-features --manifest-path")
            .arg(manifest);
        let text = step.output()?;
        let metadata: Value = serde_json::from_str(&text)
            .map_err(|error| Failure(format!("audit: cargo metadata is not understood: {error}")))?;
        let packages: Vec<Crate<'_>> =
            metadata["packages"].as_array().into_iter().flatten().map(Crate::read).collect();
        let before = wrong.len();
        wrong.extend(packages.iter().filter_map(Crate::trouble));
        if ours {
            wrong.extend(packages.iter().filter_map(Crate::unwanted));
            wrong.extend(doubles(&packages));
        }
        let unknown = wrong_standings(&packages, &mut wrong);
        println!(
            "audit: {manifest}: {} crates, {} complaints, {unknown}",
            packages.len(),
            wrong.len() - before
        );
    }
    outcome("crates", &wrong)
}

struct Crate<'a> {
    name: &'a str,
    version: &'a str,
    licence: &'a str,
    /// `None`: one of our own.
    source: Option<&'a str>,
}

impl<'a> Crate<'a> {
    fn read(package: &'a Value) -> Self {
        let text = |name: &str| package[name].as_str();
        Self {
            name: text("name").unwrap_or_default(),
            version: text("version").unwrap_or_default(),
            licence: text("license").unwrap_or_default(),
            source: text("source"),
        }
    }

    fn unwanted(&self) -> Option<String> {
        let (name, reason) = NEVER.iter().find(|(never, _)| *never == self.name)?;
        Some(format!("{name}: {reason}"))
    }

    fn trouble(&self) -> Option<String> {
        let Self { name, version, licence, source } = self;
        if source.is_some_and(|source| source != REGISTRY) {
            return Some(format!(
                "{name} {version} comes from {}, not from crates.io",
                source.unwrap_or_default()
            ));
        }
        (!licences::allows(licence))
            .then(|| format!("{name} {version}: the licence {licence:?} is not on the list"))
    }
}

fn doubles(packages: &[Crate<'_>]) -> Vec<String> {
    let mut versions = BTreeMap::<&str, BTreeSet<&str>>::new();
    for package in packages {
        versions.entry(package.name).or_default().insert(package.version);
    }
    let doubled = versions.iter().filter(|(name, versions)| versions.len() > 1 && ONLY_ONCE.contains(name));
    doubled.map(|(name, versions)| format!("{name} is there in several versions: {versions:?}")).collect()
}

/// Complains of those that were yanked, and says of how many nothing is known.
fn wrong_standings(packages: &[Crate<'_>], wrong: &mut Vec<String>) -> String {
    let Some(folder) = index::folder() else {
        return "YANKED VERSIONS NOT CHECKED: cargo keeps no index here".into();
    };
    let mut unknown = 0;
    for Crate { name, version, .. } in packages.iter().filter(|package| package.source.is_some()) {
        let entry = std::fs::read(folder.join(index::place(name))).unwrap_or_default();
        match index::standing(&entry, version) {
            Standing::Good => {}
            Standing::Yanked => wrong.push(format!("{name} {version} was yanked")),
            Standing::Unknown => unknown += 1,
        }
    }
    match unknown {
        0 => "none yanked".into(),
        unknown => format!("YANKED OR NOT IS UNKNOWN of {unknown}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one<'a>(name: &'a str, version: &'a str, licence: &'a str, source: Option<&'a str>) -> Crate<'a> {
        Crate { name, version, licence, source }
    }

    #[test]
    fn a_crate_of_another_source_or_licence_is_complained_of() {
        assert_eq!(one("a", "1.0.0", "MIT", Some(REGISTRY)).trouble(), None);
        assert_eq!(one("a", "1.0.0", "MIT", None).trouble(), None);
        for bad in [
            one("a", "1.0.0", "GPL-3.0-only", Some(REGISTRY)),
            one("a", "1.0.0", "MIT", Some("git+https://example.com/a")),
        ] {
            assert!(bad.trouble().is_some());
        }
        assert_eq!(one("a", "1.0.0", "MIT", None).unwanted(), None);
        assert!(one("openssl-sys", "1.0.0", "MIT", Some(REGISTRY)).unwanted().is_some());
    }

    #[test]
    fn two_versions_of_what_there_must_be_one_of_are_complained_of() {
        let packages = ["1.0.0", "2.0.0"].map(|version| one("hyper", version, "MIT", Some(REGISTRY)));
        assert_eq!(doubles(&packages).len(), 1);
        let packages = ["1.0.0", "2.0.0"].map(|version| one("syn", version, "MIT", Some(REGISTRY)));
        assert_eq!(doubles(&packages).len(), 0);
    }
}
