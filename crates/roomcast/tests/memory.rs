//! What an idle session costs, and who owns it.
//!
//! Prints the table with `cargo test -p roomcast --test memory -- --nocapture`. The clients are in the same program but
//! hold nothing on the heap, so all that is counted is the server's. What is odd: the tables that all sessions share
//! (rooms, sessions) are counted as they are at this number of sessions, with the room they keep for growing.

mod support;

use std::path::Path;

use roomcast::Io;
use tokio::runtime::Runtime;

use support::bare::join;
use support::owners::{Owned, Owner, REST};
use support::{serve, until};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Two files each, of the 1,024 that a program may mostly open.
const SESSIONS: usize = 400;

/// The most bytes of heap that one idle session may cost, all owners together: what is measured and about 3 %, because
/// chance decides which of the sixteen tables of sessions have just grown.
const MAX_BYTES: usize = 2_400;

/// The most of it that may have no owner below, in percent.
const MAX_REST: usize = 10;

/// Who owns what: words in the frames of its allocations. The nearest frame to the allocation decides, so a task is
/// named by its type and not by what it does.
const OWNERS: &[Owner] = &[
    ("task with driver", &["core::Cell<roomcast::session::driver::Driver<"]),
    ("other tasks", &["tokio::runtime::task::core::Cell<"]),
    ("tokio I/O registration", &["tokio::runtime::io::"]),
    ("timer", &["tokio::time::", "tokio::runtime::time::", "roomcast::session::timer"]),
    ("outbox, kept room", &["roomcast::outbox::"]),
    ("mailbox", &["ArcInner<roomcast::session::mailbox::", "roomcast::session::mailbox::Mailbox::"]),
    ("WebSocket and stream", &["roomcast::session::websocket::WebSocket"]),
    ("handshake", &["roomcast::http::handshake::"]),
    ("session registry", &["roomcast::session::registry::"]),
    ("room book", &["roomcast_adapter::memory::"]),
    ("socket", &["roomcast::socket::"]),
    ("connection", &["roomcast::connection::", "roomcast_proto::socket::"]),
    ("left over from HTTP", &["hyper::", "hyper_util::", "http::", "roomcast::http::"]),
];

#[test]
fn an_idle_session_costs_few_bytes_and_all_of_them_have_an_owner() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let io = Io::new();
    let address = runtime.block_on(serve(&io));
    let mut clients = Vec::with_capacity(SESSIONS);
    // Whatever is made once and kept is made by those who come and go before.
    clients.extend((0..SESSIONS).map(|_| join(address)));
    settle(&runtime, SESSIONS);
    clients.clear();
    settle(&runtime, 0);

    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("idle-sessions.json");
    let profiler = dhat::Profiler::builder().trim_backtraces(None).file_name(&file).build();
    clients.extend((0..SESSIONS).map(|_| join(address)));
    settle(&runtime, SESSIONS);
    drop(profiler);

    assert_eq!((io.sessions(), io.of("/").len()), (SESSIONS, SESSIONS));
    let owned = Owned::read(&file, OWNERS, SESSIONS);
    println!("\none of {SESSIONS} idle sessions on a WebSocket, joined to `/`:\n\n{owned}");
    let (all, rest) = (owned.bytes_each(), owned.bytes_of(REST));
    let strangers = owned.strangers().join("\n");
    assert!(rest * 100 <= all * MAX_REST, "{rest} of {all} bytes have no owner:\n{strangers}");
    assert!(all <= MAX_BYTES, "{all} bytes, more than {MAX_BYTES}:\n{owned}");
}

/// Waits until there is one task for each session, besides the one that listens: what a handshake needs is gone.
fn settle(runtime: &Runtime, sessions: usize) {
    let settled = || runtime.metrics().num_alive_tasks() == 1 + sessions;
    runtime.block_on(until("only the sessions are left", settled));
}
