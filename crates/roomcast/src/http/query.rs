//! The query parameters that the protocol reserves.

use std::borrow::Cow;

use proto::engine::{Dialect, Revision, Transport};

use super::jsonp::Jsonp;

/// What a request's query says. The first of several equal keys counts; an empty session id is none, as in the reference.
#[derive(Debug, Default)]
pub(super) struct Query<'a> {
    pub(super) protocol: Option<Cow<'a, str>>,
    pub(super) transport: Option<Cow<'a, str>>,
    pub(super) sid: Option<Cow<'a, str>>,
    base64: Option<Cow<'a, str>>,
    jsonp: Option<Cow<'a, str>>,
}

impl<'a> Query<'a> {
    pub(super) fn parse(query: Option<&'a str>) -> Self {
        let mut parsed = Self::default();
        for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let slot = match &*key {
                "EIO" => &mut parsed.protocol,
                "transport" => &mut parsed.transport,
                "sid" => &mut parsed.sid,
                "b64" => &mut parsed.base64,
                "j" => &mut parsed.jsonp,
                _ => continue,
            };
            slot.get_or_insert(value);
        }
        parsed.sid = parsed.sid.filter(|sid| !sid.is_empty());
        parsed
    }

    /// The revision that the request speaks.
    pub(super) fn revision(&self) -> Revision {
        Revision::of_query(self.protocol.as_deref())
    }

    /// How the client of a new transport writes packets. A script cannot hold bytes.
    pub(super) fn dialect(&self, transport: Transport) -> Dialect {
        let asked = self.base64.as_ref().is_some_and(|value| !value.is_empty());
        Dialect::new(self.revision(), asked || (transport == Transport::Polling && self.jsonp.is_some()))
    }

    /// Whether a script is wanted.
    pub(super) fn jsonp(&self) -> Option<Jsonp> {
        self.jsonp.as_deref().map(Jsonp::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_keys_counts_and_others_are_left_alone() {
        let query = Query::parse(Some("EIO=4&transport=polling&sid=a%20b&sid=c&t=x&token=y"));
        assert_eq!(query.revision(), Revision::V4);
        assert_eq!(query.transport.as_deref(), Some("polling"));
        assert_eq!(query.sid.as_deref(), Some("a b"));
        assert_eq!(Query::parse(None).revision(), Revision::V3);
        assert_eq!(Query::parse(Some("sid=")).sid, None);
    }

    #[test]
    fn base64_is_for_clients_of_revision_3_that_ask_for_it_or_for_a_script() {
        let dialect = |query, transport| Query::parse(Some(query)).dialect(transport);
        let polling = Transport::Polling;
        assert_eq!(dialect("EIO=4&b64=1&j=0", polling), Dialect::V4);
        assert_eq!(dialect("EIO=3", polling), Dialect::V3);
        assert_eq!(dialect("EIO=3&b64=", polling), Dialect::V3);
        assert_eq!(dialect("EIO=3&b64=1", polling), Dialect::V3Base64);
        assert_eq!(dialect("EIO=3&j=", polling), Dialect::V3Base64);
        assert_eq!(dialect("EIO=3&j=0", Transport::WebSocket), Dialect::V3);
        assert_eq!(dialect("EIO=3&b64=1", Transport::WebSocket), Dialect::V3Base64);
    }
}
