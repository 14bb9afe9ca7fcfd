//! Delivering to a socket allocates nothing, end to end: not the emit, not the outbox, not the write.
//!
//! The whole server runs on the thread that counts, so whatever it allocates for a delivery is seen. What is odd: what
//! a broadcast allocates at all is for its one frame, however many receive it.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

mod support;

use std::net::TcpStream;

use roomcast::{Io, RoomcastService, Socket};
use tokio::runtime::Runtime;

use support::allocations::{Counting, count};
use support::wire::{Wire, until_turns, until_written, written};
use support::{bare, serve, soon};

#[global_allocator]
static COUNTING: Counting = Counting;

const TEXT: &str = "something happened";
/// What every member hears: a frame of two bytes of header and this.
const MESSAGE: &str = r#"42["news","something happened"]"#;
const FRAME: usize = 2 + MESSAGE.len();

/// The room's name, the target, the one frame: a handful, whatever the numbers.
const MAX_FOR_ONE_EMIT: usize = 8;

/// Messages that are on their way at once.
const BURST: usize = 32;
/// How often a queue may grow meanwhile, to 4, 8, 16, 32 places: a long one is freed when it has emptied.
const MAX_GROWTHS: usize = 4;

/// After so many rounds every buffer that is kept has the size that it keeps.
const WARM_UP: usize = 3;

fn server() -> Io {
    let io = Io::new();
    io.on("join", async |socket: Socket, room: String| socket.join(room));
    io
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Clients in memory, all in the room of that name.
async fn gather(io: &Io, service: &RoomcastService, room: &str, size: usize) -> Vec<Wire> {
    let mut wires = Vec::with_capacity(size);
    for _ in 0..size {
        let wire = Wire::join(service).await;
        wire.say_text(&format!(r#"42["join","{room}"]"#));
        wires.push(wire);
    }
    until_turns("everybody is in the room", || io.of("/").room_len(room) == size).await;
    wires
}

/// How often the server allocates for one round of that many broadcasts, from the first emit to the last byte written.
fn allocations(runtime: &Runtime, io: &Io, room: &str, wires: &[Wire], messages: usize) -> usize {
    let mut last = 0;
    for _ in 0..=WARM_UP {
        let round = async {
            let all = written() + FRAME * messages * wires.len();
            for _ in 0..messages {
                assert_eq!(io.to(room).emit("news", TEXT).queued(), wires.len());
            }
            until_written(all).await;
        };
        ((), last) = count(|| runtime.block_on(round));
        for wire in wires {
            wire.heard(|heard| {
                assert_eq!(heard.len(), FRAME * messages);
                assert!(heard.chunks(FRAME).all(|frame| frame[2..] == *MESSAGE.as_bytes()));
            });
            wire.forget();
        }
    }
    last
}

#[test]
fn delivering_to_a_thousand_more_sockets_allocates_nothing_from_emit_to_write() {
    let (runtime, io) = (runtime(), server());
    let service = io.service();
    let one = runtime.block_on(gather(&io, &service, "one", 1));
    let thousand = runtime.block_on(gather(&io, &service, "one thousand", 1_000));
    let two_thousand = runtime.block_on(gather(&io, &service, "two thousand", 2_000));
    let one = allocations(&runtime, &io, "one", &one, 1);
    let small = allocations(&runtime, &io, "one thousand", &thousand, 1);
    let large = allocations(&runtime, &io, "two thousand", &two_thousand, 1);
    println!("allocations of a broadcast to 1, 1,000, 2,000 sockets: {one}, {small}, {large}");
    assert_eq!((one, one), (small, large));
    assert!(one <= MAX_FOR_ONE_EMIT, "{one} allocations for one emit");
}

#[test]
fn a_burst_allocates_only_what_the_queues_grow_by() {
    let (runtime, io) = (runtime(), server());
    let service = io.service();
    let hundred = runtime.block_on(gather(&io, &service, "hundred", 100));
    let single = allocations(&runtime, &io, "hundred", &hundred, 1);
    let burst = allocations(&runtime, &io, "hundred", &hundred, BURST);
    println!("allocations of {BURST} broadcasts to 100 sockets: {burst}, of one: {single}");
    let most = single * BURST + MAX_GROWTHS * hundred.len();
    assert!(burst <= most, "{burst} allocations, more than {most}");
}

/// Clients on TCP, in the main namespace.
fn gather_on_tcp(runtime: &Runtime, io: &Io, size: usize) -> Vec<TcpStream> {
    runtime.block_on(async {
        let address = serve(io).await;
        let joining = tokio::task::spawn_blocking(move || (0..size).map(|_| bare::join(address)).collect());
        soon("the clients", joining).await.unwrap()
    })
}

/// The same as [`allocations`], for all sockets of a server on TCP.
fn allocations_on_tcp(runtime: &Runtime, io: &Io) -> usize {
    let members = runtime.block_on(io.fetch_sockets()).unwrap();
    let members: Vec<_> = members.iter().map(|socket| socket.as_local().unwrap().clone()).collect();
    let mut last = 0;
    for _ in 0..=WARM_UP {
        let round = async {
            assert_eq!(io.emit("news", TEXT).queued(), members.len());
            // The kernel takes so little at once; who reads it, and when, does not matter.
            until_turns("all is written", || members.iter().all(|socket| socket.buffered().packets == 0))
                .await;
        };
        ((), last) = count(|| runtime.block_on(round));
    }
    last
}

#[test]
fn delivering_to_a_hundred_more_sockets_on_tcp_allocates_nothing() {
    let runtime = runtime();
    let [small, large] = [100, 200].map(|size| {
        let io = server();
        let clients = gather_on_tcp(&runtime, &io, size);
        let allocations = allocations_on_tcp(&runtime, &io);
        drop(clients);
        allocations
    });
    println!("allocations of a broadcast to 100, 200 sockets on TCP: {small}, {large}");
    assert_eq!(small, large);
    assert!(small <= MAX_FOR_ONE_EMIT, "{small} allocations for one emit");
}
