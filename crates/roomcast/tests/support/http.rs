//! HTTP/1.1 by hand, on one connection that is kept alive.

use std::collections::HashMap;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::soon;

/// A connection.
#[derive(Debug)]
pub(crate) struct Http<S = TcpStream>(BufReader<S>);

/// A response; header names in lower case.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is a text")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

impl Http {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::on(TcpStream::connect(address).await.expect("the server listens"))
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.0.get_ref().peer_addr().expect("the connection stands")
    }

    /// Cuts the connection by a reset.
    pub(crate) fn reset(self) {
        self.0.get_ref().set_zero_linger().expect("linger can be set");
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Http<S> {
    pub(crate) fn on(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    pub(crate) async fn get(&mut self, target: &str) -> Response {
        self.request("GET", target, &[], "").await
    }

    /// One request and its response.
    pub(crate) async fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        self.write(&request(method, target, headers, body)).await;
        self.response().await
    }

    /// The response to a GET, unless the server hangs up.
    pub(crate) async fn try_get(&mut self, target: &str) -> Option<Response> {
        self.0.write_all(request("GET", target, &[], "").as_bytes()).await.ok()?;
        soon("a response", read(&mut self.0)).await.ok()
    }

    /// Reads so many bytes, whatever they are.
    pub(crate) async fn skip(&mut self, bytes: usize) {
        let mut bytes = vec![0; bytes];
        soon("bytes", self.0.read_exact(&mut bytes)).await.expect("the server is there");
    }

    /// Any bytes, half a request for example.
    pub(crate) async fn write(&mut self, bytes: &str) {
        self.0.write_all(bytes.as_bytes()).await.expect("the server is there");
        self.0.flush().await.expect("the server is there");
    }

    pub(crate) async fn response(&mut self) -> Response {
        soon("a response", read(&mut self.0)).await.expect("the server is there")
    }

    /// Whether the server has closed the connection.
    pub(crate) async fn closed(mut self) -> bool {
        matches!(soon("the end", self.0.read(&mut [0])).await, Ok(0) | Err(_))
    }
}

pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = match method {
        "GET" => String::new(),
        _ => format!("content-length: {}\r\n", body.len()),
    };
    format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\n{headers}{length}\r\n{body}")
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Response> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head);
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let headers: HashMap<_, _> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    Ok(Response { status: status.expect("a response has a status"), headers, body })
}
