//! Turns engine messages into packets, and waits for the attachments a packet announced.
//!
//! In comes text or one binary message; out goes a packet when it is complete. Text packets borrow from the caller's
//! text. What is odd: attachments belong to the connection, not to a namespace, and nothing may come between them. Where
//! the reference reads numbers as loosely as JavaScript does (`42 ["a"]`, `51e0-`), this decoder refuses.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;

use super::args::Args;
use super::packet::{Body, Event, Packet, PacketType, is_reserved_event};
use super::payload::{self, Array, First, Span, Spans};
use super::{placeholders, scan, surrogates};

/// What a peer may make a [`Decoder`] hold or look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Attachments of one packet. Default 10. JS: `maxAttachments`.
    pub max_attachments: usize,
    /// Bytes of all attachments of one packet together. Default 10,000,000: what ten messages of the default
    /// `maxHttpBufferSize` give, which is the reference's only bound. A server lowers it with that option.
    pub max_attachment_bytes: usize,
    /// How deep arrays and objects of a payload may be nested, its outermost array included. Default and maximum 128:
    /// the reference has no bound, and ends when it sends such a value back.
    pub max_depth: usize,
}

/// Below this depth `serde_json` reads every argument without giving up on its own.
pub(super) const DEEPEST_READABLE: usize = 128;
const _: () = assert!(DEEPEST_READABLE <= scan::MAX_DEPTH, "the scan follows as far as a reader may");

impl Default for Limits {
    fn default() -> Self {
        Self { max_attachments: 10, max_attachment_bytes: 10_000_000, max_depth: DEEPEST_READABLE }
    }
}

impl Limits {
    fn depth(&self) -> usize {
        self.max_depth.min(DEEPEST_READABLE)
    }
}

/// Why a message is no packet. Whatever it is, the connection it came over cannot be trusted further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The first character is no packet type; the digit if it is one.
    UnknownPacketType(Option<u8>),
    /// The payload is no JSON, or not what this packet type carries, or its event name is reserved.
    InvalidPayload,
    /// A binary packet does not say how many attachments follow.
    InvalidAttachmentCount,
    /// More attachments are announced than [`Limits::max_attachments`].
    TooManyAttachments,
    /// The attachments hold more than [`Limits::max_attachment_bytes`].
    AttachmentsTooLarge,
    /// A placeholder names no attachment.
    IllegalAttachments,
    /// The payload is nested deeper than [`Limits::max_depth`].
    TooDeep,
    /// A binary message that no packet announced.
    UnexpectedBinary,
    /// A text message where an attachment was due.
    UnexpectedText,
}

/// Reads the packets of one connection, in order. Holds no memory of its own unless a packet waits for attachments.
#[derive(Debug)]
pub struct Decoder {
    /// Shared with the others of the server: a pointer in place of three numbers.
    limits: Arc<Limits>,
    incomplete: Option<Box<Incomplete>>,
}

/// A packet whose attachments have not all come.
#[derive(Debug)]
struct Incomplete {
    packet: Packet<'static>,
    announced: usize,
    attachments: Vec<Bytes>,
    bytes: usize,
}

impl Decoder {
    /// A decoder that waits for a packet. Takes [`Limits`], or an `Arc` of those that many decoders have.
    #[must_use]
    pub fn new(limits: impl Into<Arc<Limits>>) -> Self {
        Self { limits: limits.into(), incomplete: None }
    }

    /// Reads a text message. `None` means that attachments must follow before the packet is complete.
    ///
    /// # Errors
    /// Any [`DecodeError`]; the decoder has then forgotten what it waited for.
    pub fn text<'a>(&mut self, text: &'a str) -> Result<Option<Packet<'a>>, DecodeError> {
        if self.incomplete.take().is_some() {
            return Err(DecodeError::UnexpectedText);
        }
        let (packet, announced) = read_packet(text, &self.limits)?;
        if announced == 0 {
            return Ok(Some(packet));
        }
        let packet = into_owned(packet);
        self.incomplete = Some(Box::new(Incomplete { packet, announced, attachments: Vec::new(), bytes: 0 }));
        Ok(None)
    }

    /// Reads a binary message, the next attachment of the packet that announced it.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedBinary`] or [`DecodeError::AttachmentsTooLarge`]; the decoder has then forgotten what it
    /// waited for.
    pub fn binary(&mut self, attachment: Bytes) -> Result<Option<Packet<'static>>, DecodeError> {
        let mut incomplete = self.incomplete.take().ok_or(DecodeError::UnexpectedBinary)?;
        incomplete.bytes = incomplete.bytes.saturating_add(attachment.len());
        if incomplete.bytes > self.limits.max_attachment_bytes {
            return Err(DecodeError::AttachmentsTooLarge);
        }
        incomplete.attachments.push(attachment);
        if incomplete.attachments.len() < incomplete.announced {
            self.incomplete = Some(incomplete);
            return Ok(None);
        }
        let Incomplete { mut packet, attachments, .. } = *incomplete;
        match &mut packet.body {
            Body::Event { event, .. } => event.args_mut().attach(Arc::from(attachments)),
            Body::Ack { args, .. } => args.attach(Arc::from(attachments)),
            Body::Connect(_) | Body::Disconnect | Body::ConnectError(_) => {}
        }
        Ok(Some(packet))
    }

    /// Whether a packet waits for attachments, so that only binary messages may come. A server bounds how long.
    #[must_use]
    pub fn is_reassembling(&self) -> bool {
        self.incomplete.is_some()
    }
}

/// Reads a packet that this side has written itself, its attachments beside it: no limit for peers binds it but the depth.
///
/// # Errors
/// Those of [`Decoder`]: [`DecodeError::TooDeep`], or whatever follows where the text is not its writer's.
pub fn read_back(
    text: &str,
    attachments: impl IntoIterator<Item = Bytes>,
) -> Result<Packet<'_>, DecodeError> {
    static LIMITS: LazyLock<Arc<Limits>> = LazyLock::new(|| {
        let most = usize::MAX;
        Arc::new(Limits { max_attachments: most, max_attachment_bytes: most, max_depth: DEEPEST_READABLE })
    });
    let mut decoder = Decoder::new(LIMITS.clone());
    let mut packet = decoder.text(text)?;
    for attachment in attachments {
        packet = decoder.binary(attachment)?;
    }
    packet.ok_or(DecodeError::UnexpectedText)
}

#[inline]
fn read_packet<'a>(text: &'a str, limits: &Limits) -> Result<(Packet<'a>, usize), DecodeError> {
    let first = text.as_bytes().first().copied().unwrap_or_default();
    let kind = PacketType::from_digit(first)
        .ok_or(DecodeError::UnknownPacketType(first.is_ascii_digit().then(|| first - b'0')))?;
    let rest = &text[1..];
    let (announced, rest) =
        if kind.has_attachments() { read_count(rest, limits.max_attachments)? } else { (0, rest) };
    let (namespace, rest) = read_namespace(rest);
    let (id, payload) = read_id(rest)?;
    let body = match kind {
        PacketType::Connect => Body::Connect(read_reason(payload, b"{", limits)?.map(Cow::Borrowed)),
        PacketType::ConnectError => {
            Body::ConnectError(read_reason(payload, b"{\"", limits)?.map(Cow::Borrowed))
        }
        PacketType::Disconnect if payload.is_empty() => Body::Disconnect,
        PacketType::Disconnect => return Err(DecodeError::InvalidPayload),
        PacketType::Event | PacketType::BinaryEvent => {
            Body::Event { id, event: read_event(payload, announced, limits)? }
        }
        PacketType::Ack | PacketType::BinaryAck => {
            Body::Ack { id, args: read_args(payload, announced, limits)? }
        }
    };
    Ok((Packet { namespace: Cow::Borrowed(namespace), body }, announced))
}

/// Reads `2-`: how many attachments follow.
fn read_count(text: &str, max: usize) -> Result<(usize, &str), DecodeError> {
    let (digits, rest) = text.split_once('-').ok_or(DecodeError::InvalidAttachmentCount)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DecodeError::InvalidAttachmentCount);
    }
    match digits.parse::<usize>() {
        Ok(0) => Err(DecodeError::InvalidAttachmentCount),
        Ok(count) if count <= max => Ok((count, rest)),
        _ => Err(DecodeError::TooManyAttachments),
    }
}

/// Reads `/chat,`; the comma may be missing at the end of the packet, and the whole of it for the root.
#[inline]
fn read_namespace(text: &str) -> (&str, &str) {
    if !text.starts_with('/') {
        return ("/", text);
    }
    match memchr::memchr(b',', text.as_bytes()) {
        Some(comma) => (&text[..comma], &text[comma + 1..]),
        None => (text, ""),
    }
}

#[inline]
fn read_id(text: &str) -> Result<(Option<u64>, &str), DecodeError> {
    let (mut id, mut end) = (None, 0);
    while let Some(digit @ b'0'..=b'9') = text.as_bytes().get(end) {
        let more = id.unwrap_or(0_u64).checked_mul(10).and_then(|id| id.checked_add(u64::from(digit - b'0')));
        // JavaScript rounds a longer number; nobody can have asked for an answer to it.
        id = Some(more.ok_or(DecodeError::InvalidPayload)?);
        end += 1;
    }
    Ok((id, &text[end..]))
}

/// Reads the payload of a connect or its refusal: absent, or a value beginning with one of the given bytes.
fn read_reason<'a>(text: &'a str, begins: &[u8], limits: &Limits) -> Result<Option<&'a str>, DecodeError> {
    let Some(first) = text.as_bytes().first() else { return Ok(None) };
    if !begins.contains(first) {
        return Err(DecodeError::InvalidPayload);
    }
    payload::check_value(text, limits.depth())?;
    Ok(Some(text))
}

fn read_args<'a>(text: &'a str, announced: usize, limits: &Limits) -> Result<Args<'a>, DecodeError> {
    if text.is_empty() {
        return Ok(Args::empty());
    }
    let mut spans = Spans::new();
    read_array(text, First::Argument, &mut spans, announced, limits)?;
    Ok(Args::new(text, spans))
}

#[inline]
fn read_event<'a>(text: &'a str, announced: usize, limits: &Limits) -> Result<Event<'a>, DecodeError> {
    if text.is_empty() {
        return Ok(Event::nameless());
    }
    let mut spans = Spans::new();
    let array = read_array(text, First::Name, &mut spans, announced, limits)?;
    match array.first.and_then(|span| read_name(span.of(text), array.escaped)) {
        Some(name) if !is_reserved_event(&name) => Ok(Event::new(name, Args::new(text, spans))),
        _ => Err(DecodeError::InvalidPayload),
    }
}

#[inline]
pub(super) fn read_array(
    text: &str,
    first: First,
    spans: &mut Spans,
    announced: usize,
    limits: &Limits,
) -> Result<Array, DecodeError> {
    // The reference takes white space here for an ack id; it never stands there in earnest.
    if !text.starts_with('[') {
        return Err(DecodeError::InvalidPayload);
    }
    let array = payload::split_array(text, first, limits.depth(), spans)?;
    if announced > 0 {
        let legal = |span: &Span| placeholders::are_legal(span.of(text), announced);
        if !array.first.iter().chain(spans.iter()).all(legal) {
            return Err(DecodeError::IllegalAttachments);
        }
    }
    Ok(array)
}

/// An event's name from its JSON text: a string, or a number as it stands. `escaped` where it may hold an escape.
#[inline]
pub(super) fn read_name(json: &str, escaped: bool) -> Option<Cow<'_, str>> {
    match json.as_bytes().first()? {
        b'"' => {
            let inner = &json[1..json.len() - 1];
            if !escaped || memchr::memchr(b'\\', inner.as_bytes()).is_none() {
                return Some(Cow::Borrowed(inner));
            }
            let mended = surrogates::mended(json);
            serde_json::from_str(mended.as_deref().unwrap_or(json)).ok().map(Cow::Owned)
        }
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(json)),
        _ => None,
    }
}

fn into_owned(packet: Packet<'_>) -> Packet<'static> {
    let body = match packet.body {
        Body::Event { id, event } => Body::Event { id, event: event.into_owned() },
        Body::Ack { id, args } => Body::Ack { id, args: args.into_owned() },
        // These announce no attachments, so they never have to wait.
        Body::Connect(_) => Body::Connect(None),
        Body::Disconnect => Body::Disconnect,
        Body::ConnectError(_) => Body::ConnectError(None),
    };
    Packet { namespace: Cow::Owned(packet.namespace.into_owned()), body }
}

impl fmt::Display for DecodeError {
    /// The reference's text where it has one: clients of its `error` event know these.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownPacketType(Some(digit)) => return write!(f, "unknown packet type {digit}"),
            Self::UnknownPacketType(None) => "unknown packet type NaN",
            Self::InvalidPayload => "invalid payload",
            Self::InvalidAttachmentCount => "Illegal attachments",
            Self::TooManyAttachments => "too many attachments",
            Self::AttachmentsTooLarge => "attachments too large",
            Self::IllegalAttachments => "illegal attachments",
            Self::TooDeep => "payload nested too deeply",
            Self::UnexpectedBinary => "got binary data when not reconstructing a packet",
            Self::UnexpectedText => "got plaintext data when reconstructing a packet",
        })
    }
}

impl std::error::Error for DecodeError {}
