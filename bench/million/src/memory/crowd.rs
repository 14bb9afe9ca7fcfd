//! All clients of the first scenario, played by the thread that owns them.
//!
//! In: what the server wrote, client by client, as [`Ready`] names them. Out: answers, and the tally. What is odd: a
//! client is a few dozen bytes in one long table, made before anything is measured.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pipe::{ClientEnd, ServerEnd, pipe};
use super::ready::Ready;
use crate::client::{Client, REQUEST, Tally};
use crate::failure::{Failure, Outcome};
use crate::frame;

/// How long nothing at all may happen.
const SILENCE: Duration = Duration::from_secs(120);
/// How long one phase may take.
const LIMIT: Duration = Duration::from_secs(600);

pub(super) struct Crowd {
    members: Vec<Member>,
    room: u32,
    ready: Arc<Ready>,
    tally: Tally,
    /// Of the present phase.
    limit: Instant,
    // Empty between two turns, kept for their room.
    batch: Vec<u32>,
    out: Vec<u8>,
}

#[derive(Debug)]
struct Member {
    client: Client,
    /// `None` once it has left.
    end: Option<ClientEnd>,
}

impl Crowd {
    /// Room for that many clients, `room` of them in each room.
    pub(super) fn new(most: u32, room: u32) -> Self {
        let mut members = Vec::new();
        // Written once, so that it is in memory.
        members.resize_with(most as usize, || Member { client: Client::new(), end: None });
        members.clear();
        let ready = Arc::default();
        Self {
            members,
            room,
            ready,
            tally: Tally::default(),
            limit: Instant::now(),
            batch: Vec::new(),
            out: Vec::new(),
        }
    }

    /// A phase begins, and has its time.
    pub(super) fn begin(&mut self) {
        self.limit = Instant::now() + LIMIT;
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Connections that the server still holds.
    pub(super) fn served(&self) -> u32 {
        self.ready.served()
    }

    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.members.len()).expect("as many as were asked for")
    }

    /// A new client; what it gives is to be served.
    pub(super) fn open(&mut self) -> ServerEnd {
        let (server, client) = pipe(&self.ready, self.count(), REQUEST);
        self.members.push(Member { client: Client::new(), end: Some(client) });
        server
    }

    /// Lets a client say something.
    pub(super) fn say(&mut self, number: u32, text: &str) {
        frame::encode(&mut self.out, text);
        if let Some(end) = self.members.get(number as usize).and_then(|member| member.end.as_ref()) {
            end.send(&self.out);
        }
        self.out.clear();
    }

    /// Begins to count the clients that have had `goal` heartbeats from now on.
    pub(super) fn count_heartbeats(&mut self, goal: u16) {
        self.members.iter_mut().for_each(|member| member.client.count_heartbeats());
        (self.tally.goal, self.tally.beaten) = (goal, 0);
    }

    /// Lets a client leave without a word.
    pub(super) fn leave(&mut self, number: u32) {
        self.members[number as usize].end = None;
    }

    /// Forgets the clients that are gone.
    pub(super) fn clear(&mut self) {
        self.members.clear();
        self.tally = Tally::default();
    }

    /// Plays until `done`.
    pub(super) fn play(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) -> Outcome {
        while !done(self) {
            self.turn(what)?;
        }
        Ok(())
    }

    /// Waits until somebody has something to do, and does it.
    pub(super) fn turn(&mut self, what: &str) -> Outcome {
        if Instant::now() > self.limit {
            return Err(Failure(format!("{what} takes too long; so far: {:?}", self.tally)));
        }
        let mut batch = std::mem::take(&mut self.batch);
        self.ready.take(&mut batch, Instant::now() + SILENCE);
        if batch.is_empty() {
            return Err(Failure(format!("{what}: nothing happens any more; so far: {:?}", self.tally)));
        }
        for &number in &batch {
            self.hear(number).map_err(|Failure(text)| Failure(format!("{what}, client {number}: {text}")))?;
        }
        batch.clear();
        self.batch = batch;
        Ok(())
    }

    fn hear(&mut self, number: u32) -> Outcome {
        let Some(member) = self.members.get_mut(number as usize) else { return Ok(()) };
        let Some(end) = &member.end else { return Ok(()) };
        let (bytes, left) = end.take();
        if left {
            return Err(Failure("the server has closed the connection".into()));
        }
        let room = number / self.room;
        let taken = member.client.receive(&bytes, room, &mut self.out, &mut self.tally)?;
        end.put_back(&bytes[taken..]);
        if !self.out.is_empty() {
            end.send(&self.out);
            self.out.clear();
        }
        Ok(())
    }

    /// Bytes of heap that the transport holds, besides the table of clients.
    pub(super) fn transport(&self) -> usize {
        let ends = self.members.iter().filter_map(|member| member.end.as_ref());
        let batch = self.batch.capacity() * size_of::<u32>();
        ends.map(|end| end.heap()).sum::<usize>() + self.ready.heap() + batch
    }
}
