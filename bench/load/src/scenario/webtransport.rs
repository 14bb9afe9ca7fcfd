//! `webtransport`: a fan-out to clients on WebTransport, each on a QUIC connection of its own.
//!
//! In: a server that speaks WebTransport on the UDP port of the same number. Out: deliveries, as in `fanout`. Odd: QUIC is a
//! library's here, so this scenario has a runtime of its own in place of the fleet, and the load takes as long over a
//! message as a server does; what the server takes is counted all the same.

use std::time::{Duration, Instant};

use rustls::version::TLS13;
use wtransport::tls::WEBTRANSPORT_ALPN;
use wtransport::{ClientConfig, Connection, Endpoint, RecvStream, SendStream};

use crate::check::{Fault, Template};
use crate::measure::{Latency, Stop, Window};
use crate::net::any_certificate;
use crate::report::Outcome;
use crate::scenario::Run;

/// The scenario.
pub(crate) fn webtransport(run: &mut Run) -> Result<Outcome, Stop> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(fan_out(run))
}

async fn fan_out(run: &mut Run) -> Result<Outcome, Stop> {
    let (port, size, patience) = (run.params.port, run.params.size, run.params.patience);
    let mut clients = Vec::with_capacity(run.params.clients);
    for _ in 0..run.params.clients {
        clients.push(timely(patience, "the way into the namespace", Client::join(port)).await?);
    }
    let (mut request, expected) = (Template::request(r#"42["broadcast","#, size, "]"), Template::msg(size));
    let mut latency = Latency::new();
    let (begun, mut window, mut deliveries, mut number) = (Instant::now(), None, 0, 0);
    let seconds = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let measured = loop {
        let sent = Instant::now();
        let mut burst = Vec::new();
        for index in 0..run.params.inflight as u64 {
            // A frame of the template is one of a WebSocket; what it carries lies behind its header.
            let header = request.header();
            push_packet(&mut burst, &request.numbered(number + index)[header..]);
        }
        timely(patience, "room for a burst", clients[0].write(&burst)).await?;
        for (who, client) in clients.iter_mut().enumerate() {
            for index in 0..run.params.inflight as u64 {
                let message = timely(patience, "a broadcast", client.message()).await?;
                match expected.number_in(&message) {
                    Some(came) if came == number + index => latency.record(sent.elapsed(), 1),
                    Some(came) if came < number + index => {
                        run.fleet.fault(Fault::Doubled, who, || format!("{came}"));
                    }
                    Some(came) => run.fleet.fault(Fault::Stray, who, || format!("{came}")),
                    None => run.fleet.fault_in(Fault::Altered, who, &message),
                }
                deliveries += 1;
            }
        }
        number += run.params.inflight as u64;
        match &window {
            None if begun.elapsed() >= seconds(run.params.warmup) => {
                window = Some(Window::open(&run.server)?);
                latency.clear();
                deliveries = 0;
            }
            Some(window) if window.open_for() >= seconds(run.params.seconds) => {
                break window.close(&run.server)?;
            }
            _ => {}
        }
    };
    run.outcome("delivery", (deliveries, measured), Some(latency))
}

/// What comes of some work, unless it takes too long.
async fn timely<T>(
    patience: Duration,
    what: &str,
    work: impl Future<Output = Result<T, Stop>>,
) -> Result<T, Stop> {
    tokio::time::timeout(patience, work).await.unwrap_or_else(|_| Err(Stop::Stalled(what.into())))
}

/// One client: a connection with the one stream that the protocol has.
struct Client {
    send: SendStream,
    receive: RecvStream,
    /// What was read and not taken yet.
    rest: Vec<u8>,
    taken: usize,
    _connection: Connection,
}

impl Client {
    async fn join(port: u16) -> Result<Self, Stop> {
        let mut tls = any_certificate(&[&TLS13])?;
        tls.alpn_protocols = vec![WEBTRANSPORT_ALPN.to_vec()];
        let config = ClientConfig::builder().with_bind_default().with_custom_tls(tls).build();
        let url = format!("https://127.0.0.1:{port}/socket.io/");
        let connection = Endpoint::client(config)?.connect(url).await.map_err(closed)?;
        let (send, receive) = connection.open_bi().await.map_err(closed)?.await.map_err(closed)?;
        let mut client = Self { send, receive, rest: Vec::new(), taken: 0, _connection: connection };
        for (said, answer) in [("0", "0{"), ("40", "40{")] {
            let mut bytes = Vec::new();
            push_packet(&mut bytes, said.as_bytes());
            client.write(&bytes).await?;
            let message = client.message().await?;
            if !message.starts_with(answer.as_bytes()) {
                return Err(Stop::Closed(format!("to {said}: {}", String::from_utf8_lossy(&message))));
            }
        }
        Ok(client)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.send.write_all(bytes).await.map_err(closed)
    }

    /// The next packet that is no heartbeat; heartbeats are answered.
    async fn message(&mut self) -> Result<Vec<u8>, Stop> {
        loop {
            while let Some(packet) = self.packet() {
                match &packet[..] {
                    b"2" => self.write(b"\x013").await?,
                    _ => return Ok(packet),
                }
            }
            self.rest.drain(..self.taken);
            self.taken = 0;
            let mut buffer = [0; 16 * 1024];
            match self.receive.read(&mut buffer).await.map_err(closed)? {
                Some(length) => self.rest.extend_from_slice(&buffer[..length]),
                None => return Err(Stop::Closed("the end of a stream".into())),
            }
        }
    }

    /// A whole packet, if one was read.
    fn packet(&mut self) -> Option<Vec<u8>> {
        let (length, header) = match self.rest.get(self.taken..)? {
            [126, a, b, ..] => (usize::from(u16::from_be_bytes([*a, *b])), 3),
            [short @ 0..126, ..] => (usize::from(*short), 1),
            _ => return None,
        };
        let begin = self.taken + header;
        let packet = self.rest.get(begin..begin + length)?.to_vec();
        self.taken = begin + length;
        Some(packet)
    }
}

/// Appends a text packet as it is on the stream. No message of this scenario is longer than two bytes can say.
fn push_packet(out: &mut Vec<u8>, packet: &[u8]) {
    match u8::try_from(packet.len()) {
        Ok(short) if short < 126 => out.push(short),
        _ => {
            out.push(126);
            out.extend_from_slice(&u16::try_from(packet.len()).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    out.extend_from_slice(packet);
}

fn closed(error: impl std::fmt::Display) -> Stop {
    Stop::Closed(error.to_string())
}
