//! A listener on a Unix socket: the street door for a proxy on the same machine.
//!
//! In: connections without an address. Out: the same as on any other listener.

use tokio::net::UnixListener;

use super::listen::{Plain, accept_until_closed};
use super::request::Acceptor;

/// Serves until the server is closed.
pub(crate) async fn listen_unix<A: Acceptor>(acceptor: A, listener: UnixListener) {
    let each = |(stream, _)| _ = tokio::spawn(Plain::serve_stream(acceptor.clone(), stream, None));
    accept_until_closed(&acceptor, || listener.accept(), each).await;
}
