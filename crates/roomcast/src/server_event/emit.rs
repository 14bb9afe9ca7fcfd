//! Saying something to the other nodes.

use std::fmt;
use std::time::Duration;

use proto::socket::ArgError;
use roomcast_adapter::{PublishError, RawJson, RequestError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Namespace;
use crate::broadcast::{REQUEST_TIMEOUT, read_answer};
use crate::error::{AckError, EmitError};

/// Not every other node answered.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerSideError<T> {
    /// The others may not have heard of it.
    Emit(EmitError),
    /// The time was over before every node had answered. JS: `timeout reached: missing 1 responses`.
    Timeout {
        /// How many nodes did not answer.
        missing: usize,
        /// What the others answered. JS: `err.responses`.
        responses: Vec<T>,
    },
    /// An answer is of another type.
    Answer {
        /// What was wrong with the first such answer.
        source: ArgError,
        /// The answers that could be read.
        responses: Vec<T>,
    },
}

impl<T> fmt::Display for ServerSideError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Emit(error) => error.fmt(f),
            Self::Timeout { missing, .. } => write!(f, "timeout reached: missing {missing} responses"),
            Self::Answer { .. } => f.write_str("an answer has another type"),
        }
    }
}

impl<T: fmt::Debug> std::error::Error for ServerSideError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Emit(error) => Some(error),
            Self::Timeout { .. } => None,
            Self::Answer { source, .. } => Some(source),
        }
    }
}

/// Events for the other nodes of a cluster.
impl Namespace {
    /// Sends an event to this namespace on all other nodes, whose listeners
    /// ([`Handlers::on_server_event`](crate::Handlers::on_server_event)) get it; not on this one. A tuple gives several
    /// arguments, `()` none, anything else is one. JS: `io.serverSideEmit(event, ...args)`.
    ///
    /// # Errors
    /// [`EmitError::ReservedEvent`] for `connect`, `connection` and `new_namespace`; [`EmitError::Arguments`];
    /// [`EmitError::Publish`] if the others may not hear of it, with [`PublishError::NoOtherNodes`] if this server knows no
    /// others. (The reference warns on its console.)
    ///
    /// ```
    /// # use roomcast::Io;
    /// # let io = Io::new();
    /// io.on_server_event("config changed", async |key: String| println!("another node has changed {key}"));
    /// if let Err(error) = io.server_side_emit("config changed", "limits") {
    ///     println!("only this node knows: {error}");
    /// }
    /// ```
    pub fn server_side_emit<T: Serialize>(&self, event: &str, args: T) -> Result<(), EmitError> {
        let raw = RawJson::server_side_event(event, &args)?;
        let backend = self.backend().ok_or(EmitError::Publish(PublishError::NoOtherNodes))?;
        let emitted = backend.usable().and_then(|adapter| adapter.server_side_emit(raw));
        emitted.map_err(EmitError::Publish)
    }

    /// The same, and waits for one answer of every other node, for 5 s at most. A node that leaves meanwhile is not waited
    /// for; a cluster of one answers at once, with nothing. Sent when first polled. JS:
    /// `io.serverSideEmitWithAck(event, ...args)`.
    ///
    /// # Errors
    /// [`ServerSideError`], with the answers that came.
    ///
    /// # Cancel safety
    /// Dropping it means not to wait any longer.
    pub async fn server_side_emit_with_ack<T: DeserializeOwned>(
        &self,
        event: &str,
        args: impl Serialize,
    ) -> Result<Vec<T>, ServerSideError<T>> {
        self.server_side_emit_with_ack_within(REQUEST_TIMEOUT, event, args).await
    }

    /// [`Namespace::server_side_emit_with_ack`] with another time limit.
    ///
    /// # Errors
    /// [`ServerSideError`], with the answers that came.
    ///
    /// # Cancel safety
    /// Dropping it means not to wait any longer.
    pub async fn server_side_emit_with_ack_within<T: DeserializeOwned>(
        &self,
        timeout: Duration,
        event: &str,
        args: impl Serialize,
    ) -> Result<Vec<T>, ServerSideError<T>> {
        let raw = RawJson::server_side_event(event, &args);
        let raw = raw.map_err(|error| ServerSideError::Emit(error.into()))?;
        let unpublished = |error| ServerSideError::Emit(EmitError::Publish(error));
        let backend = self.backend().ok_or_else(|| unpublished(PublishError::NoOtherNodes))?;
        let adapter = backend.usable().map_err(unpublished)?;
        let (answers, missing) = match adapter.server_side_emit_with_ack(raw, timeout).await {
            Ok(answers) => (answers, 0),
            Err(RequestError::Timeout { missing, partial }) => (partial, missing),
            Err(RequestError::Publish(error)) => return Err(unpublished(error)),
            // What a later version of the adapter crate may add.
            Err(_) => return Err(unpublished(PublishError::NotReady)),
        };
        let (mut responses, mut wrong) = (Vec::with_capacity(answers.len()), None);
        for answer in &answers {
            match read_answer(answer) {
                Ok(response) => responses.push(response),
                Err(AckError::Answer(source)) => _ = wrong.get_or_insert(source),
                Err(_) => {}
            }
        }
        match wrong {
            _ if missing > 0 => Err(ServerSideError::Timeout { missing, responses }),
            Some(source) => Err(ServerSideError::Answer { source, responses }),
            None => Ok(responses),
        }
    }
}
