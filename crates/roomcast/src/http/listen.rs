//! An own listener: accepts connections, speaks HTTP/1.1 on them, hands upgrades over.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use http::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use super::handshake::Peer;
use super::reply;
use super::request::{Acceptor, handle};

/// After an error of `accept`, out of file descriptors for example, the next try waits.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The most bytes that the kernel takes for one connection before it has sent others: enough to keep a fast one busy.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MAX_UNSENT: u32 = 128 * 1024;
/// How long the TLS handshake of a connection may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How a TCP connection becomes the stream that HTTP is spoken on.
pub(crate) trait AcceptStream: Clone + Send + Sync + 'static {
    const SECURE: bool;
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    fn accept(&self, stream: TcpStream) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// As it is.
#[derive(Clone)]
pub(crate) struct Plain;

impl AcceptStream for Plain {
    const SECURE: bool = false;
    type Stream = TcpStream;

    async fn accept(&self, stream: TcpStream) -> io::Result<TcpStream> {
        Ok(stream)
    }
}

#[cfg(feature = "tls")]
impl AcceptStream for tokio_rustls::TlsAcceptor {
    const SECURE: bool = true;
    type Stream = tokio_rustls::server::TlsStream<TcpStream>;

    async fn accept(&self, stream: TcpStream) -> io::Result<Self::Stream> {
        Self::accept(self, stream).await
    }
}

/// Serves until the server is closed.
pub(crate) async fn listen<A: Acceptor>(acceptor: A, listener: TcpListener, streams: impl AcceptStream) {
    let mut closed = pin!(acceptor.core().closed());
    loop {
        let accepted = tokio::select! {
            () = &mut closed => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                tokio::spawn(serve(acceptor.clone(), streams.clone(), stream, address));
            }
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Lets the kernel keep little for a client that reads slowly: what waits behind megabytes there can be neither overtaken
/// by a heartbeat nor dropped by a policy, and counts in no bound. What is on its way to the client is not limited.
fn limit_unsent(stream: &TcpStream) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_notsent_lowat(MAX_UNSENT) {
        tracing::debug!(%error, "the unsent bytes of a connection cannot be limited");
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = stream;
}

async fn serve<A: Acceptor>(acceptor: A, streams: impl AcceptStream, stream: TcpStream, address: SocketAddr) {
    let _running = acceptor.core().running();
    if let Err(error) = serve_connection(acceptor, streams, stream, address).await {
        tracing::debug!(%error, %address, "connection ended");
    }
}

async fn serve_connection<A: Acceptor, S: AcceptStream>(
    acceptor: A,
    streams: S,
    stream: TcpStream,
    address: SocketAddr,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    // Small packets shall not wait for each other.
    stream.set_nodelay(true)?;
    limit_unsent(&stream);
    let core = acceptor.core().clone();
    let stream = tokio::select! {
        () = core.closed() => return Ok(()),
        stream = tokio::time::timeout(HANDSHAKE, streams.accept(stream)) => stream??,
    };
    let service = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        let acceptor = acceptor.clone();
        async move {
            if !request.uri().path().starts_with(&acceptor.core().config.path) {
                return Ok::<_, Infallible>(reply::empty(StatusCode::NOT_FOUND));
            }
            request.extensions_mut().insert(Peer { address, secure: S::SECURE });
            Ok(handle(acceptor, request).await)
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new());
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    tokio::select! {
        result = connection.as_mut() => return Ok(result?),
        () = core.closed() => connection.as_mut().graceful_shutdown(),
    }
    Ok(connection.await?)
}
