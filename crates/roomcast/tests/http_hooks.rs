//! Functions of the program in the way of requests: what they see, and that a panic in one is nobody else's matter.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use roomcast::engine::{Engine, Message};
use roomcast::{
    Cors, HandlerError, HttpRequest, HttpResponse, Io, Limits, OriginPolicy, RefusalContext, StatusCode,
};
use tokio::io::{AsyncWriteExt, duplex, join};

use support::{Http, serve};

const POLL: &str = "/socket.io/?EIO=4&transport=polling";
const UPGRADE: [(&str, &str); 4] = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "AQIDBAUGBwgJCgsMDQ4PEA=="),
];

/// A connection over a pipe in memory.
fn pipe(io: &Io) -> Http<tokio::io::DuplexStream> {
    let (client, server) = duplex(4096);
    let io = io.clone();
    tokio::spawn(async move { io.serve_stream(server, "10.1.2.3:4".parse().ok()).await });
    Http::on(client)
}

fn is_bad(request: &HttpRequest) -> bool {
    request.query("bad").is_some()
}

async fn status(io: &Io, target: &str, headers: &[(&str, &str)]) -> u16 {
    pipe(io).request("GET", target, headers, "").await.status
}

#[tokio::test]
async fn a_panic_in_any_function_of_the_program_refuses_at_most_that_request() {
    let builders = [
        (
            Io::builder().middleware(async |request, _| {
                assert!(!is_bad(&request));
                Ok(())
            }),
            400,
        ),
        // The call itself panics, before there is a future.
        (
            Io::builder().middleware(|request: HttpRequest, _| {
                assert!(!is_bad(&request));
                async { Ok(()) }
            }),
            400,
        ),
        (
            Io::builder().allow_request(|request| {
                assert!(!is_bad(request));
                Ok(())
            }),
            403,
        ),
        (
            Io::builder().allow_request_async(async |request| {
                assert!(!is_bad(&request));
                Ok(())
            }),
            403,
        ),
        (
            Io::builder().generate_id(|request| {
                assert!(!is_bad(request));
                Ok("AAAAAAAAAAAAAAAAAAAA".to_owned())
            }),
            400,
        ),
        (Io::builder().on_initial_headers(|_, request| assert!(!is_bad(request))), 200),
        (Io::builder().on_headers(|_, request| assert!(!is_bad(request))), 200),
        (
            Io::builder().cors(Cors::origin_fn(|origin| {
                assert!(origin.is_some());
                true
            })),
            200,
        ),
    ];
    for (number, (builder, expected)) in builders.into_iter().enumerate() {
        let io = builder.build();
        assert_eq!(status(&io, &format!("{POLL}&bad=1"), &[]).await, expected, "{number}");
        assert_eq!(status(&io, POLL, &[("origin", "http://a.example")]).await, 200, "{number}");
    }
    let io = Io::builder().on_connection_error(|_| panic!("on purpose")).build();
    assert_eq!(status(&io, "/socket.io/?EIO=4&transport=tobi", &[]).await, 400);
    assert_eq!(status(&io, POLL, &[]).await, 200);
}

#[tokio::test]
async fn the_functions_see_the_whole_request_whatever_the_session_keeps_of_it() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = seen.clone();
    let io = Io::builder()
        .keep_headers(false)
        .allow_request(move |request| {
            note.lock().push((
                request.method().to_string(),
                request.url().to_owned(),
                request.header("x-token").map(ToOwned::to_owned),
                request.address().map(|address| address.to_string()),
                request.is_upgrade(),
                request.is_initial(),
            ));
            Ok(())
        })
        .build();
    let mut headers = UPGRADE.to_vec();
    headers.push(("x-token", "secret"));
    let target = "/socket.io/?EIO=4&transport=websocket&a=b";
    assert_eq!(status(&io, target, &headers).await, 101);
    let expected =
        ("GET".into(), target.into(), Some("secret".into()), Some("10.1.2.3:4".into()), true, true);
    assert_eq!(*seen.lock(), [expected]);
}

#[tokio::test]
async fn who_listens_for_refusals_hears_what_a_middleware_or_an_id_failed_for() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let builder = || {
        let heard = heard.clone();
        Io::builder().on_connection_error(move |refused| heard.lock().push(refused.context().clone()))
    };
    let failing = builder().middleware(async |_, _| Err(HandlerError::new("no way"))).build();
    assert_eq!(status(&failing, POLL, &[]).await, 400);
    let idless = builder().generate_id(|_| Ok("too short".to_owned())).build();
    assert_eq!(status(&idless, POLL, &[]).await, 400);
    let heard = heard.lock();
    assert_eq!(heard[0], RefusalContext::MiddlewareFailure { error: "no way".into() });
    assert!(matches!(&heard[1], RefusalContext::IdGenerationError { error } if error.contains("20 ")));
}

#[tokio::test]
async fn nobody_behind_a_middleware_that_has_answered_sees_the_request() {
    let calls = Arc::new(AtomicUsize::new(0));
    let later = calls.clone();
    let io = Io::builder()
        .middleware(async |_, response: HttpResponse| {
            response.set_header("x-a", "b")?;
            response.append_header("x-a", "c")?;
            assert_eq!(response.header("x-a").unwrap(), "b");
            response.remove_header("x-a");
            assert!(response.set_header("x-a", "line\nbreak").is_err());
            response.end(StatusCode::IM_A_TEAPOT, "tea");
            Ok(())
        })
        .middleware(move |_, _| {
            later.fetch_add(1, Ordering::Relaxed);
            async { Ok(()) }
        })
        .build();
    let answer = pipe(&io).request("GET", POLL, &[], "").await;
    assert_eq!((answer.status, answer.text(), answer.header("x-a")), (418, "tea", None));
    assert_eq!((calls.load(Ordering::Relaxed), io.sessions()), (0, 0));
}

#[tokio::test]
async fn a_client_that_leaves_while_a_middleware_thinks_leaves_nothing() {
    let io = Io::builder().middleware(async |_, _| std::future::pending().await).build();
    let mut http = pipe(&io);
    http.write(&format!("GET {POLL} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
    drop(http);
    // Waits for everything that still runs, ten seconds at most.
    let closed = tokio::time::timeout(std::time::Duration::from_secs(5), io.close()).await;
    assert!(closed.is_ok());
    assert_eq!(io.sessions(), 0);
}

#[tokio::test]
async fn a_foreign_origin_is_refused_before_the_program_is_asked() {
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, refusals) = (asked.clone(), Arc::new(Mutex::new(Vec::new())));
    let heard = refusals.clone();
    let io = Io::builder()
        .allowed_origins(OriginPolicy::new(["https://app.example"]).same_origin(false).require(true))
        .allow_request(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
        .on_connection_error(move |refused| heard.lock().push((refused.code(), refused.context().clone())))
        .build();
    for origin in [None, Some("https://evil.example"), Some("http://localhost")] {
        let headers: Vec<_> = origin.map(|origin| ("origin", origin)).into_iter().collect();
        assert_eq!(status(&io, POLL, &headers).await, 403, "{origin:?}");
        let refused = RefusalContext::ForeignOrigin { origin: origin.unwrap_or_default().to_owned() };
        assert_eq!(refusals.lock().pop(), Some((4, refused)));
    }
    assert_eq!((asked.load(Ordering::Relaxed), io.sessions()), (0, 0));
    assert_eq!(status(&io, POLL, &[("origin", "https://app.example")]).await, 200);
    assert_eq!((asked.load(Ordering::Relaxed), io.sessions()), (1, 1));
}

#[tokio::test]
async fn an_engine_alone_has_the_same_options() {
    let engine = Engine::builder()
        .path("raw")
        .allow_request(|request| request.query("token").map(drop).ok_or_else(|| "who?".to_owned()))
        .on_headers(|headers, _| drop(headers.insert("x-raw", "yes".parse().unwrap())))
        .initial_packet(Message::Binary(vec![1, 2, 3].into()))
        .transports(&[roomcast::Transport::Polling])
        .build(|_, _| {});
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn({
        let engine = engine.clone();
        async move { engine.serve(listener).await }
    });
    let mut http = Http::connect(address).await;
    let refused = http.get("/raw/?EIO=4&transport=polling").await;
    assert_eq!((refused.status, refused.text()), (403, r#"{"code":4,"message":"who?"}"#));
    let opened = http.get("/raw/?EIO=4&transport=polling&token=1").await;
    assert_eq!((opened.status, opened.header("x-raw")), (200, Some("yes")));
    let (open, first) = opened.text().split_once('\x1e').unwrap();
    assert!(open.contains(r#""upgrades":[]"#), "{open}");
    assert_eq!(first, "bAQID");
    engine.close().await;
    serving.await.unwrap();
}

#[tokio::test]
async fn the_path_may_be_given_with_and_without_slashes() {
    for (path, trailing, own, foreign) in [
        ("chat", true, "/chat/", "/chat"),
        ("/chat/", true, "/chat/below", "/chatter"),
        ("/chat/", false, "/chatter", "/cha"),
        ("/a/b", true, "/a/b/", "/a/"),
        ("/", true, "/anything", "*"),
    ] {
        for io in [
            Io::builder().path(path).add_trailing_slash(trailing).build(),
            Io::builder().add_trailing_slash(trailing).path(path).build(),
        ] {
            let mut http = Http::connect(serve(&io).await).await;
            assert_eq!(http.get(&format!("{own}?EIO=4&transport=polling")).await.status, 200, "{path} {own}");
            if foreign != "*" {
                assert_eq!(http.get(foreign).await.status, 404, "{path} {foreign}");
            }
        }
    }
}

#[tokio::test]
async fn a_websocket_that_a_middleware_answers_ends_its_connection_and_a_poll_does_not() {
    let io = Io::builder()
        .middleware(async |_, response: HttpResponse| {
            response.end(StatusCode::SERVICE_UNAVAILABLE, "later");
            Ok(())
        })
        .build();
    let target = "/socket.io/?EIO=4&transport=websocket";
    let mut http = pipe(&io);
    for _ in 0..2 {
        assert_eq!(http.get(POLL).await.text(), "later");
    }
    let answer = http.request("GET", target, &UPGRADE, "").await;
    assert_eq!((answer.status, answer.header("connection")), (503, Some("close")));
    assert!(http.closed().await);
}

#[tokio::test]
async fn only_a_get_becomes_a_websocket() {
    let io = Io::builder().build();
    let open = pipe(&io).get(POLL).await;
    let sid = open.text().split('"').nth(3).unwrap().to_owned();
    let target = format!("/socket.io/?EIO=4&transport=websocket&sid={sid}");
    for method in ["POST", "PUT", "OPTIONS"] {
        // The body would be the probe, if it were read as frames.
        let answer = pipe(&io).request(method, &target, &UPGRADE, "\x01\x06").await;
        assert_eq!((answer.status, answer.text()), (400, "Bad request"), "{method}");
    }
    assert_eq!(pipe(&io).request("GET", &target, &UPGRADE, "").await.status, 101);
}

#[tokio::test]
async fn a_websocket_lost_before_its_answer_holds_no_place_even_if_the_program_keeps_its_request() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeping = kept.clone();
    let io = Io::builder()
        .limits(Limits::new().sessions(1))
        .middleware(move |request, _| {
            keeping.lock().push(request);
            async { Ok(()) }
        })
        .build();
    // It asks, and nothing can be written to it.
    let (mut client, reading) = duplex(4096);
    let (_, writing) = duplex(4096);
    let target = "/socket.io/?EIO=4&transport=websocket";
    client.write_all(support::http::request("GET", target, &UPGRADE, "").as_bytes()).await.unwrap();
    io.serve_stream(join(reading, writing), None).await;
    assert_eq!((kept.lock().len(), io.sessions()), (1, 0));
    assert_eq!(pipe(&io).get(POLL).await.status, 200);
}
