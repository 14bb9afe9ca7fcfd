//! Messages that differ in a number and in nothing else.
//!
//! In: the text around a payload and its size; out: the frame with each number in it. Odd: the number has a fixed
//! width, so all frames of a template have one length and a number is put in place.

use crate::frame::{Kind, push_masked, push_plain};

/// The digits of a number, and the shortest payload.
pub(crate) const NUMBER: usize = 16;

/// Whose frame it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// A frame with room for a number.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    number: usize,
    header: usize,
}

impl Template {
    /// What a client sends: `before`, the payload as a JSON string, `after`.
    pub(crate) fn request(before: &str, size: usize, after: &str) -> Self {
        Self::new(Side::Client, before, size, after)
    }

    /// What a server sends.
    pub(crate) fn expected(before: &str, size: usize, after: &str) -> Self {
        Self::new(Side::Server, before, size, after)
    }

    /// The message of all rooms and broadcasts.
    pub(crate) fn msg(size: usize) -> Self {
        Self::msg_in("", size)
    }

    /// The same in the namespace with this prefix.
    pub(crate) fn msg_in(namespace: &str, size: usize) -> Self {
        Self::expected(&format!(r#"42{namespace}["msg","#), size, "]")
    }

    fn new(side: Side, before: &str, size: usize, after: &str) -> Self {
        let mut text = before.as_bytes().to_vec();
        text.push(b'"');
        text.extend_from_slice(&[b'0'; NUMBER]);
        // Something that is different at every place, and the same in JSON.
        text.extend((NUMBER..size).map(|place| b'a' + (place % 23) as u8));
        text.push(b'"');
        text.extend_from_slice(after.as_bytes());
        let mut bytes = Vec::with_capacity(text.len() + 14);
        match side {
            Side::Client => push_masked(&mut bytes, Kind::Text, &text),
            Side::Server => push_plain(&mut bytes, Kind::Text, &text),
        }
        let header = bytes.len() - text.len();
        Self { bytes, number: header + before.len() + 1, header }
    }

    /// How long each frame is.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Where the number begins in a frame.
    pub(crate) fn number_at(&self) -> usize {
        self.number
    }

    /// The frame with this number.
    pub(crate) fn numbered(&mut self, number: u64) -> &[u8] {
        write_number(&mut self.bytes, self.number, number);
        &self.bytes
    }

    /// How long the header of each frame is; the message lies behind it.
    pub(crate) fn header(&self) -> usize {
        self.header
    }

    /// The number of a message that differs from this template in nothing else.
    pub(crate) fn number_in(&self, message: &[u8]) -> Option<u64> {
        let own = &self.bytes[self.header..];
        let (begin, end) = (self.number - self.header, self.number - self.header + NUMBER);
        if message.len() != own.len() || message[..begin] != own[..begin] || message[end..] != own[end..] {
            return None;
        }
        message[begin..end]
            .iter()
            .try_fold(0, |sum: u64, digit| digit.is_ascii_digit().then(|| sum * 10 + u64::from(digit - b'0')))
    }
}

/// Puts a number into a frame.
pub(crate) fn write_number(frame: &mut [u8], at: usize, mut number: u64) {
    for digit in frame[at..at + NUMBER].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_put_in_and_found_again() {
        let mut template = Template::msg(20);
        let frame = template.numbered(1_234).to_vec();
        assert_eq!(&frame[..2], b"\x81\x20");
        assert_eq!(&frame[2..], br#"42["msg","0000000000001234qrst"]"#);
        assert_eq!(template.number_in(&frame[2..]), Some(1_234));
    }

    #[test]
    fn a_message_that_differs_elsewhere_has_no_number() {
        let template = Template::msg(20);
        for message in [r#"42["msg","0000000000001234qrsx"]"#, r#"42["msg","000000000000x234qrst"]"#, "42[]"]
        {
            assert_eq!(template.number_in(message.as_bytes()), None);
        }
    }
}
