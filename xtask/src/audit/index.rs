//! Which versions their authors have taken back.
//!
//! In: the index entries that cargo keeps of every crate it has looked up. Out: whether a version was yanked when cargo looked
//! last. What is odd: the form of those files is cargo's own matter; what cannot be found in them is said to be unknown, not
//! to be well.

use std::path::PathBuf;

/// What is known of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Good,
    Yanked,
    Unknown,
}

/// The index entries of crates.io on this machine.
pub(super) fn folder() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))?;
    let indices = home.join("registry/index").read_dir().ok()?;
    let caches = indices.filter_map(|entry| Some(entry.ok()?.path().join(".cache")));
    caches.into_iter().find(|cache| cache.join("se/rd/serde").exists())
}

/// Where the entry of a crate is below that folder.
pub(super) fn place(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.len() {
        1 => format!("1/{name}"),
        2 => format!("2/{name}"),
        3 => format!("3/{}/{name}", &name[..1]),
        _ => format!("{}/{}/{name}", &name[..2], &name[2..4]),
    }
}

/// Looks a version up in the entry of its crate.
pub(super) fn standing(entry: &[u8], version: &str) -> Standing {
    // Each version is a JSON object between two zero bytes.
    let lines = entry.split(|&byte| byte == 0).filter(|line| line.first() == Some(&b'{'));
    let mut versions = lines.filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok());
    match versions.find(|line| line["vers"] == version).map(|line| line["yanked"].as_bool()) {
        Some(Some(true)) => Standing::Yanked,
        Some(Some(false)) => Standing::Good,
        _ => Standing::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_says_what_became_of_a_version() {
        let entry = b"\x03\x02\0\0\0etag: x\x001.0.0\0{\"vers\":\"1.0.0\",\"yanked\":true}\x001.0.1\0{\"vers\":\"1.0.1\",\"yanked\":false}\0";
        let rows = [("1.0.0", Standing::Yanked), ("1.0.1", Standing::Good), ("1.0.2", Standing::Unknown)];
        for (version, expected) in rows {
            assert_eq!(standing(entry, version), expected, "{version}");
        }
    }

    #[test]
    fn an_entry_lies_where_the_length_of_its_name_says() {
        assert_eq!(["a", "ab", "abc", "Abcd"].map(place), ["1/a", "2/ab", "3/a/abc", "ab/cd/abcd"]);
    }
}
