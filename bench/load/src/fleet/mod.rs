//! All clients of a run, on one thread and one epoll.
//!
//! In: connections to open and bytes to send; out: bytes of joined clients, to a `Play`. Odd: a client is a few dozen
//! bytes, one big buffer reads for all of them, and only an incomplete frame is kept. The poll reports edges: a
//! connection is read until a read leaves its buffer unfilled.

mod client;

mod namespaces;

mod handshake;

mod reading;

mod inbound;

mod sending;

#[cfg(test)]
mod unconnected;

use std::io;
use std::mem;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use self::client::{Client, Phase};
pub(crate) use self::inbound::Inbound;
pub(crate) use self::namespaces::Namespaces;
use crate::check::{Fault, Faults};
use crate::measure::{Patience, Stop};
use crate::net::Dialer;

/// How long a turn waits at most, so that patience is asked.
const TURN: Duration = Duration::from_millis(100);
/// What one read takes at most.
const BUFFER: usize = 256 * 1024;

/// What a scenario does with what its clients receive.
pub(crate) trait Play {
    /// Bytes for a client that has joined, from the beginning of a frame or, where a play took part of a frame, from
    /// there on. Returns how many it took; the others come again, with more behind them.
    fn bytes(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> usize;

    /// Sends what is due by the clock; returns how long a turn may wait for the kernel.
    fn pulse(&mut self, _fleet: &mut Fleet) -> Duration {
        TURN
    }

    /// A client has begun to connect.
    fn dialled(&mut self, _who: usize) {}

    /// A client has joined the namespace.
    fn joined(&mut self, _fleet: &mut Fleet, _who: usize) {}

    /// A client's connection has ended, wanted or not.
    fn ended(&mut self, _fleet: &mut Fleet, _who: usize) {}
}

/// The clients.
#[derive(Debug)]
pub(crate) struct Fleet {
    poll: Poll,
    events: Events,
    scratch: Vec<u8>,
    dialer: Dialer,
    upgrade: Vec<u8>,
    clients: Vec<Client>,
    namespaces: Namespaces,
    joined: usize,
    away: usize,
    gone: usize,
    pings: u64,
    ended: Vec<(usize, String)>,
    patience: Duration,
    /// Whether the server may end connections, which else ends the run.
    pub(crate) may_close: bool,
    /// What was wrong.
    pub(crate) faults: Faults,
}

impl Fleet {
    /// No client yet, who will be in these namespaces; `patience` is how long a run waits without progress.
    ///
    /// # Errors
    /// When the system has no epoll.
    pub(crate) fn new(dialer: Dialer, namespaces: Namespaces, patience: Duration) -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            scratch: vec![0; BUFFER],
            upgrade: handshake::request(&dialer.host()),
            dialer,
            clients: Vec::new(),
            namespaces,
            joined: 0,
            away: 0,
            gone: 0,
            pings: 0,
            ended: Vec::new(),
            patience,
            may_close: false,
            faults: Faults::default(),
        })
    }

    /// How many connections have ended, wanted or not.
    pub(crate) fn gone(&self) -> usize {
        self.gone
    }

    /// How many pings were answered.
    pub(crate) fn pings(&self) -> u64 {
        self.pings
    }

    /// Who lost the connection unasked, and what is known about why.
    pub(crate) fn ended(&self) -> &[(usize, String)] {
        &self.ended
    }

    /// Whether this client has lost its connection, or given it up.
    pub(crate) fn is_gone(&self, who: usize) -> bool {
        self.clients[who].phase == Phase::Gone
    }

    /// Who is in which namespace.
    pub(crate) fn namespaces(&self) -> &Namespaces {
        &self.namespaces
    }

    /// The server's address, as a request names it.
    pub(crate) fn host(&self) -> String {
        self.dialer.host()
    }

    /// Patience as long as this run's.
    pub(crate) fn patience(&self) -> Patience {
        Patience::new(self.patience)
    }

    /// Begins a connection that will join the namespace over a WebSocket.
    ///
    /// # Errors
    /// When the system has no socket for it.
    pub(crate) fn dial(&mut self) -> io::Result<usize> {
        let who = self.connect()?;
        self.clients[who].phase = Phase::Upgrading;
        self.clients[who].out.extend_from_slice(&self.upgrade);
        Ok(who)
    }

    /// Begins a connection that is the play's own from its first byte.
    ///
    /// # Errors
    /// When the system has no socket for it.
    pub(crate) fn dial_bare(&mut self) -> io::Result<usize> {
        let who = self.connect()?;
        self.joined += 1;
        Ok(who)
    }

    fn connect(&mut self) -> io::Result<usize> {
        let mut link = self.dialer.dial()?;
        let who = self.clients.len();
        self.poll.registry().register(link.source(), Token(who), Interest::READABLE | Interest::WRITABLE)?;
        self.clients.push(Client::new(Some(link)));
        Ok(who)
    }

    /// Connects clients, so many at a time, until so many have joined.
    ///
    /// # Errors
    /// When one of them is refused or nothing moves.
    pub(crate) fn grow(&mut self, play: &mut impl Play, total: usize, at_a_time: usize) -> Result<(), Stop> {
        let mut patience = self.patience();
        while self.joined < total {
            loop {
                let present = self.clients.len() - self.away;
                if present >= total || present - self.joined >= at_a_time {
                    break;
                }
                let who = self.dial()?;
                play.dialled(who);
            }
            self.turn(play, TURN)?;
            patience.check(self.joined as u64, || format!("{total} clients connect"))?;
        }
        Ok(())
    }

    /// Takes what comes for as long as this, whatever it is.
    ///
    /// # Errors
    /// When a connection is lost.
    pub(crate) fn linger(&mut self, play: &mut impl Play, time: Duration) -> Result<(), Stop> {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            self.turn(play, left.min(TURN).max(Duration::from_millis(1)))?;
        }
        Ok(())
    }

    /// Works until `done` says so of the play; `progress` is what must move meanwhile.
    ///
    /// # Errors
    /// When a connection is lost or nothing moves.
    pub(crate) fn until<P: Play>(
        &mut self,
        play: &mut P,
        awaited: &str,
        progress: impl Fn(&P) -> u64,
        mut done: impl FnMut(&P) -> bool,
    ) -> Result<(), Stop> {
        let mut patience = self.patience();
        while !done(play) {
            let wait = play.pulse(self);
            self.turn(play, wait)?;
            patience.check(progress(play), || awaited.into())?;
        }
        Ok(())
    }

    /// Waits once for the kernel, not longer than this, and passes on what has come.
    ///
    /// # Errors
    /// When a connection is lost that should not be.
    pub(crate) fn turn(&mut self, play: &mut impl Play, wait: Duration) -> Result<(), Stop> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        // What a play does with the fleet touches neither of these two.
        let events = mem::replace(&mut self.events, Events::with_capacity(0));
        let mut scratch = mem::take(&mut self.scratch);
        for event in &events {
            let who = event.token().0;
            if event.is_writable() {
                self.flush(who);
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                self.read(play, who, &mut scratch, event.is_read_closed() || event.is_error());
            }
        }
        (self.events, self.scratch) = (events, scratch);
        match self.ended.first() {
            Some((who, why)) if !self.may_close => Err(Stop::Closed(format!("client {who}: {why}"))),
            _ => Ok(()),
        }
    }

    /// Keeps bytes of a client until more come.
    pub(crate) fn keep(&mut self, who: usize, bytes: &[u8]) {
        self.clients[who].carry.extend_from_slice(bytes);
    }

    /// Takes a client out of the poll, so that nothing is read for it until it is put back.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn stop_reading(&mut self, who: usize) -> io::Result<()> {
        match &mut self.clients[who].link {
            Some(link) => self.poll.registry().deregister(link.source()),
            None => Ok(()),
        }
    }

    /// Puts it back.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn read_again(&mut self, who: usize) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match &mut self.clients[who].link {
            Some(link) => self.poll.registry().register(link.source(), Token(who), interest),
            None => Ok(()),
        }
    }

    /// Notes what was wrong with what a client received.
    pub(crate) fn fault(&mut self, fault: Fault, who: usize, what: impl FnOnce() -> String) {
        self.faults.add(fault, who, what);
    }

    fn end(&mut self, play: &mut impl Play, who: usize, why: &str) {
        let client = &mut self.clients[who];
        match client.phase {
            Phase::Gone => return,
            Phase::Leaving => {}
            phase => {
                self.away += 1;
                let said = mem::take(&mut client.said);
                let why = if said.is_empty() { why.into() } else { said.into_string() };
                self.ended.push((who, why));
                if phase == Phase::Joined {
                    self.joined -= 1;
                }
            }
        }
        self.gone += 1;
        let client = &mut self.clients[who];
        client.phase = Phase::Gone;
        client.link = None;
        client.carry = Vec::new();
        client.out = Vec::new();
        play.ended(self, who);
    }
}
