//! What a peer can do wrong, and the close code that tells it so. It is always the peer's fault.

use std::fmt;

/// Why a connection cannot go on. No frame after it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A reserved bit is set where no extension gives it a meaning.
    ReservedBits,
    /// An opcode without a meaning.
    ReservedOpCode(u8),
    /// A client's frame is not masked.
    Unmasked,
    /// A server's frame is masked.
    Masked,
    /// A control frame is not final.
    FragmentedControl,
    /// A control frame of more than 125 bytes.
    LongControl,
    /// The length is written with more bytes than it needs.
    LengthNotMinimal,
    /// The highest bit of the length is set.
    LengthOverflow,
    /// A continuation without a message.
    NothingToContinue,
    /// A new message before the end of a fragmented one.
    Interleaved,
    /// A close frame of one byte: half a code.
    ShortClose,
    /// A close code that must not be on the wire.
    InvalidCloseCode(u16),
    /// Text, or the reason in a close frame, is not UTF-8.
    InvalidUtf8,
    /// What is compressed cannot be decompressed.
    InvalidCompression,
    /// The message is, or announces to be, longer than [`Limits::max_message`](super::Limits::max_message).
    TooLarge,
    /// The message has more fragments than [`Limits::max_fragments`](super::Limits::max_fragments).
    TooManyFragments,
}

impl Error {
    /// The code for the close frame that ends the connection: 1002, 1007 or 1009.
    pub const fn close_code(self) -> u16 {
        match self {
            Self::ReservedBits
            | Self::ReservedOpCode(_)
            | Self::Unmasked
            | Self::Masked
            | Self::FragmentedControl
            | Self::LongControl
            | Self::LengthNotMinimal
            | Self::LengthOverflow
            | Self::NothingToContinue
            | Self::Interleaved
            | Self::ShortClose
            | Self::InvalidCloseCode(_) => 1002,
            Self::InvalidUtf8 | Self::InvalidCompression => 1007,
            Self::TooLarge | Self::TooManyFragments => 1009,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedBits => f.write_str("reserved bit set"),
            Self::ReservedOpCode(opcode) => write!(f, "reserved opcode {opcode}"),
            Self::Unmasked => f.write_str("unmasked frame from a client"),
            Self::Masked => f.write_str("masked frame from a server"),
            Self::FragmentedControl => f.write_str("fragmented control frame"),
            Self::LongControl => f.write_str("control frame of more than 125 bytes"),
            Self::LengthNotMinimal => f.write_str("payload length not in its shortest form"),
            Self::LengthOverflow => f.write_str("payload length with its highest bit set"),
            Self::NothingToContinue => f.write_str("continuation without a message"),
            Self::Interleaved => f.write_str("new message inside a fragmented one"),
            Self::ShortClose => f.write_str("close frame of one byte"),
            Self::InvalidCloseCode(code) => write!(f, "invalid close code {code}"),
            Self::InvalidUtf8 => f.write_str("invalid UTF-8"),
            Self::InvalidCompression => f.write_str("invalid compressed data"),
            Self::TooLarge => f.write_str("message too large"),
            Self::TooManyFragments => f.write_str("message with too many fragments"),
        }
    }
}

impl std::error::Error for Error {}
