//! The content of a close frame: nothing, or a code and a reason.
//!
//! An unmasked payload comes in; a [`Close`], "no code", or an error goes out.

use super::error::Error;

/// Why the peer closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close<'a> {
    /// A code for which [`is_close_code`] holds.
    pub code: u16,
    /// At most 123 bytes of text, for people; often empty.
    pub reason: &'a str,
}

impl<'a> Close<'a> {
    /// Reads the payload of a close frame. An empty one has no code.
    pub(super) fn parse(payload: &'a [u8]) -> Result<Option<Self>, Error> {
        match payload {
            [] => Ok(None),
            // The header refused this one already.
            [_] => Err(Error::ShortClose),
            [high, low, reason @ ..] => {
                let code = u16::from_be_bytes([*high, *low]);
                if !is_close_code(code) {
                    return Err(Error::InvalidCloseCode(code));
                }
                let reason = simdutf8::basic::from_utf8(reason).map_err(|_| Error::InvalidUtf8)?;
                Ok(Some(Self { code, reason }))
            }
        }
    }
}

/// Whether `code` may be in a close frame: the registered ones, those of libraries (3000) and of applications (4000).
///
/// 1004 has no meaning; 1005, 1006 and 1015 are what an API reports where no close frame, or none with a code, came.
pub const fn is_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_must_not_be_on_the_wire_are_refused() {
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
            assert_eq!(Close::parse(&u16::to_be_bytes(code)), Err(Error::InvalidCloseCode(code)));
        }
        for code in [1000, 1001, 1002, 1003, 1007, 1008, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
            assert_eq!(Close::parse(&u16::to_be_bytes(code)), Ok(Some(Close { code, reason: "" })));
        }
    }

    #[test]
    fn the_reason_is_text() {
        assert_eq!(Close::parse(b""), Ok(None));
        assert_eq!(Close::parse(&[3]), Err(Error::ShortClose));
        assert_eq!(Close::parse(b"\x03\xe8bye"), Ok(Some(Close { code: 1000, reason: "bye" })));
        assert_eq!(Close::parse(b"\x03\xe8\xff"), Err(Error::InvalidUtf8));
        // Half a character.
        assert_eq!(Close::parse(b"\x03\xe8\xc3"), Err(Error::InvalidUtf8));
    }
}
