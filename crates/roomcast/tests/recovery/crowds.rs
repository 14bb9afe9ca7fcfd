//! Many at once: clients that are lost and come back, emits from many threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::client::{Client, short};
use crate::{server, socket};

#[tokio::test(start_paused = true)]
async fn many_clients_are_lost_and_come_back() {
    let io = server();
    let mut all = Vec::new();
    for n in 0..200 {
        let client = Client::connect(&io).await;
        socket(&io, &client).join(format!("room {}", n % 7));
        all.push(client);
    }
    let mut lost = Vec::new();
    for client in all {
        lost.push(client.lose(&io).await);
    }
    for room in 0..7 {
        io.to(format!("room {room}")).emit("room", room);
    }
    for (n, lost) in lost.into_iter().enumerate().rev() {
        let client = lost.back(&io).await;
        assert_eq!(client.early(), [format!("room {}", n % 7)]);
    }
}

/// The one thing that needs threads: emits from everywhere, connections lost anywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_doubled_or_reordered_however_many_emit_at_once() {
    const EMITTERS: usize = 3;
    const EVENTS: u64 = 2_000;
    let io = server();
    let mut client = Client::connect(&io).await;
    socket(&io, &client).join("room");
    let old = socket(&io, &client);
    let all_seen = Arc::new(AtomicU64::new(0));
    let emitters: Vec<_> = (0..EMITTERS)
        .map(|emitter| {
            let (io, old, all_seen) = (io.clone(), old.clone(), all_seen.clone());
            tokio::spawn(async move {
                for n in 0..EVENTS {
                    // Not so far ahead that everything is over before a connection is lost.
                    while n > all_seen.load(Ordering::Relaxed) / EMITTERS as u64 + 100 {
                        tokio::task::yield_now().await;
                    }
                    match n % 3 {
                        0 => io.emit("e", (emitter, n)),
                        1 => io.to("room").emit("e", (emitter, n)),
                        _ => old.emit("e", (emitter, n)),
                    };
                    io.volatile().emit("tick", "tock");
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let mut next = [0; EMITTERS];
    let mut losses = 0;
    let mut count = |event: &serde_json::Value| {
        if event[0] == "e" {
            let emitter = event[1].as_u64().expect("a number") as usize;
            assert_eq!(event[2].as_u64(), Some(next[emitter]), "of emitter {emitter}: {}", short(event));
            next[emitter] += 1;
            all_seen.fetch_add(1, Ordering::Relaxed);
        }
        next.iter().sum::<u64>()
    };
    let mut seen = 0;
    while seen < EMITTERS as u64 * EVENTS {
        for _ in 0..rand::random_range(1..200) {
            if seen == EMITTERS as u64 * EVENTS {
                break;
            }
            seen = count(&client.next().await);
        }
        losses += 1;
        // Half of the time the client is back before the server has noticed anything.
        let lost = match rand::random() {
            true => client.lose(&io).await,
            false => client.lost(),
        };
        client = lost.back(&io).await;
        for event in std::mem::take(&mut client.early) {
            seen = count(&event);
        }
    }
    for emitter in emitters {
        emitter.await.expect("it has not panicked");
    }
    assert!(losses > 10, "{losses}");
}
