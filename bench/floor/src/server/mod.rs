//! The server: the loop, what comes in, what goes out for it.
//!
//! Comes in: connections and their bytes. Goes out: deliveries. What is odd: epoll is edge-triggered and each socket is registered
//! once for both directions; a read that did not fill the buffer has emptied the socket and is not repeated.

// The way of the data.
mod turn;

mod receive;

mod answer;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;

use mio::net::TcpListener;
use mio::{Interest, Poll, Token};
use slab::Slab;

use crate::client::{Client, Partial};
use crate::heartbeat::Heartbeat;
use crate::namespaces::Namespaces;
use crate::sending::{Sending, Way};

const LISTENER: Token = Token(usize::MAX);

/// The one read buffer.
const READ: usize = 256 * 1024;

pub(crate) struct Server {
    poll: Poll,
    listener: TcpListener,
    heartbeat: Heartbeat,
    clients: Slab<Client>,
    namespaces: Namespaces,
    sending: Sending,
    buffer: Vec<u8>,
    #[expect(clippy::vec_box, reason = "they move to and from clients, which have one word for them")]
    spare: Vec<Box<Partial>>,
    /// For each client the number of the broadcast that last left it out.
    marks: Vec<u32>,
    mark: u32,
    connections: u64,
}

impl Server {
    pub(crate) fn bind(address: SocketAddr, way: Way, heartbeat: Heartbeat) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(address)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            heartbeat,
            clients: Slab::new(),
            namespaces: Namespaces::default(),
            sending: Sending::new(way),
            buffer: vec![0; READ],
            spare: Vec::new(),
            marks: Vec::new(),
            mark: 0,
            connections: 0,
        })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
