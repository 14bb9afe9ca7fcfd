//! What is measured: the server's process from outside, and the window in which it counts.

mod server;

mod window;

mod patience;

pub(crate) use patience::{Patience, Stop};
pub(crate) use server::Server;
pub(crate) use window::{Latency, Measured, Percentiles, Window};
