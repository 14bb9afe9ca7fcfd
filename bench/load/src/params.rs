//! What a run is asked to do.
//!
//! In: the command line; out: a value for everything, from one table of defaults per scenario.

use std::time::Duration;

use clap::{Parser, ValueEnum};
use serde::Serialize;

use crate::check::NUMBER;

/// The scenarios; each has a file of `scenario/` that says what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lower")]
pub(crate) enum Scenario {
    /// Clients that do nothing: what memory they cost.
    Idle,
    /// Whole handshakes.
    Connect,
    /// A ping and a pong of each client, again and again.
    Heartbeat,
    /// One sends to all.
    Fanout,
    /// Members of rooms send into their rooms.
    Rooms,
    /// Events that are acknowledged with what they carry.
    Echo,
}

/// The command line.
#[derive(Clone, Debug, Parser)]
#[command(name = "load", about = "Many Socket.IO clients that check what they receive")]
pub(crate) struct Arguments {
    /// What to do.
    #[arg(value_enum)]
    scenario: Scenario,
    /// The server's port on 127.0.0.1.
    #[arg(long)]
    port: u16,
    /// The server's process.
    #[arg(long)]
    pid: i32,
    /// A further process whose threads count as the server's.
    #[arg(long = "threads-of", value_name = "PID")]
    threads_of: Vec<i32>,
    /// How many clients.
    #[arg(long)]
    clients: Option<usize>,
    /// How many rooms.
    #[arg(long)]
    rooms: Option<usize>,
    /// How many members each room has.
    #[arg(long)]
    members: Option<usize>,
    /// The bytes of a payload.
    #[arg(long)]
    size: Option<usize>,
    /// How many messages are on their way at the same time, or how many connections are being made.
    #[arg(long)]
    inflight: Option<usize>,
    /// How long the measured window is.
    #[arg(long)]
    seconds: Option<f64>,
    /// How long the load runs before it.
    #[arg(long)]
    warmup: Option<f64>,
    /// How many messages per second, where they are sent by the clock.
    #[arg(long)]
    rate: Option<f64>,
    /// Whether `latency` sends broadcasts in place of echoes.
    #[arg(long)]
    broadcast: bool,
    /// Whether to speak TLS.
    #[arg(long)]
    tls: bool,
    /// After how many seconds without progress a run ends with an error.
    #[arg(long, default_value_t = 20.0)]
    patience: f64,
}

/// What a run is asked to do, with nothing left open.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "they are the arguments above")]
pub(crate) struct Params {
    #[serde(skip)]
    pub(crate) scenario: Scenario,
    pub(crate) port: u16,
    #[serde(skip)]
    pub(crate) pids: Vec<i32>,
    pub(crate) clients: usize,
    pub(crate) rooms: usize,
    pub(crate) members: usize,
    pub(crate) size: usize,
    pub(crate) inflight: usize,
    pub(crate) seconds: f64,
    pub(crate) warmup: f64,
    pub(crate) rate: f64,
    pub(crate) broadcast: bool,
    pub(crate) tls: bool,
    #[serde(skip)]
    pub(crate) patience: Duration,
}

/// What a scenario takes when it is not told.
struct Defaults {
    clients: usize,
    rooms: usize,
    size: usize,
    inflight: usize,
    seconds: f64,
    rate: f64,
}

impl Scenario {
    fn defaults(self) -> Defaults {
        let usual = Defaults { clients: 50, rooms: 0, size: 64, inflight: 1, seconds: 5.0, rate: 0.0 };
        match self {
            Self::Idle => Defaults { clients: 10_000, inflight: 64, ..usual },
            Self::Connect => Defaults { clients: 10_000, inflight: 64, ..usual },
            Self::Heartbeat => Defaults { clients: 2_000, inflight: 64, ..usual },
            Self::Fanout => Defaults { clients: 1_001, ..usual },
            Self::Rooms => Defaults { clients: 5_000, rooms: 500, ..usual },
            Self::Echo => Defaults { size: 32, ..usual },
        }
    }
}

impl From<Arguments> for Params {
    fn from(given: Arguments) -> Self {
        let default = given.scenario.defaults();
        let clients = given.clients.unwrap_or(default.clients).max(1);
        let rooms = match (given.rooms, given.members) {
            (Some(rooms), _) => rooms,
            // As many as fill them with all clients.
            (None, Some(members)) => clients / members.max(1),
            (None, None) => default.rooms,
        };
        Self {
            scenario: given.scenario,
            port: given.port,
            pids: std::iter::once(given.pid).chain(given.threads_of).collect(),
            clients,
            rooms: rooms.max(1),
            members: given.members.unwrap_or(clients / rooms.max(1)).max(1),
            // The number that tells messages apart needs its place.
            size: given.size.unwrap_or(default.size).max(NUMBER),
            inflight: given.inflight.unwrap_or(default.inflight).max(1),
            seconds: given.seconds.unwrap_or(default.seconds),
            warmup: given.warmup.unwrap_or(1.0),
            rate: given.rate.unwrap_or(default.rate),
            broadcast: given.broadcast,
            tls: given.tls,
            patience: Duration::try_from_secs_f64(given.patience).unwrap_or(Duration::from_secs(20)),
        }
    }
}
