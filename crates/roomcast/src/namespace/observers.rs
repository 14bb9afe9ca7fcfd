//! Who is told of the rooms of a namespace on this node: its adapter, and whoever asked.

use std::sync::Arc;

use parking_lot::RwLock;
use roomcast_adapter::{RoomEvent, RoomObserver};

/// All observers of one book, which itself tells only one.
#[derive(Default)]
pub(super) struct Observers(RwLock<Vec<Arc<dyn RoomObserver>>>);

impl Observers {
    pub(super) fn add(&self, observer: Arc<dyn RoomObserver>) {
        self.0.write().push(observer);
    }
}

impl RoomObserver for Observers {
    fn on_room_event(&self, event: RoomEvent<'_>) {
        // They are user code: no lock is held while one runs, and one that panics hurts nobody else.
        let mut next = 0;
        loop {
            let observer = self.0.read().get(next).cloned();
            let Some(observer) = observer else { return };
            let told = std::panic::AssertUnwindSafe(|| observer.on_room_event(event));
            if std::panic::catch_unwind(told).is_err() {
                tracing::error!("an observer of rooms panicked");
            }
            next += 1;
        }
    }
}
