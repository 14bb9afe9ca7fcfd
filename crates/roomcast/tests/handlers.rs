//! What handlers take and what they answer.

mod support;

use roomcast::{
    Ack, ArgError, Args, Arguments, Binary, Bytes, Cause, Data, EventName, Failure, HandlerError, Io,
    Namespace, Rest, Socket, State, Value,
};
use serde::{Deserialize, Serialize};

use support::{Lines, Log, WebSocket, hush_panics, serve};

/// A server whose error hook speaks to the log, and a client.
async fn server_and_client(declare: impl FnOnce(&Io)) -> (WebSocket, Lines) {
    let (log, lines) = Log::new();
    let io = Io::new();
    io.manage(log.clone());
    io.on_error(move |failure: &Failure| log.say(format!("{}: {}", failure.event, kind(&failure.cause))));
    declare(&io);
    (WebSocket::connect(serve(&io).await).await, lines)
}

/// Kinds, not texts.
fn kind(cause: &Cause) -> String {
    match cause {
        Cause::Arguments(ArgError::Missing { index }) => format!("argument {index} missing"),
        Cause::Arguments(ArgError::Mismatch { index, .. }) => format!("argument {index} mismatched"),
        Cause::MissingState(_) => "state missing".into(),
        Cause::Returned(value) => format!("returned {value}"),
        Cause::Refused(error) => format!("refused {error}"),
        Cause::Panicked(message) => format!("panicked {message}"),
        other => format!("{other:?}"),
    }
}

/// Every answer, in the order of the questions, which get the numbers 1, 2, ...
async fn ask(client: &mut WebSocket, table: &[(&str, &str)]) {
    for (number, (event, answer)) in (1..).zip(table) {
        client.send(&format!("42{number}{event}")).await;
        assert_eq!(client.text().await, format!("43{number}{answer}"), "{event}");
    }
}

#[derive(Debug, Deserialize, Serialize)]
struct Point {
    x: f64,
    #[serde(default)]
    y: f64,
}

#[tokio::test]
async fn what_a_handler_returns_is_the_acknowledgement() {
    let (mut client, mut lines) = server_and_client(|io| {
        io.on("nothing", async || {});
        io.on("one", async |a: i64, b: i64| a + b);
        io.on("two", async |a: i64| (a, "and"));
        io.on("list", async || vec![1, 2]);
        io.on("none", async || None::<u8>);
        io.on("ok", async || Ok::<_, HandlerError>("fine"));
        io.on("ok nothing", async || Ok::<_, HandlerError>(()));
        io.on("ok two", async || Ok::<_, HandlerError>((1, 2)));
        io.on("point", async |point: Point| Point { x: point.y, y: point.x });
    })
    .await;
    let table = [
        (r#"["nothing"]"#, "[]"),
        (r#"["one",40,2]"#, "[42]"),
        (r#"["two",7]"#, r#"[7,"and"]"#),
        (r#"["list"]"#, "[[1,2]]"),
        (r#"["none"]"#, "[null]"),
        (r#"["ok"]"#, r#"["fine"]"#),
        (r#"["ok nothing"]"#, "[]"),
        (r#"["ok two"]"#, "[1,2]"),
        (r#"["point",{"y":1.5,"x":2,"z":"ignored"}]"#, r#"[{"x":1.5,"y":2.0}]"#),
        // More arguments than parameters are no mistake.
        (r#"["one",1,2,3]"#, "[3]"),
    ];
    ask(&mut client, &table).await;
    assert!(lines.rest().is_empty());
}

#[tokio::test]
async fn an_error_fails_the_acknowledgement_and_reaches_the_hook_even_if_nobody_asked() {
    let (mut client, mut lines) = server_and_client(|io| {
        io.on("parse", async |text: String| -> Result<i64, HandlerError> { Ok(text.parse()?) });
        io.on("refuse", async || Err::<(), _>(HandlerError::new("no")));
        io.on("code", async || Err::<(), _>(Point { x: 1.0, y: 2.0 }));
    })
    .await;
    let table = [
        (r#"["parse","12"]"#, "[12]"),
        (r#"["parse","twelve"]"#, r#"[{"error":"invalid digit found in string"}]"#),
        (r#"["refuse"]"#, r#"[{"error":"no"}]"#),
        (r#"["code"]"#, r#"[{"error":{"x":1.0,"y":2.0}}]"#),
    ];
    ask(&mut client, &table).await;
    client.send(r#"42["refuse"]"#).await;
    lines
        .expect(&[
            r#"parse: returned "invalid digit found in string""#,
            r#"refuse: returned "no""#,
            r#"code: returned {"x":1.0,"y":2.0}"#,
            r#"refuse: returned "no""#,
        ])
        .await;
}

#[tokio::test]
async fn arguments_that_do_not_fit_fail_that_call_only() {
    let (mut client, mut lines) = server_and_client(|io| {
        io.on("add", async |a: u8, b: Option<u8>, c: Option<u8>| {
            u16::from(a) + u16::from(b.or(c).unwrap_or(0))
        });
        io.on("data", async |_: Data| {});
        io.on("point", async |_: Socket, point: Point| point.x);
    })
    .await;
    for event in [
        r#"["add","1"]"#,
        r#"["add",256]"#,
        r#"["add",1,"2"]"#,
        r#"["add"]"#,
        r#"["data"]"#,
        r#"["point",{}]"#,
    ] {
        client.send(&format!("421{event}")).await;
        let answer = client.text().await;
        assert!(answer.starts_with(r#"431[{"error":""#), "{event} gave {answer}");
    }
    // An argument that is not there, and `null`, are the same to an option.
    let table = [(r#"["add",1]"#, "[1]"), (r#"["add",1,null,4]"#, "[5]"), (r#"["add",1,2]"#, "[3]")];
    ask(&mut client, &table).await;
    lines
        .expect(&[
            "add: argument 0 mismatched",
            "add: argument 0 mismatched",
            "add: argument 1 mismatched",
            "add: argument 0 missing",
            "data: argument 0 missing",
            "point: argument 0 mismatched",
        ])
        .await;
}

#[tokio::test]
async fn context_parameters_stand_anywhere_between_the_arguments() {
    let (mut client, _lines) = server_and_client(|io| {
        io.manage(40_u64);
        io.on(
            "all",
            async |a: u64,
                   socket: Socket,
                   name: EventName,
                   io: Io,
                   b: u64,
                   here: Namespace,
                   base: State<u64>| {
                assert!(io.socket(socket.id()).is_some_and(|found| found == socket));
                (name.0, here.name().to_owned(), a, b, *base)
            },
        );
    })
    .await;
    ask(&mut client, &[(r#"["all",1,2]"#, r#"["all","/",1,2,40]"#)]).await;
}

#[tokio::test]
async fn a_state_that_was_never_given_fails_the_call() {
    let (mut client, mut lines) = server_and_client(|io| {
        io.on("count", async |count: State<u32>| *count);
    })
    .await;
    client.send(r#"421["count"]"#).await;
    assert!(client.text().await.starts_with(r#"431[{"error":""#));
    lines.expect(&["count: state missing"]).await;
}

#[tokio::test]
async fn binary_values_come_and_go_at_any_depth() {
    #[derive(Deserialize, Serialize)]
    struct File {
        name: String,
        parts: Vec<Binary>,
    }
    let (mut client, _lines) = server_and_client(|io| {
        io.on("turn", async |mut file: File| {
            file.parts.reverse();
            file
        });
        io.on("bytes", async |data: Bytes| data.len());
        io.on("value", async |value: Value| value);
        io.on("data", async |data: Data, rest: Rest| {
            let mut all = rest.0;
            all.push(data);
            Rest(all).spread()
        });
        io.on("serde_bytes", async |data: serde_bytes::ByteBuf| data.len());
    })
    .await;
    let nested = r#"{"name":"a","parts":[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]}"#;
    client.send(&format!(r#"452-1["turn",{nested}]"#)).await;
    client.send_binary(b"one").await;
    client.send_binary(b"").await;
    client.expect(&[&format!("462-1[{nested}]")]).await;
    client.expect_binary(b"").await;
    client.expect_binary(b"one").await;
    for event in ["bytes", "serde_bytes"] {
        client.send(&format!(r#"451-2["{event}",{{"_placeholder":true,"num":0}}]"#)).await;
        client.send_binary(b"1234").await;
        client.expect(&["432[4]"]).await;
    }
    client.send(r#"451-3["value",{"deep":[{"_placeholder":true,"num":0},"é"]}]"#).await;
    client.send_binary(b"5").await;
    client.expect(&[r#"461-3[{"deep":[{"_placeholder":true,"num":0},"é"]}]"#]).await;
    client.expect_binary(b"5").await;
    // Passed on untouched: the numbers of the placeholders follow the new order.
    client
        .send(r#"452-4["data",{"_placeholder":true,"num":0},{"a": 1.0},{"_placeholder":true,"num":1}]"#)
        .await;
    client.send_binary(b"first").await;
    client.send_binary(b"last").await;
    client
        .expect(&[r#"462-4[{"a": 1.0},{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#])
        .await;
    client.expect_binary(b"last").await;
    client.expect_binary(b"first").await;
}

#[tokio::test]
async fn an_acknowledgement_can_be_sent_by_hand_and_later_but_only_once() {
    let (mut client, _lines) = server_and_client(|io| {
        io.on("by hand", async |asked: bool, ack: Ack| {
            assert_eq!(ack.is_requested(), asked);
            tokio::spawn(async move { ack.send(("later", 1)) });
        });
        io.on("never", async |_: Ack| {});
        io.on("twice", async |ack: Ack| {
            ack.send("by hand");
            "by return"
        });
        io.on("error", async |ack: Ack| ack.send(Err::<(), _>("no")));
    })
    .await;
    client.send(r#"42["by hand",false]"#).await;
    client.send(r#"420["never"]"#).await;
    let table = [
        (r#"["by hand",true]"#, r#"["later",1]"#),
        (r#"["twice"]"#, r#"["by hand"]"#),
        (r#"["error"]"#, r#"[{"error":"no"}]"#),
    ];
    ask(&mut client, &table).await;
}

#[tokio::test]
async fn a_panic_ends_that_call_alone_and_is_not_told_to_the_client() {
    hush_panics();
    let (mut client, mut lines) = server_and_client(|io| {
        io.on("before", |()| -> std::future::Ready<()> { panic!("on purpose, before the future") });
        io.on("at once", async || -> () { panic!("on purpose, at once") });
        io.on("later", async || -> () {
            tokio::task::yield_now().await;
            panic!("on purpose, later")
        });
        io.on("args", async |args: Rest| args.0.len());
    })
    .await;
    let failed = r#"[{"error":"internal error"}]"#;
    let table = [
        (r#"["before",null]"#, failed),
        (r#"["at once"]"#, failed),
        (r#"["later"]"#, failed),
        (r#"["args",1,2]"#, "[2]"),
    ];
    ask(&mut client, &table).await;
    lines
        .expect(&[
            "before: panicked on purpose, before the future",
            "at once: panicked on purpose, at once",
            "later: panicked on purpose, later",
        ])
        .await;
}

#[tokio::test]
async fn arguments_can_be_built_at_run_time() {
    // `Arguments` spreads, whatever its length; `Args` and the rest of the types are for reading.
    let args = Args::one("[1]").unwrap();
    let one: Arguments = args.data(0).into_iter().collect();
    let (mut client, _lines) = server_and_client(move |io| {
        io.on("spread", move || {
            let one = one.clone();
            async { one }
        });
    })
    .await;
    ask(&mut client, &[(r#"["spread"]"#, "[[1]]")]).await;
}
