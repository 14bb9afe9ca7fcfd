//! Arguments as they came, for handlers that pass them on or look at them later.

use proto::socket::{ArgError, Args, Arguments};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

use super::{EventContext, FromEvent};
use crate::handler::Trouble;

/// One argument exactly as it came, text or binary: to be sent on untouched, or read later.
///
/// ```no_run
/// use roomcast::{Data, Io, Socket};
///
/// let io = Io::new();
/// io.of("/").on("relay", async |socket: Socket, anything: Data| {
///     socket.broadcast().emit("relay", anything);
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Data(proto::socket::Data);

impl Data {
    pub(super) fn of(args: &Args<'_>, index: usize) -> Option<Self> {
        args.data(index).map(Self)
    }

    /// Its JSON text; binary values in it are placeholders.
    #[must_use]
    pub fn raw(&self) -> &str {
        self.0.raw()
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`ArgError`] if it is of another type.
    pub fn get<T: DeserializeOwned>(&self) -> Result<T, ArgError> {
        self.0.get()
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl FromEvent for Data {
    fn from_event(context: &mut EventContext<'_>) -> Result<Self, Trouble> {
        context.event.take_data()
    }
}

/// All arguments that are left, however many.
///
/// ```no_run
/// use roomcast::{Io, Rest, Socket};
///
/// let io = Io::new();
/// io.of("/").on("relay", async |socket: Socket, rest: Rest| {
///     socket.broadcast().emit("relay", rest.spread());
/// });
/// ```
#[derive(Clone, Debug, Default)]
pub struct Rest(pub Vec<Data>);

impl Rest {
    /// As many arguments again, to be emitted or returned. (A `Rest` itself cannot be: it would be one array.)
    #[must_use]
    pub fn spread(self) -> Arguments {
        self.0.into_iter().map(|data| data.0).collect()
    }
}

impl FromEvent for Rest {
    fn from_event(context: &mut EventContext<'_>) -> Result<Self, Trouble> {
        Ok(context.event.take_rest())
    }
}

/// The name of the event, for handlers of several events. JS: the first argument of an `onAny` listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventName(pub String);

impl FromEvent for EventName {
    fn from_event(context: &mut EventContext<'_>) -> Result<Self, Trouble> {
        Ok(context.event.name())
    }
}
