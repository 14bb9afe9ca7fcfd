//! What happens in the first scenario: connect, join, three heartbeats, messages to rooms, broadcasts to all, leave.
//!
//! In: the sizes. Out: CPU per unit and memory per client. What is odd: heartbeats do not stop for the other phases, so
//! once their price is known it is taken off what those have cost.

use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::crowd::Crowd;
use super::pipe::ServerEnd;
use crate::allocator::heap;
use crate::failure::{Failure, Outcome};
use crate::message::{self, Scope};
use crate::meter::{Meter, Taken, resident};
use crate::options::Options;
use crate::subject;

/// Handshakes that are under way at the same time.
const HANDSHAKES: u32 = 64;
/// Other requests that are under way at the same time.
const REQUESTS: u32 = 1000;
/// Clients that come and go before anything is measured.
const WARM_UP: u32 = 100;
/// How often every client is pinged while nothing else happens.
const HEARTBEATS: u16 = 3;

/// The whole scenario.
pub(crate) fn run(options: &Options) -> Outcome<Value> {
    let clients = options.sessions;
    // One thread for the server, one for all clients.
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let io = subject::server(options.ping_interval());
    let mut stage =
        Stage { accept: serve(&runtime, &io), crowd: Crowd::new(clients.max(WARM_UP), options.room) };
    stage.connect(WARM_UP)?;
    stage.leave(&io)?;
    stage.crowd.clear();
    let before = Memory::now(&stage.crowd)?;

    say(&format!("connects {clients} clients"));
    let connected = stage.connect(clients)?;
    say("lets them join rooms");
    let joined = stage.join(options.room)?;
    let settled = Memory::now(&stage.crowd)?;
    if io.sessions() != clients as usize {
        return Err(Failure(format!("{clients} clients, but {} sessions", io.sessions())));
    }
    say(&format!("waits for {HEARTBEATS} heartbeats of each"));
    let beaten = stage.heartbeats()?;
    say("sends to every room");
    let to_rooms = stage.send_to_rooms(options.room)?;
    let mut broadcasts = Vec::new();
    for number in 0..options.broadcasts {
        say(&format!("broadcasts, {} of {}", number + 1, options.broadcasts));
        broadcasts.push(stage.broadcast(number)?);
    }
    let after_broadcast = Memory::now(&stage.crowd)?;
    say("lets all of them leave");
    let left = stage.leave(&io)?;
    let left_over = Memory::now(&stage.crowd)?;

    let heartbeat = beaten.taken.server / beaten.units as f64;
    let phase = |phase: &Phase| phase.report(heartbeat);
    Ok(json!({
        "scenario": "memory", "clients": clients, "room": options.room,
        "ping_interval_ms": options.ping_interval,
        "idle": settled.per_client(&before, clients), "after_broadcasts": after_broadcast.per_client(&before, clients),
        "left_over": left_over.per_client(&before, clients),
        "rss_peak_mib": resident()?.1 / 1024,
        "connect": phase(&connected), "join": phase(&joined),
        "heartbeat": { "units": beaten.units, "seconds": beaten.taken.seconds, "server_ns": heartbeat,
            "clients_ns": beaten.taken.clients / beaten.units as f64 },
        "to_room": phase(&to_rooms), "broadcast": broadcasts.iter().map(phase).collect::<Vec<_>>(),
        "leave": phase(&left),
    }))
}

/// Takes connections as a listener would: one task for each.
fn serve(runtime: &Runtime, io: &roomcast::Io) -> UnboundedSender<ServerEnd> {
    let (accept, mut accepted) = unbounded_channel();
    let io = io.clone();
    runtime.spawn(async move {
        while let Some(stream) = accepted.recv().await {
            let io = io.clone();
            tokio::spawn(async move { io.serve_stream(stream, None).await });
        }
    });
    accept
}

fn say(what: &str) {
    eprintln!("million: {what}");
}

struct Stage {
    /// Holds no more than [`HANDSHAKES`].
    accept: UnboundedSender<ServerEnd>,
    crowd: Crowd,
}

/// What one phase did and took.
struct Phase {
    units: u64,
    taken: Taken,
    /// Besides.
    heartbeats: u64,
}

impl Phase {
    /// `heartbeat`: nanoseconds that one costs the server.
    fn report(&self, heartbeat: f64) -> Value {
        let units = self.units as f64;
        let server = (self.taken.server - heartbeat * self.heartbeats as f64).max(0.0);
        json!({
            "units": self.units, "seconds": self.taken.seconds, "server_ns": server / units,
            "clients_ns": self.taken.clients / units, "heartbeats_besides": self.heartbeats,
        })
    }
}

impl Stage {
    /// `units`: how many there were; `work`: what is measured.
    fn measure(&mut self, units: u64, work: impl FnOnce(&mut Self) -> Outcome) -> Outcome<Phase> {
        self.crowd.begin();
        let before = self.crowd.tally().heartbeats;
        let meter = Meter::start();
        work(self)?;
        let taken = meter.stop();
        Ok(Phase { units, taken, heartbeats: self.crowd.tally().heartbeats - before })
    }

    fn connect(&mut self, clients: u32) -> Outcome<Phase> {
        self.measure(clients.into(), |stage| {
            while stage.crowd.tally().connected < clients {
                while stage.crowd.count() < clients
                    && stage.crowd.count() - stage.crowd.tally().connected < HANDSHAKES
                {
                    let stream = stage.crowd.open();
                    stage.accept.send(stream).map_err(|_| Failure("the server accepts no more".into()))?;
                }
                stage.crowd.turn("connecting")?;
            }
            Ok(())
        })
    }

    fn join(&mut self, room: u32) -> Outcome<Phase> {
        let clients = self.crowd.count();
        self.measure(clients.into(), |stage| {
            let mut asked = 0;
            while stage.crowd.tally().joined < clients {
                while asked < clients && asked - stage.crowd.tally().joined < REQUESTS {
                    stage.crowd.say(asked, &message::join(asked / room));
                    asked += 1;
                }
                stage.crowd.turn("joining")?;
            }
            Ok(())
        })
    }

    fn heartbeats(&mut self) -> Outcome<Phase> {
        let clients = self.crowd.count();
        self.crowd.count_heartbeats(HEARTBEATS);
        let mut phase =
            self.measure(0, |stage| stage.crowd.play("heartbeats", |crowd| crowd.tally().beaten == clients))?;
        phase.units = phase.heartbeats;
        Ok(phase)
    }

    /// The first member of every room writes to the others.
    fn send_to_rooms(&mut self, room: u32) -> Outcome<Phase> {
        let clients = self.crowd.count();
        let rooms = clients.div_ceil(room);
        let deliveries = u64::from(clients - rooms);
        self.measure(deliveries, |stage| {
            let mut sent = 0;
            while stage.crowd.tally().to_rooms < deliveries {
                // As many rooms at a time as there are handshakes.
                let behind = u64::from(sent) * u64::from(room - 1);
                if sent < rooms && behind < stage.crowd.tally().to_rooms + u64::from(HANDSHAKES * room) {
                    stage.crowd.say(sent * room, &message::send(Scope::Room(sent), 0));
                    sent += 1;
                } else {
                    stage.crowd.turn("messages to rooms")?;
                }
            }
            Ok(())
        })
    }

    /// One client writes to all.
    fn broadcast(&mut self, number: u32) -> Outcome<Phase> {
        let clients = self.crowd.count();
        let all = self.crowd.tally().broadcasts + u64::from(clients);
        self.measure(clients.into(), |stage| {
            stage.crowd.say(number % clients, &message::send(Scope::All, number));
            stage.crowd.play("the broadcast", |crowd| crowd.tally().broadcasts == all)
        })
    }

    fn leave(&mut self, io: &roomcast::Io) -> Outcome<Phase> {
        let clients = self.crowd.count();
        let phase = self.measure(clients.into(), |stage| {
            (0..clients).for_each(|number| stage.crowd.leave(number));
            stage.crowd.play("leaving", |crowd| crowd.served() == 0)
        })?;
        match io.sessions() {
            0 => Ok(phase),
            left => Err(Failure(format!("{left} sessions are left over"))),
        }
    }
}

/// What is held at one moment.
struct Memory {
    resident_kib: u64,
    heap: usize,
    /// Of that, the pipes.
    transport: usize,
}

impl Memory {
    fn now(crowd: &Crowd) -> Outcome<Self> {
        Ok(Self { resident_kib: resident()?.0, heap: heap(), transport: crowd.transport() })
    }

    /// Bytes per client more than there were before.
    fn per_client(&self, before: &Self, clients: u32) -> Value {
        let per_client = |now: usize, before: usize| (now as f64 - before as f64) / f64::from(clients);
        json!({
            "rss": (self.resident_kib as f64 - before.resident_kib as f64) * 1024.0 / f64::from(clients),
            "heap": per_client(self.heap, before.heap),
            "transport": per_client(self.transport, before.transport),
        })
    }
}
