//! The adapter of a node that is alone: everything is local.
//!
//! Comes in: requests of the namespace. Goes out: the same requests, to the namespace.
//! Odd: a server-side event has nobody to go to. The reference only warns; here it is an error value.

use std::{
    future::ready,
    sync::{Arc, Weak},
    time::Duration,
};

use super::{
    AckSink, Adapter, AdapterFactory, BoxFuture, Disconnect, Local, PublishError, RawJson, RemoteSocketData,
    RequestError,
};
use crate::{Room, Target};

/// Serves one node that knows no others.
pub struct MemoryAdapter {
    local: Weak<dyn Local>,
}

/// Makes a [`MemoryAdapter`] per namespace.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryAdapterFactory;

impl AdapterFactory for MemoryAdapterFactory {
    fn adapter_for(&self, local: Weak<dyn Local>) -> Arc<dyn Adapter> {
        Arc::new(MemoryAdapter::new(local))
    }
}

impl MemoryAdapter {
    /// An adapter for this namespace.
    #[must_use]
    pub fn new(local: Weak<dyn Local>) -> Self {
        Self { local }
    }

    fn local(&self) -> Result<Arc<dyn Local>, PublishError> {
        self.local.upgrade().ok_or(PublishError::Closed)
    }
}

impl Adapter for MemoryAdapter {
    fn init(&self) -> BoxFuture<'_, Result<(), RequestError>> {
        Box::pin(ready(Ok(())))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), RequestError>> {
        Box::pin(ready(Ok(())))
    }

    fn server_count(&self) -> BoxFuture<'_, Result<usize, RequestError>> {
        Box::pin(ready(Ok(1)))
    }

    fn broadcast(&self, target: Target, event: RawJson) -> Result<Option<usize>, PublishError> {
        Ok(Some(self.local()?.deliver(&target, &event)))
    }

    fn broadcast_with_ack(
        &self,
        target: Target,
        event: RawJson,
        timeout: Duration,
        sink: Arc<dyn AckSink>,
    ) -> Result<(), PublishError> {
        let local = self.local()?;
        sink.expect_nodes(1);
        local.deliver_with_ack(&target, &event, timeout, sink);
        Ok(())
    }

    fn fetch_remote_sockets(
        &self,
        _target: Target,
        _timeout: Duration,
    ) -> BoxFuture<'_, Result<Vec<RemoteSocketData>, RequestError<RemoteSocketData>>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn add_sockets(&self, target: Target, rooms: Vec<Room>) -> Result<(), PublishError> {
        self.local()?.join(&target, &rooms);
        Ok(())
    }

    fn del_sockets(&self, target: Target, rooms: Vec<Room>) -> Result<(), PublishError> {
        self.local()?.leave(&target, &rooms);
        Ok(())
    }

    fn disconnect_sockets(&self, target: Target, how: Disconnect) -> Result<(), PublishError> {
        self.local()?.disconnect(&target, how);
        Ok(())
    }

    fn server_side_emit(&self, _event: RawJson) -> Result<(), PublishError> {
        Err(PublishError::NoOtherNodes)
    }

    fn server_side_emit_with_ack(
        &self,
        _event: RawJson,
        _timeout: Duration,
    ) -> BoxFuture<'_, Result<Vec<RawJson>, RequestError<RawJson>>> {
        Box::pin(ready(Err(PublishError::NoOtherNodes.into())))
    }
}

impl std::fmt::Debug for MemoryAdapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemoryAdapter")
    }
}
