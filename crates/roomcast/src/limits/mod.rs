//! What clients may take: connections, sessions, handshakes, events, bytes, time. What is over is refused and counted.
//!
//! In: who wants what. Out: a permit or a refusal. What is odd: there is one table for all that is counted by address, and
//! none of this is there, not one word per session, for what is not limited.

// What is limited, and how.
mod bounds;
mod rate;

// Who is at the other end.
mod proxies;

// Who gets in.
mod addresses;
mod gate;

// What was refused.
mod refusals;

pub use bounds::{Exceeded, Limits};
pub use proxies::{InvalidNetwork, TrustedProxies};
pub use rate::Rate;
pub use refusals::Refusals;

pub(crate) use gate::{Admission, Gate, Holder, Permit};
pub(crate) use rate::Bucket;
pub(crate) use refusals::Refused;
