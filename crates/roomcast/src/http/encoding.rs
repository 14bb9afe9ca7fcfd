//! Which content encoding a request would like.
//!
//! In: its `Accept-Encoding` headers, and the encodings that could be sent. Out: the best of them, or none. What is odd: as
//! in the reference, an encoding that is accepted at all is taken, even where the client likes `identity` better.

use std::cmp::Reverse;

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// How a body may be compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// For files only: packets are the reference's gzip or deflate.
    Brotli,
    Gzip,
    /// Which is the zlib format, not a bare deflate stream.
    Deflate,
}

/// What one part of the header says about an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wish {
    /// It says it by name, not by `*`.
    named: bool,
    /// From 0, refused, to 1000.
    weight: u16,
    position: usize,
}

impl Encoding {
    /// The word for the headers.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    /// The one of `offered` that the client likes best; of several, the one it names, then the one it names first.
    pub(super) fn choose(request: &HeaderMap, offered: &[Self]) -> Option<Self> {
        let wishes = offered.iter().filter_map(|&encoding| Some((encoding, encoding.wish(request)?)));
        let accepted = wishes.filter(|(_, wish)| wish.weight > 0);
        let best =
            accepted.min_by_key(|(_, wish)| (Reverse(wish.weight), Reverse(wish.named), wish.position));
        best.map(|(encoding, _)| encoding)
    }

    /// What counts for this encoding: its name before a `*`.
    fn wish(self, request: &HeaderMap) -> Option<Wish> {
        let values = request.get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
        let parts = values.flat_map(|value| value.split(',')).enumerate();
        let wishes = parts.filter_map(|(position, part)| {
            let mut pieces = part.split(';').map(str::trim);
            let name = pieces.next()?;
            let named = name.eq_ignore_ascii_case(self.name());
            (named || name == "*").then(|| Wish { named, weight: weight(pieces), position })
        });
        wishes.max()
    }
}

/// The `q` among the parameters of a part, in thousandths. One that is no number is taken as a refusal: a body that is
/// not compressed is never wrong.
fn weight<'a>(mut parameters: impl Iterator<Item = &'a str>) -> u16 {
    let q = parameters.find_map(|parameter| parameter.strip_prefix("q=").or(parameter.strip_prefix("Q=")));
    match q.map(|q| q.trim().parse::<f32>()) {
        None => 1000,
        Some(Ok(q)) if q > 0.0 => (q.min(1.0) * 1000.0) as u16,
        Some(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::Encoding::{Deflate, Gzip};
    use super::*;

    fn choose(values: &[&[u8]]) -> Option<Encoding> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT_ENCODING, http::HeaderValue::from_bytes(value).unwrap());
        }
        Encoding::choose(&headers, &[Gzip, Deflate])
    }

    #[test]
    fn the_client_chooses_by_weight_then_by_name_then_by_order() {
        let table: &[(&str, Option<Encoding>)] = &[
            ("gzip", Some(Gzip)),
            ("deflate", Some(Deflate)),
            ("GZip", Some(Gzip)),
            // Equal weights: what comes first.
            ("gzip, deflate", Some(Gzip)),
            ("deflate, gzip", Some(Deflate)),
            // Weights.
            ("gzip;q=0.5, deflate;q=0.8", Some(Deflate)),
            ("deflate;q=0.5, gzip", Some(Gzip)),
            ("br, gzip ; q=0.8", Some(Gzip)),
            ("gzip;Q=0.5", Some(Gzip)),
            ("gzip;level=9;q=0", None),
            // A star stands for what is not named.
            ("*", Some(Gzip)),
            ("gzip;q=0, *", Some(Deflate)),
            ("*, deflate", Some(Deflate)),
            ("*;q=0", None),
            ("*;q=0, deflate", Some(Deflate)),
            // Refused.
            ("gzip;q=0", None),
            ("gzip;q=0.000", None),
            ("br", None),
            ("identity", None),
            ("", None),
            // As the reference: accepted is accepted.
            ("identity, gzip;q=0.1", Some(Gzip)),
            // Not in the grammar.
            ("gzip;q=much", None),
            ("gzip;q=", None),
            ("gzip;q=NaN", None),
            ("gzip;q=-1", None),
            ("gzip;q=7", Some(Gzip)),
            (",;,;q=1,gzip,", Some(Gzip)),
        ];
        for (value, wanted) in table {
            assert_eq!(choose(&[value.as_bytes()]), *wanted, "{value}");
        }
    }

    #[test]
    fn several_headers_are_one_list_and_bytes_that_are_no_text_say_nothing() {
        assert_eq!(choose(&[b"br", b"deflate;q=0.5", b"gzip;q=0.9"]), Some(Gzip));
        assert_eq!(choose(&[b"gz\xffip", b"deflate"]), Some(Deflate));
        assert_eq!(choose(&[]), None);
    }
}
