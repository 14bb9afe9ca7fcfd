//! An own listener: accepts connections, speaks HTTP/1.1 on them, hands upgrades over.

use std::error::Error;
use std::future::{poll_fn, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
#[cfg(feature = "tls")]
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream, ToSocketAddrs};

use super::handshake::Peer;
use super::hooks::BoxFuture;
use super::reply;
use super::request::{Acceptor, handle};
use super::websocket::Handover;
use super::write_deadline::{WriteDeadline, is_slow_reader};
use crate::core::{Core, Running};
use crate::limits::{Permit, Refused};
use crate::session::{ReadWrite, Stream};

/// After an error of `accept`, out of file descriptors for example, the next try waits.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The most bytes that the kernel takes for one connection before it has sent others: enough to keep a fast one busy.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MAX_UNSENT: u32 = 128 * 1024;

/// The most bytes that are read ahead on a connection while it speaks HTTP.
const READ_AHEAD: usize = 64 * 1024;

/// How many headers hyper has room for without allocating.
const USUAL_HEAD_LINES: usize = 100;

/// How a TCP connection becomes the stream that HTTP is spoken on.
pub(crate) trait AcceptStream: Clone + Send + Sync + 'static {
    const SECURE: bool;
    type Stream: ReadWrite;

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

impl Plain {
    /// Serves one stream that somebody else has accepted, whatever it is.
    pub(crate) async fn serve_stream<A: Acceptor>(
        acceptor: A,
        stream: impl ReadWrite,
        address: Option<SocketAddr>,
    ) {
        let core = acceptor.core().clone();
        let _running = core.running();
        let Some(permit) = core.connect(address) else { return };
        let peer = Peer { address, secure: false, takeover: None };
        if let Err(error) = serve_http(acceptor, stream, peer, permit).await {
            ended(&core, &*error, address);
        }
    }
}

/// Accepts TLS, and nothing but HTTP/1.1 inside of it.
#[cfg(feature = "tls")]
pub(crate) fn tls(mut config: Arc<tokio_rustls::rustls::ServerConfig>) -> tokio_rustls::TlsAcceptor {
    const HTTP: &[u8] = b"http/1.1";
    if config.alpn_protocols != [HTTP] {
        Arc::make_mut(&mut config).alpn_protocols = vec![HTTP.into()];
    }
    config.into()
}

#[cfg(feature = "tls")]
impl AcceptStream for tokio_rustls::TlsAcceptor {
    const SECURE: bool = true;
    type Stream = tokio_rustls::server::TlsStream<TcpStream>;

    async fn accept(&self, stream: TcpStream) -> io::Result<Self::Stream> {
        Self::accept(self, stream).await
    }
}

/// Connections that have been made but not accepted yet: enough for all clients that come back after a restart. The
/// kernel may bound it further.
const BACKLOG: u32 = 4096;

/// The most connections that a listener brings along: no kernel keeps more in its queue.
const MAX_EARLY: usize = 65_536;

/// Binds the first of the addresses that can be bound.
pub(crate) async fn bind(addresses: impl ToSocketAddrs) -> io::Result<TcpListener> {
    let mut failed = io::Error::new(io::ErrorKind::InvalidInput, "there is no address to listen on");
    for address in tokio::net::lookup_host(addresses).await? {
        let listener = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        let listener = listener.and_then(|socket| {
            #[cfg(unix)]
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            socket.listen(BACKLOG)
        });
        match listener {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Serves until the server is closed.
pub(crate) async fn listen<A: Acceptor>(acceptor: A, listener: TcpListener, streams: impl AcceptStream) {
    if INHERITED {
        if let Err(error) = set_options((&listener).into()) {
            tracing::warn!(%error, "the options of the listener cannot be set");
        }
        for (stream, address) in early(&listener).take(MAX_EARLY) {
            begin(&acceptor, &streams, stream, address);
        }
    }
    let each = |(stream, address)| begin(&acceptor, &streams, stream, address);
    accept_until_closed(&acceptor, || listener.accept(), each).await;
}

/// Accepts connections of any listener until the server is closed.
pub(super) async fn accept_until_closed<T, F: Future<Output = io::Result<T>>>(
    acceptor: &impl Acceptor,
    accept: impl Fn() -> F,
    each: impl Fn(T),
) {
    let mut closed = pin!(acceptor.core().closed());
    loop {
        let accepted = tokio::select! {
            () = &mut closed => return,
            accepted = accept() => accepted,
        };
        match accepted {
            Ok(connection) => each(connection),
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Where the connections of a listener take over its options, they are set once.
const INHERITED: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Small packets shall not wait for each other. And the kernel shall keep little for a client that reads slowly: what waits
/// behind megabytes there can be neither overtaken by a heartbeat nor dropped by a policy, and counts in no bound. What is
/// on its way to the client is not limited.
fn set_options(socket: socket2::SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Err(error) = socket.set_tcp_notsent_lowat(MAX_UNSENT) {
        // Not every kernel that calls itself so has it.
        tracing::debug!(%error, "the unsent bytes of a connection cannot be limited");
    }
    Ok(())
}

/// The connections that were made before the listener had its options.
fn early(listener: &TcpListener) -> impl Iterator<Item = (TcpStream, SocketAddr)> + '_ {
    let accept = move || -> io::Result<_> {
        let (socket, address) = socket2::SockRef::from(listener).accept()?;
        if let Err(error) = set_options((&socket).into()) {
            tracing::debug!(%error, "the options of a connection cannot be set");
        }
        socket.set_nonblocking(true)?;
        let address = address.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok((TcpStream::from_std(socket.into())?, address))
    };
    // The listener does not block: the first error is that there is no other connection, or one that shows again.
    std::iter::from_fn(move || accept().ok())
}

/// Serves a connection, or closes it if there are too many.
fn begin<A: Acceptor>(acceptor: &A, streams: &impl AcceptStream, stream: TcpStream, address: SocketAddr) {
    let core = acceptor.core();
    let Some(permit) = core.connect(Some(address)) else {
        tracing::debug!(%address, "too many connections");
        return;
    };
    tokio::spawn(serve(core.running(), acceptor.clone(), streams.clone(), stream, address, permit));
}

async fn serve<A: Acceptor>(
    running: Running,
    acceptor: A,
    streams: impl AcceptStream,
    stream: TcpStream,
    address: SocketAddr,
    permit: Permit,
) {
    if let Err(error) = serve_connection(acceptor, streams, stream, address, permit).await {
        ended(&running, &*error, Some(address));
    }
}

/// What ended a connection is counted if it was a bound.
fn ended(core: &Core, error: &(dyn Error + 'static), address: Option<SocketAddr>) {
    tracing::debug!(%error, ?address, "connection ended");
    let refused = match error.downcast_ref::<hyper::Error>() {
        Some(error) if error.is_parse_too_large() => Refused::LargeHeads,
        Some(error) if error.is_timeout() => Refused::SlowHeads,
        _ if is_slow_reader(error) => Refused::SlowReaders,
        _ => return,
    };
    core.gate.count(refused);
}

async fn serve_connection<A: Acceptor, S: AcceptStream>(
    acceptor: A,
    streams: S,
    stream: TcpStream,
    address: SocketAddr,
    permit: Permit,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    if !INHERITED {
        set_options((&stream).into())?;
    }
    let limits = &acceptor.core().config.limits;
    let stream = tokio::select! {
        () = acceptor.core().closed() => return Ok(()),
        stream = tokio::time::timeout(limits.tls_timeout, streams.accept(stream)) => stream??,
    };
    serve_http(acceptor, stream, Peer { address: Some(address), secure: S::SECURE, takeover: None }, permit)
        .await
}

/// Speaks HTTP/1.1 on a stream until it ends or a session takes it over.
async fn serve_http<A: Acceptor>(
    acceptor: A,
    stream: impl ReadWrite,
    mut peer: Peer,
    permit: Permit,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let core = acceptor.core().clone();
    let limits = &core.config.limits;
    let handover = Handover::default();
    peer.takeover = Some(handover.takeover());
    let service = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        if !request.uri().path().starts_with(&acceptor.core().config.path) {
            return Box::pin(ready(Ok(reply::empty(StatusCode::NOT_FOUND)))) as BoxFuture<_>;
        }
        request.extensions_mut().insert(peer.clone());
        handle(acceptor.clone(), request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head_timeout);
    http.max_header_size(limits.head_bytes).max_buf_size(READ_AHEAD.max(limits.head_bytes));
    if limits.head_lines != USUAL_HEAD_LINES {
        http.max_headers(limits.head_lines);
    }
    let stream = WriteDeadline::new(stream, limits.write_timeout);
    // Boxed: moving it into the task, uninitialised, would take longer.
    let mut connection = Box::new(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        result = poll_fn(|cx| connection.poll_without_shutdown(cx)) => result?,
        () = core.closed() => {
            // Nobody takes a connection over any more.
            Pin::new(&mut *connection).graceful_shutdown();
            return Ok(connection.await?);
        }
    }
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner().into_inner();
    match handover.take() {
        Some(heir) => heir(Stream::new(stream), &parts.read_buf, Some(permit)),
        // A peer that does not read shall not hold it.
        None => tokio::time::timeout(limits.tls_timeout, stream.shutdown()).await??,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[tokio::test]
    async fn a_connection_has_the_options_of_its_listener() {
        let listener = super::bind("127.0.0.1:0").await.unwrap();
        super::set_options((&listener).into()).unwrap();
        let _client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let socket = socket2::SockRef::from(&stream);
        assert!(socket.tcp_nodelay().unwrap());
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), super::MAX_UNSENT);
    }

    #[tokio::test]
    async fn an_address_in_use_is_an_error() {
        let first = super::bind("127.0.0.1:0").await.unwrap();
        let error = super::bind(first.local_addr().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    }

    use futures_util::{SinkExt, StreamExt};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::task::JoinHandle;
    use tokio_websockets::{ClientBuilder, Message, WebSocketStream};

    use crate::{Io, Socket};

    /// A pipe to the server, and the task that serves it.
    fn connect(io: &Io, address: Option<&str>) -> (DuplexStream, JoinHandle<()>) {
        let (client, server) = duplex(1024);
        let (io, address) = (io.clone(), address.map(|text| text.parse().unwrap()));
        (client, tokio::spawn(async move { io.serve_stream(server, address).await }))
    }

    async fn websocket(stream: DuplexStream) -> WebSocketStream<DuplexStream> {
        let uri = "ws://localhost/socket.io/?EIO=4&transport=websocket";
        ClientBuilder::new().uri(uri).unwrap().connect_on(stream).await.unwrap().0
    }

    async fn text(client: &mut WebSocketStream<DuplexStream>) -> String {
        client.next().await.unwrap().unwrap().as_text().unwrap().to_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_lives_on_a_pipe_in_memory_and_ends_with_it() {
        let io = Io::new();
        io.on("where", async |socket: Socket| {
            socket.handshake().address().map(|address| address.to_string())
        });
        for (address, expected) in [(None, "null"), (Some("10.0.0.1:7"), r#""10.0.0.1:7""#)] {
            let (client, serving) = connect(&io, address);
            let mut client = websocket(client).await;
            serving.await.unwrap();
            assert!(text(&mut client).await.starts_with("0{"));
            client.send(Message::text("40")).await.unwrap();
            assert!(text(&mut client).await.starts_with("40{"));
            client.send(Message::text(r#"421["where"]"#)).await.unwrap();
            assert_eq!(text(&mut client).await, format!("431[{expected}]"));
            assert_eq!(io.sessions(), 1);
            // More than the pipe takes at once.
            let long = "x".repeat(5000);
            io.emit("long", &long);
            assert_eq!(text(&mut client).await, format!(r#"42["long","{long}"]"#));
            // Ends only when the session's task has ended.
            drop(client);
            while io.sessions() > 0 {
                tokio::task::yield_now().await;
            }
        }
        io.close().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_pipe_is_kept_alive_for_polling_and_other_paths_are_not_found() {
        let io = Io::new();
        let (mut client, serving) = connect(&io, None);
        let answer = async |client: &mut DuplexStream, path: &str| {
            client.write_all(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes()).await.unwrap();
            let mut buffer = [0; 1024];
            let length = client.read(&mut buffer).await.unwrap();
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        };
        assert!(answer(&mut client, "/elsewhere").await.starts_with("HTTP/1.1 404 "));
        assert!(
            answer(&mut client, "/socket.io/?EIO=4&transport=polling").await.starts_with("HTTP/1.1 200 ")
        );
        assert_eq!(io.sessions(), 1);
        drop(client);
        serving.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_server_serves_no_stream() {
        let io = Io::new();
        io.close().await;
        let (mut client, serving) = connect(&io, None);
        serving.await.unwrap();
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }
}
