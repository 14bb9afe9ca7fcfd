//! What a client must receive: each message once, in order, byte for byte.
//!
//! Odd: there are two checkers. Where all receive the same messages in the same order, what they receive is one string
//! of bytes and a client is a place in it (`Script`). Where random senders write into many rooms, the messages on their
//! way lie on a board, and each knows whom it has not reached (`Board`).

mod faults;

mod template;

mod script;

mod board;

pub(crate) use board::Board;
pub(crate) use faults::{Fault, Faults};
pub(crate) use script::Script;
pub(crate) use template::{NUMBER, Template, write_number};
