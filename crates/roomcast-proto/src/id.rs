//! Ids of sessions and sockets: 20 characters of `[A-Za-z0-9_-]`.
//!
//! The random bytes come in as an argument, because this crate owns no source of randomness. Load balancers and
//! cluster peers recognise an id by its length, so every id has exactly [`Sid::LEN`] characters.

use std::borrow::Borrow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The id of a session or of a socket.
///
/// The id of an engine session is a secret: whoever knows it can read and write the session. The id of a socket is
/// public. They are never the same.
///
/// Aligned so that its characters are compared and checked by the word, whatever it is a part of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(align(4))]
pub struct Sid([u8; Sid::LEN]);

impl Sid {
    /// Characters in an id.
    pub const LEN: usize = 20;

    /// Makes an id from 15 bytes, which have to be unpredictable.
    #[must_use]
    pub fn from_random(bytes: [u8; 15]) -> Self {
        let mut text = [0; Self::LEN];
        let written =
            URL_SAFE_NO_PAD.encode_slice(bytes, &mut text).expect("15 bytes are 20 base64 characters");
        debug_assert_eq!(written, Self::LEN);
        Self(text)
    }

    /// Reads an id back from a request, `None` unless it has the length and the alphabet of an id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; Self::LEN] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).then_some(Self(bytes))
    }

    /// The characters of the id, which are ASCII.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("an id is ASCII")
    }
}

impl Borrow<str> for Sid {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Sid {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Shows the first characters only: the id may be the secret of a session.
impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sid({}…)", &self.as_str()[..6])
    }
}

impl serde::Serialize for Sid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_twenty_characters_and_reads_back() {
        for byte in [0, 7, 127, 255] {
            let id = Sid::from_random([byte; 15]);
            assert_eq!(id.as_str().len(), Sid::LEN);
            assert_eq!(Sid::parse(id.as_str()), Some(id));
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in
            ["", "__proto__", "short", "aaaaaaaaaaaaaaaaaaaa+", "aaaaaaaaaaaaaaaaaaa+", "äaaaaaaaaaaaaaaaaaa"]
        {
            assert_eq!(Sid::parse(text), None, "{text}");
        }
    }

    #[test]
    fn debug_output_hides_the_secret() {
        let id = Sid::from_random([1; 15]);
        assert!(!format!("{id:?}").contains(id.as_str()));
    }
}
