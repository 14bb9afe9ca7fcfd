//! One process of clients, all of one server: it does what each line says, and answers when that is done.
//!
//! In: `warm N`, `connect N`, `heartbeats N`, `broadcast`, `leave`, `report`. Out: a JSON object for each, with the seconds it took.
//! What is odd: one thread with one buffer plays all; a socket owns memory here only while half a frame waits.

use std::io::{self, ErrorKind, Read, Write, stdin};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use serde_json::json;
use socket2::{Domain, Socket, Type};

use crate::client::{Client, REQUEST, Tally};
use crate::failure::{Failure, Outcome};
use crate::frame;
use crate::message::{self, Scope};
use crate::meter::{process_cpu, resident};
use crate::options::Options;

/// Handshakes of this process that are under way at the same time.
const HANDSHAKES: u32 = 32;
/// The port of the first client; there is room for 55,000 behind it.
const FIRST_PORT: u16 = 10_000;
/// How long nothing at all may happen.
const SILENCE: Duration = Duration::from_secs(60);
/// How long one command may take.
const LIMIT: Duration = Duration::from_secs(200);

pub(crate) fn run(options: &Options) -> Outcome {
    let mut crowd = Crowd::new(options)?;
    for line in stdin().lines() {
        let line = line?;
        let begun = Instant::now();
        crowd.obey(&line).map_err(|Failure(text)| Failure(format!("clients: {line}: {text}")))?;
        println!(
            "{}",
            json!({
                "seconds": begun.elapsed().as_secs_f64(), "heartbeats": crowd.tally.heartbeats,
                "cpu_ns": process_cpu().as_secs_f64() * 1e9, "rss_kib": resident()?.0,
            })
        );
    }
    Ok(())
}

struct Crowd {
    server: SocketAddr,
    source: Ipv4Addr,
    /// The next to be bound.
    port: u16,
    room: u32,
    broadcasts: u32,
    members: Vec<Member>,
    tally: Tally,
    poll: Poll,
    events: Events,
    buffer: Box<[u8]>,
    out: Vec<u8>,
}

struct Member {
    client: Client,
    stream: TcpStream,
    /// The request went out.
    asked: bool,
    /// What of a frame came without its end.
    rest: Vec<u8>,
}

impl Crowd {
    fn new(options: &Options) -> Outcome<Self> {
        Ok(Self {
            server: (Ipv4Addr::LOCALHOST, options.port).into(),
            source: Ipv4Addr::new(127, 0, 0, options.source),
            port: FIRST_PORT,
            room: options.room,
            broadcasts: 0,
            members: Vec::new(),
            tally: Tally::default(),
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            buffer: vec![0; 64 * 1024].into(),
            out: Vec::new(),
        })
    }

    fn obey(&mut self, line: &str) -> Outcome {
        let (word, number) = line.split_once(' ').unwrap_or((line, "0"));
        let number: u32 = number.parse().map_err(|_| Failure(format!("not a number: {number}")))?;
        match word {
            "warm" => {
                self.connect(number)?;
                self.leave();
                Ok(())
            }
            "connect" => {
                self.connect(number)?;
                self.join()
            }
            "heartbeats" => {
                self.members.iter_mut().for_each(|member| member.client.count_heartbeats());
                (self.tally.goal, self.tally.beaten) = (u16::try_from(number).unwrap_or(u16::MAX), 0);
                self.play(|crowd| crowd.tally.beaten == crowd.count(), |_| Ok(false))
            }
            "broadcast" => self.broadcast(),
            "leave" => {
                self.leave();
                Ok(())
            }
            "report" => Ok(()),
            _ => Err(Failure("not a command".into())),
        }
    }

    fn count(&self) -> u32 {
        u32::try_from(self.members.len()).expect("a process opens fewer files")
    }

    fn connect(&mut self, clients: u32) -> Outcome {
        self.members.reserve_exact(clients as usize);
        self.play(
            |crowd| crowd.tally.connected == clients,
            |crowd| {
                let open = crowd.count() < clients && crowd.count() - crowd.tally.connected < HANDSHAKES;
                if open { crowd.open().map(|()| true) } else { Ok(false) }
            },
        )
    }

    /// Begins a connection. Clients of one process have their own source address, so that ports suffice.
    fn open(&mut self) -> Outcome {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        // Ends by a reset: a hundred thousand sockets in TIME_WAIT would be counted as memory of the next run.
        socket.set_linger(Some(Duration::ZERO))?;
        self.bind(&socket)?;
        match socket.connect(&self.server.into()) {
            Err(error) if error.raw_os_error() != Some(IN_PROGRESS) => return Err(error.into()),
            _ => {}
        }
        let mut stream = TcpStream::from_std(socket.into());
        let token = Token(self.members.len());
        self.poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.members.push(Member { client: Client::new(), stream, asked: false, rest: Vec::new() });
        Ok(())
    }

    /// Takes the next port by number: asked for any free one, the kernel searches ever longer as they grow scarce.
    fn bind(&mut self, socket: &Socket) -> Outcome {
        loop {
            let address = SocketAddr::from((self.source, self.port));
            let next = self.port.checked_add(1).ok_or_else(|| Failure("no port is left".into()))?;
            self.port = next;
            match socket.bind(&address.into()) {
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                other => return Ok(other?),
            }
        }
    }

    fn join(&mut self) -> Outcome {
        let mut asked = 0;
        let clients = self.count();
        self.play(
            |crowd| crowd.tally.joined == clients,
            |crowd| {
                let ask = asked < clients && asked - crowd.tally.joined < HANDSHAKES;
                if ask {
                    crowd.say(asked, &message::join(asked / crowd.room))?;
                    asked += 1;
                }
                Ok(ask)
            },
        )
    }

    /// One of the clients writes to all.
    fn broadcast(&mut self) -> Outcome {
        let clients = self.count();
        let all = self.tally.broadcasts + u64::from(clients);
        self.say(self.broadcasts % clients.max(1), &message::send(Scope::All, self.broadcasts))?;
        self.broadcasts += 1;
        self.play(|crowd| crowd.tally.broadcasts == all, |_| Ok(false))
    }

    fn leave(&mut self) {
        self.members = Vec::new();
        self.tally = Tally::default();
        self.broadcasts = 0;
    }

    fn say(&mut self, number: u32, text: &str) -> Outcome {
        frame::encode(&mut self.out, text);
        send(&mut self.members[number as usize].stream, &mut self.out)
    }

    /// Plays until `done`; `more` begins something and says whether it did.
    fn play(
        &mut self,
        done: impl Fn(&Self) -> bool,
        mut more: impl FnMut(&mut Self) -> Outcome<bool>,
    ) -> Outcome {
        let limit = Instant::now() + LIMIT;
        while !done(self) {
            if Instant::now() > limit {
                return Err(Failure(format!("too long; so far: {:?}", self.tally)));
            }
            if !more(self)? {
                self.turn(SILENCE)?;
            }
        }
        Ok(())
    }

    fn turn(&mut self, silence: Duration) -> Outcome {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        match self.poll.poll(&mut events, Some(silence)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => other?,
        }
        if events.is_empty() {
            return Err(Failure(format!("nothing happens any more; so far: {:?}", self.tally)));
        }
        for event in &events {
            let Token(number) = event.token();
            self.hear(number).map_err(|Failure(text)| Failure(format!("client {number}: {text}")))?;
        }
        self.events = events;
        Ok(())
    }

    fn hear(&mut self, number: usize) -> Outcome {
        let room = u32::try_from(number).unwrap_or(u32::MAX) / self.room;
        let Some(member) = self.members.get_mut(number) else { return Ok(()) };
        if !member.asked {
            if let Some(error) = member.stream.take_error()? {
                return Err(error.into());
            }
            member.asked = true;
            self.out.extend_from_slice(REQUEST);
            send(&mut member.stream, &mut self.out)?;
        }
        loop {
            let length = match member.stream.read(&mut self.buffer) {
                Ok(0) => return Err(Failure("the server has closed the connection".into())),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            let input = &self.buffer[..length];
            let mut hear = |input: &[u8]| member.client.receive(input, room, &mut self.out, &mut self.tally);
            if member.rest.is_empty() {
                let taken = hear(input)?;
                member.rest.extend_from_slice(&input[taken..]);
            } else {
                member.rest.extend_from_slice(input);
                let taken = hear(&member.rest)?;
                member.rest = member.rest[taken..].to_vec();
            }
            if !self.out.is_empty() {
                send(&mut member.stream, &mut self.out)?;
            }
            // Less than would have fit: the socket is empty, and will say when it is not.
            if length < self.buffer.len() {
                return Ok(());
            }
        }
    }
}

/// Linux's `EINPROGRESS`: the connection is being made.
const IN_PROGRESS: i32 = 115;

/// Writes what a client says. It says so little that it always fits.
fn send(stream: &mut TcpStream, out: &mut Vec<u8>) -> Outcome {
    let written = stream.write(out)?;
    if written != out.len() {
        return Err(io::Error::from(ErrorKind::WriteZero).into());
    }
    out.clear();
    Ok(())
}
