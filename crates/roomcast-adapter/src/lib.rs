#![doc = include_str!("../README.md")]

// The name of a room, and several of them.
mod into_rooms;
mod room;

// Who shall receive, and how that is said.
mod recipients;
mod target;

// The book of who is in which room on this node.
pub mod memory;

// What happens to rooms, and who is told.
mod event;

// The contract of an adapter, and the one for a node that is alone.
pub mod adapter;

// What clients have missed while they were away.
pub mod recovery;

// What nodes say to each other, for adapters of any wire.
pub mod cluster;

// One suite of tests for every adapter.
pub mod test_kit;

pub use self::{
    adapter::{Adapter, AdapterFactory, Local, MemoryAdapter, PublishError, RawJson, RequestError},
    event::{RoomEvent, RoomObserver},
    into_rooms::IntoRooms,
    memory::Rooms,
    room::Room,
    target::{Flags, Target},
};
pub use proto::socket::{Binary, EncodeError};
