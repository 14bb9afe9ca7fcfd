//! Why something did not reach the other nodes, or nothing came back from them.
//!
//! Odd: both are about other nodes. This node's sockets are served by calls that cannot fail.

use std::{error::Error, fmt, sync::Arc};

use super::RawJson;

type Source = Arc<dyn Error + Send + Sync>;

/// Why a message may not have reached the other nodes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PublishError {
    /// The adapter is not ready: its `init` has not ended, or has failed.
    NotReady,
    /// The adapter has been closed, or its namespace is gone.
    Closed,
    /// This adapter has no other nodes: nobody was told.
    NoOtherNodes,
    /// Too much waits to be published; this message was not added.
    Full,
    /// The backend refused or is out of reach.
    Backend(Source),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReady => "the adapter is not ready",
            Self::Closed => "the adapter is closed",
            Self::NoOtherNodes => "this adapter has no other nodes",
            Self::Full => "too many messages wait to be published",
            Self::Backend(_) => "the adapter's backend failed",
        })
    }
}

impl Error for PublishError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Backend(source) => Some(source.as_ref()),
            Self::NotReady | Self::Closed | Self::NoOtherNodes | Self::Full => None,
        }
    }
}

/// Why a question to the other nodes was not answered in full. `T` is what an answer is made of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RequestError<T = RawJson> {
    /// The question may not have reached them.
    Publish(PublishError),
    /// The time was over before every node had answered.
    Timeout {
        /// How many nodes did not answer.
        missing: usize,
        /// What the others answered.
        partial: Vec<T>,
    },
}

impl<T> From<PublishError> for RequestError<T> {
    fn from(error: PublishError) -> Self {
        Self::Publish(error)
    }
}

impl<T> fmt::Display for RequestError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Publish(error) => error.fmt(f),
            Self::Timeout { missing, .. } => write!(f, "timeout reached: missing {missing} responses"),
        }
    }
}

impl<T: fmt::Debug> Error for RequestError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Publish(error) => error.source(),
            Self::Timeout { .. } => None,
        }
    }
}
