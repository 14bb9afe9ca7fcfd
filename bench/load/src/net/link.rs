//! One connection: TCP, with or without TLS.
//!
//! In and out: bytes of the application. Odd: it reads like a socket that does not block, also with TLS, where one read
//! of the socket can give several of the application; so only a plain link is known to be empty after a short read.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

/// A connection.
#[derive(Debug)]
pub(crate) struct Link {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

impl Link {
    pub(super) fn new(stream: TcpStream, tls: Option<&Arc<ClientConfig>>) -> io::Result<Self> {
        let tls = match tls {
            Some(config) => {
                let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
                let mut tls = ClientConnection::new(config.clone(), name).map_err(io::Error::other)?;
                tls.set_buffer_limit(None);
                Some(Box::new(tls))
            }
            None => None,
        };
        Ok(Self { stream, tls })
    }

    /// What the poll watches.
    pub(crate) fn source(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Whether a read that does not fill its buffer has taken everything.
    pub(crate) fn short_read_is_all(&self) -> bool {
        self.tls.is_none()
    }

    /// Reads as a socket does that never blocks; 0 is the end.
    ///
    /// # Errors
    /// `WouldBlock` when nothing waits; else the connection is broken.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.stream.read(buffer) };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // A server that closes TCP without a farewell in TLS has ended all the same.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            if tls.read_tls(&mut self.stream)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(io::Error::other)?;
            flush(tls, &mut self.stream)?;
        }
    }

    /// Writes what the connection takes now; what it does not take comes back as a smaller number.
    ///
    /// # Errors
    /// When the connection is broken.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(tls) = &mut self.tls {
            tls.writer().write_all(bytes)?;
            flush(tls, &mut self.stream)?;
            return Ok(bytes.len());
        }
        let mut written = 0;
        while written < bytes.len() {
            match self.stream.write(&bytes[written..]) {
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            // A connection that is broken has ended already.
            let _ = flush(tls, &mut self.stream);
        }
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

fn flush(tls: &mut ClientConnection, stream: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        match tls.write_tls(stream) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) => {
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
