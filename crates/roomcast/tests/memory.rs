//! What an idle session costs, and who owns it.
//!
//! Prints the table with `cargo test -p roomcast --test memory -- --nocapture`. The clients are in the same program but
//! hold nothing on the heap, so all that is counted is the server's. What is odd: the tables that all sessions share
//! (rooms, sessions) are counted as they are at this number of sessions, with the room they keep for growing.

mod support;

use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use roomcast::Io;
use tokio::runtime::Runtime;

use support::owners::{Owned, Owner, REST};
use support::{bare, serve, until};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Two files each, of the 1,024 that a program may mostly open.
const SESSIONS: usize = 400;

/// The most bytes of heap that one idle session may cost, all owners together: what is measured and about 3 %, because
/// chance decides which of the sixteen tables of sessions have just grown.
const MAX_BYTES: usize = 1_800;

/// What every client sends and gets back, and how many bytes of each session that may leave behind: what chance may
/// make of those tables.
const TRAFFIC: u16 = 16 * 1024;
const MAX_LEFT: usize = 64;

/// The most of it that may have no owner below, in percent.
const MAX_REST: usize = 10;

/// Who owns what: words in the frames of its allocations. The nearest frame to the allocation decides, so a task is
/// named by its type and not by what it does.
const OWNERS: &[Owner] = &[
    ("task with driver", &["core::Cell<roomcast::session::driver::Driver<"]),
    ("other tasks", &["tokio::runtime::task::core::Cell<"]),
    ("tokio I/O registration", &["tokio::runtime::io::"]),
    ("timer", &["tokio::time::", "tokio::runtime::time::", "roomcast::session::wheel::"]),
    ("outbox, kept room", &["roomcast::outbox::"]),
    ("mailbox", &["ArcInner<roomcast::session::mailbox::", "roomcast::session::mailbox::Mailbox::"]),
    ("stream of frames", &["roomcast::session::framed_stream::FramedStream"]),
    ("handshake", &["roomcast::http::handshake::"]),
    ("session registry", &["roomcast::session::registry::"]),
    ("room book", &["roomcast_adapter::memory::"]),
    ("socket", &["roomcast::socket::"]),
    ("connection", &["roomcast::connection::", "roomcast_proto::socket::"]),
    ("left over from HTTP", &["hyper::", "hyper_util::", "http::", "roomcast::http::"]),
];

#[test]
fn an_idle_session_costs_few_bytes_and_all_of_them_have_an_owner() {
    let house = House::new();
    // Whatever is made once and kept is made by those who come and go before.
    house.cost("warm-up", |client| bare::echo(client, TRAFFIC));

    let idle = house.cost("idle", |_| ());
    println!("\none of {SESSIONS} idle sessions on a WebSocket, joined to `/`:\n\n{idle}");
    let (all, rest) = (idle.bytes_each(), idle.bytes_of(REST));
    let strangers = idle.strangers().join("\n");
    assert!(rest * 100 <= all * MAX_REST, "{rest} of {all} bytes have no owner:\n{strangers}");
    assert!(all <= MAX_BYTES, "{all} bytes, more than {MAX_BYTES}:\n{idle}");

    // One profile at a time is possible, so this is no test of its own.
    let used = house.cost("used", |client| bare::echo(client, TRAFFIC));
    println!("the same, idle again after {TRAFFIC} bytes in and out:\n\n{used}");
    let left = used.bytes_each().saturating_sub(all);
    assert!(left <= MAX_LEFT, "traffic leaves {left} bytes behind:\n{used}");
}

/// A server whose heap is looked at.
struct House {
    runtime: Runtime,
    io: Io,
    address: SocketAddr,
}

impl House {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime needs two files");
        let io = Io::new();
        io.on("echo", async |text: String| text);
        let address = runtime.block_on(serve(&io));
        Self { runtime, io, address }
    }

    /// What sessions cost that are idle after having done something.
    fn cost(&self, name: &str, act: impl Fn(&mut TcpStream)) -> Owned {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sessions-{name}.json"));
        let mut clients = Vec::with_capacity(SESSIONS);
        let profiler = dhat::Profiler::builder().trim_backtraces(None).file_name(&file).build();
        clients.extend((0..SESSIONS).map(|_| bare::join(self.address)));
        clients.iter_mut().for_each(act);
        self.settle(SESSIONS);
        drop(profiler);
        assert_eq!((self.io.sessions(), self.io.of("/").len()), (SESSIONS, SESSIONS));
        drop(clients);
        self.settle(0);
        Owned::read(&file, OWNERS, SESSIONS)
    }

    /// Waits until there is one task for each session, besides the one that listens and the one that keeps the deadlines,
    /// and each has written all: what a handshake and what an event needs is gone.
    fn settle(&self, sessions: usize) {
        let others = if sessions == 0 { 1 } else { 2 };
        let settled = || self.runtime.metrics().num_alive_tasks() == others + sessions;
        self.runtime.block_on(async {
            until("only the sessions are left", settled).await;
            let sockets = self.io.fetch_sockets().await.expect("one node always answers");
            let idle =
                || sockets.iter().all(|socket| socket.as_local().is_some_and(|s| s.buffered().packets == 0));
            until("all is written", idle).await;
        });
    }
}
