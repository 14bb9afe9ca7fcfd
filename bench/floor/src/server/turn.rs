//! One turn of the loop: what the kernel reports, the sweep of pings, the flush at its end.
//!
//! Comes in: epoll's events. Goes out: calls for each. What is odd: whoever is to be closed is closed at the end of the turn, so that
//! no list that is being walked changes.

use std::io;
use std::mem;
use std::time::Instant;

use mio::{Events, Interest, Token};

use super::{LISTENER, Server};
use crate::client::{Client, Phase};
use crate::frame;

impl Server {
    /// Serves until something fails that concerns all.
    pub(crate) fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            let wait = self.heartbeat.wait(Instant::now());
            match self.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &events {
                if event.token() == LISTENER {
                    self.accept()?;
                    continue;
                }
                let own = event.token().0;
                if event.is_writable()
                    && let Some(client) = self.clients.get_mut(own)
                {
                    client.writable(own as u32, &mut self.sending);
                }
                if event.is_readable() {
                    self.readable(own, event.is_read_closed());
                }
                if self.sending.is_full() {
                    self.flush_all();
                }
            }
            if self.heartbeat.is_due(Instant::now()) {
                self.ping_all();
            }
            self.end_pass();
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // Gone before it was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let entry = self.clients.vacant_entry();
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(entry.key()), interest)?;
            entry.insert(Client::new(stream));
        }
    }

    /// Flushes who has something waiting, and parts with who is to be closed.
    fn end_pass(&mut self) {
        self.flush_all();
        let mut doomed = mem::take(&mut self.sending.doomed);
        for own in doomed.drain(..) {
            if let Some(mut client) = self.clients.try_remove(own as usize) {
                self.namespaces.of(client.namespace).rooms.leave_all(own, &mut client.rooms);
            }
        }
        self.sending.doomed = doomed;
    }

    fn flush_all(&mut self) {
        let mut dirty = mem::take(&mut self.sending.dirty);
        for own in dirty.drain(..) {
            if let Some(client) = self.clients.get_mut(own as usize) {
                client.flush(own, &mut self.sending);
            }
        }
        self.sending.dirty = dirty;
        self.sending.clear();
    }

    fn ping_all(&mut self) {
        let patience = self.heartbeat.patience();
        let ping = self.sending.frame(|out| frame::write(out, frame::TEXT, &[b"2"]));
        for (own, client) in &mut self.clients {
            if client.missed >= patience {
                client.doom(own as u32, &mut self.sending);
            } else if client.phase != Phase::Handshake {
                client.missed += 1;
                client.send(own as u32, ping, &mut self.sending);
            }
        }
    }
}
