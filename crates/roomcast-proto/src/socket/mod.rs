//! The Socket.IO v5 layer, sans-IO: what one Engine.IO message says, and what a server has to decide about it.
//!
//! ```text
//!   wire                                                                        application
//!   text message ---> Decoder ---> Packet ---> Connection ---> Decision ---> Args::get::<T>(i)
//!   binary message -> Decoder (collects attachments)                         Data, Value
//!   text + attachments <--- encode_event, encode_ack, encode_connect, ... <--- any `Serialize`
//! ```
//!
//! In come engine messages (text as `&str`, binary as `Bytes`); out go packets that borrow from the text they came
//! in. Arguments stay raw JSON until somebody asks for a type. What is odd: binary values leave the JSON text and
//! travel as messages of their own, in whose place a small placeholder object stands.

mod namespace;
pub use namespace::{InvalidNamespace, NamespacePath};

mod packet;
pub use packet::{Body, Event, Packet, PacketType, is_reserved_event};

mod scan;

mod payload;

mod surrogates;

mod placeholders;

mod decode;
pub use decode::{DecodeError, Decoder, Limits, read_back};

pub mod connection;
pub use connection::{Connection, Decision, RefuseReason, SlotId, Violation};

mod args;
pub use args::{ArgError, Args};

mod absent;

mod data;
pub use data::{Arguments, Data};

mod verbatim;

mod value;
pub use value::{Map, Value};

mod binary;
pub use binary::Binary;

mod handoff;

mod spread;

mod outcome;

mod encode;
pub use encode::{
    AckOutcome, Attachments, EncodeError, Head, encode_ack, encode_ack_args, encode_bare_connect_error,
    encode_connect, encode_connect_error, encode_disconnect, encode_event, encode_event_args,
};

mod array;
pub use array::{encode_event_array, encode_event_of_array, read_event_array};

pub mod parser;
