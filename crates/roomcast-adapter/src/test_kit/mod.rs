//! One suite of tests for every adapter.
//!
//! In: a [`Subject`], which knows how to start an adapter on some nodes and when all its messages have arrived. Out: a
//! panic that names what went wrong, or nothing. The nodes and their sockets come from the kit ([`KitNode`]): real
//! rooms, sockets that write down what they receive.
//! Odd: the same cases run on one node and on several; their sockets are dealt out in turn, so that on several nodes
//! every case crosses the wire. What the official JavaScript suite of its adapter package checks is checked here in
//! its order; what it checks of encoded frames and of session recovery belongs to the server.
//!
//! ```
//! use roomcast_adapter::{adapter::MemoryAdapterFactory, test_kit};
//! test_kit::block_on(test_kit::suite(&MemoryAdapterFactory, 1));
//! ```

use std::{
    sync::{Arc, Weak},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use crate::{
    Adapter, AdapterFactory, Local,
    adapter::{BoxFuture, MemoryAdapterFactory},
};

mod node;

mod cluster;

mod rooms;

mod broadcasts;

mod acks;

mod remote;

mod server_side;

pub use self::{
    cluster::Cluster,
    node::{KitNode, KitSocket},
};

/// What the suite tests.
pub trait Subject: Send + Sync {
    /// Starts one adapter per node, all in one new cluster that has nothing to do with earlier ones. Returns when
    /// every adapter has been initialised and knows the others.
    fn start(&self, nodes: Vec<Weak<dyn Local>>) -> BoxFuture<'_, Vec<Arc<dyn Adapter>>>;

    /// Returns when everything published has been carried out on every node.
    fn settle(&self) -> BoxFuture<'_, ()>;
}

/// The adapter of a node that is alone, as the simplest subject.
impl Subject for MemoryAdapterFactory {
    fn start(&self, nodes: Vec<Weak<dyn Local>>) -> BoxFuture<'_, Vec<Arc<dyn Adapter>>> {
        Box::pin(async move {
            let adapters: Vec<_> = nodes.into_iter().map(|node| self.adapter_for(node)).collect();
            assert_eq!(adapters.len(), 1, "it serves one node");
            adapters[0].init().await.expect("it has nothing to fail with");
            adapters
        })
    }

    fn settle(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Runs every case on a new cluster of so many nodes.
///
/// # Panics
/// When the adapter does something else than the contract says.
pub async fn suite(subject: &dyn Subject, nodes: usize) {
    rooms::run(subject, nodes).await;
    broadcasts::run(subject, nodes).await;
    acks::run(subject, nodes).await;
    remote::run(subject, nodes).await;
    server_side::run(subject, nodes).await;
}

/// Checks that server-side events have nobody to go to, for an adapter that serves one node only.
///
/// # Panics
/// When they seem to have been sent.
pub async fn alone(subject: &dyn Subject) {
    server_side::nobody_to_tell_is_an_error(subject).await;
}

/// Waits for a future on this thread, for adapters that need no runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = Box::pin(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
