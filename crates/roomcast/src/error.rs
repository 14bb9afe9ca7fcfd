//! What can go wrong, one enum per operation.

use std::fmt;

use proto::socket::parser::ParserError;
use proto::socket::{ArgError, EncodeError, Violation};
use roomcast_adapter::PublishError;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::{RemoteSocket, Socket};

/// Why an emit did not reach a socket.
#[derive(Debug)]
#[non_exhaustive]
pub enum EmitError {
    /// The event's name is one of the library's own, `connect` for example.
    ReservedEvent,
    /// The arguments cannot be written as JSON.
    Arguments(serde_json::Error),
    /// The server's parser cannot write it: see [`Parser`](crate::parser::Parser).
    Parser(ParserError),
    /// The socket has left.
    Disconnected,
    /// The event was volatile and the socket busy, or the overflow policy dropped it.
    Dropped,
    /// The socket's outbox is full; the session is being closed as a slow consumer.
    SlowConsumer,
    /// The sockets of other nodes may not receive it. This node's have been served.
    Publish(PublishError),
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReservedEvent => "the event name is reserved",
            Self::Arguments(_) => "the arguments cannot be written as JSON",
            Self::Parser(_) => "the parser cannot write the event",
            Self::Disconnected => "the socket has been disconnected",
            Self::Dropped => "the event was dropped",
            Self::SlowConsumer => "the outbox of the socket is full",
            Self::Publish(_) => "the other nodes may not have heard of it",
        })
    }
}

impl std::error::Error for EmitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Arguments(error) => Some(error),
            Self::Parser(error) => Some(error),
            Self::Publish(error) => Some(error),
            _ => None,
        }
    }
}

impl From<EncodeError> for EmitError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::ReservedEvent => Self::ReservedEvent,
            EncodeError::Value(error) => Self::Arguments(error),
            EncodeError::Parser(error) => Self::Parser(error),
            // Only connects must be objects, and they are not emitted by users.
            _ => Self::Arguments(serde::ser::Error::custom(error)),
        }
    }
}

/// Why an acknowledgement did not come.
#[derive(Debug)]
#[non_exhaustive]
pub enum AckError {
    /// The event was not sent.
    Emit(EmitError),
    /// The time given by `timeout` is over. JS: `operation has timed out`.
    Timeout,
    /// The socket left before it answered.
    Disconnected,
    /// The answer is not of the type asked for.
    Answer(ArgError),
}

impl fmt::Display for AckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Emit(_) => "the event was not sent",
            Self::Timeout => "operation has timed out",
            Self::Disconnected => "socket has been disconnected",
            Self::Answer(_) => "the acknowledgement has another type",
        })
    }
}

impl std::error::Error for AckError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Emit(error) => Some(error),
            Self::Answer(error) => Some(error),
            Self::Timeout | Self::Disconnected => None,
        }
    }
}

/// Not every recipient of a broadcast acknowledged it.
#[derive(Debug)]
#[non_exhaustive]
pub struct BroadcastAckError<T> {
    /// What went wrong first.
    pub error: AckError,
    /// The answers that did come, in the order they came. JS: `err.responses`.
    pub responses: Vec<T>,
}

impl<T> fmt::Display for BroadcastAckError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} answers came)", self.error, self.responses.len())
    }
}

impl<T: fmt::Debug> std::error::Error for BroadcastAckError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// Not all sockets of other nodes are known.
#[derive(Debug)]
#[non_exhaustive]
pub enum FetchError {
    /// Not every node answered in time.
    Timeout {
        /// How many nodes did not answer.
        missing: usize,
        /// The sockets of those that did, this node's included.
        partial: Vec<RemoteSocket>,
    },
    /// The other nodes could not be asked.
    Publish(PublishError),
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout { missing, .. } => write!(f, "timeout reached: missing {missing} responses"),
            Self::Publish(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FetchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Timeout { .. } => None,
            Self::Publish(error) => error.source(),
        }
    }
}

/// The error of a handler, which fails the acknowledgement, if one was asked for: the client gets `{"error": text}`.
///
/// It takes up any error by `?`, and any text by [`HandlerError::new`].
///
/// ```
/// use roomcast::HandlerError;
///
/// async fn parse(text: String) -> Result<i64, HandlerError> {
///     Ok(text.parse::<i64>()?)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HandlerError(String);

impl HandlerError {
    /// An error of that text.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// The text.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Refuses a connection, as a middleware's error. The client sees it as `connect_error`, with `message` and `data`.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectError {
    message: String,
    data: Option<serde_json::Value>,
}

impl ConnectError {
    /// A refusal with that message. JS: `next(new Error(message))`.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), data: None }
    }

    /// Adds what the client finds in `err.data`.
    #[must_use]
    pub fn data(mut self, data: impl Into<serde_json::Value>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What a client of Socket.IO 2.x is told: the data, or else the message. JS: `err.data || err.message`.
    pub(crate) fn bare(&self) -> serde_json::Value {
        use serde_json::Value;
        let tells = |data: &&Value| match data {
            Value::Null | Value::Bool(false) => false,
            Value::String(text) => !text.is_empty(),
            Value::Number(number) => number.as_f64() != Some(0.0),
            _ => true,
        };
        self.data.as_ref().filter(tells).cloned().unwrap_or_else(|| self.message.as_str().into())
    }

    /// What a middleware's `Err` means: a refusal as it is, or the text of any other error.
    pub(crate) fn from_value(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::String(message) => Self::new(message),
            serde_json::Value::Object(mut object) => {
                let message =
                    object.get("message").and_then(|message| message.as_str()).map(ToOwned::to_owned);
                match message {
                    Some(message) => Self { message, data: object.remove("data") },
                    None => Self::new("refused").data(serde_json::Value::Object(object)),
                }
            }
            value => Self::new(value.to_string()),
        }
    }
}

impl Serialize for ConnectError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("message", &self.message)?;
        if let Some(data) = &self.data {
            map.serialize_entry("data", data)?;
        }
        map.end()
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConnectError {}

/// What the error hook is told. See [`Io::on_error`](crate::Io::on_error).
#[derive(Debug)]
pub struct Failure {
    /// The namespace's path.
    pub namespace: String,
    /// The socket whose call failed, unless it is gone.
    pub socket: Option<Socket>,
    /// The event, or `connect`, `disconnecting`, `disconnect`, `middleware`.
    pub event: String,
    /// What happened.
    pub cause: Cause,
}

/// What happened to a handler's call.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The arguments are not what the handler's parameters say. The peer's fault.
    Arguments(ArgError),
    /// The handler wants a [`State`](crate::State) that the server was not given. This program's fault.
    MissingState(&'static str),
    /// The handler returned an error.
    Returned(serde_json::Value),
    /// A packet middleware refused the event.
    Refused(HandlerError),
    /// The handler panicked, with that message.
    Panicked(String),
    /// What was to be sent cannot be.
    Emit(EmitError),
    /// Events come faster than [`Limits`](crate::Limits) allow. The peer's fault.
    TooFast,
    /// The peer broke the protocol; its connection is closed. The peer's fault. JS: the socket's `error` event.
    Protocol(Violation),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments(error) => error.fmt(f),
            Self::MissingState(name) => write!(f, "the server was given no state of type {name}"),
            // A text stands for itself, without its quotes.
            Self::Returned(serde_json::Value::String(text)) => f.write_str(text),
            Self::Returned(value) => value.fmt(f),
            Self::Refused(error) => error.fmt(f),
            Self::Panicked(message) => write!(f, "handler panicked: {message}"),
            Self::Emit(error) => error.fmt(f),
            Self::TooFast => f.write_str("too many events"),
            Self::Protocol(violation) => violation.fmt(f),
        }
    }
}
