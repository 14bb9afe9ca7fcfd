//! Writes packets: one pass from the user's value to wire text, binary values set aside as attachments.
//!
//! In comes a namespace, an ack id, and anything `Serialize`; out goes text appended to the caller's buffer, and the
//! attachments to be sent behind it, in order. What is odd: whether a packet is binary is known only at its end, so the
//! rare binary packet has its `2` exchanged for `52-` afterwards. When anything fails, even by a panic in the user's
//! `Serialize`, the buffer is as it was.

use std::fmt;
use std::io;

use bytes::Bytes;
use serde::Serialize;
use serde::ser::Error as _;
use serde_json::ser::Formatter;

use super::args::Args;
use super::handoff;
use super::outcome::ResultSerializer;
use super::packet::{PacketType, is_reserved_event};
use super::parser::ParserError;
use super::scan;
use super::spread::{self, Shape};

/// What is to be sent behind the text, one binary message each, with nothing in between.
pub type Attachments = Vec<Bytes>;

/// What stands before a packet's payload.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The namespace's path, as [`NamespacePath`](super::NamespacePath) gives it.
    pub namespace: &'a str,
    /// In an event: the number to answer to. In an ack: the number answered.
    pub id: Option<u64>,
}

/// Why a packet could not be written.
#[derive(Debug)]
#[non_exhaustive]
pub enum EncodeError {
    /// The event's name is the library's own: see [`is_reserved_event`].
    ReservedEvent,
    /// The payload of a connect or its refusal must be a JSON object.
    NotAnObject,
    /// The value is no JSON: a map key is no string, or its own `Serialize` refused.
    Value(serde_json::Error),
    /// Another parser than the default one cannot write it.
    Parser(ParserError),
}

/// What became of an ack.
#[derive(Debug)]
pub enum AckOutcome {
    /// It is written; these go behind it.
    Encoded(Attachments),
    /// The value was an `Err`; nothing is written, this is what it held.
    Failed(serde_json::Value),
}

/// Appends an event. A tuple gives several arguments, `()` none, anything else (arrays, `Vec`, `Option`, a boxed tuple)
/// is one.
///
/// # Errors
/// [`EncodeError::ReservedEvent`] and [`EncodeError::Value`]; `out` is then as before.
pub fn encode_event<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    head: Head<'_>,
    name: &str,
    args: &T,
) -> Result<Attachments, EncodeError> {
    let draft = Draft::event(out, head, name)?;
    let mut attachments = Attachments::new();
    write_event_arguments(draft.out, &mut attachments, args)?;
    draft.finish(PacketType::BinaryEvent, attachments.len());
    Ok(attachments)
}

/// Appends an event with arguments exactly as they came in.
///
/// # Errors
/// [`EncodeError::ReservedEvent`]; `out` is then as before.
pub fn encode_event_args(
    out: &mut Vec<u8>,
    head: Head<'_>,
    name: &str,
    args: &Args<'_>,
) -> Result<Attachments, EncodeError> {
    let draft = Draft::event(out, head, name)?;
    for arg in args.iter() {
        draft.out.push(b',');
        draft.out.extend_from_slice(arg.as_bytes());
    }
    draft.out.push(b']');
    draft.finish(PacketType::BinaryEvent, args.attachments().len());
    // All arguments leave together, so the numbers in the placeholders still fit.
    Ok(args.attachments().to_vec())
}

/// Appends an answer to the event `head.id`. Values become arguments as in [`encode_event`]; a `Result` is looked into:
/// `Ok(v)` answers with `v`, `Err` writes nothing.
///
/// # Errors
/// [`EncodeError::Value`]; `out` is then as before.
pub fn encode_ack<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    head: Head<'_>,
    value: &T,
) -> Result<AckOutcome, EncodeError> {
    let draft = Draft::begin(out, PacketType::Ack, head);
    let mut attachments = Attachments::new();
    if spread::is_result::<T>() {
        let look = ResultSerializer { out: &mut *draft.out, attachments: &mut attachments };
        if let Some(error) = value.serialize(look)? {
            return Ok(AckOutcome::Failed(error));
        }
    } else {
        write_ack_arguments(draft.out, &mut attachments, value)?;
    }
    draft.finish(PacketType::BinaryAck, attachments.len());
    Ok(AckOutcome::Encoded(attachments))
}

/// Appends an answer with arguments exactly as they came in.
pub fn encode_ack_args(out: &mut Vec<u8>, head: Head<'_>, args: &Args<'_>) -> Attachments {
    let draft = Draft::begin(out, PacketType::Ack, head);
    draft.out.push(b'[');
    for (index, arg) in args.iter().enumerate() {
        if index > 0 {
            draft.out.push(b',');
        }
        draft.out.extend_from_slice(arg.as_bytes());
    }
    draft.out.push(b']');
    draft.finish(PacketType::BinaryAck, args.attachments().len());
    args.attachments().to_vec()
}

/// Appends a connect: a client's wish with its `auth`, or a server's yes with `{"sid":..}`.
///
/// # Errors
/// [`EncodeError::NotAnObject`] and [`EncodeError::Value`]; `out` is then as before.
pub fn encode_connect<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    namespace: &str,
    payload: Option<&T>,
) -> Result<(), EncodeError> {
    let draft = Draft::begin(out, PacketType::Connect, Head { namespace, id: None });
    if let Some(payload) = payload {
        write_object(draft.out, payload)?;
    }
    draft.finish(PacketType::Connect, 0);
    Ok(())
}

/// Appends the refusal of a connect, `{"message":..}` with or without `data`.
///
/// # Errors
/// [`EncodeError::NotAnObject`] and [`EncodeError::Value`]; `out` is then as before.
pub fn encode_connect_error<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    namespace: &str,
    payload: &T,
) -> Result<(), EncodeError> {
    let draft = Draft::begin(out, PacketType::ConnectError, Head { namespace, id: None });
    write_object(draft.out, payload)?;
    draft.finish(PacketType::ConnectError, 0);
    Ok(())
}

/// Appends the refusal of a connect to a client of Socket.IO 2.x: any value, which its application gets as it is.
///
/// # Errors
/// [`EncodeError::Value`]; `out` is then as before.
pub fn encode_bare_connect_error<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    namespace: &str,
    payload: &T,
) -> Result<(), EncodeError> {
    let draft = Draft::begin(out, PacketType::ConnectError, Head { namespace, id: None });
    serde_json::to_writer(&mut *draft.out, payload)?;
    draft.finish(PacketType::ConnectError, 0);
    Ok(())
}

/// Appends a leave.
pub fn encode_disconnect(out: &mut Vec<u8>, namespace: &str) {
    Draft::begin(out, PacketType::Disconnect, Head { namespace, id: None }).finish(PacketType::Disconnect, 0);
}

/// Writes the arguments of an ack, as an array.
pub(super) fn write_ack_arguments<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    attachments: &mut Attachments,
    value: &T,
) -> Result<(), serde_json::Error> {
    match spread::shape_of::<T>() {
        Shape::Nothing => out.extend_from_slice(b"[]"),
        Shape::Several => write_array(out, attachments, value)?,
        Shape::One => {
            out.push(b'[');
            write_json(out, attachments, value)?;
            out.push(b']');
        }
    }
    Ok(())
}

/// Writes `["name"`, the beginning of an event.
#[inline]
pub(super) fn write_event_name(out: &mut Vec<u8>, name: &str) -> Result<(), serde_json::Error> {
    out.push(b'[');
    if scan::plain_end(name.as_bytes(), 0) == name.len() {
        out.push(b'"');
        out.extend_from_slice(name.as_bytes());
        out.push(b'"');
        return Ok(());
    }
    serde_json::to_writer(out, name)
}

/// Writes what follows the name of an event, the closing bracket included.
#[inline]
pub(super) fn write_event_arguments<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    attachments: &mut Attachments,
    args: &T,
) -> Result<(), serde_json::Error> {
    match spread::shape_of::<T>() {
        Shape::Nothing => out.push(b']'),
        Shape::One => {
            out.push(b',');
            write_json(out, attachments, args)?;
            out.push(b']');
        }
        Shape::Several => {
            // The tuple's own brackets serve: `["name"[1,2]` becomes `["name",1,2]`.
            let open = out.len();
            write_array(out, attachments, args)?;
            out[open] = b',';
            if out.len() == open + "[]".len() {
                out.remove(open);
            }
        }
    }
    Ok(())
}

/// Writes a value whose type says that its JSON is an array, and makes sure of it.
fn write_array<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    attachments: &mut Attachments,
    value: &T,
) -> Result<(), serde_json::Error> {
    let open = out.len();
    write_json(out, attachments, value)?;
    match (out.get(open), out.last()) {
        (Some(b'['), Some(b']')) => Ok(()),
        _ => Err(serde_json::Error::custom("a tuple did not serialise as an array")),
    }
}

fn write_object<T: Serialize + ?Sized>(out: &mut Vec<u8>, payload: &T) -> Result<(), EncodeError> {
    let open = out.len();
    serde_json::to_writer(&mut *out, payload)?;
    if out.get(open) == Some(&b'{') { Ok(()) } else { Err(EncodeError::NotAnObject) }
}

/// Writes a value as JSON, its byte strings set aside.
pub(super) fn write_json<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    attachments: &mut Attachments,
    value: &T,
) -> Result<(), serde_json::Error> {
    value.serialize(&mut serde_json::Serializer::with_formatter(out, ExtractBinary { attachments }))
}

/// Compact JSON with a placeholder for each byte string.
struct ExtractBinary<'v> {
    attachments: &'v mut Attachments,
}

impl Formatter for ExtractBinary<'_> {
    fn write_byte_array<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: &[u8]) -> io::Result<()> {
        writer.write_all(br#"{"_placeholder":true,"num":"#)?;
        writer.write_all(itoa::Buffer::new().format(self.attachments.len()).as_bytes())?;
        writer.write_all(b"}")?;
        self.attachments.push(handoff::claim(value));
        Ok(())
    }
}

/// A packet being written; taken back unless it is finished.
pub(super) struct Draft<'v> {
    pub(super) out: &'v mut Vec<u8>,
    start: usize,
    finished: bool,
}

impl<'v> Draft<'v> {
    #[inline]
    pub(super) fn begin(out: &'v mut Vec<u8>, kind: PacketType, head: Head<'_>) -> Self {
        let start = out.len();
        out.push(kind.digit());
        if head.namespace != "/" {
            out.extend_from_slice(head.namespace.as_bytes());
            out.push(b',');
        }
        if let Some(id) = head.id {
            out.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
        }
        Self { out, start, finished: false }
    }

    fn event(out: &'v mut Vec<u8>, head: Head<'_>, name: &str) -> Result<Self, EncodeError> {
        if is_reserved_event(name) {
            return Err(EncodeError::ReservedEvent);
        }
        let draft = Self::begin(out, PacketType::Event, head);
        write_event_name(draft.out, name)?;
        Ok(draft)
    }

    /// Keeps the packet, as the given binary type if there are attachments.
    #[inline]
    pub(super) fn finish(mut self, binary: PacketType, attachments: usize) {
        if attachments > 0 {
            self.announce(binary, attachments);
        }
        self.finished = true;
    }

    #[cold]
    fn announce(&mut self, binary: PacketType, attachments: usize) {
        self.out[self.start] = binary.digit();
        let after_type = self.start + 1;
        let mut count = itoa::Buffer::new();
        self.out.splice(after_type..after_type, count.format(attachments).bytes().chain([b'-']));
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.out.truncate(self.start);
        }
    }
}

impl From<ParserError> for EncodeError {
    fn from(error: ParserError) -> Self {
        Self::Parser(error)
    }
}

impl From<serde_json::Error> for EncodeError {
    fn from(error: serde_json::Error) -> Self {
        Self::Value(error)
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReservedEvent => "the event name is reserved",
            Self::NotAnObject => "the payload is not an object",
            Self::Value(_) => "the value cannot be written as JSON",
            Self::Parser(error) => return error.fmt(f),
        })
    }
}

impl std::error::Error for EncodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Value(source) => Some(source),
            Self::ReservedEvent | Self::NotAnObject | Self::Parser(_) => None,
        }
    }
}
