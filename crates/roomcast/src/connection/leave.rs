//! A socket leaves its namespace, whoever wanted it.

use proto::socket::SlotId;

use super::Connection;
use crate::extract::{Parting, Reason};
use crate::recovery::Departure;
use crate::socket::auth_args;
use crate::{Socket, names};

impl Connection {
    pub(super) fn leave(&mut self, slot: SlotId, reason: Reason) {
        let Some(index) = self.sockets.iter().position(|(other, _)| *other == slot) else { return };
        let (_, socket) = self.sockets.swap_remove(index);
        self.part(&socket, reason.into());
    }

    pub(super) fn leave_all(&mut self, parting: Parting) {
        for (slot, socket) in std::mem::take(&mut self.sockets) {
            self.protocol.remove(slot);
            self.part(&socket, parting);
        }
    }

    /// First the handlers that still see the rooms, then the end of all that the socket was in, then the others.
    fn part(&mut self, socket: &Socket, parting: Parting) {
        // It may have been told to leave when the session took no command any more.
        let parting = if socket.is_dismissed() { Reason::ServerNamespaceDisconnect.into() } else { parting };
        let departure = match parting.reason.is_recoverable() && !self.io.core().is_closing() {
            true => Departure::Kept,
            false => Departure::Final,
        };
        socket.begin_departure(departure);
        let definition = socket.namespace().definition();
        let (disconnecting, disconnect) = socket.take_disconnect_handlers();
        let args = auth_args(None);
        for handler in definition.disconnecting.iter().chain(&disconnecting) {
            self.call(&**handler, socket, &names::DISCONNECTING, &args, None, Some(&parting));
        }
        let rooms = socket.depart();
        for handler in definition.disconnect.iter().chain(&disconnect) {
            self.call(&**handler, socket, &names::DISCONNECT, &args, None, Some(&parting));
        }
        // Its handlers are done with what is kept.
        socket.part(rooms, departure);
        self.io.clean_up(socket.namespace());
    }
}
