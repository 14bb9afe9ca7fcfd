//! Many real clients over loopback: servers in processes of their own, and for each a process that plays its clients.
//!
//! ```text
//!   story ─ stdin, stdout ─► server 1 ◄═ TCP from 127.0.0.2 ═ clients 1 ◄─ stdin, stdout ─ story
//!                            server 2 ◄═ TCP from 127.0.0.3 ═ clients 2
//! ```
//! What is odd: every part ends when its stdin does, so none is left over when the story ends, however it ends.

// The parts, and how the story talks to them.
mod clients;
mod part;
mod server;

// What the kernel holds, and how many files it lets a part open.
mod files;
mod kernel;

// What happens, in order.
mod story;

pub(crate) use clients::run as clients;
pub(crate) use server::run as server;
pub(crate) use story::run;
