//! The packing of frames into the body of one `POST`, within the size that the server takes.
//!
//! A frame is a unit in the outbox, but its packets may part here: header and attachments of a binary packet can be
//! too large for one body together. A single packet over the limit is sent all the same; the server decides.
//!
//! JS: engine.io-client/lib/socket.ts `_getWritablePackets`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::engine::{Frame, SEPARATOR};

/// The body of one `POST`.
#[derive(Debug)]
pub struct PostBody {
    bytes: Vec<u8>,
    limit: usize,
}

/// How much of a frame fitted into the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// All that was left of it.
    All,
    /// Its packets up to this one, counted from 0, which is the first of the next body. The body is full.
    UpTo(usize),
}

impl PostBody {
    /// A body of at most that many bytes. `None`: as long as it gets.
    #[must_use]
    pub fn new(max_payload: Option<u64>) -> Self {
        let limit = max_payload.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        Self { bytes: Vec::new(), limit }
    }

    /// Appends the packets of a frame, from the one numbered `first` on, as many as fit.
    pub fn take(&mut self, frame: &Frame, first: usize) -> Taken {
        let text = Some(frame.text_packet()).filter(|text| !text.is_empty()).map(Packet::Text);
        let binaries = frame.attachments().iter().map(|attachment| Packet::Binary(attachment.data()));
        for (number, packet) in text.into_iter().chain(binaries).enumerate().skip(first) {
            if !self.fits(packet.len()) {
                return Taken::UpTo(number);
            }
            if !self.bytes.is_empty() {
                self.bytes.push(SEPARATOR);
            }
            packet.write(&mut self.bytes);
        }
        Taken::All
    }

    /// The body.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn fits(&self, length: usize) -> bool {
        self.bytes.is_empty() || self.bytes.len().saturating_add(length).saturating_add(1) <= self.limit
    }
}

#[derive(Clone, Copy)]
enum Packet<'a> {
    Text(&'a [u8]),
    Binary(&'a [u8]),
}

impl Packet<'_> {
    /// Its exact length in a body; JavaScript's estimate for binary is a little lower and can exceed the limit.
    fn len(self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(data) => 1 + data.len().div_ceil(3) * 4,
        }
    }

    fn write(self, body: &mut Vec<u8>) {
        match self {
            Self::Text(text) => body.extend_from_slice(text),
            Self::Binary(data) => {
                body.push(b'b');
                let start = body.len();
                body.resize(start + data.len().div_ceil(3) * 4, 0);
                let written =
                    STANDARD.encode_slice(data, &mut body[start..]).expect("the room was just made");
                body.truncate(start + written);
            }
        }
    }
}
