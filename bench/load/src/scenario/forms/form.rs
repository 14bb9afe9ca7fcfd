//! The forms that a message can have on the wire.
//!
//! In: a number; out: the frame that asks for its broadcast; and back, from a message to its number. Odd: requests are
//! never compressed, which the extension allows: it is the server's way out that is measured.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::check::Template;
use crate::frame::{Kind, push_masked};

/// What is asked of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lower")]
pub(crate) enum Form {
    /// Text frames, read in the same way as the others, to compare with.
    #[default]
    Plain,
    /// permessage-deflate.
    Deflate,
    /// The MessagePack parser.
    Msgpack,
    /// Text frames with an offset as their last argument, for connection state recovery.
    Recovery,
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It is the broadcast with that number.
    Number(u64),
    /// Something that belongs to the form and to no play.
    Nothing,
    /// Nothing that was asked for.
    Other,
}

/// A packet of the MessagePack parser. Other keys, such as `options`, may be there too.
#[derive(Serialize, Deserialize)]
struct Packed<T> {
    #[serde(rename = "type")]
    kind: u8,
    data: T,
    nsp: String,
}

/// The same without data.
#[derive(Serialize)]
struct Connect {
    #[serde(rename = "type")]
    kind: u8,
    nsp: &'static str,
}

impl Form {
    /// The request that begins a connection.
    pub(super) fn upgrade(self, host: &str) -> Vec<u8> {
        let extension = match self {
            Self::Deflate => "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
            _ => "",
        };
        format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             {extension}\r\n"
        )
        .into_bytes()
    }

    /// Whether that head, in lower case, is the answer; `true` where compressed messages build on those before.
    pub(super) fn accepts(self, head: &str) -> Result<bool, &'static str> {
        if !head.starts_with("http/1.1 101 ") {
            return Err("no upgrade");
        }
        let mut lines = head.lines();
        let extension = lines.find_map(|line| line.strip_prefix("sec-websocket-extensions:"));
        match (self, extension) {
            (Self::Deflate, Some(extension)) if extension.contains("permessage-deflate") => {
                Ok(!extension.contains("server_no_context_takeover"))
            }
            (Self::Deflate, _) => Err("no compression"),
            (_, None) => Ok(false),
            (_, Some(_)) => Err("an extension that nobody asked for"),
        }
    }

    /// Appends the frame that asks for the namespace.
    pub(super) fn push_connect(self, out: &mut Vec<u8>) {
        match self {
            Self::Msgpack => push_packed(out, &Connect { kind: 0, nsp: "/" }),
            _ => push_masked(out, Kind::Text, b"40"),
        }
    }

    /// Whether a message is the server's yes to it.
    pub(super) fn is_welcome(self, kind: Kind, payload: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Welcome {
            sid: String,
        }
        match (self, kind) {
            (Self::Msgpack, Kind::Binary) => rmp_serde::from_slice::<Packed<Welcome>>(payload)
                .is_ok_and(|packet| packet.kind == 0 && packet.nsp == "/" && !packet.data.sid.is_empty()),
            (Self::Msgpack, _) => false,
            (Self::Recovery, _) => {
                payload.starts_with(b"40{") && memchr::memmem::find(payload, b"\"pid\"").is_some()
            }
            _ => kind == Kind::Text && payload.starts_with(b"40{"),
        }
    }

    /// Appends the frame that asks for a broadcast.
    pub(super) fn push_request(self, out: &mut Vec<u8>, number: u64, size: usize) {
        match self {
            Self::Msgpack => {
                let data = ("broadcast".to_owned(), payload(number, size));
                push_packed(out, &Packed { kind: 2, data, nsp: "/".into() });
            }
            _ => {
                let mut template = Template::request(r#"42["broadcast","#, size, "]");
                out.extend_from_slice(template.numbered(number));
            }
        }
    }

    /// What a message says, after inflation.
    pub(super) fn read(self, kind: Kind, message: &[u8], size: usize) -> Said {
        match (self, kind) {
            (Self::Msgpack, Kind::Binary) => {
                let packet = rmp_serde::from_slice::<Packed<(String, String)>>(message);
                let Ok(Packed { kind: 2, data: (name, text), nsp }) = packet else { return Said::Other };
                match number(&text)
                    .filter(|number| name == "msg" && nsp == "/" && text == payload(*number, size))
                {
                    Some(number) => Said::Number(number),
                    None => Said::Other,
                }
            }
            (Self::Recovery, Kind::Text) => recovered(message, size),
            (Self::Plain | Self::Deflate, Kind::Text) => plain(message, size),
            _ => Said::Other,
        }
    }
}

fn plain(message: &[u8], size: usize) -> Said {
    Template::msg(size).number_in(message).map_or(Said::Other, Said::Number)
}

/// A message with an offset behind its payload. An event that only brings an offset has no part in the play.
fn recovered(message: &[u8], size: usize) -> Said {
    let Some(json) = message.strip_prefix(b"42") else { return Said::Other };
    match serde_json::from_slice::<Vec<&str>>(json).as_deref() {
        Ok([name, _, offset]) if *name == "msg" && !offset.is_empty() => {
            let end = message.len() - offset.len() - r#",""]"#.len();
            let mut alone = message[..end].to_vec();
            alone.push(b']');
            plain(&alone, size)
        }
        Ok([name, offset]) if *name != "msg" && !offset.is_empty() => Said::Nothing,
        _ => Said::Other,
    }
}

/// The payload that a template makes of a number.
fn payload(number: u64, size: usize) -> String {
    let mut template = Template::request("", size, "");
    let frame = template.numbered(number);
    let text = &frame[frame.len() - size - 1..frame.len() - 1];
    String::from_utf8_lossy(text).into_owned()
}

fn number(text: &str) -> Option<u64> {
    text.get(..crate::check::NUMBER)?.parse().ok()
}

fn push_packed(out: &mut Vec<u8>, packet: &impl Serialize) {
    let bytes = rmp_serde::to_vec_named(packet).expect("texts and numbers can be packed");
    push_masked(out, Kind::Binary, &bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: u64) -> String {
        format!(r#"42["msg","{}"]"#, payload(number, 20))
    }

    #[test]
    fn a_message_is_read_in_each_form() {
        for form in [Form::Plain, Form::Deflate] {
            assert_eq!(form.read(Kind::Text, text(7).as_bytes(), 20), Said::Number(7));
            assert_eq!(form.read(Kind::Text, b"42[\"msg\",\"other\"]", 20), Said::Other);
        }
        let offset = text(7).replace(']', r#","AbC.1"]"#);
        assert_eq!(Form::Recovery.read(Kind::Text, offset.as_bytes(), 20), Said::Number(7));
        assert_eq!(Form::Recovery.read(Kind::Text, text(7).as_bytes(), 20), Said::Other, "it has no offset");
        let packed = |data| rmp_serde::to_vec_named(&Packed { kind: 2, data, nsp: "/".into() }).unwrap();
        let message = packed(("msg".to_owned(), payload(7, 20)));
        assert_eq!(Form::Msgpack.read(Kind::Binary, &message, 20), Said::Number(7));
        let altered = packed(("msg".to_owned(), payload(7, 20).replace('q', "x")));
        assert_eq!(Form::Msgpack.read(Kind::Binary, &altered, 20), Said::Other);
    }

    #[test]
    fn an_answer_without_what_was_asked_for_is_refused() {
        let head = "http/1.1 101 switching protocols\r\nsec-websocket-extensions: permessage-deflate";
        assert_eq!(Form::Deflate.accepts(head), Ok(true));
        assert_eq!(Form::Deflate.accepts(&format!("{head}; server_no_context_takeover")), Ok(false));
        assert!(Form::Deflate.accepts("http/1.1 101 switching protocols").is_err());
        assert!(Form::Plain.accepts(head).is_err());
        assert!(Form::Plain.accepts("http/1.1 400 bad request").is_err());
    }
}
