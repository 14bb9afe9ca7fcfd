//! A message encoded once, for every transport and every recipient.
//!
//! The WebSocket header and the text packet behind it lie in one buffer; polling takes the same bytes without the
//! header. Attachments of a binary packet ride in the same frame, so that nothing can come between. Cloning a frame
//! counts references. What is odd: the WebSocket form is the unmasked one of a server; a client masks for itself. Other
//! forms of the same frame, as other kinds of connection need them, are made by `form`.

mod form;
mod weak;

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes};

use super::payload::SEPARATOR;
use crate::websocket::{MAX_HEADER, OpCode, encode_header};

pub use form::Deflating;
pub use weak::WeakFrame;

static PING: LazyLock<Frame> = LazyLock::new(|| Frame::control(b"\x81\x012", 2));
static PONG: LazyLock<Frame> = LazyLock::new(|| Frame::control(b"\x81\x013", 2));
static PROBE_PONG: LazyLock<Frame> = LazyLock::new(|| Frame::control(b"\x81\x063probe", 2));

/// One encoded unit, ready for a transport: a text packet, a binary message, or a text packet with its attachments.
#[derive(Clone, Debug)]
pub struct Frame(Repr);

#[derive(Clone, Debug)]
enum Repr {
    /// Nearly every frame, one allocation: [`Repr::PREFIX`] bytes about it, WebSocket header, text packet.
    Text(Arc<[u8]>),
    Attached(Arc<Attached>),
}

/// A text packet, empty if the frame is a bare binary message, and what follows it.
#[derive(Clone, Debug)]
struct Attached {
    text: Box<[u8]>,
    attachments: Box<[Attachment]>,
    /// Bytes on the wire, attachments included.
    websocket_len: usize,
    /// What it counts, which in another form is what it counted before.
    cost: usize,
    /// It is in another form already.
    formed: bool,
}

impl Repr {
    /// In front of the bytes: whether they may be compressed, and the length of the WebSocket header.
    const PREFIX: usize = 2;
}

/// One binary message with its WebSocket header.
#[derive(Clone, Debug)]
pub struct Attachment {
    header: [u8; MAX_HEADER],
    header_len: u8,
    data: Bytes,
}

impl Frame {
    /// Bytes that one frame is counted with besides its content, so that a queue of tiny frames is bounded as well.
    pub const OVERHEAD: usize = 64;

    /// `text` begins with the two bytes of [`Repr::PREFIX`], whose values are given beside it.
    fn new(text: &mut [u8], header: u8, compress: bool, attachments: Box<[Attachment]>) -> Self {
        text[0] = u8::from(compress);
        text[1] = header;
        if attachments.is_empty() {
            return Self(Repr::Text(Arc::from(&*text)));
        }
        let behind = attachments.iter().map(|a| a.header().len() + a.data.len()).sum::<usize>();
        let websocket_len = text.len() - Repr::PREFIX + behind;
        Self(Repr::Attached(Arc::new(Attached {
            text: (&*text).into(),
            attachments,
            websocket_len,
            cost: Self::OVERHEAD + websocket_len,
            formed: false,
        })))
    }

    fn control(bytes: &[u8], header: u8) -> Self {
        let mut text = [&[0; Repr::PREFIX], bytes].concat();
        Self::new(&mut text, header, false, Box::default())
    }

    /// The two bytes of [`Repr::PREFIX`], WebSocket header, text packet.
    fn text_part(&self) -> &[u8] {
        match &self.0 {
            Repr::Text(text) => text,
            Repr::Attached(attached) => &attached.text,
        }
    }

    /// The heartbeat.
    #[must_use]
    pub fn ping() -> Self {
        PING.clone()
    }

    /// The answer to the heartbeat of a client of revision 3.
    #[must_use]
    pub fn pong() -> Self {
        PONG.clone()
    }

    /// The answer to a probe.
    #[must_use]
    pub fn probe_pong() -> Self {
        PROBE_PONG.clone()
    }

    /// A packet as it is, type digit included.
    #[must_use]
    pub fn packet(packet: &str) -> Self {
        Self::packet_of(&[packet])
    }

    /// The same, from pieces that are joined.
    #[must_use]
    pub fn packet_of(pieces: &[&str]) -> Self {
        let length = Repr::PREFIX + MAX_HEADER + 1 + pieces.iter().map(|piece| piece.len()).sum::<usize>();
        Self::encode(&mut Vec::with_capacity(length), |out| {
            out.pop();
            pieces.iter().for_each(|piece| out.extend_from_slice(piece.as_bytes()));
            Ok::<_, std::convert::Infallible>(Vec::new())
        })
        .unwrap_or_else(|never| match never {})
    }

    /// A text message.
    #[must_use]
    pub fn text(message: &str) -> Self {
        Self::text_with(message, Vec::new())
    }

    /// A text message and binary messages that follow it.
    #[must_use]
    pub fn text_with(message: &str, attachments: Vec<Bytes>) -> Self {
        let length = Repr::PREFIX + MAX_HEADER + 1 + message.len();
        Self::encode(&mut Vec::with_capacity(length), |out| {
            out.extend_from_slice(message.as_bytes());
            Ok::<_, std::convert::Infallible>(attachments)
        })
        .unwrap_or_else(|never| match never {})
    }

    /// A binary message.
    #[must_use]
    pub fn binary(message: Bytes) -> Self {
        Self::binaries([message])
    }

    /// Binary messages that nothing can come between.
    #[must_use]
    pub fn binaries(messages: impl IntoIterator<Item = Bytes>) -> Self {
        let attachments = messages.into_iter().map(Attachment::new).collect();
        Self::new(&mut [0; Repr::PREFIX], 0, true, attachments)
    }

    /// A control frame of the WebSocket layer, a pong for example. It has no packet, so polling sends nothing for it.
    #[must_use]
    pub fn websocket_control(frame: &[u8]) -> Self {
        let header =
            u8::try_from(frame.len()).expect("a control frame is at most 127 bytes on a server's side");
        Self::control(frame, header)
    }

    /// Encodes a message: `write` appends its text to the buffer it is given and returns the attachments that
    /// follow it. `scratch` is a buffer to reuse; its content is lost.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn encode<E>(
        scratch: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>) -> Result<Vec<Bytes>, E>,
    ) -> Result<Self, E> {
        scratch.clear();
        scratch.resize(Repr::PREFIX + MAX_HEADER, 0);
        scratch.push(b'4');
        let attachments = write(scratch)?;
        let packet = Repr::PREFIX + MAX_HEADER;
        let mut header = [0; MAX_HEADER];
        let length = encode_header(&mut header, OpCode::Text, true, (scratch.len() - packet) as u64, None);
        scratch[packet - length..packet].copy_from_slice(&header[..length]);
        let header = u8::try_from(length).expect("a header is at most 14 bytes");
        let attachments = match attachments.is_empty() {
            true => Box::default(),
            false => attachments.into_iter().map(Attachment::new).collect(),
        };
        Ok(Self::new(&mut scratch[packet - length - Repr::PREFIX..], header, true, attachments))
    }

    /// The same frame, which transports may compress or not. JS: `compress(bool)`.
    #[must_use]
    pub fn compress(mut self, compress: bool) -> Self {
        if self.may_compress() != compress {
            let flag = u8::from(compress);
            match &mut self.0 {
                Repr::Text(text) => Arc::make_mut(text)[0] = flag,
                Repr::Attached(attached) => Arc::make_mut(attached).text[0] = flag,
            }
        }
        self
    }

    /// Replaces the last occurrence of some bytes by as many others: in the text packet, or else in what follows it. It
    /// happens in place, unless the frame is shared: then this clone goes its own way. `false` if they do not occur.
    pub fn overwrite(&mut self, old: &[u8], new: &[u8]) -> bool {
        debug_assert_eq!(old.len(), new.len());
        let text_packet = Repr::PREFIX + usize::from(self.text_part()[1]);
        let in_text = last_occurrence(&self.text_part()[text_packet..], old).map(|at| text_packet + at);
        match (&mut self.0, in_text) {
            (Repr::Text(text), Some(at)) => Arc::make_mut(text)[at..at + new.len()].copy_from_slice(new),
            (Repr::Attached(attached), Some(at)) => {
                Arc::make_mut(attached).text[at..at + new.len()].copy_from_slice(new);
            }
            (Repr::Text(_), None) => return false,
            (Repr::Attached(attached), None) => {
                let found = |attachment: &Attachment| last_occurrence(&attachment.data, old);
                let mut attachments = attached.attachments.iter().enumerate().rev();
                let Some((index, at)) = attachments.find_map(|(n, a)| Some((n, found(a)?))) else {
                    return false;
                };
                let data = &mut Arc::make_mut(attached).attachments[index].data;
                let mut bytes = data.to_vec();
                bytes[at..at + new.len()].copy_from_slice(new);
                *data = bytes.into();
            }
        }
        true
    }

    /// Whether transports may compress it.
    #[must_use]
    pub fn may_compress(&self) -> bool {
        self.text_part()[0] != 0
    }

    /// Whether both are clones of one frame.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::Text(one), Repr::Text(other)) => Arc::ptr_eq(one, other),
            (Repr::Attached(one), Repr::Attached(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    /// The text packet, type digit included; empty if the frame is a bare binary message.
    #[must_use]
    pub fn text_packet(&self) -> &[u8] {
        let text = self.text_part();
        &text[Repr::PREFIX + usize::from(text[1])..]
    }

    /// The binary messages behind the text packet.
    #[must_use]
    pub fn attachments(&self) -> &[Attachment] {
        match &self.0 {
            Repr::Text(_) => &[],
            Repr::Attached(attached) => &attached.attachments,
        }
    }

    /// What the frame counts against the bound of an outbox: its bytes on a WebSocket and [`Frame::OVERHEAD`]. Another
    /// form of it counts the same.
    #[must_use]
    pub fn cost(&self) -> usize {
        match &self.0 {
            Repr::Text(text) => Self::OVERHEAD + text.len() - Repr::PREFIX,
            Repr::Attached(attached) => attached.cost,
        }
    }

    /// Bytes on a WebSocket, or in the form that the frame was given.
    #[must_use]
    pub fn websocket_len(&self) -> usize {
        match &self.0 {
            Repr::Text(text) => text.len() - Repr::PREFIX,
            Repr::Attached(attached) => attached.websocket_len,
        }
    }

    /// All the bytes for a WebSocket, where they lie in one piece: where there are no attachments.
    #[must_use]
    pub fn websocket_bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Repr::Text(text) => Some(&text[Repr::PREFIX..]),
            Repr::Attached(attached) if attached.attachments.is_empty() => {
                Some(&attached.text[Repr::PREFIX..])
            }
            Repr::Attached(_) => None,
        }
    }

    /// The bytes for a WebSocket, as the pieces of a vectored write, from byte `skip` on.
    pub fn websocket_slices(&self, mut skip: usize) -> impl Iterator<Item = &[u8]> {
        let attachments = self.attachments().iter().flat_map(|a| [a.header(), &a.data[..]]);
        std::iter::once(&self.text_part()[Repr::PREFIX..]).chain(attachments).filter_map(move |slice| {
            let skipped = skip.min(slice.len());
            skip -= skipped;
            (skipped < slice.len()).then(|| &slice[skipped..])
        })
    }

    /// Appends the packets to a polling body, with separators.
    pub fn write_payload(&self, body: &mut Vec<u8>) {
        let separate = |body: &mut Vec<u8>| {
            if !body.is_empty() {
                body.push(SEPARATOR);
            }
        };
        if !self.text_packet().is_empty() {
            separate(body);
            body.extend_from_slice(self.text_packet());
        }
        for attachment in self.attachments() {
            separate(body);
            body.push(b'b');
            let start = body.len();
            body.resize(start + attachment.data.len().div_ceil(3) * 4, 0);
            let written =
                STANDARD.encode_slice(&attachment.data, &mut body[start..]).expect("the room was just made");
            body.truncate(start + written);
        }
    }
}

impl Attachment {
    fn new(data: Bytes) -> Self {
        let mut header = [0; MAX_HEADER];
        let length = encode_header(&mut header, OpCode::Binary, true, data.remaining() as u64, None);
        Self { header, header_len: u8::try_from(length).expect("a header is at most 14 bytes"), data }
    }

    fn header(&self) -> &[u8] {
        &self.header[..usize::from(self.header_len)]
    }

    /// The bytes, without a header.
    #[must_use]
    pub fn data(&self) -> &Bytes {
        &self.data
    }
}

fn last_occurrence(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len().max(1)).rposition(|window| window == part)
}

#[cfg(test)]
mod tests;
