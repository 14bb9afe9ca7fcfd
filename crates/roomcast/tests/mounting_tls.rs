//! The server behind TLS, on its own listener.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

#[path = "support/certificate.rs"]
mod certificate;
mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use roomcast::{Io, Socket};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

use certificate::self_signed;
use support::{Http, WebSocket, answer_sync, soon};

/// A server with a certificate of its own, and a client that trusts it.
fn configurations() -> (Arc<ServerConfig>, TlsConnector) {
    let (server, roots) = self_signed();
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    (server, TlsConnector::from(Arc::new(client)))
}

async fn serve_tls(io: &Io, config: Arc<ServerConfig>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let io = io.clone();
    tokio::spawn(async move { io.serve_tls(listener, config).await });
    address
}

async fn connect(address: SocketAddr, connector: &TlsConnector) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    soon("the TLS handshake", connector.connect(name, stream)).await.unwrap()
}

fn server() -> Io {
    let io = Io::new();
    answer_sync(&io);
    io.on("secure", async |socket: Socket| {
        let handshake = socket.handshake();
        (handshake.is_secure(), handshake.address().is_some())
    });
    io
}

#[tokio::test]
async fn a_websocket_works_over_tls() {
    let (config, connector) = configurations();
    let address = serve_tls(&server(), config).await;
    let mut client = WebSocket::on(connect(address, &connector).await, "EIO=4&transport=websocket").await;
    assert!(client.text().await.starts_with("0{"));
    client.enter("/").await;
    client.send(r#"421["secure"]"#).await;
    client.expect(&["431[true,true]"]).await;
    client.close().await;
}

#[tokio::test]
async fn polling_and_an_upgrade_work_over_tls() {
    let (config, connector) = configurations();
    let address = serve_tls(&server(), config).await;
    let mut http = Http::on(connect(address, &connector).await);
    let open = http.get("/socket.io/?EIO=4&transport=polling").await;
    let sid = open.text().split('"').nth(3).unwrap();
    let target = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
    assert_eq!(http.request("POST", &target, &[], "40").await.text(), "ok");
    assert!(http.get(&target).await.text().starts_with("40{"));
    http.request("POST", &target, &[], r#"421["secure"]"#).await;
    assert_eq!(http.get(&target).await.text(), "431[true,true]");
    let query = format!("EIO=4&transport=websocket&sid={sid}");
    let mut upgraded = WebSocket::on(connect(address, &connector).await, &query).await;
    upgraded.send("2probe").await;
    upgraded.expect(&["3probe"]).await;
    upgraded.send("5").await;
    // More than one TLS record, and than one read.
    let io_text = "x".repeat(100_000);
    upgraded.send(&format!(r#"42["unknown","{io_text}"]"#)).await;
    upgraded.expect_nothing().await;
    upgraded.close().await;
}

#[tokio::test]
async fn a_large_message_leaves_over_tls_whole() {
    let (config, connector) = configurations();
    let io = server();
    io.on("large", async |socket: Socket, size: usize| {
        socket.emit("first", "a".repeat(size));
        socket.emit("second", "b".repeat(size));
    });
    let address = serve_tls(&io, config).await;
    let mut client = WebSocket::on(connect(address, &connector).await, "EIO=4&transport=websocket").await;
    client.next().await;
    client.enter("/").await;
    client.send(r#"42["large",1000000]"#).await;
    client.expect(&[&format!(r#"42["first","{}"]"#, "a".repeat(1_000_000))]).await;
    client.expect(&[&format!(r#"42["second","{}"]"#, "b".repeat(1_000_000))]).await;
}

#[tokio::test]
async fn who_never_finishes_the_tls_handshake_does_not_hold_up_the_end() {
    let (config, connector) = configurations();
    let io = server();
    let address = serve_tls(&io, config).await;
    let _silent = TcpStream::connect(address).await.unwrap();
    // Plain HTTP is no TLS.
    let mut plain = Http::connect(address).await;
    plain.write("GET / HTTP/1.1\r\n\r\n").await;
    plain.closed().await;
    let mut client = WebSocket::on(connect(address, &connector).await, "EIO=4&transport=websocket").await;
    client.next().await;
    soon("the end", async { tokio::join!(io.close(), client.closed()) }).await;
    assert_eq!(io.sessions(), 0);
}

#[tokio::test]
async fn whatever_the_configuration_offers_clients_are_offered_http_1() {
    let (mut config, connector) = configurations();
    Arc::make_mut(&mut config).alpn_protocols = vec![b"h2".to_vec()];
    let mut client = ClientConfig::clone(connector.config());
    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let address = serve_tls(&server(), config).await;
    let stream = connect(address, &TlsConnector::from(Arc::new(client))).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let open = Http::on(stream).get("/socket.io/?EIO=4&transport=polling").await;
    assert_eq!(open.status, 200);
}

/// Gives the newest certificate.
#[derive(Debug)]
struct Newest(std::sync::Mutex<Arc<CertifiedKey>>);

impl ResolvesServerCert for Newest {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.lock().unwrap().clone())
    }
}

#[tokio::test]
async fn a_certificate_can_be_exchanged_while_it_serves() {
    let make = || {
        let certified = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
        let key = tokio_rustls::rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
        let certificate = certified.cert.der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        (Arc::new(CertifiedKey::new(vec![certificate], key)), TlsConnector::from(Arc::new(client)))
    };
    let ((old, trusts_old), (new, trusts_new)) = (make(), make());
    let newest = Arc::new(Newest(std::sync::Mutex::new(old)));
    let config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(newest.clone());
    let address = serve_tls(&server(), Arc::new(config)).await;
    let mut first = Http::on(connect(address, &trusts_old).await);
    assert_eq!(first.get("/socket.io/?EIO=4&transport=polling").await.status, 200);
    *newest.0.lock().unwrap() = new;
    let mut second = Http::on(connect(address, &trusts_new).await);
    assert_eq!(second.get("/socket.io/?EIO=4&transport=polling").await.status, 200);
    // Who is there stays.
    assert_eq!(first.get("/socket.io/?EIO=4&transport=polling").await.status, 200);
}
