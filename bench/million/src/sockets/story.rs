//! What happens in the second scenario: connect and join, heartbeats, broadcasts to all, leave.
//!
//! In: the sizes. Out: CPU of the servers per unit; memory of servers, clients and kernel per client. What is odd: both
//! ends of every connection are on this machine, so the kernel's share is that of two sockets.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::files;
use super::kernel::{self, Kernel};
use super::part::{Part, number};
use crate::failure::{Failure, Outcome};
use crate::options::Options;

/// Clients per server that come and go before anything is measured.
const WARM_UP: u32 = 100;
/// How often every client is pinged while nothing else happens.
const HEARTBEATS: u32 = 2;
/// How long a server may take to notice that its clients have left.
const FAREWELL: Duration = Duration::from_secs(60);
/// Between two questions whether it has.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// The whole scenario.
pub(crate) fn run(options: &Options) -> Outcome<Value> {
    let each = options.clients / options.servers;
    let clients = each * options.servers;
    if each == 0 {
        return Err(Failure("fewer clients than servers".into()));
    }
    // The parts inherit it.
    files::allow(each.max(WARM_UP))?;
    say(&format!("starts {} servers and their clients", options.servers));
    let mut stage = Stage::new(options)?;
    stage.tell(&format!("warm {WARM_UP}"))?;
    stage.deserted()?;
    let (empty, before) = (Kernel::now()?, stage.look("report")?);

    say(&format!("connects {each} clients to each"));
    let connected = stage.look(&format!("connect {each}"))?;
    let full = Kernel::now()?;
    if connected.sessions != f64::from(clients) {
        return Err(Failure(format!("{clients} clients, but {} sessions", connected.sessions)));
    }
    say(&format!("waits for {HEARTBEATS} heartbeats of each"));
    let beaten = stage.look(&format!("heartbeats {HEARTBEATS}"))?;
    let beats = beaten.heartbeats - connected.heartbeats;
    let heartbeat = (beaten.cpu - connected.cpu) / beats;
    let mut looks = vec![beaten];
    for number in 1..=options.broadcasts {
        say(&format!("broadcasts, {number} of {}", options.broadcasts));
        looks.push(stage.look("broadcast")?);
    }
    say("lets all of them leave");
    stage.tell("leave")?;
    stage.deserted()?;

    let per_client = |kib: f64| kib * 1024.0 / f64::from(clients);
    let cost = |before: &Look, after: &Look| {
        let besides = heartbeat * (after.heartbeats - before.heartbeats);
        (after.cpu - before.cpu - besides) / f64::from(clients)
    };
    let broadcasts = looks.windows(2).map(
        |pair| json!({ "units": clients, "seconds": pair[1].seconds, "server_ns": cost(&pair[0], &pair[1]) }),
    );
    let programs = connected.server_kib - before.server_kib + connected.clients_kib - before.clients_kib;
    Ok(json!({
        "scenario": "sockets", "clients": clients, "servers": options.servers, "room": options.room,
        "ping_interval_ms": options.ping_interval,
        "server": {
            "rss": per_client(connected.server_kib - before.server_kib),
            "heap": (connected.heap - before.heap) / f64::from(clients),
        },
        "clients_rss": per_client(connected.clients_kib - before.clients_kib),
        "kernel": {
            "socket": kernel::socket(),
            "slabs": per_client(signed(full.slabs, empty.slabs)),
            "page_tables": per_client(signed(full.tables, empty.tables)),
            "socket_buffers": per_client(signed(full.buffers, empty.buffers)),
            "all": per_client(signed(empty.available, full.available) - programs),
            "sockets": signed(full.sockets, empty.sockets) / f64::from(clients),
        },
        "connect_and_join": { "units": clients, "seconds": connected.seconds, "server_ns": cost(&before, &connected) },
        "heartbeat": { "units": beats, "seconds": looks[0].seconds, "server_ns": heartbeat },
        "broadcast": broadcasts.collect::<Vec<_>>(),
    }))
}

fn signed(more: u64, less: u64) -> f64 {
    more as f64 - less as f64
}

fn say(what: &str) {
    eprintln!("million: {what}");
}

struct Stage {
    servers: Vec<Part>,
    clients: Vec<Part>,
}

/// What all parts say at one moment, summed up.
struct Look {
    sessions: f64,
    cpu: f64,
    heap: f64,
    server_kib: f64,
    clients_kib: f64,
    heartbeats: f64,
    /// Until the last of the clients was done.
    seconds: f64,
}

impl Stage {
    fn new(options: &Options) -> Outcome<Self> {
        let mut stage = Self { servers: Vec::new(), clients: Vec::new() };
        for index in 0..options.servers {
            let args = |more: [(&str, String); 2]| -> Vec<String> {
                let same = [("--ping-interval", options.ping_interval), ("--room", options.room)];
                let same = same.map(|(name, number)| (name, number.to_string()));
                same.into_iter().chain(more).flat_map(|(name, value)| [name.to_owned(), value]).collect()
            };
            let free = [("--port", "0".to_owned()), ("--source", "1".to_owned())];
            let server = Part::start("server", &args(free))?;
            let port = number(&server.answer()?, "port")?;
            // Each has a source address of its own, 127.0.0.2 and up.
            let to = [("--port", port.to_string()), ("--source", (index + 2).to_string())];
            stage.clients.push(Part::start("clients", &args(to))?);
            stage.servers.push(server);
        }
        Ok(stage)
    }

    /// Tells all clients something and waits until all have done it.
    fn tell(&mut self, word: &str) -> Outcome<Vec<Value>> {
        self.clients.iter_mut().try_for_each(|part| part.tell(word))?;
        self.clients.iter().map(Part::answer).collect()
    }

    /// The same, and what they and the servers hold then.
    fn look(&mut self, word: &str) -> Outcome<Look> {
        let begun = Instant::now();
        let clients = self.tell(word)?;
        let seconds = begun.elapsed().as_secs_f64();
        let servers = self.servers.iter_mut().map(|part| part.ask("report")).collect::<Outcome<Vec<_>>>()?;
        let sum = |answers: &[Value], name: &str| -> Outcome<f64> {
            answers.iter().map(|answer| number(answer, name)).sum()
        };
        Ok(Look {
            sessions: sum(&servers, "sessions")?,
            cpu: sum(&servers, "cpu_ns")?,
            heap: sum(&servers, "heap")?,
            server_kib: sum(&servers, "rss_kib")?,
            clients_kib: sum(&clients, "rss_kib")?,
            heartbeats: sum(&clients, "heartbeats")?,
            seconds,
        })
    }

    /// Waits until no server has a session.
    fn deserted(&mut self) -> Outcome {
        let limit = Instant::now() + FAREWELL;
        for server in &mut self.servers {
            while number(&server.ask("report")?, "sessions")? > 0.0 {
                if Instant::now() > limit {
                    return Err(Failure("sessions are left over".into()));
                }
                std::thread::sleep(ASK_AGAIN);
            }
        }
        Ok(())
    }
}
