//! All namespaces of a server.
//!
//! What is odd: a connect that has found a child namespace holds a [`Joining`] until it is a member, so that the child
//! is not freed in between.

use arc_swap::Guard;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::{Mutex, RwLock};
use proto::socket::{NamespacePath, Value};

use super::dynamic::{Matcher, Parent, ParentNamespace, Pattern};
use super::{Handlers, Namespace};
use roomcast_adapter::AdapterFactory;

use crate::hooks::Hooks;
use crate::recovery::Absence;

pub(crate) struct Registry {
    pub(super) max_rooms: usize,
    pub(super) hooks: Arc<Hooks>,
    /// With recovery on.
    pub(super) absence: Option<Arc<Absence>>,
    /// Makes the adapter of each namespace; without one the server is alone.
    pub(super) adapter: Option<Box<dyn AdapterFactory>>,
    /// Whether an empty child is freed.
    clean_up: bool,
    namespaces: RwLock<HashMap<NamespacePath, Namespace>>,
    parents: RwLock<Vec<Arc<Parent>>>,
}

impl Namespace {
    /// The program holds it now, and may have declared things on it: it stays.
    fn pinned(&self) -> Self {
        self.0.child.store(false, Ordering::Release);
        self.clone()
    }
}

/// A namespace that somebody is about to join.
pub(crate) struct Joining(Namespace);

impl Joining {
    fn new(namespace: &Namespace) -> Self {
        namespace.0.joining.fetch_add(1, Ordering::AcqRel);
        Self(namespace.clone())
    }

    pub(crate) fn namespace(&self) -> &Namespace {
        &self.0
    }
}

impl Drop for Joining {
    fn drop(&mut self) {
        self.0.0.joining.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Registry {
    pub(crate) fn new(
        hooks: Arc<Hooks>,
        max_rooms: usize,
        clean_up: bool,
        absence: Option<Arc<Absence>>,
        adapter: Option<Box<dyn AdapterFactory>>,
    ) -> Self {
        let (namespaces, parents) = (RwLock::default(), RwLock::default());
        let registry = Self { max_rooms, hooks, absence, adapter, clean_up, namespaces, parents };
        registry.of(&NamespacePath::root());
        registry
    }

    /// The namespace of that path, made if it is not there; a child, if a parent's pattern says so.
    pub(crate) fn of(&self, path: &NamespacePath) -> Namespace {
        if let Some(namespace) = self.namespaces.read().get(path) {
            return namespace.pinned();
        }
        let matches = |parent: &&Arc<Parent>| match &parent.matcher {
            Matcher::Pattern(pattern) => pattern.matches(path.as_str()),
            Matcher::Function(_) => false,
        };
        let parent = self.parents.read().iter().find(matches).cloned();
        match parent {
            Some(parent) => self.child(path, &parent).0.pinned(),
            None => {
                // Made outside the lock, because making its adapter is user code; in a race one of two is dropped unused.
                let made = Namespace::new(path.clone(), false, Arc::default(), self);
                let namespace = self.namespaces.write().entry(path.clone()).or_insert(made).pinned();
                namespace.start();
                namespace
            }
        }
    }

    /// The namespace that a client asks for, if there is one for it. JS: socket.io/lib/index.ts `_checkNamespace`.
    pub(crate) async fn find(&self, path: &NamespacePath, auth: Option<&str>) -> Option<Joining> {
        let joining = self.find_or_make(path, auth).await?;
        if joining.0.backend().is_some() {
            // If that fails, this node serves alone.
            let _ = joining.0.adapter_ready().await;
        }
        Some(joining)
    }

    async fn find_or_make(&self, path: &NamespacePath, auth: Option<&str>) -> Option<Joining> {
        if let Some(namespace) = self.namespaces.read().get(path) {
            return Some(Joining::new(namespace));
        }
        let parents = self.parents.read().clone();
        for parent in parents {
            if parent.matcher.allows(path, auth).await {
                return Some(self.child(path, &parent));
            }
        }
        None
    }

    /// One child, however many ask at once.
    fn child(&self, path: &NamespacePath, parent: &Arc<Parent>) -> Joining {
        let definition = Guard::into_inner(parent.handlers.definition());
        // Made outside the lock, because making its adapter is user code; in a race one of two is dropped unused.
        let made = Namespace::new(path.clone(), true, definition, self);
        let mut namespaces = self.namespaces.write();
        if let Some(namespace) = namespaces.get(path) {
            return Joining::new(namespace);
        }
        namespaces.insert(path.clone(), made.clone());
        parent.children.lock().push(made.clone());
        let joining = Joining::new(&made);
        drop(namespaces);
        made.start();
        joining
    }

    /// Frees a child that nobody is in. Whether it was one; its adapter is then to be closed.
    pub(crate) fn clean_up(&self, namespace: &Namespace) -> bool {
        if !self.clean_up || !namespace.0.child.load(Ordering::Acquire) || !namespace.is_empty() {
            return false;
        }
        let mut namespaces = self.namespaces.write();
        let freed = namespace.is_empty()
            && !namespace.is_awaited()
            && namespace.0.child.load(Ordering::Acquire)
            && namespace.0.joining.load(Ordering::Acquire) == 0
            && namespaces.get(&namespace.0.path) == Some(namespace);
        if freed {
            namespaces.remove(&namespace.0.path);
            for parent in self.parents.read().iter() {
                parent.children.lock().retain(|child| child != namespace);
            }
        }
        freed
    }

    pub(crate) fn of_pattern(&self, pattern: &str) -> ParentNamespace {
        self.parent(Matcher::Pattern(Pattern::new(pattern)))
    }

    pub(crate) fn of_fn<F, Fut>(&self, decide: F) -> ParentNamespace
    where
        F: Fn(String, Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        self.parent(Matcher::function(decide))
    }

    fn parent(&self, matcher: Matcher) -> ParentNamespace {
        let parent = Parent { matcher, handlers: Handlers::new(Arc::default()), children: Mutex::default() };
        let parent = Arc::new(parent);
        self.parents.write().push(parent.clone());
        ParentNamespace(parent)
    }

    /// All namespaces.
    pub(crate) fn all(&self) -> Vec<Namespace> {
        self.namespaces.read().values().cloned().collect()
    }

    /// The paths of all namespaces.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.namespaces.read().keys().map(|path| path.as_str().to_owned()).collect()
    }
}
