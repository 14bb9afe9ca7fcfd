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

impl Plain {
    /// Serves one stream that somebody else has accepted, whatever it is.
    pub(crate) async fn serve_stream<A: Acceptor>(
        acceptor: A,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        address: Option<SocketAddr>,
    ) {
        let _running = acceptor.core().running();
        let peer = address.map(|address| Peer { address, secure: Self::SECURE });
        if let Err(error) = serve_http(acceptor, stream, peer).await {
            tracing::debug!(%error, ?address, "connection ended");
        }
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
    let stream = tokio::select! {
        () = acceptor.core().closed() => return Ok(()),
        stream = tokio::time::timeout(HANDSHAKE, streams.accept(stream)) => stream??,
    };
    serve_http(acceptor, stream, Some(Peer { address, secure: S::SECURE })).await
}

/// Speaks HTTP/1.1 on a stream until it ends or a session takes it over.
async fn serve_http<A: Acceptor>(
    acceptor: A,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Option<Peer>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let core = acceptor.core().clone();
    let service = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        let acceptor = acceptor.clone();
        async move {
            if !request.uri().path().starts_with(&acceptor.core().config.path) {
                return Ok::<_, Infallible>(reply::empty(StatusCode::NOT_FOUND));
            }
            if let Some(peer) = peer {
                request.extensions_mut().insert(peer);
            }
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

#[cfg(test)]
mod tests {
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
