//! Which of a client's offers a server takes, and what both have agreed on then.
//!
//! In: the values of `Sec-WebSocket-Extensions`, and the server's terms. Out: an agreement and the field that answers it; or
//! nothing, and the connection has no compression. What is odd: an offer that cannot be met is declined, not corrected,
//! and the next one counts (RFC 7692, 5.1); a window of 256 bytes for the server is such an offer, because zlib has none.

use std::fmt;

use super::header::{Extension, Parameter, read};

/// What the extension is called.
const NAME: &str = "permessage-deflate";

/// The smallest window that can be compressed with: 512 bytes.
pub const MIN_WINDOW_BITS: u8 = 9;
/// The largest window: 32 KiB.
pub const MAX_WINDOW_BITS: u8 = 15;

/// Whether a side's window is kept from one message to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Every message is compressed by itself: "no context takeover".
    PerMessage,
    /// Messages refer to those before them.
    Kept,
}

/// What the server is ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// What the server's messages may refer to. Default [`Context::PerMessage`].
    pub server_context: Context,
    /// What the client's messages may refer to. Default [`Context::PerMessage`].
    pub client_context: Context,
    /// The window of the server's messages, from [`MIN_WINDOW_BITS`] to [`MAX_WINDOW_BITS`], the default.
    pub server_window_bits: u8,
    /// The window of the client's messages, if it is kept, likewise. Not every client can promise it; one that does not keeps
    /// none.
    pub client_window_bits: u8,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            server_context: Context::PerMessage,
            client_context: Context::PerMessage,
            server_window_bits: MAX_WINDOW_BITS,
            client_window_bits: MAX_WINDOW_BITS,
        }
    }
}

/// What both sides do. Its [`Display`](fmt::Display) is the field that tells the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// What the server's messages may refer to.
    pub server_context: Context,
    /// What the client's messages may refer to.
    pub client_context: Context,
    /// The window that the server compresses with, from 9 to 15.
    pub server_window_bits: u8,
    /// The largest window that the client compresses with, from 8 to 15.
    pub client_window_bits: u8,
    /// The client wants to be told the server's window.
    asked: bool,
}

/// A `Sec-WebSocket-Extensions` that is not what it has to be; RFC 6455 wants such a handshake to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidExtensions;

impl Agreement {
    /// Takes the first offer that can be met; `None` if there is none.
    ///
    /// ```
    /// use roomcast_proto::websocket::{Agreement, Terms};
    ///
    /// // What a browser offers.
    /// let offers = ["permessage-deflate; client_max_window_bits"];
    /// let agreement = Agreement::negotiate(offers, Terms::default())?.expect("nothing in it is strange");
    /// let answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    /// assert_eq!(agreement.to_string(), answer);
    /// # Ok::<(), roomcast_proto::websocket::InvalidExtensions>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidExtensions`] if one of the values is not in the field's grammar.
    pub fn negotiate<'a>(
        values: impl IntoIterator<Item = &'a str>,
        terms: Terms,
    ) -> Result<Option<Self>, InvalidExtensions> {
        let mut agreement = None;
        for value in values {
            let mut offers = read(value)?.into_iter().filter(|extension| extension.name == NAME);
            agreement = agreement.or_else(|| offers.find_map(|offer| Offer::read(&offer)?.meet(terms)));
        }
        Ok(agreement)
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        if self.server_context == Context::PerMessage {
            f.write_str("; server_no_context_takeover")?;
        }
        if self.client_context == Context::PerMessage {
            f.write_str("; client_no_context_takeover")?;
        }
        if self.asked || self.server_window_bits < MAX_WINDOW_BITS {
            write!(f, "; server_max_window_bits={}", self.server_window_bits)?;
        }
        if self.client_window_bits < MAX_WINDOW_BITS {
            write!(f, "; client_max_window_bits={}", self.client_window_bits)?;
        }
        Ok(())
    }
}

impl fmt::Display for InvalidExtensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a list of WebSocket extensions")
    }
}

impl std::error::Error for InvalidExtensions {}

/// What a client offers.
#[derive(Debug, Default)]
struct Offer {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// The largest one, where it names none.
    client_max_window_bits: Option<u8>,
}

impl Offer {
    /// `None` if it is to be declined: for a parameter that is unknown, comes twice, or has no such value.
    fn read(extension: &Extension<'_>) -> Option<Self> {
        let mut offer = Self::default();
        for Parameter { name, value } in &extension.parameters {
            let value = value.as_deref();
            match (*name, value) {
                ("server_no_context_takeover", None) if !offer.server_no_context_takeover => {
                    offer.server_no_context_takeover = true;
                }
                ("client_no_context_takeover", None) if !offer.client_no_context_takeover => {
                    offer.client_no_context_takeover = true;
                }
                ("server_max_window_bits", Some(value)) if offer.server_max_window_bits.is_none() => {
                    offer.server_max_window_bits = Some(window_bits(value)?);
                }
                ("client_max_window_bits", value) if offer.client_max_window_bits.is_none() => {
                    offer.client_max_window_bits = Some(value.map_or(Some(MAX_WINDOW_BITS), window_bits)?);
                }
                _ => return None,
            }
        }
        Some(offer)
    }

    fn meet(self, terms: Terms) -> Option<Agreement> {
        let asked = self.server_max_window_bits;
        let server_window_bits = terms.server_window_bits.min(asked.unwrap_or(MAX_WINDOW_BITS));
        if server_window_bits < MIN_WINDOW_BITS {
            return None;
        }
        let context = |terms, refused| if refused { Context::PerMessage } else { terms };
        // Only a client that says so can be told to use a smaller window; but each can be told to keep none.
        let unbounded = self.client_max_window_bits.is_none() && terms.client_window_bits < MAX_WINDOW_BITS;
        Some(Agreement {
            server_context: context(terms.server_context, self.server_no_context_takeover),
            client_context: context(terms.client_context, self.client_no_context_takeover || unbounded),
            server_window_bits,
            client_window_bits: match self.client_max_window_bits {
                Some(bits) => bits.min(terms.client_window_bits),
                None => MAX_WINDOW_BITS,
            },
            asked: asked.is_some(),
        })
    }
}

/// From 8 to 15, without anything in front.
fn window_bits(value: &str) -> Option<u8> {
    match value {
        "8" => Some(8),
        "9" => Some(9),
        "10" => Some(10),
        "11" => Some(11),
        "12" => Some(12),
        "13" => Some(13),
        "14" => Some(14),
        "15" => Some(15),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Terms {
        Terms { server_context: Context::Kept, client_context: Context::Kept, ..Terms::default() }
    }

    fn answer(offers: &str, terms: Terms) -> Option<String> {
        Agreement::negotiate([offers], terms).unwrap().map(|agreement| agreement.to_string())
    }

    #[test]
    fn offers_are_met_as_far_as_the_terms_go() {
        const PLAIN: &str = "permessage-deflate";
        let small = Terms { server_window_bits: 10, client_window_bits: 11, ..kept() };
        // Offers, terms, answer without the extension's name.
        let table: &[(&str, Terms, &str)] = &[
            (PLAIN, Terms::default(), "; server_no_context_takeover; client_no_context_takeover"),
            (PLAIN, kept(), ""),
            ("permessage-deflate; client_max_window_bits", kept(), ""),
            ("permessage-deflate; client_max_window_bits=15", kept(), ""),
            ("permessage-deflate; client_max_window_bits=8", kept(), "; client_max_window_bits=8"),
            ("permessage-deflate; server_no_context_takeover", kept(), "; server_no_context_takeover"),
            ("permessage-deflate; client_no_context_takeover", kept(), "; client_no_context_takeover"),
            ("permessage-deflate; server_max_window_bits=15", kept(), "; server_max_window_bits=15"),
            ("permessage-deflate; server_max_window_bits=\"9\"", kept(), "; server_max_window_bits=9"),
            // The server's own bounds.
            (PLAIN, small, "; client_no_context_takeover; server_max_window_bits=10"),
            (
                "permessage-deflate; client_max_window_bits",
                small,
                "; server_max_window_bits=10; client_max_window_bits=11",
            ),
            (
                "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9",
                small,
                "; server_max_window_bits=9; client_max_window_bits=9",
            ),
        ];
        for (offers, terms, expected) in table {
            assert_eq!(answer(offers, *terms), Some(format!("{PLAIN}{expected}")), "{offers}");
        }
    }

    #[test]
    fn an_offer_that_is_wrong_or_cannot_be_met_is_declined() {
        for parameters in [
            "unknown",
            "server_no_context_takeover=1",
            "client_no_context_takeover=true",
            "server_no_context_takeover; server_no_context_takeover",
            "client_no_context_takeover; client_no_context_takeover",
            "server_max_window_bits",
            "server_max_window_bits=7",
            "server_max_window_bits=16",
            "server_max_window_bits=09",
            "server_max_window_bits=+9",
            "server_max_window_bits=x",
            "server_max_window_bits=10; server_max_window_bits=10",
            "client_max_window_bits=7",
            "client_max_window_bits=16",
            "client_max_window_bits=010",
            "client_max_window_bits; client_max_window_bits=10",
            "Server_no_context_takeover",
            // Well-formed, but zlib has no such window.
            "server_max_window_bits=8",
        ] {
            let offer = format!("permessage-deflate; {parameters}");
            assert_eq!(answer(&offer, Terms::default()), None, "{offer}");
        }
    }

    #[test]
    fn the_first_offer_that_can_be_met_is_taken_wherever_it_stands() {
        let fields = [
            "x-webkit-deflate-frame, permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; unknown, permessage-deflate; server_max_window_bits=12, permessage-deflate",
        ];
        let agreement = Agreement::negotiate(fields, kept()).unwrap().unwrap();
        assert_eq!(agreement.to_string(), "permessage-deflate; server_max_window_bits=12");
        assert_eq!(answer("permessage-bzip2, permessage-deflates", kept()), None);
        assert_eq!(answer("", kept()), None);
    }

    #[test]
    fn a_field_that_is_malformed_fails_even_behind_a_good_offer() {
        let fields = ["permessage-deflate", "permessage-deflate; ="];
        assert_eq!(Agreement::negotiate(fields, kept()), Err(InvalidExtensions));
    }
}
