//! Sans-IO protocol core of Roomcast.

pub mod websocket;

pub mod engine;

pub mod socket;
