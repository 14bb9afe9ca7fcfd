//! A namespace as its adapter sees it: what this or another node asks of the sockets here.
//!
//! In: targets, and events as arrays of JSON text. Out: frames into outboxes, changes of rooms, descriptions of sockets.

use std::sync::Arc;
use std::time::Duration;

use proto::engine::Frame;
use proto::socket::Head;
use roomcast_adapter::adapter::{AckSink, Answer, Disconnect, RemoteSocketData};
use roomcast_adapter::{Local, RawJson, Room, Target};

use super::{Namespace, NamespaceInner};
use crate::broadcast::{Prepared, ask_here, deliver_here};
use crate::outbox::Urgency;
use crate::recovery::Recorder;
use crate::{Socket, server_event};

impl NamespaceInner {
    /// An event from another node as the clients of this one get it; `None` if this server's parser cannot write it.
    pub(crate) fn frame(&self, event: &RawJson, id: Option<u64>) -> Option<Frame> {
        let head = Head { namespace: self.path(), id };
        let frame = self.hooks.encoder.event_of_array(head, event);
        frame
            .inspect_err(|error| {
                let namespace = self.path.as_str();
                tracing::warn!(namespace, %error, "an event of another node cannot be written");
            })
            .ok()
    }
}

impl Local for NamespaceInner {
    fn namespace(&self) -> &str {
        self.path.as_str()
    }

    fn deliver(&self, target: &Target, event: &RawJson) -> usize {
        if let Some(prepared) = event.own::<Prepared>() {
            return prepared.deliver_here(self, target);
        }
        let Some(frame) = self.frame(event, None) else { return 0 };
        let frame = frame.compress(target.flags().compress);
        let urgency = if target.flags().volatile { Urgency::Volatile } else { Urgency::Event };
        deliver_here(self, target, &frame, &urgency).queued()
    }

    fn deliver_with_ack(&self, target: &Target, event: &RawJson, timeout: Duration, sink: Arc<dyn AckSink>) {
        ask_here(self, target, event, timeout, sink);
    }

    fn describe(&self, target: &Target) -> Vec<RemoteSocketData> {
        self.members.collect(target).iter().map(Socket::describe).collect()
    }

    fn join(&self, target: &Target, rooms: &[Room]) {
        let outcome = self.members.join_target(target, rooms);
        if outcome.refused > 0 {
            let (namespace, refused) = (self.path.as_str(), outcome.refused);
            tracing::warn!(
                namespace,
                refused,
                "joins refused: too many rooms for one socket, or a name too long"
            );
        }
    }

    fn leave(&self, target: &Target, rooms: &[Room]) {
        self.members.leave_target(target, rooms);
    }

    fn disconnect(&self, target: &Target, how: Disconnect) {
        let disconnect = match how {
            Disconnect::Namespace => Socket::disconnect,
            Disconnect::Connection => Socket::disconnect_connection,
        };
        self.members.collect(target).iter().for_each(disconnect);
    }

    fn server_side_event(&self, event: &RawJson, answer: Option<Answer>) {
        if let Some(inner) = self.this.upgrade() {
            server_event::receive(&Namespace(inner), event, answer);
        }
    }

    fn has_room(&self, room: &str) -> bool {
        // Who is away is in rooms as well.
        self.members.contains(room) || self.recorder().is_some_and(Recorder::is_recording)
    }

    fn rooms(&self) -> Vec<Room> {
        self.members.rooms()
    }
}
