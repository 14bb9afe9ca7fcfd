//! Looks at a packet's JSON without building anything from it.
//!
//! In comes the text after type, namespace and id; out goes where each element of the array lies. What is odd: where a
//! text is nested too deeply, `serde_json` is asked whether it is JSON at all, because broken text is the worse fault.

use serde_json::value::RawValue;
use smallvec::SmallVec;

use super::decode::DecodeError;
use super::scan::{Fault, Scan};

/// Where one element lies in the payload's text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    /// `None` beyond 4 GiB.
    pub(super) fn new(start: usize, end: usize) -> Option<Self> {
        Some(Self { start: u32::try_from(start).ok()?, end: u32::try_from(end).ok()? })
    }

    /// The element's text.
    #[inline]
    pub(super) fn of(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }
}

/// Most events carry a name and up to three arguments.
pub(super) type Spans = SmallVec<[Span; 4]>;

/// What is told of a JSON array besides where its elements lie.
#[derive(Debug, Default)]
pub(super) struct Array {
    /// The first element, where it was asked for apart from the others.
    pub(super) first: Option<Span>,
    /// Whether any string has an escape.
    pub(super) escaped: bool,
}

/// What becomes of an array's first element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// It is like the others.
    Argument,
    /// It is an event's name.
    Name,
}

/// Finds the elements of a JSON array and appends them to `spans`.
#[inline]
pub(super) fn split_array(
    text: &str,
    first: First,
    max_depth: usize,
    spans: &mut Spans,
) -> Result<Array, DecodeError> {
    if u32::try_from(text.len()).is_err() {
        return Err(DecodeError::InvalidPayload);
    }
    elements(text, first, max_depth, spans).map_err(|fault| error(fault, text))
}

/// Whether the text is one JSON value.
pub(super) fn check_value(text: &str, max_depth: usize) -> Result<(), DecodeError> {
    let mut scan = Scan::new(text);
    scan.space();
    scan.value(max_depth).and_then(|()| end(scan)).map_err(|fault| error(fault, text))
}

#[inline]
fn elements(text: &str, first: First, max_depth: usize, spans: &mut Spans) -> Result<Array, Fault> {
    let mut array = Array::default();
    let mut scan = Scan::new(text);
    scan.space();
    scan.expect(b'[')?;
    let depth_inside = max_depth.checked_sub(1).ok_or(Fault::TooDeep)?;
    scan.space();
    if !scan.take(b']') {
        let mut is_name = first == First::Name;
        loop {
            let start = scan.at();
            scan.value(depth_inside)?;
            let span = Span { start: start as u32, end: scan.at() as u32 };
            if std::mem::take(&mut is_name) {
                array.first = Some(span);
            } else {
                spans.push(span);
            }
            scan.space();
            if !scan.take(b',') {
                break;
            }
            scan.space();
        }
        scan.expect(b']')?;
    }
    array.escaped = scan.escaped();
    end(scan)?;
    Ok(array)
}

/// Nothing but white space may follow.
#[inline]
fn end(mut scan: Scan<'_>) -> Result<(), Fault> {
    scan.space();
    if scan.at_end() { Ok(()) } else { Err(Fault::Invalid) }
}

#[cold]
fn error(fault: Fault, text: &str) -> DecodeError {
    // Rare, so the second look may cost; it does not recurse either.
    match fault {
        Fault::TooDeep if serde_json::from_str::<&RawValue>(text).is_ok() => DecodeError::TooDeep,
        _ => DecodeError::InvalidPayload,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DEEP: usize = 128;

    fn split(text: &str, first: First, max_depth: usize) -> Result<(Array, Spans), DecodeError> {
        let mut spans = Spans::new();
        split_array(text, first, max_depth, &mut spans).map(|array| (array, spans))
    }

    fn elements(text: &str) -> Result<Vec<&str>, DecodeError> {
        let (_, spans) = split(text, First::Argument, DEEP)?;
        Ok(spans.iter().map(|span| span.of(text)).collect())
    }

    /// What `serde_json` makes of it.
    fn elements_by_serde(text: &str) -> Option<Vec<&str>> {
        let raw: Vec<&RawValue> = serde_json::from_str(text).ok()?;
        Some(raw.into_iter().map(RawValue::get).collect())
    }

    fn is_valid(text: &str) -> bool {
        serde_json::from_str::<&RawValue>(text).is_ok()
    }

    #[test]
    fn an_array_is_split_where_its_commas_are() {
        assert_eq!(elements("[]"), Ok(vec![]));
        assert_eq!(elements(r#"["a"]"#), Ok(vec![r#""a""#]));
        assert_eq!(
            elements(r#"[ "é,]" , {"x":[1,2]}, -1e5 ,null ]"#),
            Ok(vec![r#""é,]""#, r#"{"x":[1,2]}"#, "-1e5", "null"])
        );
    }

    #[test]
    fn the_first_element_is_set_apart_as_a_name() {
        let text = r#"["a","b",3]"#;
        let (array, spans) = split(text, First::Name, DEEP).unwrap();
        assert_eq!(array.first, Some(Span { start: 1, end: 4 }));
        assert_eq!(spans[..], [Span { start: 5, end: 8 }, Span { start: 9, end: 10 }]);
        assert_eq!(split("[]", First::Name, DEEP).unwrap().0.first, None);
    }

    #[test]
    fn anything_else_is_no_array() {
        let table = [
            "",
            "{}",
            "1",
            "[",
            "[1",
            "[1,]",
            "[,1]",
            "[1]x",
            "[1] 2",
            "[1 2]",
            r#"["a]"#,
            "[\"\n\"]",
            "nul",
            "[nul]",
            "[01]",
            "[-]",
            "[-01]",
            "[1.]",
            "[.1]",
            "[1e]",
            "[1e+]",
            "[+1]",
            "[0x1]",
            "[NaN]",
            "[truefalse]",
            "[\"\u{1f}\"]",
            r#"["\x"]"#,
            r#"["\u12g4"]"#,
            r#"["\u123"]"#,
            r#"["\"#,
            r#"["\u"#,
            "[{]",
            "[}",
            "[[}]",
            "[{]}",
            r#"[{"a"}]"#,
            r#"[{"a":}]"#,
            r#"[{"a":1,}]"#,
            r#"[{"a":1,2:3}]"#,
            r#"[{a:1}]"#,
            r#"[{,}]"#,
            "[1]\u{b}",
            "\u{feff}[]",
            "[]\0",
            "[\0]",
            "[\"\0\"]",
            "[\u{a0}1]",
        ];
        for text in table {
            assert_eq!(elements(text), Err(DecodeError::InvalidPayload), "{text}");
            assert_eq!(elements_by_serde(text), None, "{text}");
        }
    }

    #[test]
    fn brackets_inside_strings_are_not_depth() {
        let flat = format!(r#"["{}\"[[["]"#, "[{".repeat(500));
        assert!(split(&flat, First::Argument, 1).is_ok());
    }

    #[test]
    fn depth_is_counted_exactly_in_arrays_and_objects() {
        for depth in 1..=DEEP {
            let arrays = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            let objects = format!("[{}1{}]", r#"{"k":"#.repeat(depth - 1), "}".repeat(depth - 1));
            for text in [arrays, objects] {
                for (max, expected) in [(depth, Ok(())), (depth - 1, Err(DecodeError::TooDeep))] {
                    let split = split(&text, First::Argument, max).map(drop);
                    assert_eq!((split, check_value(&text, max)), (expected, expected), "{text}");
                }
                let broken = &text[..text.len() - 1];
                for max in [depth, depth - 1] {
                    assert_eq!(check_value(broken, max), Err(DecodeError::InvalidPayload), "{broken}");
                }
            }
        }
    }

    #[test]
    fn an_escape_is_noticed_wherever_it_is() {
        for (text, escaped) in [
            (r#"["a\n"]"#, true),
            (r#"[1,{"k\u0061":1}]"#, true),
            (r#"[[["aaaaaaaaaaaaaaaaaaaaaa\\"]]]"#, true),
            (r#"["a",{"k":[1,"b"]}]"#, false),
        ] {
            assert_eq!(split(text, First::Name, DEEP).unwrap().0.escaped, escaped, "{text}");
        }
    }

    /// Every byte that means something, and some that do not, at every place of words of eight.
    #[test]
    fn each_byte_of_a_string_is_judged_as_serde_json_judges_it() {
        for length in 0..20 {
            for place in 0..=length {
                for byte in 0..=0x7F_u8 {
                    let (before, after) = ("x".repeat(place), "é".repeat(length - place));
                    let text = format!("[\"{before}{}{after}\"]", char::from(byte));
                    assert_eq!(elements(&text).ok(), elements_by_serde(&text), "{text:?}");
                    let cut = &text[..text.len() - 2];
                    assert_eq!(elements(cut).ok(), elements_by_serde(cut), "{cut:?}");
                }
            }
        }
    }

    fn json() -> impl Strategy<Value = String> {
        let space = || "[ \n\t\r]{0,2}";
        let leaf = prop_oneof![
            prop::sample::select(vec![
                "null",
                "true",
                "false",
                "0",
                "-0",
                "1e999",
                "-1.50E-07",
                "[]",
                "{}",
                "[ ]",
                "{ }"
            ])
            .prop_map(str::to_owned),
            any::<f64>().prop_map(|number| if number.is_finite() { number.to_string() } else { "0".into() }),
            any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
            r#"(\\(["\\/bfnrt]|u[0-9a-fA-F]{4})|[ -!#-\[\]-~é😀]){0,24}"#
                .prop_map(|text| format!("\"{text}\"")),
        ];
        leaf.prop_recursive(6, 40, 5, move |inner| {
            let element = (space(), inner, space())
                .prop_map(|(before, value, after)| format!("{before}{value}{after}"));
            let member = (space(), "[a-z]{0,9}", space(), element.clone())
                .prop_map(|(before, key, after, value)| format!("{before}\"{key}\"{after}:{value}"));
            prop_oneof![
                prop::collection::vec(element, 1..5).prop_map(|elements| format!("[{}]", elements.join(","))),
                prop::collection::vec(member, 1..5).prop_map(|members| format!("{{{}}}", members.join(","))),
            ]
        })
    }

    fn array() -> impl Strategy<Value = String> {
        prop::collection::vec(json(), 0..5).prop_map(|elements| format!("[{}]", elements.join(" , ")))
    }

    /// One character of a text taken out, put in or exchanged.
    fn mutated() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "", "", "[", "]", "{", "}", ",", ":", "\"", "\\", "\\u", "0", "1", "-", "+", ".", "e", "t", "n",
            " ", "\n", "\0", "\u{1f}", "\u{7f}", "\u{80}", "é", "😀",
        ]);
        (array(), any::<prop::sample::Index>(), piece, any::<bool>()).prop_map(
            |(text, place, piece, exchange)| {
                let start = text.floor_char_boundary(place.index(text.len()));
                let end = if exchange { text.ceil_char_boundary(start + 1) } else { start };
                format!("{}{piece}{}", &text[..start], &text[end..])
            },
        )
    }

    /// Pieces that often are nearly JSON.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "[", "]", "{", "}", ",", ":", "\"", "\"a\"", "\"a\":", "\\", "\\u00", "\\ud83d", "0", "1", "-",
            "+", ".", "e", "E", "true", "false", "null", "tru", " ", "\n", "\t", "\r", "\u{b}", "\0", "é",
        ]);
        prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("[{}", pieces.concat()))
    }

    fn any_text() -> impl Strategy<Value = String> {
        let bytes = prop::collection::vec(any::<u8>(), 0..40);
        let bytes = bytes.prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        prop_oneof![3 => array(), 4 => mutated(), 3 => pieces(), 1 => any::<String>(), 1 => bytes]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_taken_and_where_it_is_split_is_what_serde_json_says(text in any_text()) {
            prop_assert_eq!(elements(&text).ok(), elements_by_serde(&text));
            prop_assert_eq!(check_value(&text, DEEP).is_ok(), is_valid(&text));
        }

        #[test]
        fn what_is_generated_as_valid_is_taken(text in array()) {
            prop_assert!(elements(&text).is_ok(), "{text}");
        }
    }
}
