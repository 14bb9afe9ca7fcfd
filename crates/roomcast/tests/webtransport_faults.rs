//! WebTransport sessions that are cut, vanish, flood or babble. Whoever behaves is served, and nothing is left of the others.
//!
//! What is odd: QUIC needs a real socket, so time is real here. The clients' halves are in the same program and are counted
//! with the server's; they are gone some round trips after their end.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

#[path = "support/certificate.rs"]
mod certificate;
#[path = "support/streams.rs"]
mod streams;
mod support;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use roomcast::{Exceeded, Io, IoBuilder, Limits, Rate, Socket};
use tokio::net::UdpSocket;
use tokio::runtime::{Builder, Handle};
use wtransport::VarInt;

use streams::{ALL, Client, House, encoded};
use support::allocations::{self, Counting};
use support::remains::impatient;
use support::until;

#[global_allocator]
static COUNTING: Counting = Counting;

/// What the first rounds leave behind are tables that the next ones find; a leak is what all of them add to.
const ROUNDS: usize = 8;
/// What a round may add; less than one connection needs.
const SLACK: isize = 1024;
/// The listeners on TCP and on UDP, what accepts sessions of the latter, and QUIC itself on either side.
const IDLE: usize = 5;

/// Memory is counted for the whole program.
static ALONE: Mutex<()> = Mutex::new(());

fn limits() -> Limits {
    Limits::internet().handshakes(None).handshakes_per_address(None)
}

fn usual() -> IoBuilder {
    Io::builder().limits(limits())
}

/// Nothing is left of what `act` does to a server, and who is there all the time is served.
fn nothing_is_left(builder: impl Fn() -> IoBuilder, act: impl AsyncFn(&House, &mut Client)) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let house = House::new(builder().transports(&ALL)).await;
        house.io.on_error(|_| {});
        house.io.on_connect(async |socket: Socket| socket.join("room"));
        house.io.on("echo", async |text: String| text);
        house.io.of_pattern("/made/{name}").on_connect(async |socket: Socket| socket.join("room"));
        let mut grown = isize::MAX;
        for _ in 0..ROUNDS {
            let before = allocations::bytes();
            let mut there = house.join().await;
            act(&house, &mut there).await;
            synced(&mut there).await;
            drop(there);
            gone(&house).await;
            grown = grown.min(allocations::bytes() - before);
            if grown < SLACK {
                return;
            }
        }
        panic!("{grown} bytes are left");
    });
}

async fn gone(house: &House) {
    let io = &house.io;
    until("every session has ended", || io.sessions() == 0).await;
    until("the namespaces made on demand are gone", || io.namespaces() == ["/"]).await;
    until("every socket has left its rooms", || io.is_empty() && io.rooms().is_empty()).await;
    until("every task has ended", || Handle::current().metrics().num_alive_tasks() == IDLE).await;
}

/// The client is there and is served; whatever else it is told is left out.
async fn synced(client: &mut Client) {
    client.send(r#"429["sync"]"#).await;
    loop {
        match client.text().await.as_str() {
            "2" => client.send("3").await,
            "439[]" => return,
            _ => {}
        }
    }
}

/// These packets as they stand on a stream.
fn wire(packets: &[&str]) -> Vec<u8> {
    packets.iter().flat_map(|packet| encoded(0, packet.as_bytes())).collect()
}

/// How a session begins; each of these is answered.
const BEGINNING: [&str; 3] = ["0", "40", "40/made/1,"];

#[test]
fn a_session_may_be_cut_at_every_byte_in_every_way() {
    let beginning = wire(&BEGINNING);
    let binary = [wire(&[r#"451-["echo",{"_placeholder":true,"num":0}]"#]), encoded(0x80, &[7; 3])].concat();
    let rest = [wire(&[r#"421["echo","x"]"#]), binary, wire(&["41/made/1,", "1"])].concat();
    nothing_is_left(usual, async |house, there| {
        for length in 0..=beginning.len() + rest.len() {
            let mut client = Client::new(house.session().await).await;
            client.bytes(&beginning[..length.min(beginning.len())]).await;
            if length > beginning.len() {
                for _ in BEGINNING {
                    client.text().await;
                }
                client.bytes(&rest[..length - beginning.len()]).await;
            }
            if length % 2 == 0 {
                // What is on its way arrives, and the server may be in the midst of its answer.
                synced(there).await;
            }
            match length % 4 {
                0 | 1 => {}
                2 => _ = client.send.finish().await,
                _ => _ = client.send.reset(VarInt::from_u32(7)),
            }
            if length % 3 == 0 {
                client.connection.close(VarInt::from_u32(7), b"enough");
            }
        }
        synced(there).await;
    });
}

/// A session whose client is cut off behind so many datagrams of its own, without a word to either side.
async fn vanish_behind(house: &House, datagrams: usize) {
    let relay = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/socket.io/", relay.local_addr().unwrap().port());
    let passing = async {
        let (mut passed, mut client) = (0, None);
        let mut packet = [0; 2048];
        loop {
            let (length, from) = relay.recv_from(&mut packet).await.unwrap();
            let to = match client {
                Some(client) if from == house.address => client,
                _ if passed < datagrams => {
                    passed += 1;
                    client = Some(from);
                    house.address
                }
                _ => return,
            };
            relay.send_to(&packet[..length], to).await.unwrap();
        }
    };
    let living = async {
        let mut client = Client::new(house.endpoint.connect(url).await.unwrap()).await;
        client.bytes(&wire(&BEGINNING)).await;
        for _ in BEGINNING {
            client.text().await;
        }
        loop {
            client.send(r#"422["echo","x"]"#).await;
            client.text().await;
        }
    };
    tokio::select! {
        () = passing => {}
        () = living => {}
    }
}

#[test]
fn a_client_that_vanishes_behind_any_datagram_is_found_out_by_its_silence() {
    let soon = || impatient().limits(limits().tls_timeout(Duration::from_secs(1)));
    nothing_is_left(soon, async |house, there| {
        for datagrams in 0..30 {
            vanish_behind(house, datagrams).await;
            synced(there).await;
        }
        // Who is there answers pings meanwhile.
        while house.io.sessions() > 1 {
            synced(there).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
}

#[test]
fn a_flood_of_sessions_is_refused_and_its_places_are_free_when_it_is_over() {
    nothing_is_left(
        || usual().limits(limits().sessions(5)),
        async |house, there| {
            let opening = (0..24).map(async |_| {
                let mut client = Client::new(house.session().await).await;
                client.send("0").await;
                client.next().await.map(|_| client)
            });
            let opened: Vec<Client> = join_all(opening).await.into_iter().flatten().collect();
            assert_eq!(opened.len(), 4);
            synced(there).await;
            drop(opened);
            until("they have ended", || house.io.sessions() == 1).await;
            house.join().await;
        },
    );
}

#[test]
fn a_flood_of_events_ends_its_session_and_no_other() {
    let limited = || {
        let rate = Rate::per_second(20).burst(40);
        usual().limits(limits().events(rate).exceeded(Exceeded::Close))
    };
    nothing_is_left(limited, async |house, there| {
        let mut flood: Vec<u8> = encoded(0, b"40");
        for _ in 0..5_000 {
            flood.extend(encoded(0, br#"42["echo","x"]"#));
        }
        for _ in 0..4 {
            let mut client = house.open().await;
            // The server may have ended it before all has been said.
            _ = client.send.write_all(&flood).await;
            client.ended().await;
        }
        synced(there).await;
    });
}

#[test]
fn a_client_that_stops_reading_is_closed_and_what_waited_for_it_is_gone() {
    nothing_is_left(
        || usual().max_outbox(64 * 1024),
        async |house, there| {
            let stuck = [house.join().await, house.join().await];
            until("all are there", || house.io.len() == 3).await;
            // QUIC takes some of it by itself.
            let long = "x".repeat(30_000);
            while house.io.len() > 1 {
                house.io.emit("much", &long);
                synced(there).await;
            }
            drop(stuck);
        },
    );
}

#[test]
fn garbage_ends_its_session_and_no_other() {
    // Each of them is said by a client that has joined.
    let ends: &[&[u8]] = &[
        // Nothing where a text must be; more than may be; a text that is none; bits that nobody has given a meaning.
        b"\x00",
        b"\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x7f\x00\x00\x00\x00\x00\x0f\x42\x41",
        b"\xff\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\x02\x34\xff",
        // Engine and Socket.IO.
        b"\x019",
        b"\x012",
        b"\x014",
        b"\x044abc",
        b"\x0842[\"echo",
        b"\x0642/x,[",
        b"\x81x",
        b"\x0344{",
        b"\x0540{{x",
    ];
    // What chance brings; the same every time.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = |length| -> Vec<u8> {
        let random = (0..length).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        });
        random.collect()
    };
    let noises: Vec<Vec<u8>> = (1..60).map(&mut noise).chain([wire(&["42"])]).collect();
    let datagrams: Vec<Vec<u8>> = (0..1_400).step_by(20).map(&mut noise).collect();
    nothing_is_left(usual, async |house, there| {
        for bytes in ends {
            let mut client = house.join().await;
            client.bytes(bytes).await;
            client.ended().await;
            synced(there).await;
        }
        for (number, bytes) in noises.iter().enumerate() {
            let mut client = match number % 2 {
                0 => house.join().await,
                _ => Client::new(house.session().await).await,
            };
            client.bytes(bytes).await;
            synced(there).await;
        }
        // And beside all sessions.
        let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        for bytes in &datagrams {
            stranger.send_to(bytes, house.address).await.unwrap();
        }
        synced(there).await;
    });
}
