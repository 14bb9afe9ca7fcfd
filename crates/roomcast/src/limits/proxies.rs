//! Whose word is taken for where a request came from.
//!
//! In: the address of a peer and the headers of its request. Out: the address of the client. What is odd: only one of the
//! two headers is read, the one that the proxies write, because a proxy passes on the other one as the client sent it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::header::FORWARDED;
use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// How many addresses of such a header are looked at: nobody has that many proxies.
const MAX_HOPS: usize = 32;

/// The proxies in front of a server, whose word is taken for the address of a client. See
/// [`IoBuilder::trusted_proxies`](crate::IoBuilder::trusted_proxies).
///
/// ```
/// use roomcast::{Io, TrustedProxies};
///
/// # fn run() -> Result<(), roomcast::InvalidNetwork> {
/// let proxies: TrustedProxies = "10.0.0.0/8, fd00::/8, 127.0.0.1".parse()?;
/// let io = Io::builder().trusted_proxies(proxies).build();
/// # Ok(())
/// # }
/// # run().unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Box<[IpNet]>,
    standard: bool,
}

impl TrustedProxies {
    /// The networks that the proxies are in, `10.0.0.0/8`, or single addresses. They say `X-Forwarded-For`.
    ///
    /// # Errors
    /// If one of them is no network and no address.
    pub fn new<'a>(networks: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidNetwork> {
        let networks = networks.into_iter().map(|network| {
            let address = || network.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
            network.parse().or_else(|_| address()).map_err(|_| InvalidNetwork(network.to_owned()))
        });
        Ok(Self { networks: networks.collect::<Result<_, _>>()?, standard: false })
    }

    /// They say `Forwarded` (RFC 7239) instead of `X-Forwarded-For`.
    #[must_use]
    pub fn forwarded(mut self) -> Self {
        self.standard = true;
        self
    }

    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Where a request came from that such a peer has sent: the last address on the way that is no proxy's. `None`: the
    /// peer's own.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if !self.trusts(peer) {
            return None;
        }
        let name = if self.standard { FORWARDED.as_str() } else { X_FORWARDED_FOR };
        // What stands last in the last line was added last.
        let lines = headers.get_all(name).iter().rev().map(HeaderValue::as_bytes);
        let hops = lines.flat_map(|line| rsplit(line, b',')).take(MAX_HOPS);
        let mut client = None;
        for hop in hops {
            // What a proxy could not say, or hides, ends what is known of the way.
            let Some(address) = self.address(hop) else { break };
            client = Some(address);
            if !self.trusts(address) {
                break;
            }
        }
        client
    }

    fn address(&self, hop: &[u8]) -> Option<IpAddr> {
        let hop = std::str::from_utf8(hop).ok()?.trim();
        match self.standard {
            false => parse(hop),
            true => parse(forwarded_for(hop)?),
        }
    }
}

/// The parts between separators that are not in quotes, the last one first: what a client has written stands in front of
/// what proxies have added, so that it can neither open nor close their quotes.
fn rsplit(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut quoted = false;
        let at = (0..text.len()).rev().find(|&at| {
            quoted ^= text[at] == b'"' && !is_escaped(&text[..at]);
            text[at] == separator && !quoted
        });
        rest = at.map(|at| &text[..at]);
        Some(at.map_or(text, |at| &text[at + 1..]))
    })
}

/// Whether what stands behind this is escaped: a backslash may be escaped itself.
fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// The value of `for` in one element of `Forwarded`, if there is exactly one.
fn forwarded_for(element: &str) -> Option<&str> {
    let mut values = rsplit(element.as_bytes(), b';').filter_map(|pair| {
        let (name, value) = std::str::from_utf8(pair).ok()?.trim().split_once('=')?;
        let value = value.trim();
        let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        name.trim().eq_ignore_ascii_case("for").then_some(unquoted.unwrap_or(value))
    });
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// An address as proxies write it: bare, in brackets, with a port.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// Networks with commas between them.
impl FromStr for TrustedProxies {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        Self::new(text.split(',').map(str::trim).filter(|network| !network.is_empty()))
    }
}

/// What was to be a network is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidNetwork(String);

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is neither a network nor an address", self.0)
    }
}

impl std::error::Error for InvalidNetwork {}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn client(proxies: &TrustedProxies, peer: &str, name: &'static str, lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        lines
            .iter()
            .for_each(|line| _ = headers.append(HeaderName::from_static(name), line.parse().unwrap()));
        proxies.client(peer.parse().unwrap(), &headers).map(|address| address.to_string())
    }

    #[test]
    fn the_last_address_that_is_no_proxys_is_the_clients() {
        let proxies: TrustedProxies = "10.0.0.0/8, 192.0.2.1, fd00::/8".parse().unwrap();
        let rows: &[(&str, &[&str], Option<&str>)] = &[
            // Whoever is no proxy is not believed.
            ("198.51.100.1", &["203.0.113.9"], None),
            ("10.1.2.3", &[], None),
            ("10.1.2.3", &["203.0.113.9"], Some("203.0.113.9")),
            // What the client itself wrote stands further left.
            ("10.1.2.3", &["1.1.1.1, 203.0.113.9"], Some("203.0.113.9")),
            ("10.1.2.3", &["10.9.9.9, 203.0.113.9, 10.0.0.1,192.0.2.1"], Some("203.0.113.9")),
            ("10.1.2.3", &["1.1.1.1", "203.0.113.9, 10.0.0.1"], Some("203.0.113.9")),
            // Proxies only: the first of them asked.
            ("10.1.2.3", &["10.0.0.2, 10.0.0.1"], Some("10.0.0.2")),
            ("192.0.2.1", &["203.0.113.9:4711"], Some("203.0.113.9")),
            ("fd00::1", &["2001:db8::5"], Some("2001:db8::5")),
            ("::ffff:10.0.0.1", &["[2001:db8::5]:99, [fd00::7]"], Some("2001:db8::5")),
            ("10.1.2.3", &["::ffff:203.0.113.9"], Some("203.0.113.9")),
            // Beyond garbage nothing is known.
            ("10.1.2.3", &["203.0.113.9, unknown"], None),
            ("10.1.2.3", &["203.0.113.9, , 10.0.0.1"], Some("10.0.0.1")),
            ("10.1.2.3", &["203.0.113.9, <script>, 10.0.0.1"], Some("10.0.0.1")),
            ("10.1.2.3", &["300.1.1.1"], None),
            ("10.1.2.3", &["[10.0.0.1"], None),
        ];
        for (peer, lines, expected) in rows {
            assert_eq!(client(&proxies, peer, X_FORWARDED_FOR, lines).as_deref(), *expected, "{lines:?}");
        }
        assert_eq!(client(&proxies, "10.1.2.3", "forwarded", &["for=203.0.113.9"]), None);
        // The client's own part of a line, which a proxy has added to, may hold any byte.
        let mut headers = HeaderMap::new();
        headers.append(X_FORWARDED_FOR, "1.1.1.1".parse().unwrap());
        headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(b"\xff, 203.0.113.9").unwrap());
        let found = proxies.client("10.1.2.3".parse().unwrap(), &headers);
        assert_eq!(found, Some("203.0.113.9".parse().unwrap()));
    }

    #[test]
    fn the_standard_header_is_read_where_proxies_say_it() {
        let proxies = TrustedProxies::new(["10.0.0.0/8"]).unwrap().forwarded();
        let rows: &[(&[&str], Option<&str>)] = &[
            (&["for=203.0.113.9"], Some("203.0.113.9")),
            (&["For=\"[2001:db8::5]:4711\";proto=https;by=10.0.0.1"], Some("2001:db8::5")),
            (&["for=1.1.1.1, by=10.0.0.2; FOR = \"203.0.113.9:80\" , for=10.0.0.1"], Some("203.0.113.9")),
            (&["for=1.1.1.1", "for=203.0.113.9"], Some("203.0.113.9")),
            (&["for=203.0.113.9, for=_hidden"], None),
            (&["for=203.0.113.9, proto=http"], None),
            (&["203.0.113.9"], None),
            // What is quoted is one value, whatever a client has made a proxy write there.
            (&[r#"for=203.0.113.9;host="a,for=1.1.1.1;b""#], Some("203.0.113.9")),
            (&[r#"for=203.0.113.9;host="a\",for=1.1.1.1;b""#], Some("203.0.113.9")),
            (&[r#"host="a;for=1.1.1.1;b";for=203.0.113.9"#], Some("203.0.113.9")),
            (&[r#"for=203.0.113.9;host="a\\";by=x"#], Some("203.0.113.9")),
            (&[r#"for=1.1.1.1;", for=203.0.113.9;host="a\\""#], Some("203.0.113.9")),
            (&[r#"for=", for=203.0.113.9;by=x"#], Some("203.0.113.9")),
            (&["for=203.0.113.9;host=a;for=1.1.1.1"], None),
        ];
        for (lines, expected) in rows {
            assert_eq!(client(&proxies, "10.1.2.3", "forwarded", lines).as_deref(), *expected, "{lines:?}");
        }
        assert_eq!(client(&proxies, "10.1.2.3", X_FORWARDED_FOR, &["203.0.113.9"]), None);
    }

    #[test]
    fn a_long_way_is_not_walked_to_its_end() {
        let proxies = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
        let line = format!("203.0.113.9{}", ", 10.0.0.1".repeat(MAX_HOPS));
        assert_eq!(client(&proxies, "10.0.0.1", X_FORWARDED_FOR, &[&line]).as_deref(), Some("10.0.0.1"));
    }

    #[test]
    fn what_is_no_network_is_an_error() {
        let error = "10.0.0.0/8, 10.0.0.0/33".parse::<TrustedProxies>().unwrap_err();
        assert_eq!(error, InvalidNetwork("10.0.0.0/33".into()));
        assert!("localhost".parse::<TrustedProxies>().is_err() && "".parse::<TrustedProxies>().is_ok());
    }
}
