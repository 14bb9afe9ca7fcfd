//! An event on its way to its handlers, as packet middlewares see it.

use std::borrow::Cow;
use std::sync::Arc;

use proto::socket::{ArgError, Args, Body, EncodeError, Event, Head, encode_event, read_back};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Socket;
use crate::error::{EmitError, HandlerError};

/// Looks at every event of a socket before its handlers do. JS: `socket.use(([event, ...args], next) => ..)`.
pub(crate) type PacketMiddleware = Arc<dyn Fn(&mut Incoming<'_>) -> Result<(), HandlerError> + Send + Sync>;

/// An event on its way to its handlers.
pub struct Incoming<'a> {
    socket: &'a Socket,
    name: Cow<'a, str>,
    args: Cow<'a, Args<'a>>,
}

impl<'a> Incoming<'a> {
    pub(crate) fn new(socket: &'a Socket, event: &'a Event<'a>) -> Self {
        Self { socket, name: Cow::Borrowed(event.name()), args: Cow::Borrowed(event.args()) }
    }

    pub(crate) fn parts(&self) -> (&str, &Args<'a>) {
        (&self.name, &self.args)
    }

    /// The socket that the event is for.
    #[must_use]
    pub fn socket(&self) -> &Socket {
        self.socket
    }

    /// The event's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many arguments it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.args.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.args.is_empty()
    }

    /// Reads an argument, counted from 0.
    ///
    /// # Errors
    /// If it is missing or of another type.
    pub fn get<T: DeserializeOwned>(&self, index: usize) -> Result<T, ArgError> {
        self.args.get(index)
    }

    /// Puts another event in its place; a tuple gives several arguments, as in [`Socket::emit`].
    ///
    /// # Errors
    /// If the name is reserved or the arguments cannot be written.
    pub fn rewrite<T: Serialize>(&mut self, name: &str, args: &T) -> Result<(), EmitError> {
        let mut text = Vec::new();
        let attachments = encode_event(&mut text, Head { namespace: "/", id: None }, name, args)?;
        let text = String::from_utf8(text).expect("packets are UTF-8");
        if let Body::Event { event, .. } = read_back(&text, attachments).map_err(unreadable)?.body {
            let (name, args) = event.into_owned().into_parts();
            self.name = name;
            self.args = Cow::Owned(args);
        }
        Ok(())
    }
}

/// Only arguments that are nested deeper than any peer may send are written but not read.
fn unreadable(error: proto::socket::DecodeError) -> EmitError {
    EmitError::from(EncodeError::Value(serde::ser::Error::custom(error)))
}

/// The arguments of a connection: what the client sent along, as the one argument.
pub(crate) fn auth_args(auth: Option<&str>) -> Args<'_> {
    Args::one(auth.unwrap_or("{}")).unwrap_or_else(|_| Args::empty())
}
