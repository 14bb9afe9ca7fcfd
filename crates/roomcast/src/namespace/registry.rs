//! All namespaces of a server.
//!
//! What is odd: a connect that has found a child namespace holds a [`Joining`] until it is a member, so that the child
//! is not freed in between.

use arc_swap::Guard;
use std::collections::HashMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    /// The server has ended: who comes now gets no adapter that works.
    closed: AtomicBool,
    namespaces: RwLock<HashMap<NamespacePath, Namespace>>,
    parents: RwLock<Vec<Arc<Parent>>>,
    new_namespace: RwLock<Vec<Arc<NewNamespace>>>,
}

/// Is told of a new namespace.
type NewNamespace = dyn Fn(&Namespace) + Send + Sync;

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
        let (namespaces, parents, new_namespace) = Default::default();
        let closed = AtomicBool::new(false);
        let registry =
            Self { max_rooms, hooks, absence, adapter, clean_up, closed, namespaces, parents, new_namespace };
        registry.of(&NamespacePath::root());
        registry
    }

    /// The namespace of that path, made if it is not there; a child, if a parent's pattern says so.
    pub(crate) fn of(&self, path: &NamespacePath) -> Namespace {
        if let Some(namespace) = self.namespaces.read().get(path) {
            return namespace.pinned();
        }
        // A predicate is user code: no lock is held while it is asked.
        let parents = self.parents.read().clone();
        match parents.iter().find(|parent| parent.matcher.matches(path)) {
            Some(parent) => self.child(path, parent).0.pinned(),
            None => self.insert(
                Namespace::new(path.clone(), false, Arc::default(), self),
                None,
                Namespace::pinned,
            ),
        }
    }

    /// The namespace that a client asks for, if there is one for it. Whoever gets it waits until it is
    /// [prepared](Namespace::prepared). JS: socket.io/lib/index.ts `_checkNamespace`.
    pub(crate) async fn find(&self, path: &NamespacePath, auth: Option<&str>) -> Option<Joining> {
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
        self.insert(Namespace::new(path.clone(), true, definition, self), Some(parent), Joining::new)
    }

    /// Puts a namespace in, unless there is one of its path, and takes what is there. It was made outside the lock, because
    /// making its adapter is user code; in a race one of two is dropped unused.
    fn insert<T>(&self, made: Namespace, parent: Option<&Parent>, take: impl FnOnce(&Namespace) -> T) -> T {
        let (taken, is_new) = {
            let mut namespaces = self.namespaces.write();
            match namespaces.get(&made.0.path) {
                Some(there) => (take(there), false),
                None => {
                    namespaces.insert(made.0.path.clone(), made.clone());
                    if let Some(parent) = parent {
                        parent.children.lock().push(made.clone());
                    }
                    (take(&made), true)
                }
            }
        };
        if is_new {
            // Whoever has closed the registry before has not seen it.
            if self.closed.load(Ordering::Acquire) {
                made.refuse_adapter();
            }
            self.announce(&made);
        }
        taken
    }

    /// The server ends. Gives all namespaces, whose adapters are then to be closed; those of later ones never begin.
    pub(crate) fn close(&self) -> Vec<Namespace> {
        self.closed.store(true, Ordering::Release);
        self.all()
    }

    /// Tells whoever wants to know of a new namespace; then clients come in.
    fn announce(&self, namespace: &Namespace) {
        let hooks = if namespace.name() == "/" { Vec::new() } else { self.new_namespace.read().clone() };
        for hook in hooks {
            if catch_unwind(AssertUnwindSafe(|| hook(namespace))).is_err() {
                tracing::error!(namespace = namespace.name(), "a hook for new namespaces panicked");
            }
        }
        namespace.start();
    }

    pub(crate) fn on_new_namespace(&self, hook: Arc<NewNamespace>) {
        self.new_namespace.write().push(hook);
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

    pub(crate) fn of_matching(
        &self,
        matches: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> ParentNamespace {
        self.parent(Matcher::Predicate(Box::new(matches)))
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
