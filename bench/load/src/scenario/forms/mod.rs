//! `forms`: a fan-out in another form than plain text frames: compressed, as MessagePack, with offsets for recovery.
//!
//! In: the form, and a server that was told to speak it. Out: deliveries, as in `fanout`. Odd: here every message is
//! read for what it says, because its bytes cannot be known beforehand; what was read once is not read again, so that
//! a message that is the same for all costs the load little.

mod form;

mod inflate;

mod memory;

use std::time::Instant;

use memchr::memmem;

use self::form::{Form, Said};
use self::inflate::Inflater;
use self::memory::Memory;
use crate::check::Fault;
use crate::fleet::{Fleet, Play};
use crate::frame::{self, Cut, Kind};
use crate::measure::Stop;
use crate::report::Outcome;
use crate::scenario::Run;
use crate::scenario::run::Measurable;
use crate::scenario::tally::Tally;

pub(crate) use form::Form as WireForm;

/// How many connections are made at a time.
const AT_A_TIME: usize = 64;
/// The frame that answers a ping of Engine.IO.
const PONG: &[u8] = b"\x81\x81\0\0\0\x003";

/// The scenario.
pub(crate) fn forms(run: &mut Run) -> Result<Outcome, Stop> {
    let mut play = Forms::new(run);
    play.connect(run)?;
    play.send(&mut run.fleet);
    let counted = run.measure(&mut play);
    for (who, client) in play.clients.iter().enumerate() {
        for number in client.next..play.sent {
            run.fleet.fault(Fault::Lost, who, || format!("{number}"));
        }
    }
    run.outcome("delivery", counted?, Some(play.tally.into_latency()))
}

/// How far a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Upgrading,
    Opening,
    Connecting,
    Joined,
}

#[derive(Debug)]
struct Client {
    stage: Stage,
    /// The number of the message that is due.
    next: u64,
    /// Where what is compressed depends on what came before.
    inflater: Option<Box<Inflater>>,
}

/// Bursts from one to all, itself included.
#[derive(Debug)]
struct Forms {
    form: Form,
    size: usize,
    inflight: u64,
    clients: Vec<Client>,
    joined: usize,
    /// How many messages were sent.
    sent: u64,
    since: Instant,
    done: usize,
    memory: Memory,
    /// Where nothing depends on what came before, one serves all.
    inflater: Inflater,
    tally: Tally,
    refused: Option<String>,
}

impl Forms {
    fn new(run: &Run) -> Self {
        Self {
            form: run.params.form,
            size: run.params.size,
            inflight: run.params.inflight as u64,
            clients: Vec::new(),
            joined: 0,
            sent: 0,
            since: Instant::now(),
            done: 0,
            memory: Memory::default(),
            inflater: Inflater::new(),
            tally: Tally::new(),
            refused: None,
        }
    }

    fn connect(&mut self, run: &mut Run) -> Result<(), Stop> {
        let total = run.params.clients;
        while self.joined < total {
            while self.clients.len() < total && self.clients.len() - self.joined < AT_A_TIME {
                let who = run.fleet.dial_bare()?;
                self.clients.push(Client { stage: Stage::Upgrading, next: 0, inflater: None });
                let request = self.form.upgrade(&run.fleet.host());
                run.fleet.send(who, &request);
            }
            let before = self.joined;
            run.fleet.until(
                self,
                "clients connect",
                |play| play.joined as u64,
                |play| play.refused.is_some() || play.joined > before,
            )?;
            if let Some(why) = &self.refused {
                return Err(Stop::Closed(why.clone()));
            }
        }
        Ok(())
    }

    fn send(&mut self, fleet: &mut Fleet) {
        let mut burst = Vec::new();
        for number in self.sent..self.sent + self.inflight {
            self.form.push_request(&mut burst, number, self.size);
        }
        self.sent += self.inflight;
        self.done = 0;
        self.since = Instant::now();
        fleet.send(0, &burst);
    }

    /// One step of a client's way in; how many bytes it took.
    fn upgraded(&mut self, who: usize, bytes: &[u8]) -> usize {
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return 0 };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        match self.form.accepts(&head) {
            Ok(keeps_context) => {
                let client = &mut self.clients[who];
                client.inflater = keeps_context.then(|| Box::new(Inflater::new()));
                client.stage = Stage::Opening;
            }
            Err(why) => self.refused = Some(format!("{why}: {head}")),
        }
        end + 4
    }

    /// A whole message of the engine; `compressed` as its frame says.
    fn message(&mut self, fleet: &mut Fleet, who: usize, kind: Kind, payload: &[u8], compressed: bool) {
        if compressed && self.clients[who].stage != Stage::Joined {
            // Some servers compress what is short, too.
            let message = match &mut self.clients[who].inflater {
                Some(own) => own.inflate_on(payload),
                None => self.inflater.inflate_alone(payload),
            };
            let message = message.unwrap_or_default().to_vec();
            return self.message(fleet, who, kind, &message, false);
        }
        match (self.clients[who].stage, kind, payload) {
            (_, Kind::Text, b"2") if !compressed => fleet.send(who, PONG),
            (Stage::Opening, Kind::Text, [b'0', ..]) => {
                let mut connect = Vec::new();
                self.form.push_connect(&mut connect);
                fleet.send(who, &connect);
                self.clients[who].stage = Stage::Connecting;
            }
            (Stage::Connecting, ..) if self.form.is_welcome(kind, payload) => {
                self.clients[who].stage = Stage::Joined;
                self.joined += 1;
            }
            (Stage::Joined, ..) => match self.number(who, kind, payload, compressed) {
                Said::Number(number) => self.arrived(fleet, who, number),
                Said::Nothing => {}
                Said::Other => fleet.fault_in(Fault::Altered, who, payload),
            },
            _ => self.refused = Some(format!("in the handshake: {}", String::from_utf8_lossy(payload))),
        }
    }

    /// What a message says, read or remembered.
    fn number(&mut self, who: usize, kind: Kind, payload: &[u8], compressed: bool) -> Said {
        let Self { clients, memory, form, size, inflater, .. } = self;
        let read = |payload: &[u8]| form.read(kind, payload, *size);
        match &mut clients[who].inflater {
            Some(own) if compressed => own.inflate_on(payload).map_or(Said::Other, read),
            _ if compressed => {
                memory.recall(payload, || inflater.inflate_alone(payload).map_or(Said::Other, read))
            }
            _ => memory.recall(payload, || read(payload)),
        }
    }

    fn arrived(&mut self, fleet: &mut Fleet, who: usize, number: u64) {
        let due = self.clients[who].next;
        match number.cmp(&due) {
            std::cmp::Ordering::Equal if number < self.sent => {}
            std::cmp::Ordering::Less => {
                return fleet.fault(Fault::Doubled, who, || format!("{number} came when {due} was due"));
            }
            _ => return fleet.fault(Fault::Stray, who, || format!("{number} came when {due} was due")),
        }
        self.clients[who].next += 1;
        self.tally.count(self.since.elapsed(), 1);
        self.done += usize::from(number + 1 == self.sent);
    }
}

impl Play for Forms {
    fn bytes(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> usize {
        let mut used = 0;
        if self.clients[who].stage == Stage::Upgrading {
            used = self.upgraded(who, bytes);
        }
        while used < bytes.len() {
            let rest = &bytes[used..];
            let compressed = self.form == Form::Deflate && frame::is_compressed(rest);
            let cut = if compressed { frame::cut_compressed(rest) } else { frame::cut(rest) };
            match cut {
                Cut::Whole(kind @ (Kind::Text | Kind::Binary), payload, length) => {
                    self.message(fleet, who, kind, payload, compressed);
                    used += length;
                }
                Cut::Part => break,
                Cut::Whole(kind, ..) => {
                    fleet.fault(Fault::Stray, who, || format!("a frame {kind:?}"));
                    return bytes.len();
                }
                Cut::Wrong => {
                    fleet.fault(Fault::Altered, who, || {
                        format!("not a frame: {:?}", &rest[..rest.len().min(16)])
                    });
                    return bytes.len();
                }
            }
        }
        if self.done == self.clients.len() && self.sent > 0 && !self.tally.is_closing() {
            self.send(fleet);
        }
        used
    }
}

impl Measurable for Forms {
    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn tally_mut(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn is_quiet(&self) -> bool {
        self.done == self.clients.len()
    }
}
