//! The way to the server: connections, and what is asked of a server's address.

mod dialer;

mod link;

mod tls;

pub(crate) use dialer::Dialer;
pub(crate) use link::Link;
pub(crate) use tls::any_certificate;
