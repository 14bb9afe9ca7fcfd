//! Whole control frames, ready to be written: close, ping, pong.
//!
//! A payload of at most 125 bytes comes in; a frame that lives on the stack goes out. Odd: what does not fit is cut,
//! never refused, because a frame that says goodbye must not fail.

use std::fmt;
use std::ops::Deref;

use super::close::is_close_code;
use super::header::{MAX_HEADER, OpCode, encode_header};
use super::mask::mask;

/// The longest payload of a control frame.
pub const MAX_CONTROL: usize = 125;

/// A control frame's header, which never needs a long length, with its key.
const MAX_CONTROL_HEADER: usize = 6;

/// One control frame as bytes: it dereferences to what has to be written.
#[derive(Clone, Copy)]
pub struct ControlFrame {
    bytes: [u8; MAX_CONTROL_HEADER + MAX_CONTROL],
    len: u8,
}

impl ControlFrame {
    /// A close frame with a code and a reason, or without both. A server has no `key`; a client needs a fresh one.
    ///
    /// The reason is cut to 123 bytes at the border of a character. A code that must not be on the wire (see
    /// [`is_close_code`](super::is_close_code)) gives the frame without both: this is how 1005 is said.
    ///
    /// ```
    /// use roomcast_proto::websocket::ControlFrame;
    ///
    /// assert_eq!(*ControlFrame::close(Some((1000, "bye")), None), *b"\x88\x05\x03\xe8bye");
    /// assert_eq!(*ControlFrame::close(None, None), *b"\x88\x00");
    /// ```
    pub fn close(code: Option<(u16, &str)>, key: Option<[u8; 4]>) -> Self {
        let Some((code, reason)) = code.filter(|(code, _)| is_close_code(*code)) else {
            return Self::new(OpCode::Close, [&[], &[]], key);
        };
        let reason = &reason[..reason.floor_char_boundary(MAX_CONTROL - 2)];
        Self::new(OpCode::Close, [&code.to_be_bytes(), reason.as_bytes()], key)
    }

    /// A ping. What is beyond 125 bytes is cut.
    pub fn ping(payload: &[u8], key: Option<[u8; 4]>) -> Self {
        Self::new(OpCode::Ping, [payload, &[]], key)
    }

    /// A pong; the answer to a ping has its payload. What is beyond 125 bytes is cut.
    pub fn pong(payload: &[u8], key: Option<[u8; 4]>) -> Self {
        Self::new(OpCode::Pong, [payload, &[]], key)
    }

    fn new(opcode: OpCode, parts: [&[u8]; 2], key: Option<[u8; 4]>) -> Self {
        let mut bytes = [0; MAX_CONTROL_HEADER + MAX_CONTROL];
        let start = if key.is_some() { MAX_CONTROL_HEADER } else { 2 };
        let mut end = start;
        for part in parts {
            let part = &part[..part.len().min(start + MAX_CONTROL - end)];
            bytes[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        }
        if let Some(key) = key {
            mask(key, &mut bytes[start..end], 0);
        }
        let mut header = [0; MAX_HEADER];
        let header_len = encode_header(&mut header, opcode, true, (end - start) as u64, key);
        bytes[..start].copy_from_slice(&header[..header_len]);
        Self { bytes, len: end as u8 }
    }
}

impl Deref for ControlFrame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl AsRef<[u8]> for ControlFrame {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for ControlFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ControlFrame").field(&&**self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        // 61 characters of two bytes and one of three: 125 bytes, two too many.
        let reason = format!("{}€", "é".repeat(61));
        let frame = ControlFrame::close(Some((1000, &reason)), None);
        assert_eq!(frame[..4], [0x88, 124, 0x03, 0xe8]);
        assert_eq!(frame[4..], *"é".repeat(61).as_bytes());
    }

    #[test]
    fn a_code_for_apis_only_is_said_by_its_absence() {
        for code in [0, 1005, 1006, 1015, 5000] {
            assert_eq!(*ControlFrame::close(Some((code, "x")), None), *b"\x88\x00");
        }
    }

    #[test]
    fn ping_and_pong_carry_up_to_125_bytes() {
        assert_eq!(*ControlFrame::ping(b"", None), *b"\x89\x00");
        assert_eq!(*ControlFrame::pong(b"a", Some([1, 2, 3, 4])), [0x8A, 0x81, 1, 2, 3, 4, b'a' ^ 1]);
        let frame = ControlFrame::pong(&[7; 200], None);
        assert_eq!(frame[..2], [0x8A, 125]);
        assert_eq!(frame[2..], [7; 125]);
        assert_eq!(ControlFrame::ping(&[7; 200], Some([0; 4])).len(), 131);
    }
}
