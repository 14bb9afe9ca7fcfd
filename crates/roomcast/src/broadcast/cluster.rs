//! A broadcast of a node that is one of several: through the adapter of its namespace.
//!
//! In: name and value. Out: one array of JSON text for the adapter, which hands it to the other nodes and back to this
//! one. What is odd: the frame for this node's sockets is made beforehand and travels with the text, so that the value
//! is serialised once, and what became of it here is known.

use std::sync::Arc;
use std::time::Duration;

use proto::socket::Head;
use roomcast_adapter::adapter::Disconnect;
use roomcast_adapter::{Adapter, Local, PublishError, RawJson, RequestError, Room};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::gathering::Gathering;
use super::here::{Prepared, ask_here, deliver_here};
use super::{Broadcast, BroadcastAck, RemoteSocket};
use crate::error::{AckError, EmitError, FetchError};
use crate::namespace::Backend;
use crate::socket::Emitted;

/// How long other nodes may take to answer, unless said otherwise by `timeout`. JS: `requestsTimeout`.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

impl Broadcast {
    /// What knows the other nodes, if there are any and they are meant.
    pub(super) fn backend(&self) -> Option<&Arc<Backend>> {
        if self.target.flags().local { None } else { self.namespace.backend() }
    }

    pub(super) fn emit_through<T: Serialize>(&self, backend: &Backend, event: &str, args: &T) -> Emitted {
        let raw = match self.raw(event, args) {
            Ok(raw) => raw,
            Err(error) => return Emitted::failed(error),
        };
        let head = Head { namespace: self.namespace.name(), id: None };
        let frame = match self.namespace.hooks().encoder.event_of_array(head, &raw) {
            Ok(frame) => frame.compress(self.target.flags().compress),
            Err(error) => return Emitted::failed(self.unwritable(event, error)),
        };
        let urgency = self.urgency();
        let prepared = Arc::new(Prepared::new(frame.clone(), urgency.clone()));
        let sent = backend
            .usable()
            .and_then(|adapter| adapter.broadcast(self.target.clone(), raw.with_own(prepared.clone())));
        match sent {
            Ok(_) => prepared.outcome().unwrap_or_default(),
            Err(error) => {
                // An adapter that cannot be asked has not handed it back.
                let here = prepared.outcome();
                let here = here
                    .unwrap_or_else(|| deliver_here(self.namespace.inner(), &self.target, &frame, &urgency));
                here.and(Emitted::failed(self.unpublished(event, error)))
            }
        }
    }

    pub(super) fn ask_through<T: DeserializeOwned>(
        &self,
        backend: &Backend,
        event: &str,
        args: &impl Serialize,
    ) -> BroadcastAck<T> {
        let raw = match self.raw(event, args) {
            Ok(raw) => raw,
            Err(error) => return BroadcastAck::failed(AckError::Emit(error)),
        };
        let timeout = self.timeout.unwrap_or(REQUEST_TIMEOUT);
        let gathering = Arc::new(Gathering::default());
        let sent = match backend.usable() {
            Ok(adapter) => adapter.broadcast_with_ack(self.target.clone(), raw, timeout, gathering.clone()),
            Err(error) => {
                let sink: Arc<Gathering> = gathering.clone();
                roomcast_adapter::adapter::AckSink::expect_nodes(&*sink, 1);
                ask_here(self.namespace.inner(), &self.target, &raw, timeout, sink);
                Err(error)
            }
        };
        let error = sent.err().map(|error| AckError::Emit(self.unpublished(event, error)));
        BroadcastAck::gather(gathering, timeout, error)
    }

    pub(super) async fn fetch_through(&self, backend: &Backend) -> Result<Vec<RemoteSocket>, FetchError> {
        let here = || self.namespace.members().collect(&self.target).into_iter().map(RemoteSocket::new);
        let timeout = self.timeout.unwrap_or(REQUEST_TIMEOUT);
        let remote = |data| RemoteSocket::remote(self.namespace.clone(), data);
        let fetched = match backend.usable() {
            Ok(adapter) => adapter.fetch_remote_sockets(self.target.clone(), timeout).await,
            Err(error) => Err(error.into()),
        };
        match fetched {
            Ok(others) => Ok(here().chain(others.into_iter().map(remote)).collect()),
            Err(RequestError::Publish(error)) => Err(FetchError::Publish(error)),
            Err(RequestError::Timeout { missing, partial }) => {
                let partial = here().chain(partial.into_iter().map(remote)).collect();
                Err(FetchError::Timeout { missing, partial })
            }
            // What a later version of the adapter crate may add.
            Err(_) => Err(FetchError::Publish(PublishError::NotReady)),
        }
    }

    pub(super) fn join_through(&self, backend: &Backend, rooms: Vec<Room>) {
        self.change(
            "socketsJoin",
            backend,
            &rooms,
            |adapter, rooms| adapter.add_sockets(self.target.clone(), rooms),
            |local, rooms| local.join(&self.target, rooms),
        );
    }

    pub(super) fn leave_through(&self, backend: &Backend, rooms: Vec<Room>) {
        self.change(
            "socketsLeave",
            backend,
            &rooms,
            |adapter, rooms| adapter.del_sockets(self.target.clone(), rooms),
            |local, rooms| local.leave(&self.target, rooms),
        );
    }

    pub(super) fn disconnect_through(&self, backend: &Backend, how: Disconnect) {
        self.change(
            "disconnectSockets",
            backend,
            &[],
            |adapter, _| adapter.disconnect_sockets(self.target.clone(), how),
            |local, _| local.disconnect(&self.target, how),
        );
    }

    /// A change on all nodes, or, if the adapter cannot be asked, on this one.
    fn change(
        &self,
        what: &str,
        backend: &Backend,
        rooms: &[Room],
        everywhere: impl FnOnce(&dyn Adapter, Vec<Room>) -> Result<(), PublishError>,
        here: impl FnOnce(&dyn Local, &[Room]),
    ) {
        let changed = match backend.usable() {
            Ok(adapter) => everywhere(adapter, rooms.to_vec()),
            Err(error) => {
                here(self.namespace.inner(), rooms);
                Err(error)
            }
        };
        if let Err(error) = changed {
            self.unpublished(what, error);
        }
    }

    /// The event as the nodes hand it to each other.
    fn raw<T: Serialize>(&self, event: &str, args: &T) -> Result<RawJson, EmitError> {
        RawJson::event(event, args).map_err(|error| self.unwritable(event, error))
    }

    /// The other nodes may not have heard of it: the error hook does, and the caller.
    fn unpublished(&self, event: &str, error: PublishError) -> EmitError {
        self.report(event, EmitError::Publish(error.clone()));
        EmitError::Publish(error)
    }
}
