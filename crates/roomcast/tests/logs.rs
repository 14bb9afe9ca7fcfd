//! What the library says about itself: by module, by level, without secrets.
//!
//! What is odd: one test only, because what collects the lines is the whole program's.

mod support;

use std::fmt::{Debug, Write as _};
use std::sync::Mutex;

use roomcast::{HandlerError, Io, Socket};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use support::{Polling, WebSocket, serve, until};

/// Level, module, fields.
static LINES: Mutex<Vec<(Level, String, String)>> = Mutex::new(Vec::new());

struct Collector;

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("roomcast")
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        let metadata = event.metadata();
        LINES.lock().expect("no test panics with it").push((
            *metadata.level(),
            metadata.target().to_owned(),
            fields.0,
        ));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

fn said(level: Level, module: &str, text: &str) -> bool {
    let lines = LINES.lock().expect("no test panics with it");
    lines.iter().any(|(l, target, line)| *l == level && target.starts_with(module) && line.contains(text))
}

#[tokio::test]
async fn what_ends_a_session_and_what_fails_is_said_by_module_without_the_secret_id() {
    tracing::subscriber::set_global_default(Collector).expect("nobody else collects here");
    let io = Io::new();
    io.on("fail", async || Err::<(), _>(HandlerError::new("no luck")));
    io.on("join", async |socket: Socket, room: String| socket.join(room));
    io.on("forge", async |text: String| Err::<(), _>(HandlerError::new(text)));
    let address = serve(&io).await;

    let mut polling = Polling::connect(address).await;
    polling.send(r#"42["nobody listens"]"#).await;
    until("an event without a handler", || said(Level::DEBUG, "roomcast::connection", "nobody listens"))
        .await;
    polling.send(r#"42["fail"]"#).await;
    until("a failed call", || said(Level::WARN, "roomcast::hooks", "no luck")).await;
    // What a client says cannot look like a line of its own.
    polling.send("42[\"forge\",\"x\\nERROR all is lost\"]").await;
    until("a failed call", || said(Level::WARN, "roomcast::hooks", r"x\nERROR all is lost")).await;
    // A name that is refused is not kept in the log, either.
    polling.send(&format!(r#"42["join","{}"]"#, "é".repeat(10_000))).await;
    until("a refused join", || said(Level::WARN, "roomcast::socket", "20000 bytes")).await;
    polling.send("4abc").await;
    until("a violation", || said(Level::DEBUG, "roomcast::connection", "protocol violation")).await;
    polling.poll().await;
    until("the end", || said(Level::DEBUG, "roomcast::session", "session closed")).await;

    WebSocket::connect(address).await.close().await;
    until("the end of the other", || said(Level::DEBUG, "roomcast::session", "transport close")).await;

    let lines = LINES.lock().expect("no test panics with it");
    assert!(lines.iter().all(|(.., line)| !line.contains(&polling.sid)), "{lines:?}");
    assert!(lines.iter().all(|(.., line)| !line.contains('\n')), "{lines:?}");
    assert!(lines.iter().all(|(.., line)| line.len() < 1_000), "{lines:?}");
}
