//! What clients of Socket.IO 2.x do in their own way: they come into `/` without asking, and what they have to say about
//! themselves stands in a query behind the namespace.
//!
//! In: `/chat?token=a`. Out: `/chat` and `{"token":"a"}`. What is odd: the reference takes the path through the URL
//! parser, which writes `/käse` as `/k%C3%A4se` and finds no such namespace. Here a path is what it is.
//!
//! JS: socket.io/lib/client.ts `_parseNamespace`.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde::Serializer as _;

use super::slots::{Slot, SlotId};
use super::{Connection, Decision, Violation};
use crate::engine::Revision;
use crate::socket::NamespacePath;

impl Connection {
    /// The connect to `/` that a client of revision 3 does not send. To be called once, before anything comes in; the
    /// server answers it as any other. JS: socket.io/lib/index.ts `onconnection`.
    pub fn connect_main(&mut self) -> SlotId {
        let slot = self.slots.open(NamespacePath::root());
        self.slots.settle();
        slot
    }

    pub(super) fn connect_by_query<'a>(
        &mut self,
        namespace: Cow<'a, str>,
    ) -> Result<Decision<'a>, Violation> {
        let auth = split(&namespace).1.map(|query| Cow::Owned(to_json(query)));
        let path = match namespace {
            Cow::Borrowed(namespace) => Cow::Borrowed(split(namespace).0),
            Cow::Owned(namespace) => Cow::Owned(split(&namespace).0.to_owned()),
        };
        self.connect(path, auth)
    }

    /// The slot of a packet that repeats the query. Only revision 3 does.
    #[cold]
    pub(super) fn addressed_by_query(&self, namespace: &str) -> Option<&Slot> {
        match (self.revision, split(namespace)) {
            (Revision::V3, (path, Some(_))) => self.slots.addressed(path),
            _ => None,
        }
    }
}

fn split(namespace: &str) -> (&str, Option<&str>) {
    match namespace.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (namespace, None),
    }
}

/// A query as a JSON object. The last of several equal names counts.
fn to_json(query: &str) -> String {
    let pairs: IndexMap<Cow<'_, str>, Cow<'_, str>> = form_urlencoded::parse(query.as_bytes()).collect();
    let mut json = Vec::with_capacity(query.len() + 16);
    let written = serde_json::Serializer::new(&mut json).collect_map(&pairs);
    written.expect("texts always serialise");
    String::from_utf8(json).expect("JSON is UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_becomes_an_object_of_texts() {
        let table = [
            ("", "{}"),
            ("a=1&b=%C3%A9+x", r#"{"a":"1","b":"é x"}"#),
            ("a=1&b=2&a=3", r#"{"a":"3","b":"2"}"#),
            ("a", r#"{"a":""}"#),
            (r#""=""#, r#"{"\"":"\""}"#),
        ];
        for (query, json) in table {
            assert_eq!(to_json(query), json, "{query}");
        }
    }
}
