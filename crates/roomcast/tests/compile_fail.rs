//! What the compiler says about a handler that is none: it has to name what to change.
//!
//! The texts are those of the toolchain that the project is built with. After a change of either, look at what
//! `TRYBUILD=overwrite cargo test --test compile_fail` makes of them.

#[test]
fn a_wrong_handler_gets_a_message_that_says_what_to_change() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
