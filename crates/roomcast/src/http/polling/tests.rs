//! Polls answered in memory: what the handshake sets, what is compressed.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use flate2::read::{GzDecoder, ZlibDecoder};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, SET_COOKIE};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use parking_lot::Mutex;

use crate::Cookie;
use crate::engine::{Engine, Message};
use crate::http::request::{Acceptor, handle};
use crate::{Io, Socket};

/// What came back.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn sid(&self) -> String {
        let open: serde_json::Value = serde_json::from_slice(&self.plain()[1..]).unwrap();
        open["sid"].as_str().unwrap().into()
    }

    /// The body as it was before it was compressed.
    fn plain(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        match self.header(CONTENT_ENCODING) {
            Some("gzip") => GzDecoder::new(&self.body[..]).read_to_end(&mut plain).unwrap(),
            Some("deflate") => ZlibDecoder::new(&self.body[..]).read_to_end(&mut plain).unwrap(),
            other => {
                assert_eq!(other, None);
                return self.body.to_vec();
            }
        };
        plain
    }
}

/// A request to a server; `query` follows the one of the transport.
async fn send<A: Acceptor>(to: &A, method: Method, query: &str, accept: &str, body: &'static str) -> Answer {
    let uri = format!("{}?EIO=4&transport=polling{query}", to.core().config.path);
    let request = Request::builder().method(method).uri(uri).header("accept-encoding", accept);
    let request = request.body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap();
    let Ok(reply) = handle(to.clone(), request).await;
    let (parts, body) = reply.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    // What the headers say about the body is true.
    assert_eq!(parts.headers[CONTENT_LENGTH], body.len().to_string());
    Answer { status: parts.status, headers: parts.headers, body }
}

/// An engine that answers `n` with `n` bytes.
fn engine(threshold: Option<usize>) -> Engine {
    Engine::builder().http_compression(threshold).build(|session, message| {
        if let Message::Text(text) = message {
            session.send(&"x".repeat(text.parse().unwrap()));
        }
    })
}

/// Asks for a message of a size, gives the poll that brings it.
async fn ask(engine: &Engine, message: &'static str, accept: &str) -> Answer {
    let sid = send(engine, Method::GET, "", "", "").await.sid();
    let query = format!("&sid={sid}");
    assert_eq!(send(engine, Method::POST, &query, "gzip", message).await.header(CONTENT_ENCODING), None);
    send(engine, Method::GET, &query, accept, "").await
}

#[tokio::test]
async fn the_answer_that_opens_a_session_sets_the_cookie_and_no_other_does() {
    let io = Io::builder().cookie(Cookie::new()).build();
    let opened = send(&io, Method::GET, "", "", "").await;
    let wanted = format!("io={}; Path=/; HttpOnly; SameSite=Lax", opened.sid());
    assert_eq!(opened.header(SET_COOKIE), Some(&*wanted));
    let query = format!("&sid={}", opened.sid());
    let posted = send(&io, Method::POST, &query, "", "40").await;
    let polled = send(&io, Method::GET, &query, "", "").await;
    let refused = send(&io, Method::GET, "&sid=nobody", "", "").await;
    assert_eq!(
        (posted.status, polled.status, refused.status),
        (StatusCode::OK, StatusCode::OK, StatusCode::BAD_REQUEST)
    );
    for answer in [posted, polled, refused] {
        assert_eq!(answer.header(SET_COOKIE), None);
    }
}

#[tokio::test]
async fn there_is_no_cookie_unless_asked_for_nor_where_the_session_is_refused() {
    assert_eq!(send(&Io::new(), Method::GET, "", "", "").await.header(SET_COOKIE), None);
    let io = Io::builder().cookie(Cookie::new()).allow_request(|_| Err("no".into())).build();
    let refused = send(&io, Method::GET, "", "", "").await;
    assert_eq!((refused.status, refused.header(SET_COOKIE)), (StatusCode::FORBIDDEN, None));
}

#[tokio::test]
async fn answers_are_compressed_from_the_threshold_on_as_the_client_likes() {
    // A message of 1023 bytes is a packet of 1024.
    let table = [
        ("41023", "gzip, deflate", Some("gzip")),
        ("41023", "gzip;q=0.1, deflate", Some("deflate")),
        ("41022", "gzip, deflate", None),
        ("41023", "br", None),
        ("41023", "", None),
        ("4500000", "gzip", Some("gzip")),
    ];
    let engine = engine(Some(1024));
    for (message, accept, encoding) in table {
        let answer = ask(&engine, message, accept).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header(CONTENT_ENCODING), encoding, "{message} {accept:?}");
        let length: usize = message[1..].parse().unwrap();
        assert_eq!(answer.plain(), format!("4{}", "x".repeat(length)).into_bytes());
    }
}

#[tokio::test]
async fn a_threshold_of_zero_compresses_everything_and_none_compresses_nothing() {
    assert_eq!(ask(&engine(Some(0)), "410", "gzip").await.header(CONTENT_ENCODING), Some("gzip"));
    let opened = send(&engine(Some(0)), Method::GET, "", "gzip", "").await;
    assert_eq!((opened.header(CONTENT_ENCODING), opened.sid().len()), (Some("gzip"), 20));
    assert_eq!(ask(&engine(None), "45000", "gzip").await.header(CONTENT_ENCODING), None);
}

#[tokio::test]
async fn refusals_and_other_methods_are_never_compressed() {
    let engine = engine(Some(0));
    let sid = send(&engine, Method::GET, "", "", "").await.sid();
    let refused = send(&engine, Method::GET, "&sid=nobody", "gzip", "").await;
    let head = send(&engine, Method::HEAD, &format!("&sid={sid}"), "gzip", "").await;
    assert_eq!((refused.status, head.status), (StatusCode::BAD_REQUEST, StatusCode::INTERNAL_SERVER_ERROR));
    for answer in [refused, head] {
        assert_eq!(answer.header(CONTENT_ENCODING), None);
    }
}

#[tokio::test]
async fn one_message_that_may_be_compressed_is_enough() {
    let io = Io::new();
    io.on("go", async |socket: Socket, compress: bool, others: u32| {
        socket.compress(compress).emit("long", "x".repeat(5000));
        for n in 0..others {
            socket.emit("short", n);
        }
    });
    let query = format!("&sid={}", send(&io, Method::GET, "", "", "").await.sid());
    send(&io, Method::POST, &query, "", "40").await;
    send(&io, Method::GET, &query, "", "").await;
    let table = [
        (r#"42["go",true,0]"#, Some("gzip")),
        (r#"42["go",false,0]"#, None),
        (r#"42["go",false,1]"#, Some("gzip")),
    ];
    for (message, encoding) in table {
        send(&io, Method::POST, &query, "", message).await;
        let answer = send(&io, Method::GET, &query, "gzip", "").await;
        assert!(answer.plain().starts_with(br#"42["long","xxx"#));
        assert_eq!(answer.header(CONTENT_ENCODING), encoding, "{message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_post_is_answered_before_the_poll_that_brings_what_it_caused() {
    let engine = engine(None);
    let answered = Arc::new(Mutex::new(Vec::new()));
    // One worker runs all of it in a fixed order.
    let requests = answered.clone();
    let both = tokio::spawn(async move {
        let sid = send(&engine, Method::GET, "", "", "").await.sid();
        let [poll, post] = [(Method::GET, ""), (Method::POST, "45")].map(|(method, body)| {
            let (engine, answered, query) = (engine.clone(), requests.clone(), format!("&sid={sid}"));
            async move {
                let answer = send(&engine, method, &query, "", body).await;
                answered.lock().push(answer.body);
            }
        });
        let poll = tokio::spawn(poll);
        // The poll is waiting when the POST comes.
        tokio::task::yield_now().await;
        tokio::join!(tokio::spawn(post), poll)
    });
    let (post, poll) = both.await.unwrap();
    assert!(post.is_ok() && poll.is_ok());
    assert_eq!(*answered.lock(), ["ok", "4xxxxx"]);
}
