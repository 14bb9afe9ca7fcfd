//! The two header fields that prove an HTTP upgrade was meant: `Sec-WebSocket-Key` and `Sec-WebSocket-Accept`.
//!
//! A field value comes in, the one that answers it goes out. The rest of the upgrade is HTTP, and the front's part.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// What the protocol appends to every key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A well-formed `Sec-WebSocket-Key`: 16 bytes in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key([u8; 24]);

/// The `Sec-WebSocket-Accept` that belongs to a [`Key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accept([u8; 28]);

/// A `Sec-WebSocket-Key` that is not 16 bytes in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidKey;

impl Key {
    /// A client's key, from 16 random bytes.
    pub fn new(nonce: [u8; 16]) -> Self {
        let mut key = [0; 24];
        STANDARD.encode_slice(nonce, &mut key).expect("16 bytes are 24 in base64");
        Self(key)
    }

    /// Reads a field value, without white space around it.
    ///
    /// Loose bits before the padding are accepted, because the key is never decoded.
    ///
    /// # Errors
    /// [`InvalidKey`] for anything but 22 base64 characters and `==`.
    pub fn parse(value: &[u8]) -> Result<Self, InvalidKey> {
        // JS: ws/lib/websocket-server.js keyRegex
        let key: [u8; 24] = value.try_into().map_err(|_| InvalidKey)?;
        let (digits, padding) = key.split_at(22);
        let valid = padding == b"=="
            && digits.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
        if valid { Ok(Self(key)) } else { Err(InvalidKey) }
    }

    /// What the server answers.
    ///
    /// ```
    /// use roomcast_proto::websocket::Key;
    ///
    /// let key = Key::parse(b"dGhlIHNhbXBsZSBub25jZQ==")?; // RFC 6455, 1.3
    /// assert_eq!(key.accept().as_bytes(), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    /// # Ok::<(), roomcast_proto::websocket::InvalidKey>(())
    /// ```
    pub fn accept(&self) -> Accept {
        let digest = Sha1::new().chain_update(self.0).chain_update(GUID).finalize();
        let mut accept = [0; 28];
        STANDARD.encode_slice(digest, &mut accept).expect("20 bytes are 28 in base64");
        Accept(accept)
    }

    /// The field value; ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Accept {
    /// The field value; ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a WebSocket key")
    }
}

impl std::error::Error for InvalidKey {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sixteen_bytes_in_base64_are_a_key() {
        let table: [(&[u8], bool); 8] = [
            (b"dGhlIHNhbXBsZSBub25jZQ==", true),
            (b"//////////////////////==", true),
            (b"", false),
            (b"dGhlIHNhbXBsZSBub25jZQ=", false),
            (b"dGhlIHNhbXBsZSBub25jZQ===", false),
            (b"dGhlIHNhbXBsZSBub25jZQAA", false),
            (b"dGhlIHNhbXBsZSBub25jZ_==", false),
            (b"dGhlIHNhbXBsZSBub25j\xc3\xa9==", false),
        ];
        for (value, valid) in table {
            assert_eq!(Key::parse(value).is_ok(), valid, "{value:?}");
        }
    }

    #[test]
    fn a_client_key_is_the_nonce_in_base64() {
        let key = Key::new(*b"the sample nonce");
        assert_eq!(key.as_bytes(), b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(Key::parse(key.as_bytes()), Ok(key));
    }
}
