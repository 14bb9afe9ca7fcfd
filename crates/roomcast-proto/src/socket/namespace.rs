//! The name of a namespace, as it stands in packets.
//!
//! In comes what a user wrote (`"chat"`, `"/chat"`) or what stood in a packet; out goes a path that can be put on the
//! wire. What is odd: the root namespace is by far the most common, so it owns no memory and shares no counter.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The path of a namespace: begins with `/` and holds no comma. Cheap to clone.
///
/// JS: `io.of("/chat").name`
#[derive(Clone, Default)]
pub struct NamespacePath(Option<Arc<str>>);

/// The name cannot stand in a packet: a comma would end it early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidNamespace;

impl NamespacePath {
    /// Reads a name; a missing leading `/` is added, the empty name is the root.
    ///
    /// # Errors
    /// [`InvalidNamespace`] when the name holds a comma.
    pub fn new(name: &str) -> Result<Self, InvalidNamespace> {
        if name.contains(',') {
            return Err(InvalidNamespace);
        }
        Ok(match name {
            "" | "/" => Self(None),
            _ if name.starts_with('/') => Self(Some(Arc::from(name))),
            _ => Self(Some(Arc::from(format!("/{name}")))),
        })
    }

    /// The namespace `/`, which every server has.
    #[must_use]
    pub const fn root() -> Self {
        Self(None)
    }

    /// Whether this is `/`.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a packet's path is this one.
    #[inline]
    pub(super) fn is(&self, path: &str) -> bool {
        match &self.0 {
            None => path == "/",
            Some(own) => **own == *path,
        }
    }

    /// The path as text, with its leading `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or("/")
    }
}

impl fmt::Display for NamespacePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for NamespacePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq for NamespacePath {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for NamespacePath {}

impl PartialOrd for NamespacePath {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for NamespacePath {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

// A map keyed by paths is asked with the `&str` of a packet, so both must hash alike.
impl Hash for NamespacePath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Borrow<str> for NamespacePath {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for NamespacePath {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl std::str::FromStr for NamespacePath {
    type Err = InvalidNamespace;

    fn from_str(name: &str) -> Result<Self, InvalidNamespace> {
        Self::new(name)
    }
}

impl fmt::Display for InvalidNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a namespace must not hold a comma")
    }
}

impl std::error::Error for InvalidNamespace {}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_missing_slash_is_added_and_the_empty_name_is_the_root() {
        let table =
            [("", "/"), ("/", "/"), ("chat", "/chat"), ("/chat", "/chat"), ("/a/b", "/a/b"), ("//", "//")];
        for (given, path) in table {
            assert_eq!(NamespacePath::new(given).unwrap().as_str(), path);
        }
        assert_eq!(NamespacePath::new("/").unwrap(), NamespacePath::root());
        assert!(NamespacePath::root().is_root());
    }

    #[test]
    fn a_comma_is_refused() {
        assert_eq!(NamespacePath::new("/a,b"), Err(InvalidNamespace));
    }

    #[test]
    fn a_map_of_paths_is_asked_with_text() {
        let map = HashMap::from([(NamespacePath::root(), 1), (NamespacePath::new("chat").unwrap(), 2)]);
        assert_eq!((map.get("/"), map.get("/chat"), map.get("chat")), (Some(&1), Some(&2), None));
    }
}
