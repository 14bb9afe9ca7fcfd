//! Goes over MessagePack, one head at a time.
//!
//! In come bytes from a peer; out go scalars, slices of the input, and the lengths of arrays and maps. Nothing is allocated
//! and nothing recurses; a length is believed only as far as there are bytes. What is odd are the extensions of type 0,
//! which notepack uses for three things, told apart by their format.

/// The bytes are no MessagePack.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// A value, or the head of an array or a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'a> {
    Nil,
    /// JavaScript's, as notepack writes it: `d4 00` and one byte.
    Undefined,
    Bool(bool),
    Unsigned(u64),
    /// A negative integer.
    Negative(i64),
    Float(f64),
    /// What should be UTF-8.
    Str(&'a [u8]),
    /// A byte string, or a typed array of JavaScript's.
    Bin(&'a [u8]),
    /// Milliseconds since 1970.
    Date(i64),
    /// Any other extension.
    Ext(i8, &'a [u8]),
    /// So many values follow.
    Array(u32),
    /// So many keys and values follow.
    Map(u32),
}

/// A place in the input, moving to its end.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    pub(super) fn at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Whether the next value is `undefined`.
    pub(super) fn at_undefined(&self) -> bool {
        matches!(self.rest, [0xD4, 0, _, ..])
    }

    /// The next head.
    pub(super) fn next(&mut self) -> Result<Token<'a>, Malformed> {
        let (&head, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(match head {
            0x00..=0x7F => Token::Unsigned(head.into()),
            0x80..=0x8F => Token::Map((head & 0x0F).into()),
            0x90..=0x9F => Token::Array((head & 0x0F).into()),
            0xA0..=0xBF => Token::Str(self.take(usize::from(head & 0x1F))?),
            0xC0 => Token::Nil,
            0xC1 => return Err(Malformed),
            0xC2 => Token::Bool(false),
            0xC3 => Token::Bool(true),
            0xC4..=0xC6 => {
                let length = self.length(head - 0xC4)?;
                Token::Bin(self.take(length)?)
            }
            0xC7..=0xC9 => {
                let length = self.length(head - 0xC7)?;
                match self.extension(length)? {
                    (0, typed_array) => Token::Bin(typed_array),
                    (kind, data) => extension(kind, data),
                }
            }
            0xCA => Token::Float(f32::from_be_bytes(self.array()?).into()),
            0xCB => Token::Float(f64::from_be_bytes(self.array()?)),
            0xCC => Token::Unsigned(u8::from_be_bytes(self.array()?).into()),
            0xCD => Token::Unsigned(u16::from_be_bytes(self.array()?).into()),
            0xCE => Token::Unsigned(u32::from_be_bytes(self.array()?).into()),
            0xCF => Token::Unsigned(u64::from_be_bytes(self.array()?)),
            0xD0 => signed(i8::from_be_bytes(self.array()?)),
            0xD1 => signed(i16::from_be_bytes(self.array()?)),
            0xD2 => signed(i32::from_be_bytes(self.array()?)),
            0xD3 => signed(i64::from_be_bytes(self.array()?)),
            0xD4..=0xD8 => match (head, self.extension(1 << (head - 0xD4))?) {
                (0xD4, (0, _)) => Token::Undefined,
                (0xD7, (0, &[a, b, c, d, e, f, g, h])) => {
                    Token::Date(i64::from_be_bytes([a, b, c, d, e, f, g, h]))
                }
                (_, (kind, data)) => extension(kind, data),
            },
            0xD9..=0xDB => {
                let length = self.length(head - 0xD9)?;
                Token::Str(self.take(length)?)
            }
            0xDC => Token::Array(u16::from_be_bytes(self.array()?).into()),
            0xDD => Token::Array(u32::from_be_bytes(self.array()?)),
            0xDE => Token::Map(u16::from_be_bytes(self.array()?).into()),
            0xDF => Token::Map(u32::from_be_bytes(self.array()?)),
            0xE0..=0xFF => Token::Negative(i64::from(head.cast_signed())),
        })
    }

    /// Goes over one value, whatever is in it.
    pub(super) fn skip(&mut self) -> Result<(), Malformed> {
        let mut open = 1_u64;
        while open > 0 {
            open -= 1;
            match self.next()? {
                Token::Array(length) => open = open.saturating_add(length.into()),
                Token::Map(length) => open = open.saturating_add(2 * u64::from(length)),
                _ => {}
            }
        }
        Ok(())
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A length of one, two or four bytes.
    fn length(&mut self, size: u8) -> Result<usize, Malformed> {
        let length = match size {
            0 => u8::from_be_bytes(self.array()?).into(),
            1 => u16::from_be_bytes(self.array()?).into(),
            _ => u32::from_be_bytes(self.array()?),
        };
        usize::try_from(length).map_err(|_| Malformed)
    }

    fn extension(&mut self, length: usize) -> Result<(i8, &'a [u8]), Malformed> {
        let [kind] = self.array()?;
        Ok((kind.cast_signed(), self.take(length)?))
    }
}

fn signed<'a>(number: impl Into<i64>) -> Token<'a> {
    let number = number.into();
    u64::try_from(number).map_or(Token::Negative(number), Token::Unsigned)
}

/// MessagePack's own timestamp is a date; nobody but its sender knows what other types mean.
fn extension(kind: i8, data: &[u8]) -> Token<'_> {
    const MILLI: u32 = 1_000_000;
    let date = |seconds: i64, nanos: u32| {
        Token::Date(seconds.saturating_mul(1000).saturating_add(i64::from(nanos / MILLI)))
    };
    match (kind, data) {
        (-1, &[a, b, c, d]) => date(u32::from_be_bytes([a, b, c, d]).into(), 0),
        (-1, &[a, b, c, d, e, f, g, h]) => {
            let both = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
            date((both & 0x3_FFFF_FFFF).cast_signed(), (both >> 34) as u32)
        }
        (-1, &[n, a, o, s, i, b, c, d, e, f, g, h]) => {
            date(i64::from_be_bytes([i, b, c, d, e, f, g, h]), u32::from_be_bytes([n, a, o, s]))
        }
        _ => Token::Ext(kind, data),
    }
}
