//! The events of the main namespace: values there and back, questions, binary values and their order.
//!
//! Comes in: an event of the suite. Goes out: the event it waits for, if what came is what should have come.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use roomcast::{Binary, Bytes, Data, Handlers, Rest, Socket};
use serde::Deserialize;
use serde_json::json;

/// What the suite calls UTF-8.
const TEXTS: [&str; 5] = ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"];

pub(super) fn declare(io: &Handlers) {
    values(io);
    questions(io);
    binary(io);
    in_order(io);
}

fn values(io: &Handlers) {
    io.on("hi", async |socket: Socket| {
        socket.emit("hi", ());
    });
    io.on("echo", async |args: Rest| args.spread());
    io.on("false", async |socket: Socket| {
        socket.emit("false", false);
    });
    io.on("getUtf8", async |socket: Socket| {
        for text in TEXTS {
            socket.emit("takeUtf8", text);
        }
    });
    io.on("getDate", async |socket: Socket| {
        socket.emit("takeDate", now());
    });
    io.on("getDateObj", async |socket: Socket| {
        socket.emit("takeDateObj", json!({ "date": now() }));
    });
}

#[derive(Deserialize)]
struct Tested {
    test: bool,
}

fn questions(io: &Handlers) {
    io.on("getAckDate", async || now());
    io.on("ack", async |socket: Socket| {
        let answer = socket.emit_with_ack::<(i64, Tested)>("ack", ()).all_args().await;
        if answer.is_ok_and(|(number, tested)| number == 5 && tested.test) {
            socket.emit("got it", ());
        }
    });
}

/// Text beside binary.
#[derive(Deserialize)]
struct Mixed {
    hello: String,
    #[serde(rename = "message")]
    _message: Binary,
    goodbye: String,
}

fn binary(io: &Handlers) {
    for (event, answer) in [("doge", "doge"), ("getbin", "takebin")] {
        io.on(event, async move |socket: Socket| {
            socket.emit(answer, Binary::from(Bytes::from_static(b"asdfasdf")));
        });
    }
    for (event, answer) in [("buffa", "buffack"), ("blob", "back")] {
        io.on(event, async move |socket: Socket, _: Binary| {
            socket.emit(answer, ());
        });
    }
    for event in ["jsonbuff", "jsonblob"] {
        let answer = format!("{event}-ack");
        io.on(event, move |socket: Socket, mixed: Mixed| {
            let answer = answer.clone();
            async move {
                if mixed.hello == "lol" && mixed.goodbye == "gotcha" {
                    socket.emit(&answer, ());
                }
            }
        });
    }
}

/// Which of the events that belong together have come.
#[derive(Default)]
struct Came {
    first: AtomicBool,
    second: AtomicBool,
}

/// Binary values and text in a row: the last is answered if what came before it came earlier.
fn in_order(io: &Handlers) {
    for event in ["abuff1", "blob1"] {
        io.on(event, async |socket: Socket, _: Binary| {
            socket.get_or_insert_with(Came::default).first.store(true, Ordering::Relaxed);
        });
    }
    io.on("abuff2", async |socket: Socket, _: Data| {
        if socket.get_or_insert_with(Came::default).first.load(Ordering::Relaxed) {
            socket.emit("abuff2-ack", ());
        }
    });
    io.on("blob2", async |socket: Socket, text: String| {
        let came = socket.get_or_insert_with(Came::default);
        came.second.store(came.first.load(Ordering::Relaxed) && text == "second", Ordering::Relaxed);
    });
    io.on("blob3", async |socket: Socket, _: Binary| {
        if socket.get_or_insert_with(Came::default).second.load(Ordering::Relaxed) {
            socket.emit("blob3-ack", ());
        }
    });
}

fn now() -> String {
    httpdate::fmt_http_date(SystemTime::now())
}
