//! Messages to packets, by whichever parser the server uses.
//!
//! The default parser is named statically: it is on the path of every message. Any other one is code that this crate does
//! not know, so its panics are caught, the memory it holds is watched, and the names of events are looked at here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;

use super::Violation;
use crate::socket::decode::{DecodeError, Decoder, Limits};
use crate::socket::packet::{Body, Packet, is_reserved_event};
use crate::socket::parser::{PacketDecoder, Parser, ParserError};

#[derive(Debug)]
pub(super) enum Reader {
    Default(Decoder),
    Custom(Box<Custom>),
}

/// A decoder of another parser.
pub(super) struct Custom {
    /// `None` if it panicked: it is not asked again.
    decoder: Option<Box<dyn PacketDecoder>>,
    /// What it said after the last message.
    waiting: Option<usize>,
    max_bytes: usize,
}

impl Reader {
    pub(super) fn new(limits: impl Into<Arc<Limits>>) -> Self {
        Self::Default(Decoder::new(limits))
    }

    pub(super) fn with_parser(parser: &dyn Parser, limits: Limits) -> Self {
        let decoder = catch_unwind(AssertUnwindSafe(|| parser.decoder(limits))).ok();
        Self::Custom(Box::new(Custom { decoder, waiting: None, max_bytes: limits.max_attachment_bytes }))
    }

    #[inline]
    pub(super) fn text<'a>(&mut self, text: &'a str) -> Result<Option<Packet<'a>>, Violation> {
        match self {
            Self::Default(decoder) => Ok(decoder.text(text)?),
            Self::Custom(custom) => custom.read(|decoder| decoder.text(text)),
        }
    }

    #[inline]
    pub(super) fn binary(&mut self, message: Bytes) -> Result<Option<Packet<'static>>, Violation> {
        match self {
            Self::Default(decoder) => Ok(decoder.binary(message)?),
            Self::Custom(custom) => custom.read(|decoder| decoder.binary(message)),
        }
    }

    pub(super) fn is_reassembling(&self) -> bool {
        match self {
            Self::Default(decoder) => decoder.is_reassembling(),
            Self::Custom(custom) => custom.waiting.is_some(),
        }
    }
}

impl Custom {
    // Out of the way of the default parser.
    #[inline(never)]
    fn read<'a>(
        &mut self,
        read: impl FnOnce(&mut dyn PacketDecoder) -> Result<Option<Packet<'a>>, ParserError>,
    ) -> Result<Option<Packet<'a>>, Violation> {
        let mut decoder = self.decoder.take().ok_or_else(panicked)?;
        let step = || (read(&mut *decoder), decoder.waiting());
        let (packet, waiting) = catch_unwind(AssertUnwindSafe(step)).map_err(|_| panicked())?;
        (self.decoder, self.waiting) = (Some(decoder), waiting);
        let packet = packet?;
        if waiting.is_some_and(|bytes| bytes > self.max_bytes) {
            return Err(DecodeError::AttachmentsTooLarge.into());
        }
        if let Some(Body::Event { event, .. }) = packet.as_ref().map(|packet| &packet.body)
            && is_reserved_event(event.name())
        {
            return Err(DecodeError::InvalidPayload.into());
        }
        Ok(packet)
    }
}

fn panicked() -> ParserError {
    ParserError::new("the parser panicked")
}

impl std::fmt::Debug for Custom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Custom").field("max_bytes", &self.max_bytes).finish_non_exhaustive()
    }
}
