//! What a run is asked to do.
//!
//! In: the command line; out: a value for everything, from one table of defaults per scenario.

use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, ValueEnum};
use serde::Serialize;

use crate::check::NUMBER;
use crate::scenario::WireForm;

/// The scenarios; each has a file of `scenario/` that says what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lower")]
pub(crate) enum Scenario {
    /// Clients that do nothing: what memory they cost.
    Idle,
    /// Whole handshakes.
    Connect,
    /// Connect and leave.
    Churn,
    /// A ping and a pong of each client, again and again.
    Heartbeat,
    /// One sends to all.
    Fanout,
    /// The same in another form on the wire.
    Forms,
    /// Members of rooms send into their rooms.
    Rooms,
    /// Three members in each of very many rooms.
    ManyRooms,
    /// One client that is in very many rooms.
    OneSocket,
    /// One sends to all who are not in some rooms.
    Except,
    /// All join a room and leave it.
    Presence,
    /// Events that are acknowledged with what they carry.
    Echo,
    /// The same with a binary attachment.
    Attachment,
    /// The same over HTTP long-polling.
    Polling,
    /// How long messages take that are sent by the clock.
    Latency,
    /// What clients that stop reading do to the others.
    Slow,
    /// One sends to all, over WebTransport.
    WebTransport,
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
    /// Over how many namespaces the rooms of `rooms` are spread: `/`, `/n1`, `/n2` and so on.
    #[arg(long, default_value_t = 1)]
    namespaces: usize,
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
    /// In which form `forms` has its messages on the wire.
    #[arg(long, value_enum, default_value_t)]
    form: WireForm,
    /// Whether to speak TLS.
    #[arg(long)]
    tls: bool,
    /// After how many seconds without progress a run ends with an error.
    #[arg(long, default_value_t = 20.0)]
    patience: f64,
}

/// What a run is asked to do, with nothing left open.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Params {
    #[serde(skip)]
    pub(crate) scenario: Scenario,
    pub(crate) port: u16,
    #[serde(skip)]
    pub(crate) pids: Vec<i32>,
    pub(crate) clients: usize,
    pub(crate) rooms: usize,
    pub(crate) members: usize,
    pub(crate) namespaces: usize,
    pub(crate) size: usize,
    pub(crate) inflight: usize,
    pub(crate) seconds: f64,
    pub(crate) warmup: f64,
    pub(crate) rate: f64,
    pub(crate) broadcast: bool,
    pub(crate) form: WireForm,
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
    /// How many members a room has.
    fn members(self, clients: usize, rooms: usize) -> usize {
        match self {
            Self::ManyRooms => 3,
            Self::Except => 1,
            _ => (clients / rooms).max(1),
        }
    }

    fn defaults(self) -> Defaults {
        let usual = Defaults { clients: 50, rooms: 0, size: 64, inflight: 1, seconds: 5.0, rate: 0.0 };
        match self {
            Self::Idle => Defaults { clients: 10_000, inflight: 64, ..usual },
            Self::Connect => Defaults { clients: 10_000, inflight: 64, ..usual },
            Self::Heartbeat => Defaults { clients: 2_000, inflight: 64, ..usual },
            Self::Fanout | Self::Forms => Defaults { clients: 1_001, ..usual },
            Self::Rooms => Defaults { clients: 5_000, rooms: 500, ..usual },
            Self::Churn => Defaults { clients: 10_000, inflight: 64, ..usual },
            Self::ManyRooms => Defaults { clients: 5_000, rooms: 100_000, ..usual },
            Self::OneSocket => Defaults { clients: 101, rooms: 1_000, ..usual },
            Self::Except => Defaults { clients: 1_101, rooms: 100, ..usual },
            Self::Presence => Defaults { clients: 10_000, rooms: 100, ..usual },
            Self::Echo | Self::Polling => Defaults { size: 32, ..usual },
            Self::Attachment => Defaults { clients: 10, size: 64 * 1024, ..usual },
            Self::Latency => Defaults { size: 32, rate: 1_000.0, ..usual },
            Self::WebTransport => Defaults { clients: 100, ..usual },
            Self::Slow => Defaults { clients: 200, size: 8 * 1024, seconds: 10.0, rate: 250.0, ..usual },
        }
    }
}

impl Arguments {
    /// Reads the command line; ends the program if it makes no sense.
    pub(crate) fn read() -> Self {
        let given = Self::parse();
        if given.namespaces > 1 && given.scenario != Scenario::Rooms {
            let why = "only the clients of `rooms` are spread over namespaces";
            Self::command().error(ErrorKind::ArgumentConflict, why).exit();
        }
        given
    }
}

impl From<Arguments> for Params {
    fn from(given: Arguments) -> Self {
        let default = match (given.scenario, given.broadcast) {
            (Scenario::Latency, true) => Defaults { clients: 1_001, rate: 50.0, ..given.scenario.defaults() },
            (scenario, _) => scenario.defaults(),
        };
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
            members: given.members.unwrap_or_else(|| given.scenario.members(clients, rooms.max(1))),
            namespaces: given.namespaces.max(1),
            // The number that tells messages apart needs its place.
            size: given.size.unwrap_or(default.size).max(NUMBER),
            inflight: given.inflight.unwrap_or(default.inflight).max(1),
            seconds: given.seconds.unwrap_or(default.seconds),
            warmup: given.warmup.unwrap_or(1.0),
            rate: given.rate.unwrap_or(default.rate),
            broadcast: given.broadcast,
            form: given.form,
            tls: given.tls,
            patience: Duration::try_from_secs_f64(given.patience).unwrap_or(Duration::from_secs(20)),
        }
    }
}
