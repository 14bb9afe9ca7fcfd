//! Polling for browsers that can ask another origin for nothing but a script.
//!
//! In: the `j` parameter of a request. Out: a script that calls `___eio[j]` with the packets, and the packets of a form.
//! What is odd: a form cannot hold a line feed as it is, so the client writes `\\n` for one, and `\\\\n` for what really is a
//! backslash and an n.
//!
//! JS: engine.io/lib/transports/polling-jsonp.ts.

use bytes::Bytes;
use proto::engine::Payload;

/// A request for a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Jsonp {
    /// Where the client keeps its function: digits, or nothing. Whatever else the parameter holds would be script.
    index: String,
}

impl Jsonp {
    /// `j` is the parameter's value.
    pub(super) fn new(j: &str) -> Self {
        Self { index: j.chars().filter(char::is_ascii_digit).collect() }
    }

    /// The script for a poll's body. `None` for bytes: a session that was opened without `j` may have them.
    pub(super) fn script(&self, payload: &Payload) -> Option<Payload> {
        let Payload::Text(body) = payload else { return None };
        // A JSON text is no script where these two end a line.
        let text = serde_json::to_string(std::str::from_utf8(body).ok()?).ok()?;
        let text = text.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
        Some(Payload::Text(format!("___eio[{}]({text});", self.index).into_bytes()))
    }
}

/// The packets of a form, its field `d`; `None` where there is not exactly one.
pub(super) fn packets_of(form: &[u8]) -> Option<Bytes> {
    let mut fields = form_urlencoded::parse(form).filter(|(name, _)| name == "d").map(|(_, value)| value);
    let (Some(packets), None) = (fields.next(), fields.next()) else { return None };
    Some(Bytes::from(unescape(&packets)))
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let (written, read) = if rest.starts_with("\\n") {
            ("\n", 2)
        } else if rest.starts_with("\\\\n") {
            ("\\n", 3)
        } else {
            ("\\", 1)
        };
        plain.push_str(written);
        rest = &rest[read..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(j: &str, body: &str) -> String {
        let script = Jsonp::new(j).script(&Payload::Text(body.into())).unwrap();
        String::from_utf8(script.bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_script_calls_the_clients_function_and_nothing_else() {
        assert_eq!(script("0", "1:6"), r#"___eio[0]("1:6");"#);
        assert_eq!(script("12", "4\"a\\\n\u{1e}6"), r#"___eio[12]("4\"a\\\n\u001e6");"#);
        assert_eq!(script("1", "\u{2028}a\u{2029}"), r#"___eio[1]("\u2028a\u2029");"#);
        assert_eq!(script("];alert(1);//", "6"), r#"___eio[1]("6");"#);
        assert_eq!(script("", "6"), r#"___eio[]("6");"#);
        assert_eq!(Jsonp::new("0").script(&Payload::Binary(vec![1])), None);
    }

    #[test]
    fn a_form_holds_the_packets_with_their_line_feeds_escaped() {
        let table = [
            ("d=4a", Some("4a")),
            ("x=1&d=3%3A4%C3%A9%20", Some("3:4é ")),
            ("d=a%5Cnb", Some("a\nb")),
            ("d=a%5C%5Cnb", Some("a\\nb")),
            // One backslash, then an escaped one.
            ("d=a%5C%5C%5Cnb", Some("a\\\\nb")),
            ("d=%5C%5Cx%5C", Some("\\\\x\\")),
            ("d=", Some("")),
            ("", None),
            ("e=4a", None),
            // A list, for the reference, and no text.
            ("d=4a&d=4b", None),
        ];
        for (form, packets) in table {
            assert_eq!(packets_of(form.as_bytes()).as_deref(), packets.map(str::as_bytes), "{form}");
        }
    }
}
