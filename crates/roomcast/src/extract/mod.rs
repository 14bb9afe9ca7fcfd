//! What a handler's parameters are taken from.
//!
//! Types that serde can read take the event's arguments, one after the other; Roomcast's own types take their value
//! from the context. The two cannot be confused, because the own types are not `Deserialize`.

// The trait and its source.
mod context;
mod reader;

// Roomcast's own parameter types.
mod data;
mod reason;
mod state;

pub use context::{EventContext, FromEvent};
pub use data::{Data, EventName, Rest};
pub(crate) use reader::EventReader;
pub(crate) use reason::Parting;
pub use reason::{Reason, ReasonDetail};
pub use state::State;
