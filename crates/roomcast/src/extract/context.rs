//! The event that a call is for, and how its parameters are taken out of it.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::reason::Parting;
use super::{EventReader, Reason, ReasonDetail};
use crate::handler::{Ack, AckSlot, Trouble};
use crate::{Io, Namespace, Socket};

/// The event that a call is for.
pub struct EventContext<'a> {
    pub(crate) io: &'a Io,
    pub(crate) socket: &'a Socket,
    pub(crate) event: EventReader<'a>,
    pub(crate) ack: Option<&'a Arc<AckSlot>>,
    pub(crate) parting: Option<&'a Parting>,
}

impl EventContext<'_> {
    pub(crate) fn answer_slot(&self) -> Option<Arc<AckSlot>> {
        self.ack.cloned()
    }
}

/// What can be a handler's parameter: anything that serde can read, and Roomcast's own context types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter of a handler",
    label = "not a handler's parameter",
    note = "it is neither a type of Roomcast's, such as `Socket`, `Ack` or `State<T>`, nor owned data that implements `serde::Deserialize`",
    note = "take `String` instead of `&str`, and add `#[derive(serde::Deserialize)]` to types of your own"
)]
pub trait FromEvent: Sized {
    /// Takes the value.
    #[doc(hidden)]
    fn from_event(context: &mut EventContext<'_>) -> Result<Self, Trouble>;
}

impl<T: DeserializeOwned> FromEvent for T {
    #[inline]
    fn from_event(context: &mut EventContext<'_>) -> Result<Self, Trouble> {
        context.event.take()
    }
}

impl FromEvent for Socket {
    fn from_event(context: &mut EventContext<'_>) -> Result<Self, Trouble> {
        Ok(context.socket.clone())
    }
}

impl FromEvent for Io {
    fn from_event(context: &mut EventContext<'_>) -> Result<Self, Trouble> {
        Ok(context.io.clone())
    }
}

impl FromEvent for Namespace {
    fn from_event(context: &mut EventContext<'_>) -> Result<Self, Trouble> {
        Ok(context.socket.namespace().clone())
    }
}

impl FromEvent for Ack {
    fn from_event(context: &mut EventContext<'_>) -> Result<Self, Trouble> {
        Ok(Self::new(context.answer_slot()))
    }
}

impl FromEvent for Reason {
    /// Outside of a disconnect there is none; it is the plainest one then.
    fn from_event(context: &mut EventContext<'_>) -> Result<Self, Trouble> {
        Ok(context.parting.map_or(Reason::TransportClose, |parting| parting.reason))
    }
}

impl FromEvent for ReasonDetail {
    /// Outside of a disconnect there is none.
    fn from_event(context: &mut EventContext<'_>) -> Result<Self, Trouble> {
        Ok(Self(context.parting.and_then(|parting| parting.detail)))
    }
}
