//! Rooms and adapters.
