//! The npm packages of the tests, the browser client and the benchmarks, by their lock files. None of them is shipped.

use serde_json::Value;

use super::{licences, outcome};
use crate::root;
use crate::step::{Failure, Outcome, Step};

/// Packages whose lock files name no licence, and what their own files say.
const BY_THEIR_FILES: [(&str, &str); 11] = [
    ("base64-arraybuffer", "MIT"),
    ("callsite", "MIT"),
    ("component-bind", "MIT"),
    ("component-inherit", "MIT"),
    ("indexof", "MIT"),
    ("object-component", "MIT"),
    ("to-array", "MIT"),
    ("blob", "MIT"),
    ("better-assert", "MIT"),
    ("xmlhttprequest-ssl", "MIT"),
    ("cookie-signature", "MIT"),
];

pub(super) fn check() -> Outcome {
    let list = Step::new("git").args("ls-files *package-lock.json").output()?;
    let mut wrong = Vec::new();
    for path in list.lines() {
        let lock = read(path)?;
        let packages = lock["packages"].as_object().into_iter().flatten();
        let mut count = 0;
        // The first, without a name, is our own.
        for (place, package) in packages.filter(|(place, _)| !place.is_empty()) {
            count += 1;
            wrong.extend(trouble(place, package).map(|trouble| format!("{path}: {trouble}")));
        }
        println!("audit: {path}: {count} packages");
    }
    outcome("npm packages", &wrong)
}

/// Whether the browser client, which is the only one that leaves the house, needs any package when it runs.
pub(super) fn is_any_shipped() -> Outcome<bool> {
    let lock = read("clients/web/package-lock.json")?;
    let mut packages = lock["packages"].as_object().into_iter().flatten();
    Ok(packages.any(|(place, package)| !place.is_empty() && package["dev"] != true))
}

fn read(path: &str) -> Outcome<Value> {
    let text = std::fs::read_to_string(root().join(path))
        .map_err(|error| Failure(format!("audit: {path} cannot be read: {error}")))?;
    serde_json::from_str(&text).map_err(|error| Failure(format!("audit: {path} is not understood: {error}")))
}

fn trouble(place: &str, package: &Value) -> Option<String> {
    let name = place.rsplit("node_modules/").next().unwrap_or(place);
    if package["integrity"]
        .as_str()
        .is_none_or(|sum| !sum.starts_with("sha512-") && !sum.starts_with("sha1-"))
    {
        return Some(format!("{name} has no checksum"));
    }
    let by_its_file = || Some(BY_THEIR_FILES.iter().find(|(known, _)| *known == name)?.1);
    let licence = package["license"].as_str().or_else(by_its_file).unwrap_or_default();
    (!licences::allows(licence)).then(|| format!("{name}: the licence {licence:?} is not on the list"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_package_needs_a_checksum_and_a_licence() {
        let sum = "sha512-x";
        assert_eq!(trouble("node_modules/a", &json!({ "integrity": sum, "license": "MIT" })), None);
        assert_eq!(trouble("node_modules/b/node_modules/to-array", &json!({ "integrity": sum })), None);
        for bad in [
            json!({ "license": "MIT" }),
            json!({ "integrity": sum, "license": "GPL-3.0" }),
            json!({ "integrity": sum }),
        ] {
            assert!(trouble("node_modules/a", &bad).is_some(), "{bad}");
        }
    }
}
