//! The grammar of `Sec-WebSocket-Extensions` (RFC 6455, 9.1).
//!
//! The field's values come in, extensions with their parameters go out, in order; or an error, if it is not such a field.

use std::borrow::Cow;

use super::negotiate::InvalidExtensions;

/// An extension and its parameters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Extension<'a> {
    pub(super) name: &'a str,
    pub(super) parameters: Vec<Parameter<'a>>,
}

/// A parameter, with a value if it has one, without its quotes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameter<'a> {
    pub(super) name: &'a str,
    pub(super) value: Option<Cow<'a, str>>,
}

/// Reads one field; several of them are read one after the other.
pub(super) fn read(field: &str) -> Result<Vec<Extension<'_>>, InvalidExtensions> {
    let mut rest = Rest(field);
    let mut extensions = Vec::new();
    loop {
        // A list may have elements with nothing in them (RFC 9110, 5.6.1).
        while rest.skip_white_space().take(',') {}
        if rest.0.is_empty() {
            return Ok(extensions);
        }
        extensions.push(rest.extension()?);
        if !rest.0.is_empty() && !rest.take(',') {
            return Err(InvalidExtensions);
        }
    }
}

/// What is not read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip_white_space(&mut self) -> &mut Self {
        self.0 = self.0.trim_start_matches([' ', '\t']);
        self
    }

    fn take(&mut self, character: char) -> bool {
        match self.0.strip_prefix(character) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn token(&mut self) -> Result<&'a str, InvalidExtensions> {
        let end = self.0.bytes().position(|byte| !is_token(byte)).unwrap_or(self.0.len());
        if end == 0 {
            return Err(InvalidExtensions);
        }
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        Ok(token)
    }

    fn extension(&mut self) -> Result<Extension<'a>, InvalidExtensions> {
        let name = self.token()?;
        let mut parameters = Vec::new();
        while self.skip_white_space().take(';') {
            let name = self.skip_white_space().token()?;
            let value = match self.skip_white_space().take('=') {
                true => Some(self.skip_white_space().value()?),
                false => None,
            };
            parameters.push(Parameter { name, value });
        }
        Ok(Extension { name, parameters })
    }

    fn value(&mut self) -> Result<Cow<'a, str>, InvalidExtensions> {
        if !self.take('"') {
            return self.token().map(Cow::Borrowed);
        }
        // What is quoted has to be a token as well.
        let mut value = String::new();
        let mut characters = self.0.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' if !value.is_empty() => {
                    self.0 = &self.0[at + 1..];
                    return Ok(Cow::Owned(value));
                }
                '\\' => match characters.next() {
                    Some((_, escaped)) if is_token_character(escaped) => value.push(escaped),
                    _ => return Err(InvalidExtensions),
                },
                character if is_token_character(character) => value.push(character),
                _ => return Err(InvalidExtensions),
            }
        }
        Err(InvalidExtensions)
    }
}

fn is_token_character(character: char) -> bool {
    u8::try_from(character).is_ok_and(is_token)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As text again, in the shortest form.
    fn written(field: &str) -> Option<String> {
        let extensions = read(field).ok()?;
        let texts = extensions.iter().map(|extension| {
            let parameters = extension.parameters.iter().map(|Parameter { name, value }| match value {
                Some(value) => format!(";{name}={value}"),
                None => format!(";{name}"),
            });
            extension.name.to_owned() + &parameters.collect::<String>()
        });
        Some(texts.collect::<Vec<_>>().join(","))
    }

    #[test]
    fn lists_parameters_values_and_white_space_are_read() {
        let table = [
            ("", ""),
            (" , ,", ""),
            ("foo", "foo"),
            ("foo;a, bar;b=1 ;c", "foo;a,bar;b=1;c"),
            ("foo ; a = 1 ,\tfoo;a=\"2\"", "foo;a=1,foo;a=2"),
            (r#"foo;a="\1\5""#, "foo;a=15"),
            (",foo,,bar,", "foo,bar"),
        ];
        for (field, expected) in table {
            assert_eq!(written(field).as_deref(), Some(expected), "{field}");
        }
    }

    #[test]
    fn what_is_no_such_list_is_refused() {
        for field in [
            ";",
            "foo;",
            "foo;;a",
            "foo;=1",
            "foo;a=",
            "foo;a=,bar",
            "foo bar",
            "foo;a b",
            "foo;a=1 2",
            "=1",
            "foo=1",
            "foo;a=\"",
            "foo;a=\"\"",
            "foo;a=\"1",
            "foo;a=\"1\\",
            "foo;a=\"1,2\"",
            "foo;a=\"\\\"\"",
            "foo;a=\"1\"2",
            "fö",
            "foo;a=\"ö\"",
            "foo\u{0}",
        ] {
            assert_eq!(written(field), None, "{field:?}");
        }
    }
}
