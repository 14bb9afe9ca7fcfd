//! A listener on a Unix socket: the street door for a proxy on the same machine.
//!
//! In: connections without an address. Out: the same as on any other listener.

use std::pin::pin;

use tokio::net::UnixListener;

use super::listen::{ACCEPT_PAUSE, Plain};
use super::request::Acceptor;

/// Serves until the server is closed.
pub(crate) async fn listen_unix<A: Acceptor>(acceptor: A, listener: UnixListener) {
    let mut closed = pin!(acceptor.core().closed());
    loop {
        let accepted = tokio::select! {
            () = &mut closed => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => _ = tokio::spawn(Plain::serve_stream(acceptor.clone(), stream, None)),
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
