//! Decides whether a value is one argument or several.
//!
//! In comes a type; out goes how its JSON stands among the arguments. A tuple is several arguments, `()` none, anything
//! else one. What is odd: serde shows tuples and arrays (`[T; 3]`) alike, and stable Rust has no other question to a
//! generic type than its name. The tests below guard the spelling of those names.

use std::any::type_name;

use super::data::Arguments;

/// How a value becomes arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `()`: no argument.
    Nothing,
    /// A tuple or [`Arguments`]: its JSON is an array, whose elements are the arguments.
    Several,
    /// Anything else.
    One,
}

/// How values of a type become arguments; references do not matter.
#[inline]
pub(super) fn shape_of<T: ?Sized>() -> Shape {
    match without_references(type_name::<T>()) {
        "()" => Shape::Nothing,
        // `(dyn A + B)` is no tuple; no such type can be serialised today, but nothing says that it stays so.
        name if name.starts_with('(') && !name.starts_with("(dyn ") => Shape::Several,
        name if name == type_name::<Arguments>() => Shape::Several,
        _ => Shape::One,
    }
}

/// Whether a type is the standard library's `Result`; references do not matter.
#[inline]
pub(super) fn is_result<T: ?Sized>() -> bool {
    without_references(type_name::<T>()).starts_with("core::result::Result<")
}

#[inline]
fn without_references(mut name: &'static str) -> &'static str {
    while let Some(inner) = name.strip_prefix('&') {
        name = inner.strip_prefix("mut ").unwrap_or(inner);
    }
    name
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::socket::{Data, Value};

    #[test]
    fn tuples_are_several_arguments() {
        assert_eq!(shape_of::<(i32,)>(), Shape::Several);
        assert_eq!(shape_of::<(i32, String)>(), Shape::Several);
        assert_eq!(shape_of::<&(i32, &str)>(), Shape::Several);
        assert_eq!(shape_of::<&mut (i32, &str)>(), Shape::Several);
        assert_eq!(shape_of::<&&mut &((), ())>(), Shape::Several);
        assert_eq!(shape_of::<(&dyn Send, [u8; 2])>(), Shape::Several);
        assert_eq!(shape_of::<Arguments>(), Shape::Several);
        assert_eq!(shape_of::<&Arguments>(), Shape::Several);
    }

    #[test]
    fn the_unit_is_no_argument() {
        assert_eq!(shape_of::<()>(), Shape::Nothing);
        assert_eq!(shape_of::<&()>(), Shape::Nothing);
    }

    #[test]
    fn everything_else_is_one_argument() {
        assert_eq!(shape_of::<i32>(), Shape::One);
        assert_eq!(shape_of::<str>(), Shape::One);
        assert_eq!(shape_of::<&str>(), Shape::One);
        assert_eq!(shape_of::<[i32; 2]>(), Shape::One);
        assert_eq!(shape_of::<[(i32, i32)]>(), Shape::One);
        assert_eq!(shape_of::<Vec<(i32, i32)>>(), Shape::One);
        assert_eq!(shape_of::<Option<(i32, i32)>>(), Shape::One);
        assert_eq!(shape_of::<Option<()>>(), Shape::One);
        assert_eq!(shape_of::<BTreeMap<String, (i32,)>>(), Shape::One);
        assert_eq!(shape_of::<Box<(i32, i32)>>(), Shape::One);
        assert_eq!(shape_of::<Value>(), Shape::One);
        assert_eq!(shape_of::<Data>(), Shape::One);
        assert_eq!(shape_of::<dyn Send>(), Shape::One);
        assert_eq!(shape_of::<&(dyn Send + Sync)>(), Shape::One);
    }

    #[test]
    fn only_the_standard_result_is_a_result() {
        struct Result;
        let _ = Result;
        assert!(is_result::<std::result::Result<(), String>>());
        assert!(is_result::<std::io::Result<()>>());
        assert!(is_result::<&std::result::Result<(), String>>());
        assert!(!is_result::<Result>());
        assert!(!is_result::<Option<std::result::Result<(), String>>>());
        assert!(!is_result::<(std::result::Result<(), String>,)>());
    }
}
