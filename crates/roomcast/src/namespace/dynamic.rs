//! Namespaces made on demand: by a pattern of their paths, or by an async function of path and auth.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use parking_lot::Mutex;
use proto::socket::{NamespacePath, Value};
use serde::Serialize;

use super::{Handlers, Namespace};
use crate::IntoRooms;
use crate::broadcast::ParentBroadcast;
use crate::socket::Emitted;

type Decide = dyn Fn(String, Value) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync;

type Predicate = dyn Fn(&str) -> bool + Send + Sync;

/// Which paths a parent makes namespaces for.
pub(super) enum Matcher {
    Pattern(Pattern),
    Predicate(Box<Predicate>),
    Function(Box<Decide>),
}

/// A path in which `{name}` stands for one segment, and a last `*` for the rest.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Segment>);

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Text(Box<str>),
    One,
    Rest,
}

impl Pattern {
    pub(super) fn new(pattern: &str) -> Self {
        let segments = pattern.trim_start_matches('/').split('/').map(|segment| match segment {
            "*" => Segment::Rest,
            segment if segment.starts_with('{') && segment.ends_with('}') => Segment::One,
            segment => Segment::Text(segment.into()),
        });
        Self(segments.collect())
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        let mut segments = path.trim_start_matches('/').split('/');
        for wanted in &self.0 {
            let matches = match (wanted, segments.next()) {
                (Segment::Rest, Some(_)) => return true,
                (_, None) => false,
                (Segment::Text(text), Some(segment)) => **text == *segment,
                (Segment::One, Some(segment)) => !segment.is_empty(),
            };
            if !matches {
                return false;
            }
        }
        segments.next().is_none()
    }
}

impl Matcher {
    pub(super) fn function<F, Fut>(decide: F) -> Self
    where
        F: Fn(String, Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        Self::Function(Box::new(move |path, auth| Box::pin(decide(path, auth))))
    }

    /// Whether the path alone says that a namespace is to be made. A predicate that panics says no.
    pub(super) fn matches(&self, path: &NamespacePath) -> bool {
        match self {
            Self::Pattern(pattern) => pattern.matches(path.as_str()),
            Self::Predicate(matches) => {
                let matched = AssertUnwindSafe(|| matches(path.as_str()));
                std::panic::catch_unwind(matched).unwrap_or_else(|_| {
                    tracing::error!(
                        namespace = path.as_str(),
                        "the predicate for dynamic namespaces panicked"
                    );
                    false
                })
            }
            Self::Function(_) => false,
        }
    }

    /// Whether a namespace of that path is to be made. A function that panics says no.
    pub(super) async fn allows(&self, path: &NamespacePath, auth: Option<&str>) -> bool {
        match self {
            Self::Pattern(_) | Self::Predicate(_) => self.matches(path),
            Self::Function(decide) => {
                let auth = auth.and_then(|auth| serde_json::from_str(auth).ok());
                let auth = auth.unwrap_or_else(|| Value::Object(proto::socket::Map::default()));
                let decided = AssertUnwindSafe(async { decide(path.as_str().to_owned(), auth).await });
                decided.catch_unwind().await.unwrap_or_else(|_| {
                    tracing::error!(
                        namespace = path.as_str(),
                        "the function for dynamic namespaces panicked"
                    );
                    false
                })
            }
        }
    }
}

pub(crate) struct Parent {
    pub(super) matcher: Matcher,
    pub(super) handlers: Handlers,
    pub(super) children: Mutex<Vec<Namespace>>,
}

/// Makes namespaces on demand, and says what they are like. JS: what `io.of(regex)` and `io.of(function)` return.
///
/// A namespace is made when the first client connects to it, with the handlers and middlewares declared here by then,
/// and freed when its last socket has left.
#[derive(Clone)]
pub struct ParentNamespace(pub(super) Arc<Parent>);

impl ParentNamespace {
    /// The namespaces that exist now.
    #[must_use]
    pub fn children(&self) -> Vec<Namespace> {
        self.0.children.lock().clone()
    }

    fn everyone(&self) -> ParentBroadcast {
        ParentBroadcast::new(self.clone())
    }

    /// Sends an event to every socket of every child. JS: `parent.emit(event, ...args)`.
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Emitted {
        self.everyone().emit(event, args)
    }

    /// To the members of a room, or of several, in every child. JS: `parent.to(room)`.
    pub fn to(&self, rooms: impl IntoRooms) -> ParentBroadcast {
        self.everyone().to(rooms)
    }

    /// The same as [`ParentNamespace::to`]. JS: `parent.in(room)`.
    #[doc(alias = "in")]
    pub fn within(&self, rooms: impl IntoRooms) -> ParentBroadcast {
        self.to(rooms)
    }

    /// To everyone but the members of a room, in every child. JS: `parent.except(room)`.
    pub fn except(&self, rooms: impl IntoRooms) -> ParentBroadcast {
        self.everyone().except(rooms)
    }

    /// Dropped for those who cannot take it at once. JS: `parent.volatile`.
    pub fn volatile(&self) -> ParentBroadcast {
        self.everyone().volatile()
    }

    /// Whether it may be compressed. JS: `parent.compress(bool)`.
    pub fn compress(&self, compress: bool) -> ParentBroadcast {
        self.everyone().compress(compress)
    }

    /// To the sockets of this node only. JS: `parent.local`.
    pub fn local(&self) -> ParentBroadcast {
        self.everyone().local()
    }
}

impl fmt::Debug for ParentNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParentNamespace")
            .field("children", &self.0.children.lock().len())
            .finish_non_exhaustive()
    }
}

/// What is declared for the sockets of its children.
impl Deref for ParentNamespace {
    type Target = Handlers;

    fn deref(&self) -> &Handlers {
        &self.0.handlers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_segments() {
        let table = [
            ("/team/{name}", "/team/blue", true),
            ("/team/{name}", "/team/", false),
            ("/team/{name}", "/team", false),
            ("/team/{name}", "/team/blue/x", false),
            ("/team/{name}", "/steam/blue", false),
            ("/team/{name}/chat", "/team/blue/chat", true),
            ("/files/*", "/files/a/b/c", true),
            ("/files/*", "/files", false),
            ("/*", "/anything", true),
        ];
        for (pattern, path, matches) in table {
            assert_eq!(Pattern::new(pattern).matches(path), matches, "{pattern} {path}");
        }
    }
}
