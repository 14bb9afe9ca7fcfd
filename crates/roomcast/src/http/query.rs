//! The query parameters that the protocol reserves.

use std::borrow::Cow;

/// What a request's query says. The first of several equal keys counts; an empty session id is none, as in the reference.
#[derive(Debug, Default)]
pub(super) struct Query<'a> {
    pub(super) protocol: Option<Cow<'a, str>>,
    pub(super) transport: Option<Cow<'a, str>>,
    pub(super) sid: Option<Cow<'a, str>>,
}

impl<'a> Query<'a> {
    pub(super) fn parse(query: Option<&'a str>) -> Self {
        let mut parsed = Self::default();
        for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let slot = match &*key {
                "EIO" => &mut parsed.protocol,
                "transport" => &mut parsed.transport,
                "sid" => &mut parsed.sid,
                _ => continue,
            };
            slot.get_or_insert(value);
        }
        parsed.sid = parsed.sid.filter(|sid| !sid.is_empty());
        parsed
    }

    /// Whether the request speaks our protocol revision.
    pub(super) fn is_current_protocol(&self) -> bool {
        self.protocol.as_deref() == Some("4")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_keys_counts_and_others_are_left_alone() {
        let query = Query::parse(Some("EIO=4&transport=polling&sid=a%20b&sid=c&t=x&token=y"));
        assert!(query.is_current_protocol());
        assert_eq!(query.transport.as_deref(), Some("polling"));
        assert_eq!(query.sid.as_deref(), Some("a b"));
        assert!(!Query::parse(None).is_current_protocol());
        assert_eq!(Query::parse(Some("sid=")).sid, None);
    }
}
