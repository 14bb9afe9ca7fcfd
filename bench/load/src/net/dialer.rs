//! Opens connections to the server under test.
//!
//! In: nothing but the wish for one more; out: a `Link` that is still connecting. Odd: an address has only some 28,000
//! ports to offer, those of closed connections are blocked for a minute, and so each further 15,000 connections come
//! from the next address 127.0.0.x.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use mio::net::TcpStream;
use nix::sys::socket::{setsockopt, sockopt};
use rustls::ClientConfig;
use socket2::{Domain, Protocol, Socket, Type};

use super::link::Link;
use super::tls;

/// How many connections come from one address.
const PER_ADDRESS: usize = 15_000;

/// Opens connections.
#[derive(Debug)]
pub(crate) struct Dialer {
    server: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    dialled: usize,
}

impl Dialer {
    /// To a port of this machine.
    ///
    /// # Errors
    /// When TLS is wanted and cannot be set up.
    pub(crate) fn new(port: u16, with_tls: bool) -> io::Result<Self> {
        let tls = if with_tls { Some(tls::config()?) } else { None };
        Ok(Self { server: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), tls, dialled: 0 })
    }

    /// What a request names as its host.
    pub(crate) fn host(&self) -> String {
        self.server.to_string()
    }

    /// Begins one connection.
    ///
    /// # Errors
    /// When the system has no socket or no port for it.
    pub(crate) fn dial(&mut self) -> io::Result<Link> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        // A burst of small writes leaves at once, as it does from every Socket.IO client.
        socket.set_tcp_nodelay(true)?;
        if let Some(address) = source(self.dialled) {
            // The port is chosen with the server's address in view, so that ports are not used up by binding.
            setsockopt(&socket, sockopt::IpBindAddressNoPort, &true)?;
            socket.bind(&SocketAddr::from((address, 0)).into())?;
        }
        match socket.connect(&self.server.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(nix::errno::Errno::EINPROGRESS as i32) => {}
            Err(error) => return Err(error),
        }
        self.dialled += 1;
        Link::new(TcpStream::from_std(socket.into()), self.tls.as_ref())
    }
}

/// The address from which the connection with this number comes, when it matters.
fn source(number: usize) -> Option<Ipv4Addr> {
    let last = u8::try_from(number / PER_ADDRESS).unwrap_or(u8::MAX - 2);
    (last > 0).then(|| Ipv4Addr::new(127, 0, 0, 1 + last))
}
