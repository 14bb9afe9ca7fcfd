//! `polling`: echoes over HTTP long-polling. Each client has two connections that are kept alive, one for its polls and
//! one for what it sends.
//!
//! Odd: a round trip ends when both the answer has come by a poll and the POST has been acknowledged, because only then
//! a client may send again. Nobody says anything before all are in the namespace and the server had a moment more: over
//! polling the answer to CONNECT and the next event take different ways, and a server that calls the connect handler
//! beside its answer may drop what comes before that handler ran. Other scenarios wait for all clients too.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::check::{Fault, Template};
use crate::fleet::{Fleet, Play};
use crate::http::{Response, cut};
use crate::measure::Stop;
use crate::report::Outcome;
use crate::scenario::Run;
use crate::scenario::run::Measurable;
use crate::scenario::tally::Tally;

/// What separates packets in a body.
const SEPARATOR: u8 = 0x1e;

/// How long a server has to call the connect handler of the last client.
const SETTLE: Duration = Duration::from_millis(100);

/// The scenario.
pub(crate) fn polling(run: &mut Run) -> Result<Outcome, Stop> {
    let mut play = Polling {
        host: run.fleet.host(),
        request: Template::request(r#"427["echo","#, run.params.size, "]"),
        answer: Template::expected("437[", run.params.size, "]"),
        pollers: Vec::new(),
        joined: 0,
        out: 0,
        tally: Tally::new(),
        spelled_otherwise: 0,
        stage: Stage::Joining,
    };
    for _ in 0..run.params.clients {
        let (poll, _post) = (run.fleet.dial_bare()?, run.fleet.dial_bare()?);
        let hello =
            format!("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: {}\r\n\r\n", play.host);
        run.fleet.send(poll, hello.as_bytes());
        play.pollers.push(Poller::default());
    }
    let all = run.params.clients as u64;
    run.fleet.until(&mut play, "sessions over polling", |play| play.joined, |play| play.joined == all)?;
    run.fleet.linger(&mut play, SETTLE)?;
    play.stage = Stage::Asking;
    for who in 0..run.params.clients {
        play.go_on(&mut run.fleet, who);
    }
    let counted = run.measure(&mut play);
    for (who, poller) in play.pollers.iter().enumerate().filter(|(_, poller)| poller.waits) {
        run.fleet.fault(Fault::Lost, who, || format!("the answer to {}", poller.number));
    }
    let mut outcome = run.outcome("round trip", counted?, Some(play.tally.into_latency()))?;
    outcome.more.insert("posts_answered_in_another_spelling".into(), json!(play.spelled_otherwise));
    Ok(outcome)
}

/// How far the scenario is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Sessions are made, heartbeats are answered.
    Joining,
    /// Each answer is followed by the next request.
    Asking,
    /// What is on its way is awaited.
    Closing,
}

/// One client.
#[derive(Debug, Default)]
struct Poller {
    /// What polls, once the session is open.
    get: Vec<u8>,
    /// The beginning of every POST.
    post: Vec<u8>,
    joined: bool,
    /// A POST is on its way.
    posting: bool,
    /// A pong has to leave with the next POST.
    pong: bool,
    /// An answer is awaited.
    waits: bool,
    number: u64,
    sent: Option<Instant>,
}

#[derive(Debug)]
struct Polling {
    host: String,
    request: Template,
    answer: Template,
    pollers: Vec<Poller>,
    joined: u64,
    out: u64,
    tally: Tally,
    /// POSTs that were answered with `OK`: the protocol says `ok`, and no client looks at it.
    spelled_otherwise: u64,
    stage: Stage,
}

impl Polling {
    /// Takes a packet that came by a poll.
    fn packet(&mut self, fleet: &mut Fleet, who: usize, packet: &[u8]) {
        let poller = &mut self.pollers[who];
        match packet {
            [b'0', open @ ..] if poller.get.is_empty() => {
                let open: serde_json::Value = serde_json::from_slice(open).unwrap_or_default();
                let sid = open["sid"].as_str().unwrap_or_default();
                let url = format!(
                    "/socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: {}\r\n",
                    self.host
                );
                poller.get = format!("GET {url}\r\n").into_bytes();
                poller.post = format!("POST {url}Content-Type: text/plain;charset=UTF-8\r\n").into_bytes();
                self.post(fleet, who, b"40");
            }
            [b'4', b'0', b'{', ..] if !poller.joined => {
                poller.joined = true;
                self.joined += 1;
                self.go_on(fleet, who);
            }
            b"2" => {
                poller.pong = true;
                self.go_on(fleet, who);
            }
            b"6" => {}
            message => {
                match self.answer.number_in(message) {
                    Some(number) if number == poller.number && poller.waits => {
                        poller.waits = false;
                        self.out -= 1;
                        self.tally.count(poller.sent.map(|sent| sent.elapsed()).unwrap_or_default(), 1);
                        self.go_on(fleet, who);
                    }
                    Some(number) if number <= poller.number => {
                        fleet.fault(Fault::Doubled, who, || format!("the answer to {number}"));
                    }
                    _ => fleet.fault(Fault::Altered, who, || {
                        String::from_utf8_lossy(&message[..message.len().min(80)]).into_owned()
                    }),
                };
            }
        }
    }

    /// Sends what there is to send, if it may.
    fn go_on(&mut self, fleet: &mut Fleet, who: usize) {
        let poller = &mut self.pollers[who];
        if poller.posting || !poller.joined {
            return;
        }
        let mut body = Vec::new();
        if std::mem::take(&mut poller.pong) {
            body.push(b'3');
        }
        if !poller.waits && self.stage == Stage::Asking {
            if !body.is_empty() {
                body.push(SEPARATOR);
            }
            poller.number += 1;
            poller.waits = true;
            poller.sent = Some(Instant::now());
            self.out += 1;
            // Over polling, the text of a message stands alone.
            let header = self.request.header();
            body.extend_from_slice(&self.request.numbered(poller.number)[header..]);
        }
        if !body.is_empty() {
            self.post(fleet, who, &body);
        }
    }

    fn post(&mut self, fleet: &mut Fleet, who: usize, body: &[u8]) {
        let poller = &mut self.pollers[who];
        poller.posting = true;
        let length = format!("Content-Length: {}\r\n\r\n", body.len());
        fleet.send(2 * who + 1, &[&poller.post, length.as_bytes(), body].concat());
    }
}

impl Play for Polling {
    fn bytes(&mut self, fleet: &mut Fleet, connection: usize, bytes: &[u8]) -> usize {
        let (who, polls) = (connection / 2, connection.is_multiple_of(2));
        let mut used = 0;
        loop {
            let (body, more) = match cut(&bytes[used..]) {
                Response::Part => return used,
                Response::Whole(body, more) => (body, more),
                Response::Wrong => {
                    let text =
                        String::from_utf8_lossy(&bytes[used..bytes.len().min(used + 200)]).into_owned();
                    fleet.fault(Fault::Altered, who, || text);
                    return bytes.len();
                }
            };
            used += more;
            if polls {
                for packet in body.split(|byte| *byte == SEPARATOR) {
                    self.packet(fleet, who, packet);
                }
                fleet.send(connection, &self.pollers[who].get);
            } else {
                self.pollers[who].posting = false;
                if !body.eq_ignore_ascii_case(b"ok") {
                    let text = String::from_utf8_lossy(&body).into_owned();
                    fleet.fault(Fault::Altered, who, || format!("{text} in place of ok"));
                } else if *body != *b"ok" {
                    self.spelled_otherwise += 1;
                }
                self.go_on(fleet, who);
            }
        }
    }
}

impl Measurable for Polling {
    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn tally_mut(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn window_closes(&mut self) {
        self.stage = Stage::Closing;
    }

    fn is_quiet(&self) -> bool {
        self.out == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(body: &str) -> (Polling, Vec<String>) {
        let mut play = Polling {
            host: "localhost".into(),
            request: Template::request(r#"427["echo","#, 16, "]"),
            answer: Template::expected("437[", 16, "]"),
            pollers: vec![Poller::default()],
            joined: 0,
            out: 0,
            tally: Tally::new(),
            spelled_otherwise: 0,
            stage: Stage::Joining,
        };
        let mut fleet = Fleet::unconnected(2);
        let response = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        assert_eq!(play.bytes(&mut fleet, 1, response.as_bytes()), response.len());
        (play, fleet.faults.lines())
    }

    #[test]
    fn a_post_may_be_answered_in_another_spelling_which_is_counted() {
        for (body, count) in [("ok", 0), ("OK", 1)] {
            let (play, faults) = answered(body);
            assert_eq!((play.spelled_otherwise, faults), (count, Vec::new()), "{body}");
        }
        assert_eq!(answered("no").1[1], "altered: client 0: no in place of ok");
    }
}
