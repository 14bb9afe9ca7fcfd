//! A client on a WebSocket that speaks wire strings, engine digit included: `42["a"]`.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};

use super::soon;

/// One connection. What it is told is read only when the test asks for it.
#[derive(Debug)]
pub(crate) struct WebSocket<S = TcpStream>(WebSocketStream<S>);

impl WebSocket {
    /// A new session, its open packet read.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        let mut socket = Self::on(stream, "EIO=4&transport=websocket").await;
        assert!(socket.text().await.starts_with("0{"));
        socket
    }

    /// A new session in one namespace, and the id of its socket.
    pub(crate) async fn join(address: SocketAddr, namespace: &str) -> (Self, String) {
        let mut socket = Self::open(address).await;
        let id = socket.enter(namespace).await;
        (socket, id)
    }

    /// A new session in the main namespace.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::join(address, "/").await.0
    }

    /// A WebSocket for a session that polls; nothing is said on it yet.
    pub(crate) async fn probe(address: SocketAddr, sid: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        Self::on(stream, &format!("EIO=4&transport=websocket&sid={sid}")).await
    }

    /// Cuts the connection by a reset.
    pub(crate) fn reset(self) {
        self.0.get_ref().set_zero_linger().expect("linger can be set");
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// The handshake, on any stream.
    pub(crate) async fn on(stream: S, query: &str) -> Self {
        Self::at(stream, &format!("/socket.io/?{query}")).await
    }

    /// The same at any target.
    pub(crate) async fn at(stream: S, target: &str) -> Self {
        let uri = format!("ws://localhost{target}");
        let builder = ClientBuilder::new().uri(&uri).expect("the address is one");
        let connected = soon("the WebSocket handshake", builder.connect_on(stream)).await;
        Self(connected.expect("the handshake is granted").0)
    }

    /// Enters a namespace; the id of the socket.
    pub(crate) async fn enter(&mut self, namespace: &str) -> String {
        let head = if namespace == "/" { String::new() } else { format!("{namespace},") };
        self.send(&format!("40{head}")).await;
        let reply = self.text().await;
        let id = reply.strip_prefix(&format!("40{head}{{\"sid\":\"")).and_then(|r| r.strip_suffix("\"}"));
        id.unwrap_or_else(|| panic!("refused: {reply}")).to_owned()
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.feed(text).await;
        self.flush().await;
    }

    pub(crate) async fn send_binary(&mut self, data: &'static [u8]) {
        self.0.send(Message::binary(data)).await.expect("the server is there");
    }

    /// A ping of the WebSocket layer.
    pub(crate) async fn ping(&mut self) {
        self.0.send(Message::ping("")).await.expect("the server is there");
    }

    /// Sends with what follows.
    pub(crate) async fn feed(&mut self, text: &str) {
        self.0.feed(Message::text(text.to_owned())).await.expect("the server is there");
    }

    pub(crate) async fn flush(&mut self) {
        self.0.flush().await.expect("the server is there");
    }

    /// The next message, a heartbeat too, which is not answered; `None` at the end.
    #[track_caller]
    pub(crate) fn raw(&mut self) -> impl Future<Output = Option<Message>> {
        soon("a message", async { self.0.next().await?.ok().filter(|message| !message.is_close()) })
    }

    /// The next message, heartbeats answered and left out; `None` at the end.
    #[track_caller]
    pub(crate) fn next(&mut self) -> impl Future<Output = Option<Message>> {
        soon("a message", async {
            loop {
                let message = self.0.next().await?.ok()?;
                match message.as_text() {
                    Some("2") => _ = self.0.send(Message::text("3")).await,
                    _ if message.is_close() => return None,
                    _ => return Some(message),
                }
            }
        })
    }

    /// The next message, which is a text.
    #[track_caller]
    pub(crate) fn text(&mut self) -> impl Future<Output = String> {
        let next = self.next();
        async { next.await.expect("the server is there").as_text().expect("a text").to_owned() }
    }

    /// The next messages are these.
    #[track_caller]
    pub(crate) fn expect(&mut self, texts: &[&str]) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            for expected in texts {
                let message = self.next().await;
                let text = message.as_ref().and_then(Message::as_text);
                assert_eq!(text, Some(*expected), "{caller}");
            }
        }
    }

    /// The next message is this binary one.
    #[track_caller]
    pub(crate) fn expect_binary(&mut self, data: &[u8]) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let message = self.next().await.expect("the server is there");
            assert!(message.is_binary(), "{caller}: {message:?}");
            assert_eq!(&message.as_payload()[..], data, "{caller}");
        }
    }

    /// Nothing has come: the next message is the answer to `sync`, which the server has to handle by `answer_sync`.
    #[track_caller]
    pub(crate) fn expect_nothing(&mut self) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            self.send(r#"42999["sync"]"#).await;
            let text = self.text().await;
            assert_eq!(text, "43999[]", "{caller}");
        }
    }

    /// Exactly these of the clients get exactly that.
    pub(crate) async fn expect_by(clients: &mut [Self], who: &[usize], text: &str) {
        for (at, client) in clients.iter_mut().enumerate() {
            if who.contains(&at) {
                client.expect(&[text]).await;
            }
            client.expect_nothing().await;
        }
    }

    /// Reads to the end, gives what came before.
    pub(crate) async fn closed(mut self) -> Vec<String> {
        let mut texts = Vec::new();
        while let Some(message) = self.next().await {
            texts.push(message.as_text().unwrap_or("(binary)").to_owned());
        }
        texts
    }

    /// Says goodbye and waits for the server's.
    pub(crate) async fn close(mut self) {
        // A server that was faster has closed already.
        let _ = self.0.close().await;
        self.closed().await;
    }
}
