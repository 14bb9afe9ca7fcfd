//! A Socket.IO server.
