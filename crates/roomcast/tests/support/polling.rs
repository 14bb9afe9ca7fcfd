//! A client that polls: one connection for its GETs, one for its POSTs, as a browser has.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::Http;
use super::http::{Response, request};

/// Stands between the packets of a polling body.
pub(crate) const SEPARATOR: &str = "\u{1e}";

/// One session.
#[derive(Debug)]
pub(crate) struct Polling {
    pub(crate) sid: String,
    pub(crate) gets: Http,
    pub(crate) posts: Http,
    /// A GET is on its way.
    polling: bool,
    packets: VecDeque<String>,
}

impl Polling {
    /// A new session.
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let mut gets = Http::connect(address).await;
        let reply = gets.get("/socket.io/?EIO=4&transport=polling").await;
        let sid = reply.text().split('"').nth(3).expect("the open packet names the session").to_owned();
        let posts = Http::connect(address).await;
        Self { sid, gets, posts, polling: false, packets: VecDeque::new() }
    }

    /// A new session in the main namespace.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let mut client = Self::open(address).await;
        client.send("40").await;
        assert!(client.next().await.starts_with("40{"));
        client
    }

    /// Where the requests of this session go.
    pub(crate) fn target(&self) -> String {
        format!("/socket.io/?EIO=4&transport=polling&sid={}", self.sid)
    }

    /// Posts packets.
    pub(crate) async fn send(&mut self, packets: &str) {
        let reply = self.post(packets).await;
        assert_eq!((reply.status, reply.text()), (200, "ok"));
    }

    pub(crate) async fn post(&mut self, body: &str) -> Response {
        let target = self.target();
        self.posts.request("POST", &target, &[], body).await
    }

    /// Sends a GET without waiting for its answer, unless one is on its way.
    pub(crate) async fn begin_poll(&mut self) {
        if !std::mem::replace(&mut self.polling, true) {
            let target = self.target();
            self.gets.write(&request("GET", &target, &[], "")).await;
        }
    }

    /// The answer to the GET that is on its way, or to a new one.
    pub(crate) async fn poll(&mut self) -> Response {
        self.begin_poll().await;
        self.polling = false;
        self.gets.response().await
    }

    /// The next packet, heartbeats answered and left out.
    pub(crate) async fn next(&mut self) -> String {
        loop {
            match self.packets.pop_front() {
                Some(packet) if packet == "2" => self.send("3").await,
                Some(packet) => return packet,
                None => {
                    let reply = self.poll().await;
                    assert_eq!(reply.status, 200, "{}", reply.text());
                    self.packets.extend(reply.text().split(SEPARATOR).map(ToOwned::to_owned));
                }
            }
        }
    }

    /// The next packets are these.
    pub(crate) async fn expect(&mut self, packets: &[&str]) {
        for expected in packets {
            assert_eq!(self.next().await, *expected);
        }
    }
}
