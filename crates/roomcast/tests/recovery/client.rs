//! A client that may lose its connection, on pipes in memory: it knows what the official one knows, and keeps to itself
//! what it got.

use roomcast::Io;
use serde_json::Value;
use tokio::io::DuplexStream;

use crate::support::{WebSocket, until};

const PIPE: usize = 1 << 20;

/// One client in one namespace, connected.
pub(crate) struct Client {
    pub(crate) wire: WebSocket<DuplexStream>,
    namespace: &'static str,
    pub(crate) sid: String,
    pub(crate) pid: Option<String>,
    /// What a client takes for its offset.
    pub(crate) offset: Option<String>,
    /// What came before the answer to its connect.
    pub(crate) early: Vec<Value>,
}

/// What is left of a client whose connection is lost.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    pub(crate) sid: String,
    pub(crate) pid: String,
    pub(crate) offset: Option<String>,
}

impl Client {
    pub(crate) async fn connect(io: &Io) -> Self {
        Self::enter(io, "/", "").await
    }

    /// A new session, and a wish to connect with this auth. What comes before the answer is kept.
    pub(crate) async fn enter(io: &Io, namespace: &'static str, auth: &str) -> Self {
        let mut client = Self::knock(io, namespace, auth).await;
        client.arrive().await;
        client
    }

    /// The same without waiting for the answer.
    pub(crate) async fn knock(io: &Io, namespace: &'static str, auth: &str) -> Self {
        let (near, far) = tokio::io::duplex(PIPE);
        let io = io.clone();
        tokio::spawn(async move { io.serve_stream(far, None).await });
        let mut wire = WebSocket::on(near, "EIO=4&transport=websocket").await;
        assert!(wire.text().await.starts_with("0{"));
        let namespace = if namespace == "/" { "" } else { namespace };
        let comma = if namespace.is_empty() { "" } else { "," };
        wire.send(&format!("40{namespace}{comma}{auth}")).await;
        Self { wire, namespace, sid: String::new(), pid: None, offset: None, early: Vec::new() }
    }

    pub(crate) async fn arrive(&mut self) {
        loop {
            let text = self.wire.text().await;
            if let Some(event) = self.event(&text) {
                self.early.push(event);
                continue;
            }
            let reply = text.strip_prefix("40").and_then(|reply| reply.strip_prefix(self.namespace));
            let reply = reply.unwrap_or_else(|| panic!("refused: {text}")).trim_start_matches(',');
            let reply: Value = serde_json::from_str(reply).expect("JSON");
            self.sid = reply["sid"].as_str().expect("an id").to_owned();
            self.pid = reply["pid"].as_str().map(ToOwned::to_owned);
            return;
        }
    }

    /// The next event, without its offset.
    pub(crate) async fn next(&mut self) -> Value {
        let text = self.wire.text().await;
        self.event(&text).unwrap_or_else(|| panic!("no event: {text}"))
    }

    /// The next events, in the short form of [`short`].
    pub(crate) async fn expect(&mut self, events: &[&str]) {
        for expected in events {
            assert_eq!(short(&self.next().await), *expected);
        }
    }

    pub(crate) fn early(&self) -> Vec<String> {
        self.early.iter().map(short).collect()
    }

    /// The connection is lost: this side goes, and the server has noticed.
    pub(crate) async fn lose(self, io: &Io) -> Lost {
        let lost = self.lost();
        let (namespace, sid) = (io.of(self.namespace), self.sid.clone());
        drop(self);
        until("the server has noticed", || namespace.socket(&sid).is_none()).await;
        tokio::task::yield_now().await;
        lost
    }

    /// What this side would say if its connection was lost now.
    pub(crate) fn lost(&self) -> Lost {
        let pid = self.pid.clone().expect("recovery is on");
        Lost { sid: self.sid.clone(), pid, offset: self.offset.clone() }
    }

    /// JS: socket.io-client/lib/socket.ts `emitEvent`
    fn event(&mut self, text: &str) -> Option<Value> {
        let text = text.strip_prefix("42").or_else(|| text.strip_prefix("451-"))?;
        let text = text.strip_prefix(self.namespace)?.trim_start_matches(',');
        let asks = !text.starts_with('[');
        let text = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let event: Value = serde_json::from_str(text).expect("JSON");
        if let Some(last) = event.as_array().and_then(|event| event.last()).and_then(Value::as_str)
            && !asks
        {
            self.offset = Some(last.to_owned());
        }
        Some(event)
    }
}

impl Lost {
    pub(crate) fn auth(&self) -> String {
        match &self.offset {
            Some(offset) => format!(r#"{{"pid":"{}","offset":"{offset}"}}"#, self.pid),
            None => format!(r#"{{"pid":"{}"}}"#, self.pid),
        }
    }

    /// The client comes back, and has been recovered.
    pub(crate) async fn back(self, io: &Io) -> Client {
        self.back_in(io, "/").await
    }

    pub(crate) async fn back_in(self, io: &Io, namespace: &'static str) -> Client {
        let mut client = Client::knock(io, namespace, &self.auth()).await;
        // The official client keeps it, too, until another one comes.
        client.offset = self.offset;
        client.arrive().await;
        assert_eq!((client.sid.as_str(), client.pid.as_deref()), (&*self.sid, Some(&*self.pid)));
        client
    }

    /// The client comes back, and begins anew.
    pub(crate) async fn anew(self, io: &Io) -> Client {
        let client = Client::enter(io, "/", &self.auth()).await;
        assert_ne!(client.sid, self.sid);
        assert_ne!(client.pid.as_deref(), Some(&*self.pid));
        assert!(client.early.is_empty());
        client
    }
}

/// An event as text, its offset left out where it has one: `a 1 2`.
pub(crate) fn short(event: &Value) -> String {
    let mut event = event.as_array().expect("an array").clone();
    if event.len() > 1 && event.last().and_then(Value::as_str).is_some_and(is_offset) {
        event.pop();
    }
    let texts = event.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned));
    texts.collect::<Vec<_>>().join(" ")
}

pub(crate) fn is_offset(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}
