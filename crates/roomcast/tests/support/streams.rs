//! A server and its clients over WebTransport: real UDP, and packets written by hand.
//!
//! What is odd: not every test program has WebTransport, so this is a module of those that do.
#![allow(dead_code, reason = "every test program uses another part of it")]

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use proto::websocket::Event;
use roomcast::{Io, IoBuilder, Transport};
use tokio_rustls::rustls::{ClientConfig, ServerConfig};
use wtransport::endpoint::endpoint_side::Client as ClientSide;
use wtransport::{Connection, Endpoint, RecvStream, SendStream};

use crate::certificate::self_signed;
use crate::support::{self, answer_sync, soon};

pub(crate) const ALL: [Transport; 3] = [Transport::Polling, Transport::WebSocket, Transport::WebTransport];

/// A server with a certificate of its own, and clients that trust it.
pub(crate) fn configurations() -> (Arc<ServerConfig>, Endpoint<ClientSide>) {
    let (server, roots) = self_signed();
    // Tickets for a second handshake would be kept on both sides, and be counted with what clients leave behind.
    let mut server = Arc::unwrap_or_clone(server);
    server.send_tls13_tickets = 0;
    let server = Arc::new(server);
    let mut client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    client.alpn_protocols = vec![wtransport::tls::WEBTRANSPORT_ALPN.to_vec()];
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let client = wtransport::ClientConfig::builder().with_bind_address(loopback).with_custom_tls(client);
    (server, Endpoint::client(client.build()).unwrap())
}

/// A server on TCP and, on the same port number, WebTransport.
pub(crate) struct House {
    pub(crate) io: Io,
    pub(crate) address: SocketAddr,
    pub(crate) endpoint: Endpoint<ClientSide>,
}

impl House {
    pub(crate) async fn new(builder: IoBuilder) -> Self {
        let (config, endpoint) = configurations();
        let io = builder.build();
        answer_sync(&io);
        // A port that is free on TCP is mostly free on UDP as well.
        let (address, socket) = loop {
            let address = support::serve(&io).await;
            if let Ok(socket) = UdpSocket::bind(address) {
                break (address, socket);
            }
        };
        let serving = io.clone();
        tokio::spawn(async move { serving.serve_webtransport(socket, config).await.unwrap() });
        Self { io, address, endpoint }
    }

    pub(crate) async fn usual() -> Self {
        Self::new(Io::builder().transports(&ALL)).await
    }

    /// A WebTransport session at the server's path.
    pub(crate) async fn session(&self) -> Connection {
        self.session_at("/socket.io/").await.unwrap()
    }

    pub(crate) async fn session_at(&self, path: &str) -> Option<Connection> {
        let url = format!("https://localhost:{}{path}", self.address.port());
        soon("the WebTransport handshake", self.endpoint.connect(url)).await.ok()
    }

    /// A stream on which something has been said.
    pub(crate) async fn say(&self, first: &str) -> Client {
        let mut client = Client::new(self.session().await).await;
        client.send(first).await;
        client
    }

    /// A session of the engine.
    pub(crate) async fn open(&self) -> Client {
        let mut client = self.say("0").await;
        assert!(client.text().await.starts_with("0{\"sid\""));
        client
    }

    /// One that has joined `/`.
    pub(crate) async fn join(&self) -> Client {
        let mut client = self.open().await;
        client.send("40").await;
        assert!(client.text().await.starts_with("40{\"sid\""));
        client
    }
}

/// The client's end of a session.
pub(crate) struct Client {
    pub(crate) connection: Connection,
    pub(crate) send: SendStream,
    receive: RecvStream,
    decoder: proto::webtransport::Decoder,
    rest: Vec<u8>,
}

impl Client {
    pub(crate) async fn new(connection: Connection) -> Self {
        let (send, receive) = connection.open_bi().await.unwrap().await.unwrap();
        let decoder = proto::webtransport::Decoder::new(10_000_000);
        Self { connection, send, receive, decoder, rest: Vec::new() }
    }

    pub(crate) async fn send(&mut self, packet: &str) {
        self.bytes(&encoded(0, packet.as_bytes())).await;
    }

    pub(crate) async fn send_binary(&mut self, packet: &[u8]) {
        self.bytes(&encoded(0x80, packet)).await;
    }

    pub(crate) async fn bytes(&mut self, bytes: &[u8]) {
        self.send.write_all(bytes).await.unwrap();
    }

    /// The next packet, and whether it is binary; `None` at the end of the session.
    pub(crate) async fn next(&mut self) -> Option<(bool, Vec<u8>)> {
        loop {
            let bytes = std::mem::take(&mut self.rest);
            let step = self.decoder.decode(&bytes).unwrap();
            self.rest = bytes[step.consumed..].to_vec();
            match step.event {
                Some(Event::Text(text)) => return Some((false, text.as_bytes().to_vec())),
                Some(Event::Binary(payload)) => return Some((true, payload.to_vec())),
                _ => {}
            }
            let mut buffer = vec![0; 64 * 1024];
            let length = soon("bytes of the server", self.receive.read(&mut buffer)).await.ok()??;
            self.rest.extend_from_slice(&buffer[..length]);
        }
    }

    pub(crate) async fn text(&mut self) -> String {
        let (binary, packet) = self.next().await.expect("the session lives");
        assert!(!binary);
        String::from_utf8(packet).unwrap()
    }

    pub(crate) async fn ended(&mut self) {
        while self.next().await.is_some() {}
        soon("the end of the session", self.connection.closed()).await;
    }
}

pub(crate) fn encoded(bit: u8, packet: &[u8]) -> Vec<u8> {
    match packet.len() {
        short @ 0..=125 => [&[bit | short as u8], packet].concat(),
        middle @ 126..=65_535 => [&[bit | 126], &(middle as u16).to_be_bytes()[..], packet].concat(),
        long => [&[bit | 127], &(long as u64).to_be_bytes()[..], packet].concat(),
    }
}
