//! Frames to events: fragments are joined, control frames pass between them, every rule of RFC 6455 is enforced.
//!
//! The bytes that were read come in, cut anywhere; one [`Event`] at a time goes out. Odd: a frame that lies whole in
//! the input stays there and is lent. Only an incomplete one is copied here, and for that alone memory is held: an idle
//! decoder is a few words.

use super::close::Close;
use super::deflate::Inflater;
use super::error::Error;
use super::event::{Event, Payload, Step};
use super::header::{Expected, Header, MAX_HEADER, OpCode};
use super::mask::mask;
use super::message::{Finished, Message};

/// Which side we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Takes masked frames only, and sends unmasked ones.
    Server,
    /// Takes unmasked frames only, and sends masked ones.
    Client,
}

/// What a peer may ask of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one message, all its fragments together. Default 1,000,000, as `maxHttpBufferSize`.
    ///
    /// A longer one is refused when a header announces it. Memory grows with what arrives, to twice of it at most. A
    /// compressed one may have so many bytes before it is inflated and so many afterwards.
    pub max_message: usize,
    /// Data frames of one message. Default 131,072.
    ///
    /// A fragment costs no memory here, so this only ends messages that never end; it lets 8 MiB through in pieces of
    /// 64 bytes.
    pub max_fragments: u32,
}

impl Limits {
    /// The default number of fragments, and messages of at most `max_message` bytes.
    pub fn new(max_message: usize) -> Self {
        Self { max_message, ..Self::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_message: 1_000_000, max_fragments: 131_072 }
    }
}

/// Reads one side of a WebSocket connection.
#[derive(Debug)]
pub struct Decoder {
    max_message: usize,
    max_fragments: u32,
    /// What is neither header nor nothing: present only while a frame or message is incomplete, or lent.
    partial: Option<Box<Partial>>,
    /// Present where messages may be compressed.
    inflater: Option<Box<Inflater>>,
    /// The bytes of an incomplete header, kept here so that they need no allocation.
    header: [u8; MAX_HEADER],
    header_len: u8,
    role: Role,
    end: End,
}

/// A frame or message without its end.
#[derive(Debug, Default)]
struct Partial {
    message: Option<Message>,
    /// The frame whose payload is not complete.
    frame: Option<Frame>,
    /// The payload of that frame, if it is a control frame.
    control: Vec<u8>,
    lent: Lent,
}

/// A frame, and how much of its payload came.
#[derive(Debug)]
struct Frame {
    header: Header,
    received: usize,
}

/// What the last event borrowed from [`Partial`]; the next step drops it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Lent {
    #[default]
    Nothing,
    Message,
    Control,
}

/// Whether frames are still read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    Closed,
    Failed(Error),
}

/// Where the content of an event is.
#[derive(Debug)]
enum Found {
    /// In the input.
    Whole { opcode: OpCode, start: usize, end: usize },
    /// In the message of [`Partial`].
    Message,
    /// In the control bytes of [`Partial`].
    Control(OpCode),
}

impl Decoder {
    /// A decoder at the beginning of a connection, after the HTTP upgrade.
    pub fn new(role: Role, limits: Limits) -> Self {
        Self {
            max_message: limits.max_message,
            max_fragments: limits.max_fragments,
            partial: None,
            inflater: None,
            header: [0; MAX_HEADER],
            header_len: 0,
            role,
            end: End::Open,
        }
    }

    /// Takes compressed messages as well, as both sides have agreed.
    #[must_use]
    pub fn inflating(self, inflater: Inflater) -> Self {
        Self { inflater: Some(Box::new(inflater)), ..self }
    }

    /// How many bytes compressed messages became since this was asked last: what [`decode`](Self::decode) does is bounded
    /// by the limits, not by the length of its input, where messages are compressed.
    #[inline]
    pub fn take_inflated(&mut self) -> usize {
        self.inflater.as_mut().map_or(0, |inflater| inflater.take_inflated())
    }

    /// Consumes bytes from the front of `input`, which it unmasks in place, and gives at most one event.
    ///
    /// Call it again with the rest until there is no event; then all input is consumed, and what was lent is freed.
    /// After [`Event::Close`] it consumes everything and gives nothing.
    ///
    /// # Errors
    /// What the peer did wrong, as soon as it is certain. The same again on every later call.
    #[inline]
    pub fn decode<'a>(&'a mut self, input: &'a mut [u8]) -> Result<Step<'a>, Error> {
        // Nearly every frame comes here; everything else, all that is wrong included, is for the rules below.
        if let Some((opcode, start, end)) = self.whole_message(input) {
            let payload = &input[start..end];
            let event = match opcode {
                OpCode::Text => match simdutf8::basic::from_utf8(payload) {
                    Ok(text) => Event::Text(text),
                    Err(_) => {
                        self.end = End::Failed(Error::InvalidUtf8);
                        return Err(Error::InvalidUtf8);
                    }
                },
                _ => Event::Binary(Payload::Borrowed(payload)),
            };
            return Ok(Step { consumed: end, event: Some(event) });
        }
        self.decode_any(input)
    }

    /// Finds a text or binary message in one frame that lies whole in the input, with nothing before it, and unmasks it.
    /// Where there is none, nothing was done.
    #[inline]
    fn whole_message(&self, input: &mut [u8]) -> Option<(OpCode, usize, usize)> {
        if self.partial.is_some() || self.header_len != 0 || self.end != End::Open {
            return None;
        }
        let (opcode, len, start) = Header::of_whole_message(input, self.role)?;
        let end = start + len;
        if len > self.max_message || end > input.len() {
            return None;
        }
        if self.role == Role::Server {
            let (header, payload) = input.split_at_mut_checked(start)?;
            mask(*header.last_chunk()?, payload.get_mut(..len)?, 0);
        }
        Some((opcode, start, end))
    }

    /// The same as [`decode`](Self::decode), for any input in any state.
    #[inline(never)]
    pub(super) fn decode_any<'a>(&'a mut self, input: &'a mut [u8]) -> Result<Step<'a>, Error> {
        self.free_lent();
        match self.end {
            End::Open => {}
            End::Closed => return Ok(Step { consumed: input.len(), event: None }),
            End::Failed(error) => return Err(error),
        }
        let (consumed, found) = match self.advance(input) {
            Ok(advanced) => advanced,
            Err(error) => {
                self.partial = None;
                self.end = End::Failed(error);
                return Err(error);
            }
        };
        let Some(found) = found else { return Ok(Step { consumed, event: None }) };
        if let Some(partial) = &mut self.partial {
            partial.lent = match found {
                Found::Whole { .. } => Lent::Nothing,
                Found::Message => Lent::Message,
                Found::Control(_) => Lent::Control,
            };
        }
        let event = event(found, &mut self.partial, input);
        match &event {
            Ok(Event::Close(_)) => self.end = End::Closed,
            Ok(_) => {}
            Err(error) => self.end = End::Failed(*error),
        }
        event.map(|event| Step { consumed, event: Some(event) })
    }

    /// Goes through frames until one completes an event or the input ends.
    fn advance(&mut self, input: &mut [u8]) -> Result<(usize, Option<Found>), Error> {
        let mut at = 0;
        loop {
            let mut frame = match self.partial.as_mut().and_then(|partial| partial.frame.take()) {
                Some(frame) => frame,
                None => match self.read_header(input, &mut at)? {
                    Some(header) => Frame { header, received: 0 },
                    None => return Ok((input.len(), None)),
                },
            };
            let Header { fin, compressed, opcode, mask: key, len } = frame.header;
            let start = at;
            let missing = len - frame.received;
            let end = start + missing.min(input.len() - start);
            let piece = &mut input[start..end];
            if let Some(key) = key {
                mask(key, piece, frame.received);
            }
            at = end;
            let complete = piece.len() == missing;

            let alone = opcode.is_control() || (fin && opcode != OpCode::Continuation);
            if alone && complete && frame.received == 0 {
                // Its header may have come alone, and was kept.
                if compressed {
                    self.inflate(opcode, &input[start..end])?;
                    return Ok((at, Some(Found::Message)));
                }
                self.free_if_empty();
                return Ok((at, Some(Found::Whole { opcode, start, end })));
            }
            let partial = self.partial.get_or_insert_default();
            if piece.is_empty() && !complete {
                // A payload of which nothing is here may still come whole.
            } else if opcode.is_control() {
                partial.control.reserve_exact(missing);
                partial.control.extend_from_slice(piece);
                if complete {
                    return Ok((at, Some(Found::Control(opcode))));
                }
            } else {
                // A continuation without a message never comes here: its header is refused.
                let message = partial.message.get_or_insert_with(|| match compressed {
                    true => Message::compressed(opcode),
                    false => Message::of(opcode),
                });
                // The end of a message is known when its last frame begins.
                let most = if fin { message.len() + missing } else { self.max_message };
                message.push(piece, most)?;
                if complete && fin {
                    if let Some((compressed, opcode)) = message.take_compressed() {
                        self.inflate(opcode, &compressed)?;
                    }
                    return Ok((at, Some(Found::Message)));
                }
            }
            if !complete {
                frame.received += piece.len();
                partial.frame = Some(frame);
                return Ok((at, None));
            }
        }
    }

    /// Makes the message of what came of it compressed.
    fn inflate(&mut self, opcode: OpCode, compressed: &[u8]) -> Result<(), Error> {
        // Without an inflater, no header says that something is compressed.
        let Some(inflater) = &mut self.inflater else { return Err(Error::ReservedBits) };
        let mut message = Message::of(opcode);
        inflater.inflate(compressed, &mut message, self.max_message)?;
        self.partial.get_or_insert_default().message = Some(message);
        Ok(())
    }

    /// Reads a header from what was kept of it and the input from `at`, which moves behind it. `None` keeps the rest.
    fn read_header(&mut self, input: &[u8], at: &mut usize) -> Result<Option<Header>, Error> {
        let message = self.partial.as_mut().and_then(|partial| partial.message.as_mut());
        let expected = Expected {
            role: self.role,
            continuing: message.is_some(),
            compression: self.inflater.is_some(),
            room: self.max_message.saturating_sub(message.as_ref().map_or(0, |message| message.len())),
        };
        let kept = usize::from(self.header_len);
        let rest = &input[*at..];
        let parsed = if kept == 0 {
            Header::parse(rest, expected)?
        } else {
            let filled = (kept + rest.len()).min(MAX_HEADER);
            self.header[kept..filled].copy_from_slice(&rest[..filled - kept]);
            Header::parse(&self.header[..filled], expected)?
        };
        let Some((header, len)) = parsed else {
            // An incomplete header is shorter than the longest, so the rest fits.
            self.header[kept..kept + rest.len()].copy_from_slice(rest);
            self.header_len += rest.len() as u8;
            return Ok(None);
        };
        // What was kept was no whole header, so at least one byte is taken from the input.
        *at += len - kept;
        self.header_len = 0;
        if let Some(message) = message
            && header.opcode == OpCode::Continuation
        {
            if message.fragments >= self.max_fragments {
                return Err(Error::TooManyFragments);
            }
            message.fragments += 1;
        }
        Ok(Some(header))
    }

    /// Frees what the last event borrowed, and everything when nothing else is incomplete.
    fn free_lent(&mut self) {
        let Some(partial) = &mut self.partial else { return };
        match std::mem::take(&mut partial.lent) {
            Lent::Nothing => return,
            Lent::Message => partial.message = None,
            Lent::Control => partial.control = Vec::new(),
        }
        self.free_if_empty();
    }

    fn free_if_empty(&mut self) {
        if self.partial.as_ref().is_some_and(|partial| partial.message.is_none() && partial.frame.is_none()) {
            self.partial = None;
        }
    }
}

#[cfg(test)]
impl Decoder {
    /// Whether no memory is held beyond the decoder itself.
    pub(super) fn holds_nothing(&self) -> bool {
        self.partial.is_none()
    }

    pub(super) fn message_capacity(&self) -> usize {
        self.partial.as_ref().and_then(|partial| partial.message.as_ref()).map_or(0, Message::capacity)
    }
}

/// Lends what was found.
fn event<'a>(
    found: Found,
    partial: &'a mut Option<Box<Partial>>,
    input: &'a [u8],
) -> Result<Event<'a>, Error> {
    let partial = partial.as_deref_mut();
    match found {
        Found::Whole { opcode: OpCode::Text, start, end } => {
            let text = simdutf8::basic::from_utf8(&input[start..end]).map_err(|_| Error::InvalidUtf8)?;
            Ok(Event::Text(text))
        }
        Found::Whole { opcode: OpCode::Binary | OpCode::Continuation, start, end } => {
            Ok(Event::Binary(Payload::Borrowed(&input[start..end])))
        }
        Found::Whole { opcode, start, end } => control(opcode, &input[start..end]),
        Found::Control(opcode) => control(opcode, partial.map_or(&[], |partial| &partial.control)),
        Found::Message => {
            let message = partial.and_then(|partial| partial.message.as_mut());
            match message.expect("the message that was just completed").finish()? {
                Finished::Text(text) => Ok(Event::Text(text)),
                Finished::Binary(bytes) => Ok(Event::Binary(Payload::Owned(bytes.into()))),
            }
        }
    }
}

fn control(opcode: OpCode, payload: &[u8]) -> Result<Event<'_>, Error> {
    match opcode {
        OpCode::Ping => Ok(Event::Ping(payload)),
        OpCode::Pong => Ok(Event::Pong(payload)),
        _ => Ok(Event::Close(Close::parse(payload)?)),
    }
}
