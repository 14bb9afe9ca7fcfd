//! The whole server, from the bytes that a client says to the bytes that it hears.
//!
//! What is odd: a crowd is always there, so that tables do not grow and shrink with the few clients that are counted;
//! and heartbeats are so rare that none falls into a run.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use roomcast::{ConnectionStateRecovery, Io, IoBuilder, RoomcastService, Socket};
use tokio::runtime::Runtime;

use crate::case::{Case, Work};
use crate::wire::{Wire, until_turns, until_written, written};

const CROWD: usize = 300;
/// Units of one round.
const UNITS: usize = 10;
/// What is emitted, its length as a frame, and what a client says.
const TEXT: &str = "something happened";
const NEWS: &str = r#"42["news","something happened"]"#;
const CHAT: &str = r#"42["chat","general",{"text":"how are you?","to":["ann","bob"]}]"#;
const QUESTION: &str = r#"427["echo","something happened"]"#;
const ANSWER: &str = r#"437["something happened"]"#;
/// Bytes of an offset behind the arguments of an event, with comma and quotes.
const OFFSET: usize = 15;
/// Bytes of a short frame besides its text.
const HEADER: usize = 2;

pub(crate) fn cases() -> Vec<Case> {
    let case = |name, prepare| Case { name, units: 10, rounds: 20, prepare };
    vec![
        case("server: connect", Visits::arriving),
        case("server: leave", Visits::leaving),
        case("server: receive an event", receive),
        case("server: answer a client's question", answer),
        case("server: ask a client", ask),
        case("server: emit to one", emit_to_one),
        Case { name: "server: emit to a room of 1,000", units: 1, rounds: 20, prepare: emit_to_room },
        case("server: emit to one, with recovery", emit_to_one_recorded),
        Case {
            name: "server: emit to a room of 1,000, with recovery",
            units: 1,
            rounds: 20,
            prepare: emit_to_room_recorded,
        },
        Case { name: "server: 10 emits at once to a room of 100", units: 1, rounds: 20, prepare: emit_burst },
    ]
}

/// A server on this thread, and those who are there all the time.
struct House {
    runtime: Runtime,
    io: Io,
    service: RoomcastService,
    crowd: Vec<Wire>,
    /// Events that came to the handler.
    chats: Arc<AtomicUsize>,
}

impl House {
    fn new(crowd: usize) -> Self {
        Self::built(crowd, Io::builder())
    }

    /// With recovery on, and with room for what a run records before the first event goes.
    fn recording(crowd: usize) -> Self {
        Self::built(
            crowd,
            Io::builder().connection_state_recovery(ConnectionStateRecovery::default().max_packets(16)),
        )
    }

    fn built(crowd: usize, builder: IoBuilder) -> Self {
        let never = Duration::from_secs(24 * 60 * 60);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.expect("a runtime without sockets needs nothing");
        let io = builder.ping_interval(never).ping_timeout(never).build();
        let chats = Arc::new(AtomicUsize::new(0));
        io.on_connect(async |socket: Socket| socket.join("everybody"));
        io.on("echo", async |text: String| text);
        let counter = chats.clone();
        io.on("chat", move |room: String, message: serde_json::Value| {
            black_box((room, message));
            counter.fetch_add(1, Ordering::Relaxed);
            async {}
        });
        let service = io.service();
        let crowd = runtime.block_on(async {
            let mut wires = Vec::with_capacity(crowd);
            for _ in 0..crowd {
                wires.push(Wire::join(&service).await);
            }
            wires
        });
        Self { runtime, io, service, crowd, chats }
    }

    /// The socket of the first of the crowd. The first to come is the first in the book; a message tells whether that
    /// is so.
    fn first_socket(&self) -> Socket {
        let first = &self.crowd[0];
        let socket = self.runtime.block_on(async {
            let sockets = self.io.fetch_sockets().await.expect("one node always answers");
            let socket = sockets[0].as_local().expect("there is one node").clone();
            socket.emit("hello", ());
            until_turns("the first has heard it", || first.heard(|heard| !heard.is_empty())).await;
            socket
        });
        first.forget();
        socket
    }
}

/// Clients that come and go.
struct Visits {
    house: House,
    guests: Vec<Wire>,
    counted: Counted,
}

enum Counted {
    Arriving,
    Leaving,
}

impl Visits {
    fn arriving() -> Box<dyn Work> {
        let mut visits = Self { house: House::new(CROWD), guests: Vec::new(), counted: Counted::Arriving };
        visits.expect();
        Box::new(visits)
    }

    fn leaving() -> Box<dyn Work> {
        let mut visits = Self { house: House::new(CROWD), guests: Vec::new(), counted: Counted::Leaving };
        visits.expect();
        visits.arrive();
        Box::new(visits)
    }

    /// Pipes for the next guests.
    fn expect(&mut self) {
        self.guests = (0..UNITS).map(|_| Wire::new()).collect();
    }

    fn arrive(&mut self) {
        let Self { house, guests, .. } = self;
        house.runtime.block_on(async {
            for guest in guests.iter() {
                guest.serve(&house.service);
                guest.greet().await;
            }
        });
    }

    fn leave(&mut self) {
        let Self { house, guests, .. } = self;
        house.runtime.block_on(async {
            for guest in guests.drain(..) {
                guest.say_text("41");
                drop(guest);
            }
            until_turns("they have gone", || house.io.sessions() == house.crowd.len()).await;
        });
    }
}

impl Work for Visits {
    fn work(&mut self) {
        match self.counted {
            Counted::Arriving => self.arrive(),
            Counted::Leaving => self.leave(),
        }
    }

    fn reset(&mut self) {
        match self.counted {
            Counted::Arriving => {
                self.leave();
                self.expect();
            }
            Counted::Leaving => {
                self.expect();
                self.arrive();
            }
        }
    }
}

fn receive() -> Box<dyn Work> {
    let house = House::new(CROWD);
    Box::new(move || {
        house.runtime.block_on(async {
            for _ in 0..UNITS {
                let before = house.chats.load(Ordering::Relaxed);
                house.crowd[0].say_text(CHAT);
                until_turns("it is handled", || house.chats.load(Ordering::Relaxed) > before).await;
            }
        });
    })
}

fn answer() -> Box<dyn Work> {
    let house = House::new(CROWD);
    Box::new(move || {
        house.runtime.block_on(async {
            for _ in 0..UNITS {
                let all = written() + HEADER + ANSWER.len();
                let client = &house.crowd[0];
                client.say_text(QUESTION);
                until_written(all).await;
                client.heard(|heard| assert_eq!(&heard[HEADER..], ANSWER.as_bytes()));
                client.forget();
            }
        });
    })
}

fn ask() -> Box<dyn Work> {
    let house = House::new(CROWD);
    let socket = house.first_socket();
    Box::new(move || {
        house.runtime.block_on(async {
            for _ in 0..UNITS {
                let client = &house.crowd[0];
                let asked = socket.emit_with_ack::<String>("ask", TEXT);
                until_turns("the question is there", || client.heard(|heard| !heard.is_empty())).await;
                // `42`, the number, the event.
                let number = client.heard(|heard| {
                    heard[HEADER + 2..]
                        .iter()
                        .take_while(|byte| byte.is_ascii_digit())
                        .fold(0, |number, &byte| number * 10 + u64::from(byte - b'0'))
                });
                client.forget();
                client.say_text(&format!("43{number}[\"yes\"]"));
                assert_eq!(asked.await.expect("it was answered"), "yes");
            }
        });
    })
}

fn emit_to_one() -> Box<dyn Work> {
    emits_to_one(House::new(CROWD), 0)
}

fn emit_to_one_recorded() -> Box<dyn Work> {
    emits_to_one(House::recording(CROWD), OFFSET)
}

/// So many bytes stand behind the arguments.
fn emits_to_one(house: House, offset: usize) -> Box<dyn Work> {
    let socket = house.first_socket();
    Box::new(move || {
        house.runtime.block_on(async {
            for _ in 0..UNITS {
                let all = written() + HEADER + NEWS.len() + offset;
                assert_eq!(socket.emit("news", TEXT).queued(), 1);
                until_written(all).await;
                house.crowd[0].heard(|heard| assert!(is_news(heard, offset)));
                house.crowd[0].forget();
            }
        });
    })
}

fn emit_to_room() -> Box<dyn Work> {
    Box::new(Broadcasts { house: House::new(1_000), messages: 1, offset: 0 })
}

fn emit_to_room_recorded() -> Box<dyn Work> {
    Box::new(Broadcasts { house: House::recording(1_000), messages: 1, offset: OFFSET })
}

fn emit_burst() -> Box<dyn Work> {
    Box::new(Broadcasts { house: House::new(100), messages: 10, offset: 0 })
}

/// Messages to everybody, all emitted before any is written.
struct Broadcasts {
    house: House,
    messages: usize,
    offset: usize,
}

/// The last thing that was heard, without its bracket and the offset before that.
fn is_news(heard: &[u8], offset: usize) -> bool {
    let length = NEWS.len() - 1;
    heard
        .len()
        .checked_sub(length + 1 + offset)
        .is_some_and(|at| heard[at..].starts_with(&NEWS.as_bytes()[..length]))
}

impl Work for Broadcasts {
    fn work(&mut self) {
        let Self { house, messages, offset } = self;
        house.runtime.block_on(async {
            let all = written() + (HEADER + NEWS.len() + *offset) * *messages * house.crowd.len();
            for _ in 0..*messages {
                assert_eq!(house.io.to("everybody").emit("news", TEXT).queued(), house.crowd.len());
            }
            until_written(all).await;
        });
    }

    fn reset(&mut self) {
        for client in &self.house.crowd {
            client.heard(|heard| {
                assert_eq!(heard.len(), (HEADER + NEWS.len() + self.offset) * self.messages);
                assert!(is_news(heard, self.offset));
            });
            client.forget();
        }
    }
}
