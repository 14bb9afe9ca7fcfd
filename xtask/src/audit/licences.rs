//! The licences that may come into the house, each with its reason.

use spdx::{Expression, ParseMode};

/// What is used of each package has to be under one of these.
const ALLOWED: [(&str, &str); 13] = [
    ("MIT", "ours; the name is kept, and nothing else is asked"),
    ("Apache-2.0", "ours; a grant of patents besides"),
    ("0BSD", "asks nothing"),
    ("Unlicense", "asks nothing"),
    ("BSD-2-Clause", "the name is kept"),
    ("BSD-3-Clause", "the name is kept, and not used for advertising"),
    ("ISC", "the name is kept"),
    ("Zlib", "changed sources say so"),
    ("BSL-1.0", "the name is kept in sources"),
    ("Unicode-3.0", "the name is kept; tables of characters"),
    ("CC0-1.0", "asks nothing"),
    ("CDLA-Permissive-2.0", "its text is kept; root certificates, in the tests' WebTransport alone"),
    ("NCSA", "the name is kept; libFuzzer, which is in no program but the fuzz targets"),
];

/// Whether one may use what has this licence; an expression of SPDX, or a `/` for "or", as older packages have it.
pub(super) fn allows(licence: &str) -> bool {
    let expression = Expression::parse_mode(licence, ParseMode::LAX);
    expression.is_ok_and(|expression| {
        expression.evaluate(|needed| {
            let name = needed.license.id().map(|id| id.name);
            needed.addition.is_none() && ALLOWED.iter().any(|(allowed, _)| name == Some(allowed))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_is_enough_and_all_of_those_asked_for_are_needed() {
        for good in ["MIT", "MIT/Apache-2.0", "GPL-3.0-only OR MIT", "(MIT OR GPL-2.0-only) AND Unicode-3.0"]
        {
            assert!(allows(good), "{good}");
        }
        for bad in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "", "see the file", "MPL-2.0"] {
            assert!(!allows(bad), "{bad}");
        }
    }
}
