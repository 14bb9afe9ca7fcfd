//! The doors of a server: how connections come to it.
//!
//! In: addresses, listeners, streams, or another server's requests. Out: sessions of the one [`Io`], whichever door they came in
//! by. What is odd: all doors stay open until [`Io::close`], and each may be closed alone by dropping its future.

use std::io;
use std::net::SocketAddr;
#[cfg(feature = "tls")]
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, ToSocketAddrs};

use super::Io;
use crate::http::{Plain, bind, listen};
use crate::{RoomcastLayer, RoomcastService};

impl Io {
    /// Listens and serves until [`Io::close`]. JS: `io.listen(port)`.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn listen(&self, address: impl ToSocketAddrs) -> io::Result<()> {
        self.serve(bind(address).await?).await;
        Ok(())
    }

    /// Serves on a listener until [`Io::close`]. JS: `io.attach(server)`.
    ///
    /// One server may stand at many doors: on several listeners at once, with and without TLS, on Unix sockets, as a service in
    /// several applications. Its sessions do not care by which a request comes.
    ///
    /// # Cancel safety
    /// Dropping it stops listening; the sessions go on.
    ///
    /// # Examples
    /// ```no_run
    /// use roomcast::Io;
    /// use tokio::net::TcpListener;
    ///
    /// # async fn run() -> std::io::Result<()> {
    /// let io = Io::new();
    /// let (inside, outside) = (TcpListener::bind("10.0.0.1:3000").await?, TcpListener::bind("[::]:80").await?);
    /// tokio::join!(io.serve(inside), io.serve(outside));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn serve(&self, listener: TcpListener) {
        self.start_adapters();
        listen(self.clone(), listener, Plain).await;
    }

    /// Serves on a Unix socket until [`Io::close`]. Its clients have no address.
    ///
    /// # Cancel safety
    /// Dropping it stops listening; the sessions go on.
    #[cfg(unix)]
    pub async fn serve_unix(&self, listener: tokio::net::UnixListener) {
        self.start_adapters();
        crate::http::listen_unix(self.clone(), listener).await;
    }

    /// Serves one connection that was accepted elsewhere, over any stream of bytes: a Unix socket, a pipe in memory, a
    /// tunnel. It speaks HTTP/1.1 with upgrades; `address` is what [`Handshake::address`](crate::Handshake::address) says. Returns when the
    /// connection has ended or when a session has taken it over as its WebSocket, which then goes on in its own task.
    ///
    /// # Cancel safety
    /// Dropping it cuts the connection; a session that has taken it over goes on.
    ///
    /// # Examples
    /// ```
    /// use roomcast::Io;
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let io = Io::new();
    /// let (mut client, server) = duplex(4096);
    /// let serving = tokio::spawn({
    ///     let io = io.clone();
    ///     async move { io.serve_stream(server, None).await }
    /// });
    ///
    /// let request = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    /// client.write_all(request.as_bytes()).await?;
    /// let mut answer = String::new();
    /// client.read_to_string(&mut answer).await?;
    /// assert!(answer.starts_with("HTTP/1.1 200 OK"));
    /// assert_eq!(io.sessions(), 1);
    /// serving.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn serve_stream<S>(&self, stream: S, address: Option<SocketAddr>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Plain::serve_stream(self.clone(), stream, address).await;
    }

    /// Listens and serves with TLS until [`Io::close`]. Whatever the configuration offers by ALPN, clients are offered HTTP/1.1,
    /// which is what is spoken here. Certificates can be exchanged while it serves: by a configuration `with_cert_resolver`
    /// whose resolver gives the newest. JS: `new Server(https.createServer(..))`.
    ///
    /// # Errors
    /// If the address cannot be bound.
    #[cfg(feature = "tls")]
    pub async fn listen_tls(
        &self,
        address: impl ToSocketAddrs,
        config: Arc<tokio_rustls::rustls::ServerConfig>,
    ) -> io::Result<()> {
        self.serve_tls(bind(address).await?, config).await;
        Ok(())
    }

    /// Serves on a listener with TLS until [`Io::close`].
    #[cfg(feature = "tls")]
    pub async fn serve_tls(&self, listener: TcpListener, config: Arc<tokio_rustls::rustls::ServerConfig>) {
        self.start_adapters();
        listen(self.clone(), listener, crate::http::tls(config)).await;
    }

    /// Listens for WebTransport sessions and serves them until [`Io::close`], on UDP: the port may be that of
    /// [`Io::listen_tls`]. The certificate may be the same as well; browsers want one of an authority that they know, or its
    /// hash (`serverCertificateHashes`) if it is of ECDSA and lasts two weeks at most. JS: `engine.onWebTransportSession`.
    ///
    /// It ends when all clients have been told that the server is closed, or after a second; [`Io::close`] waits for that, too.
    ///
    /// [`Transport::WebTransport`](crate::Transport::WebTransport) has to be among the
    /// [`transports`](crate::ServerBuilder::transports). Clients that poll are offered it then, too, and may move to it.
    /// Whatever decides about requests decides about these: allowed origins, [`allow_request`](crate::ServerBuilder::allow_request),
    /// limits; with a [`middleware`](crate::ServerBuilder::middleware) they are all refused, because a middleware cannot be asked.
    ///
    /// # Errors
    /// If the address cannot be bound, if the transport is not enabled, or if the configuration has no TLS 1.3.
    ///
    /// # Examples
    /// ```no_run
    /// use std::sync::Arc;
    /// use roomcast::{Io, Transport};
    ///
    /// # async fn run(config: Arc<tokio_rustls::rustls::ServerConfig>) -> std::io::Result<()> {
    /// let transports = [Transport::Polling, Transport::WebSocket, Transport::WebTransport];
    /// let io = Io::builder().transports(&transports).build();
    /// tokio::try_join!(
    ///     io.listen_tls("0.0.0.0:443", config.clone()),
    ///     io.listen_webtransport("0.0.0.0:443", config),
    /// )?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "webtransport")]
    pub async fn listen_webtransport(
        &self,
        address: impl ToSocketAddrs,
        config: Arc<tokio_rustls::rustls::ServerConfig>,
    ) -> io::Result<()> {
        let socket = crate::http::webtransport::bind_first(address).await?;
        self.serve_webtransport(socket, config).await
    }

    /// The same on a UDP socket that is bound already.
    ///
    /// # Errors
    /// If the transport is not enabled, or the configuration has no TLS 1.3.
    ///
    /// # Cancel safety
    /// Dropping it stops listening; the sessions go on.
    #[cfg(feature = "webtransport")]
    pub async fn serve_webtransport(
        &self,
        socket: std::net::UdpSocket,
        config: Arc<tokio_rustls::rustls::ServerConfig>,
    ) -> io::Result<()> {
        let endpoint = crate::http::webtransport::bind(self, socket, &config)?;
        self.start_adapters();
        crate::http::webtransport::serve(self.clone(), endpoint).await;
        Ok(())
    }

    /// The server as a tower service; what is not below its path is answered 404.
    #[must_use]
    pub fn service(&self) -> RoomcastService {
        RoomcastService::new(self.clone())
    }

    /// The server as a tower layer; what is not below its path goes to the inner service.
    #[must_use]
    pub fn layer(&self) -> RoomcastLayer {
        RoomcastLayer::new(self.service())
    }

    /// The server as an axum router, to be merged into an application. It takes the server's path and what is below it, but not
    /// paths that only begin alike: for these, where `add_trailing_slash` is `false`, there is [`Io::layer`].
    ///
    /// ```no_run
    /// # async fn run() -> std::io::Result<()> {
    /// use roomcast::Io;
    ///
    /// let io = Io::new();
    /// let app = axum::Router::new().route("/", axum::routing::get(|| async { "hello" })).merge(io.router());
    /// axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await
    /// # }
    /// ```
    #[cfg(feature = "axum")]
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> axum::Router<S> {
        let path = &self.0.core.config.path;
        let service = self.service();
        let router = axum::Router::new().route_service(path, service.clone());
        let router = match path.ends_with('/') {
            true => router,
            false => router.route_service(&format!("{path}/"), service.clone()),
        };
        router.route_service(&format!("{}/{{*rest}}", path.trim_end_matches('/')), service)
    }
}
