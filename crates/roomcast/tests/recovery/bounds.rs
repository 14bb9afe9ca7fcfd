//! How long and how much is kept, and that nothing is left behind.

use std::time::Duration;

use roomcast::{ConnectionStateRecovery, Io, Socket};
use tokio::sync::mpsc;

use crate::client::Client;
use crate::support::{self, until};
use crate::{server, socket, with};

#[tokio::test(start_paused = true)]
async fn a_session_expires_on_time_and_nothing_is_left() {
    let io = with(ConnectionStateRecovery::default().max_disconnection_duration(Duration::from_secs(10)));
    let (dropped, mut drops) = mpsc::unbounded_channel::<()>();
    for (away, kept) in [(9_990, true), (10_000, false)] {
        let client = Client::connect(&io).await;
        let lost = client.lose(&io).await;
        io.emit("missed", 1);
        tokio::time::sleep(Duration::from_millis(away - 1)).await;
        if kept {
            lost.back(&io).await.lose(&io).await;
        } else {
            tokio::time::sleep(Duration::from_millis(1)).await;
            lost.anew(&io).await.lose(&io).await;
        }
    }
    // What was kept for it goes, too, though nobody asks.
    let client = Client::connect(&io).await;
    socket(&io, &client).insert(dropped);
    client.lose(&io).await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(drops.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
    assert!(!io.emit("nobody", ()).recorded());
}

#[tokio::test(start_paused = true)]
async fn a_namespace_made_on_demand_waits_for_its_clients_and_then_goes() {
    let io = with(ConnectionStateRecovery::default().max_disconnection_duration(Duration::from_secs(10)));
    io.of_pattern("/team/{name}");
    let client = Client::enter(&io, "/team/a", "").await;
    let pid = client.pid.clone().expect("recovery is on");
    drop(client);
    until("it has left", || io.sessions() == 0).await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(io.namespaces().len(), 2);
    let client = Client::enter(&io, "/team/a", &format!(r#"{{"pid":"{pid}"}}"#)).await;
    assert_eq!(client.pid.as_deref(), Some(&*pid));
    drop(client);
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(io.namespaces(), ["/"]);
}

#[tokio::test(start_paused = true)]
async fn who_has_missed_more_than_is_kept_begins_anew() {
    let io = with(ConnectionStateRecovery::default().max_packets(3));
    for (missed, kept) in [(3, true), (4, false)] {
        let lost = Client::connect(&io).await.lose(&io).await;
        for n in 0..missed {
            io.emit("n", n);
        }
        match kept {
            true => assert_eq!(lost.back(&io).await.early().len(), 3),
            false => drop(lost.anew(&io).await),
        }
        until("it has left", || io.is_empty()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn when_too_many_are_away_the_oldest_begin_anew() {
    let io = with(ConnectionStateRecovery::default().max_sessions(2));
    let mut lost = Vec::new();
    for _ in 0..3 {
        lost.push(Client::connect(&io).await.lose(&io).await);
    }
    io.emit("missed", 1);
    let [first, second, third] = lost.try_into().expect("three");
    assert_eq!(third.back(&io).await.early(), ["missed 1"]);
    assert_eq!(second.back(&io).await.early(), ["missed 1"]);
    first.anew(&io).await;
}

#[tokio::test(start_paused = true)]
async fn more_than_half_of_an_outbox_is_not_sent_again() {
    let recovery = ConnectionStateRecovery::default();
    let io = Io::builder().max_outbox_packets(10).connection_state_recovery(recovery).build();
    for (missed, kept) in [(5, true), (6, false)] {
        let lost = Client::connect(&io).await.lose(&io).await;
        for n in 0..missed {
            io.emit("n", n);
        }
        match kept {
            true => drop(lost.back(&io).await.lose(&io).await),
            false => drop(lost.anew(&io).await.lose(&io).await),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_forgets_everybody() {
    let io = server();
    let (dropped, mut drops) = mpsc::unbounded_channel::<()>();
    let clients = [Client::connect(&io).await, Client::connect(&io).await];
    for client in &clients {
        socket(&io, client).insert(dropped.clone());
    }
    drop(dropped);
    let [away, here] = clients;
    away.lose(&io).await;
    io.close().await;
    drop(here);
    assert_eq!(drops.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
}

#[tokio::test(start_paused = true)]
async fn a_namespace_made_on_demand_goes_with_the_last_session_that_finds_no_room() {
    let io = with(ConnectionStateRecovery::default().max_sessions(1));
    io.of_pattern("/team/{name}");
    let mut lost = None;
    for path in ["/team/a", "/team/b"] {
        let client = Client::enter(&io, path, "").await;
        lost = Some(client.lost());
        drop(client);
        until("it has left", || io.sessions() == 0).await;
    }
    let mut paths = io.namespaces();
    paths.sort();
    assert_eq!(paths, ["/", "/team/b"]);
    lost.expect("two were lost").back_in(&io, "/team/b").await;
}

/// A value that does not end well.
struct Stubborn;

impl Drop for Stubborn {
    fn drop(&mut self) {
        panic!("on purpose, while ending");
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_panics_when_its_session_expires_hurts_nobody() {
    support::hush_panics();
    let short = Duration::from_secs(10);
    let io = with(ConnectionStateRecovery::default().max_disconnection_duration(short));
    io.of_pattern("/team/{name}").on_connect(async |socket: Socket| socket.insert(Stubborn));
    drop(Client::enter(&io, "/team/a", "").await);
    until("it has left", || io.sessions() == 0).await;
    assert_eq!(io.namespaces().len(), 2);
    until("it has expired", || io.namespaces().len() == 1).await;
}
