//! A million sessions of the real server in this one process, over pipes in memory instead of sockets.
//!
//! ```text
//!   main thread: story ─► crowd ─► pipe ─► Io::serve_stream, in the threads of the runtime
//!                           └◄─ ready ◄─ pipe ◄┘
//! ```

// The transport.
mod pipe;
mod ready;

// All clients, played by one thread.
mod crowd;

// What happens, in order.
mod story;

pub(crate) use story::run;
