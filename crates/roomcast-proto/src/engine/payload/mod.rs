//! Several packets in one polling body, in the client's dialect.
//!
//! In: the body of a POST, or frames for a poll. Out: packets, or a body. Each revision has its own way to say where a
//! packet ends.

mod v3;
mod v4;

use super::frame::Frame;
use super::packet::{InvalidPacket, Packet};
use super::revision::{Dialect, Revision};
use super::session::PollAnswer;

pub use v4::{SEPARATOR, decode_payload};

/// A polling body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// UTF-8, `text/plain`.
    Text(Vec<u8>),
    /// `application/octet-stream`, in revision 3 only.
    Binary(Vec<u8>),
}

impl Payload {
    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(bytes) | Self::Binary(bytes) => bytes,
        }
    }
}

/// The packets of a polling body, in order; the first that cannot be read is the last. See [`Dialect::decode`].
#[derive(Clone, Debug)]
pub struct Packets<'a>(Kind<'a>);

#[derive(Clone, Debug)]
enum Kind<'a> {
    V4(v4::Packets<'a>),
    V3Text(v3::TextPackets<'a>),
    V3Binary(v3::BinaryPackets<'a>),
    /// One packet that cannot be read.
    Invalid(std::option::IntoIter<Result<Packet<'a>, InvalidPacket>>),
}

impl Dialect {
    /// Reads the packets of a polling body that came as text.
    ///
    /// ```
    /// use roomcast_proto::engine::{Dialect, Packet};
    ///
    /// let packets: Vec<_> = Dialect::V3.decode("1:21:6").collect();
    /// assert_eq!(packets, [Ok(Packet::Ping("")), Ok(Packet::Noop)]);
    /// ```
    #[must_use]
    pub fn decode(self, body: &str) -> Packets<'_> {
        Packets(match self.revision() {
            Revision::V4 => Kind::V4(v4::Packets::new(body)),
            Revision::V3 => Kind::V3Text(v3::TextPackets::new(body)),
        })
    }

    /// Reads the packets of a polling body that came as bytes. Revision 4 has none.
    #[must_use]
    pub fn decode_binary(self, body: &[u8]) -> Packets<'_> {
        Packets(match self.revision() {
            Revision::V4 => Kind::Invalid(Some(Err(InvalidPacket)).into_iter()),
            Revision::V3 => Kind::V3Binary(v3::BinaryPackets::new(body)),
        })
    }

    /// Writes frames as the body of a poll.
    ///
    /// ```
    /// use roomcast_proto::engine::{Dialect, Frame, Payload};
    ///
    /// let frames = [Frame::text("hé!"), Frame::binary(vec![0xDE, 0xAD].into())];
    /// assert_eq!(Dialect::V4.encode(&frames), Payload::Text("4hé!\u{1e}b3q0=".into()));
    /// assert_eq!(Dialect::V3Base64.encode(&frames), Payload::Text("4:4hé!6:b43q0=".into()));
    /// ```
    #[must_use]
    pub fn encode<'a, I>(self, frames: I) -> Payload
    where
        I: IntoIterator<Item = &'a Frame, IntoIter: Clone>,
    {
        let frames = frames.into_iter();
        let mut body = Vec::with_capacity(frames.clone().map(Frame::websocket_len).sum());
        match self {
            Self::V4 => {
                frames.for_each(|frame| frame.write_payload(&mut body));
                Payload::Text(body)
            }
            // Where nothing is binary, text is what both kinds of clients get.
            Self::V3 if frames.clone().any(|frame| !frame.attachments().is_empty()) => {
                frames.for_each(|frame| v3::write_binary(frame, &mut body));
                Payload::Binary(body)
            }
            Self::V3 | Self::V3Base64 => {
                frames.for_each(|frame| v3::write_text(frame, &mut body));
                Payload::Text(body)
            }
        }
    }

    /// The body of a poll that is answered without frames.
    #[must_use]
    pub const fn answer(self, answer: PollAnswer) -> &'static str {
        match (self.revision(), answer) {
            (Revision::V4, PollAnswer::Noop) => "6",
            (Revision::V4, PollAnswer::Close) => "1",
            (Revision::V4, PollAnswer::NoopAndClose) => "6\u{1e}1",
            (Revision::V3, PollAnswer::Noop) => "1:6",
            (Revision::V3, PollAnswer::Close) => "1:1",
            (Revision::V3, PollAnswer::NoopAndClose) => "1:61:1",
        }
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, InvalidPacket>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Kind::V4(packets) => packets.next(),
            Kind::V3Text(packets) => packets.next(),
            Kind::V3Binary(packets) => packets.next(),
            Kind::Invalid(packet) => packet.next(),
        }
    }
}
