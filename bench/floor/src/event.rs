//! Socket.IO packets of the benchmarks' events, read without a JSON parser.
//!
//! Comes in: the text of a message, `2["room","r7","payload"]`. Goes out: which event it is, with its strings and its payload as
//! slices of that text. What is odd: strings with escapes and white space between tokens are not understood, and only CONNECT
//! says its namespace: a client is in one.

/// A packet, as slices of its text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// With the name of the namespace and its comma, or nothing.
    Connect {
        namespace: &'a [u8],
    },
    Disconnect,
    Event {
        ack: Option<&'a [u8]>,
        event: Event<'a>,
    },
    /// An `echo` whose attachment follows in a frame of its own: the acknowledgement's number and the arguments.
    BinaryEcho {
        ack: &'a [u8],
        args: &'a [u8],
    },
    Unknown,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    Broadcast { payload: &'a [u8] },
    Join { room: &'a [u8] },
    Leave { room: &'a [u8] },
    Rooms { rooms: Strings<'a> },
    Room { room: &'a [u8], payload: &'a [u8] },
    Except { rooms: Strings<'a>, payload: &'a [u8] },
    Echo { payload: &'a [u8] },
}

/// The strings of a JSON array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strings<'a>(&'a [u8]);

impl<'a> Iterator for Strings<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.0.strip_prefix(b",").unwrap_or(self.0);
        let (string, rest) = string(text)?;
        self.0 = rest;
        Some(string)
    }
}

/// Reads the text of a message packet, without its leading `4`.
pub(crate) fn read(text: &[u8]) -> Packet<'_> {
    match text {
        [b'0', rest @ ..] => Packet::Connect { namespace: namespace(rest).0 },
        [b'1', ..] => Packet::Disconnect,
        [b'2', rest @ ..] => {
            let (ack, args) = number(namespace(rest).1);
            event(args).map_or(Packet::Unknown, |event| Packet::Event { ack, event })
        }
        [b'5', b'1', b'-', rest @ ..] => match number(namespace(rest).1) {
            (Some(ack), args) => args
                .strip_prefix(b"[\"echo\",")
                .map_or(Packet::Unknown, |args| Packet::BinaryEcho { ack, args }),
            _ => Packet::Unknown,
        },
        _ => Packet::Unknown,
    }
}

/// Reads `["name",arguments]`.
fn event(text: &[u8]) -> Option<Event<'_>> {
    let (name, rest) = string(text.strip_prefix(b"[")?)?;
    let rest = rest.strip_prefix(b",")?.strip_suffix(b"]")?;
    Some(match name {
        b"broadcast" => Event::Broadcast { payload: rest },
        b"echo" => Event::Echo { payload: rest },
        b"room" => {
            let (room, rest) = string(rest)?;
            Event::Room { room, payload: rest.strip_prefix(b",")? }
        }
        b"join" => Event::Join { room: string(rest)?.0 },
        b"leave" => Event::Leave { room: string(rest)?.0 },
        b"rooms" => Event::Rooms { rooms: strings(rest)?.0 },
        b"except" => {
            let (rooms, rest) = strings(rest)?;
            Event::Except { rooms, payload: rest.strip_prefix(b",")? }
        }
        _ => return None,
    })
}

/// Splits a leading `/name,` off.
fn namespace(text: &[u8]) -> (&[u8], &[u8]) {
    match text {
        [b'/', ..] => text.split_at(memchr::memchr(b',', text).map_or(text.len(), |comma| comma + 1)),
        _ => (&[], text),
    }
}

/// Splits a leading number off.
fn number(text: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at(digits);
    ((digits > 0).then_some(number), rest)
}

/// Splits a leading string off.
fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', text)?;
    Some((&text[..end], &text[end + 1..]))
}

/// Splits a leading array of strings off.
fn strings(text: &[u8]) -> Option<(Strings<'_>, &[u8])> {
    let mut rest = Strings(text.strip_prefix(b"[")?);
    let all = rest.clone();
    while rest.next().is_some() {}
    Some((all, rest.0.strip_prefix(b"]")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_of_the_benchmarks_is_read() {
        let event = |text: &'static str| match read(text.as_bytes()) {
            Packet::Event { ack, event } => (ack, event),
            other => panic!("{text} is {other:?}"),
        };
        let none = None;
        assert_eq!(event(r#"2["broadcast","a]"]"#), (none, Event::Broadcast { payload: b"\"a]\"" }));
        assert_eq!(
            event(r#"212["echo",{"a":1}]"#),
            (Some(&b"12"[..]), Event::Echo { payload: b"{\"a\":1}" })
        );
        assert_eq!(event(r#"20["join","r"]"#), (Some(&b"0"[..]), Event::Join { room: b"r" }));
        assert_eq!(event(r#"20["leave","r"]"#), (Some(&b"0"[..]), Event::Leave { room: b"r" }));
        assert_eq!(event(r#"2["room","r",[1]]"#), (none, Event::Room { room: b"r", payload: b"[1]" }));
        let (_, Event::Rooms { rooms }) = event(r#"21["rooms",["a","b"]]"#) else { panic!("not rooms") };
        assert_eq!(rooms.collect::<Vec<_>>(), [b"a", b"b"]);
        let (_, Event::Except { rooms, payload: b"7" }) = event(r#"2["except",["a","b"],7]"#) else {
            panic!("not except")
        };
        assert_eq!(rooms.collect::<Vec<_>>(), [b"a", b"b"]);
        let (_, Event::Except { rooms, payload: b"7" }) = event(r#"2["except",[],7]"#) else {
            panic!("not except")
        };
        assert_eq!(rooms.count(), 0);
    }

    #[test]
    fn an_echo_of_an_attachment_keeps_its_placeholder() {
        assert_eq!(
            read(br#"51-3["echo",{"_placeholder":true,"num":0}]"#),
            Packet::BinaryEcho { ack: b"3", args: br#"{"_placeholder":true,"num":0}]"# }
        );
    }

    #[test]
    fn what_names_a_namespace_is_read_as_if_it_did_not() {
        let event = Event::Echo { payload: b"1" };
        assert_eq!(read(br#"2/a,7["echo",1]"#), Packet::Event { ack: Some(b"7"), event });
        let echo = Packet::BinaryEcho { ack: b"3", args: b"{}]" };
        assert_eq!(read(br#"51-/a,3["echo",{}]"#), echo);
    }

    #[test]
    fn other_packets_are_told_apart() {
        assert_eq!(read(b"0"), Packet::Connect { namespace: b"" });
        assert_eq!(read(b"0/a,{}"), Packet::Connect { namespace: b"/a," });
        assert_eq!(read(b"1"), Packet::Disconnect);
        assert_eq!(read(br#"2["other",1]"#), Packet::Unknown);
    }
}
