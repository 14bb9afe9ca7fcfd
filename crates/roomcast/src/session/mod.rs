//! One engine session: its mailbox, which everybody may write to, and its driver, the one task that owns the rest.

// What other tasks reach a session by.
mod mailbox;
mod registry;
mod turn;
mod wheel;

// The task.
mod driver;
mod framed_stream;
mod gather;
mod poll;
mod stream;

// The form of what it writes.
mod compression;
mod wire;

// What a session carries: Socket.IO, or raw messages.
mod application;

pub(crate) use application::{Application, Closing};
pub(crate) use compression::Compression;
pub use compression::PerMessageDeflate;
pub(crate) use driver::{Driver, Start, dismiss};
pub(crate) use framed_stream::FramedStream;
pub(crate) use gather::{Audience, write_frames};
pub(crate) use mailbox::{Command, Mailbox};
pub(crate) use poll::{PollReply, PostReply, Posted};
pub(crate) use registry::Registry;
pub(crate) use stream::{ReadWrite, Stream};
pub(crate) use wheel::Wheel;
pub(crate) use wire::Wire;
