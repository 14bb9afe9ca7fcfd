//! The library that speaks QUIC and HTTP/3: wtransport.
//!
//! In: a UDP socket and a TLS configuration. Out: carriers, with the requests that opened them. What is odd: the end of a
//! session is that of its QUIC connection, because the library closes nothing less; a browser makes no second session on it.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::{SocketAddr, UdpSocket};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, Request};
use proto::engine::{HandshakeError, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::ToSocketAddrs;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::rustls;
use wtransport::endpoint::{IncomingSession, SessionRequest, endpoint_side::Server};
use wtransport::quinn::crypto::rustls::QuicServerConfig;
use wtransport::quinn::{self, TransportConfig};
use wtransport::tls::WEBTRANSPORT_ALPN;
use wtransport::{Connection, Endpoint, RecvStream, SendStream, ServerConfig, VarInt};

use super::carrier::{Carrier, refuse, take};
use crate::http::handshake::Peer;
use crate::http::http_request::HttpRequest;
use crate::http::request::Acceptor;
use crate::limits::Permit;

/// Bytes that may be on their way to a client or wait in the library, and from a client likewise. What waits there can be
/// neither dropped by a policy nor overtaken by a heartbeat.
const WINDOW: u32 = 256 * 1024;
/// Streams that a client may have open: the request, the session's own, those of HTTP/3 itself, and some that mean nothing.
const STREAMS: u32 = 16;
/// "No error", as HTTP/3 says it.
const NO_ERROR: u32 = 0x100;
/// How long a closing server waits for its connections, which are kept for some round trips in case a goodbye is lost.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long after the longest silence that the heartbeat allows a connection counts as lost.
const SLACK: Duration = Duration::from_secs(5);

/// The first of the addresses that can be bound.
pub(crate) async fn bind_first(addresses: impl ToSocketAddrs) -> io::Result<UdpSocket> {
    let mut failed = io::Error::new(io::ErrorKind::InvalidInput, "there is no address to listen on");
    for address in tokio::net::lookup_host(addresses).await? {
        match UdpSocket::bind(address) {
            Ok(socket) => return Ok(socket),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// A socket on which sessions are accepted.
pub(crate) fn bind<A: Acceptor>(
    acceptor: &A,
    socket: UdpSocket,
    tls: &rustls::ServerConfig,
) -> io::Result<Endpoint<Server>> {
    let config = &acceptor.core().config;
    if !config.transports.contains(&Transport::WebTransport) {
        let error = "WebTransport is not among the transports of this server";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
    }
    let timing = &config.timing;
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(STREAMS.into())
        .max_concurrent_uni_streams(STREAMS.into())
        .stream_receive_window(WINDOW.into())
        .receive_window(WINDOW.into())
        .send_window(WINDOW.into());
    let silence = timing.ping_interval.saturating_add(timing.ping_timeout).saturating_add(SLACK);
    transport.max_idle_timeout(Some(silence.try_into().unwrap_or(quinn::VarInt::MAX.into())));

    let mut tls = tls.clone();
    tls.alpn_protocols = vec![WEBTRANSPORT_ALPN.to_vec()];
    let crypto = QuicServerConfig::try_from(tls)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let mut quic = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    quic.transport_config(Arc::new(transport));
    Endpoint::server(ServerConfig::builder().with_bind_socket(socket).build_with_quic_config(quic))
}

/// Accepts sessions until the server is closed, and all clients have been told, or a second has passed since.
///
/// In a task of its own, which ends with this future: a server that closes waits for it, whether somebody polls this or not.
pub(crate) async fn serve<A: Acceptor>(acceptor: A, endpoint: Endpoint<Server>) {
    let mut task = JoinSet::new();
    task.spawn(accept_all(acceptor, endpoint));
    task.join_next().await;
}

async fn accept_all<A: Acceptor>(acceptor: A, endpoint: Endpoint<Server>) {
    // A closing server waits for this one, too: a program that ends before the last datagrams have left tells nobody.
    let core = acceptor.core().running();
    let mut closed = pin!(core.closed());
    loop {
        let incoming = tokio::select! {
            () = &mut closed => break,
            incoming = endpoint.accept() => incoming,
        };
        begin(&acceptor, incoming);
    }
    let _ = timeout(FAREWELL, endpoint.wait_idle()).await;
}

/// Takes a connection, or refuses it if there are too many.
fn begin<A: Acceptor>(acceptor: &A, incoming: IncomingSession) {
    let core = acceptor.core().clone();
    // Anybody can send packets in the name of another address, and use up its places. One round trip more tells.
    if core.config.limits.know_addresses() && !incoming.remote_address_validated() {
        return incoming.retry();
    }
    let address = incoming.remote_address();
    let Some(permit) = core.connect(Some(address)) else {
        tracing::debug!(%address, "too many connections");
        return incoming.refuse();
    };
    let running = core.running();
    let acceptor = acceptor.clone();
    tokio::spawn(async move {
        let _running = running;
        let taken = tokio::select! {
            () = core.closed() => return,
            taken = accept(&acceptor, incoming, permit) => taken,
        };
        if let Err(error) = taken {
            tracing::debug!(%error, %address, "WebTransport session refused");
        }
    });
}

async fn accept<A: Acceptor>(acceptor: &A, incoming: IncomingSession, permit: Permit) -> io::Result<()> {
    let core = acceptor.core();
    let address = incoming.remote_address();
    let session = timeout(core.config.limits.tls_timeout, incoming).await?.map_err(io::Error::other)?;
    let Some(request) = request_of(&session, address) else {
        session.not_found().await;
        return Err(io::ErrorKind::InvalidInput.into());
    };
    if !request.uri().path().starts_with(&core.config.path) {
        session.not_found().await;
        return Err(io::ErrorKind::NotFound.into());
    }
    let request = HttpRequest::new(request.into_parts().0, core.config.trusted_proxies.as_ref());
    let foreign = core.hooks.origins.as_ref().is_some_and(|origins| !origins.allows(request.parts(), false));
    let unwanted = if foreign {
        Some(HandshakeError::ForeignOrigin)
    } else if core.hooks.middlewares.is_empty() {
        None
    } else {
        // One may be there to refuse, and none can be asked, so all are refused. JS: `onWebTransportSession`.
        Some(HandshakeError::MiddlewareFailure("middlewares cannot be asked about WebTransport".to_owned()))
    };
    if let Some(error) = unwanted {
        let refused = refuse(core, &request, error, None);
        session.forbidden().await;
        return Err(refused);
    }
    let connection = session.accept().await.map_err(io::Error::other)?;
    take(acceptor, Session(connection), request, permit).await
}

/// The request that opens a session, as one of HTTP.
fn request_of(session: &SessionRequest, address: SocketAddr) -> Option<Request<()>> {
    let uri = format!("https://{}{}", session.authority(), session.path());
    let mut request = Request::builder().method(Method::CONNECT).uri(uri).body(()).ok()?;
    for (name, value) in session.headers() {
        // Those with a colon are the request's own parts.
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes())
            && let Ok(value) = HeaderValue::from_str(value)
        {
            request.headers_mut().append(name, value);
        }
    }
    request.extensions_mut().insert(Peer { address: Some(address), secure: true, takeover: None });
    Some(request)
}

/// Closes its connection when it goes.
struct Session(Connection);

impl Session {
    fn close(&self) {
        self.0.close(VarInt::from_u32(NO_ERROR), b"");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.close();
    }
}

impl Carrier for Session {
    type Stream = SessionStream;

    async fn stream(self) -> io::Result<SessionStream> {
        let (send, receive) = self.0.accept_bi().await.map_err(io::Error::other)?;
        Ok(SessionStream { send: Some(send), receive, closing: None, session: Arc::new(self) })
    }
}

/// The one stream of a session, and the session, which ends with it.
struct SessionStream {
    /// Until it is shut down.
    send: Option<SendStream>,
    receive: RecvStream,
    /// Waits until all is delivered, then closes the session.
    closing: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    session: Arc<Session>,
}

impl AsyncRead for SessionStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.receive).poll_read(cx, buffer));
        let lost = matches!(
            self.session.0.quic_connection().close_reason(),
            Some(quinn::ConnectionError::TimedOut | quinn::ConnectionError::TransportError(_))
        );
        // A client that closes its session closes the stream with it, or the whole connection. That is no failure.
        Poll::Ready(if lost { read } else { Ok(()) })
    }
}

impl AsyncWrite for SessionStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.send {
            Some(send) => Pin::new(send).poll_write(cx, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Some(send) = &mut self.send else { return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())) };
        let mut written = 0;
        for slice in slices.iter().filter(|slice| !slice.is_empty()) {
            match Pin::new(&mut *send).poll_write(cx, slice) {
                Poll::Ready(Ok(length)) => {
                    written += length;
                    if length < slice.len() {
                        break;
                    }
                }
                Poll::Pending | Poll::Ready(Err(_)) if written > 0 => break,
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(mut send) = self.send.take() {
            let session = self.session.clone();
            self.closing = Some(Box::pin(async move {
                // An error says that the client is gone already.
                let _ = send.finish().await;
                session.close();
            }));
        }
        if let Some(closing) = &mut self.closing {
            ready!(closing.as_mut().poll(cx));
            self.closing = None;
        }
        Poll::Ready(Ok(()))
    }
}
