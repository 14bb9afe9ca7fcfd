//! One run: two ends, a network, a clock, and the order of what happens.
//!
//! In: a scenario. Out: an [`Outcome`]. What is odd: the clock jumps from one event or deadline to the next; the run
//! is over when nothing can happen any more, and that has to come by itself.

use std::time::{Duration, Instant};

use bytes::Bytes;
use roomcast_proto::engine::{CloseReason, Frame};

use super::check;
use super::client::Client;
use super::network::{Event, Network, Side};
use super::scenario::{Closer, Fault, Ms, Scenario};
use super::server::Server;

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) upgraded: bool,
    pub(crate) probe_failed: bool,
    /// Packets that reached an application.
    pub(crate) delivered: usize,
    pub(crate) server_reason: Option<CloseReason>,
    pub(crate) client_reason: Option<CloseReason>,
    pub(crate) ends: (Option<Ms>, Option<Ms>),
    /// The fault, if it came while the session was open at both ends.
    pub(crate) fault_met: Option<Fault>,
}

/// Longer than any run: a slow client posts hundreds of messages one by one.
const HORIZON: Ms = 3_600_000;

pub(crate) fn run(scenario: &Scenario) -> Outcome {
    let start = Instant::now();
    let mut net = Network::new(scenario);
    let mut server = Server::new(scenario, start);
    let mut client = Client::new(scenario, start);
    let mut fault_met = None;
    let mut number = 0;

    for side in [Side::Client, Side::Server] {
        net.schedule(0, Event::Send { side });
    }
    net.schedule(scenario.close_at, Event::Close);
    if let Some((at, _)) = scenario.fault {
        net.schedule(at, Event::Fault);
    }
    client.pump(&mut net);

    while let Some(at) = next(start, &net, &server, &client) {
        assert!(at >= net.now, "the clock runs backwards: a deadline of the past is not cleared");
        assert!(at < HORIZON, "the run has no end: {:?}, {:?}", server.end, client.end);
        net.now = at;
        while let Some(event) = net.next() {
            if let (Event::Fault, Some((_, fault))) = (&event, scenario.fault) {
                let both = client.session.is_open() && server.session.as_ref().is_some_and(|s| s.is_open());
                fault_met = both.then_some(fault);
                net.apply(fault);
            }
            happen(event, scenario, &mut net, &mut server, &mut client, &mut number);
        }
        let clock = start + Duration::from_millis(net.now);
        if server.due().is_some_and(|due| due <= clock) {
            server.tick(&mut net);
            assert!(server.due().is_none_or(|due| due > clock), "the server's deadline does not move");
        }
        if client.due().is_some_and(|due| due <= clock) {
            client.tick(&mut net);
            assert!(client.due().is_none_or(|due| due > clock), "the client's deadline does not move");
        }
    }
    Outcome { fault_met, ..check::judge(scenario, &server, &client, &net) }
}

fn next(start: Instant, net: &Network, server: &Server, client: &Client) -> Option<Ms> {
    let due = server.due().into_iter().chain(client.due()).min();
    let due = due.map(|due| u64::try_from(due.duration_since(start).as_millis()).expect("small"));
    due.into_iter().chain(net.next_at()).min()
}

fn happen(
    event: Event,
    scenario: &Scenario,
    net: &mut Network,
    server: &mut Server,
    client: &mut Client,
    number: &mut u32,
) {
    match event {
        Event::Get { request, with_sid } => server.get(request, with_sid, net),
        Event::PostBegins { request } => server.post_begins(request, net),
        Event::PostEnds { request, body } => server.post_ends(request, &body, net),
        Event::Aborted { request } => server.aborted(request, net),
        Event::Answer { request, status, body } => client.answer(request, status, &body, net),
        Event::SocketArrives { socket, with_sid } => server.socket_arrives(socket, with_sid, net),
        Event::SocketOpens { socket } => client.socket_opens(socket, net),
        Event::Data { socket, to: Side::Client, wire } => client.data(socket, wire, net),
        Event::Data { socket, to: Side::Server, wire } => server.data(socket, wire, net),
        Event::Writable { side: Side::Client } => client.pump(net),
        Event::Writable { side: Side::Server } => server.pump(net),
        Event::Send { side } => {
            let over = if side == Side::Client { client.end } else { server.end };
            // Once one end has stopped, the other may still send for a while, but a run has to end.
            if over.is_none() && net.now < scenario.close_at + 1000 {
                *number += 1;
                let frame = frame(*number, net);
                match side {
                    Side::Client => client.send(frame, net),
                    Side::Server => server.send(frame, net),
                }
                let pause = scenario.pause.clone();
                let at = net.now + net.random.within(pause);
                net.schedule(at.max(net.now + u64::from(number.is_multiple_of(3))), Event::Send { side });
            }
        }
        Event::Close => close(scenario, net, server, client),
        Event::Fault => {}
    }
}

fn close(scenario: &Scenario, net: &mut Network, server: &mut Server, client: &mut Client) {
    let early = server.session.is_none() && client.end.is_none();
    match scenario.closer {
        // Who is not there yet closes a little later.
        Closer::Server { .. } | Closer::Overflow | Closer::Both if early => {
            net.schedule(net.now + 50, Event::Close);
        }
        Closer::Client { orderly } => client.close(orderly, net),
        Closer::Server { orderly } => server.close(orderly, net),
        Closer::Overflow => server.overflow(net),
        Closer::Both => {
            server.close(true, net);
            client.close(true, net);
        }
    }
}

/// Text, binary, and text with attachments, each with its number.
fn frame(number: u32, net: &mut Network) -> Frame {
    let bytes = Bytes::from(format!("binary {number}"));
    match net.random.within(0..10) {
        0 => Frame::binary(bytes),
        1 => Frame::encode(&mut Vec::new(), |out| {
            out.extend_from_slice(format!("52-[\"{number}\"]").as_bytes());
            Ok::<_, std::convert::Infallible>(vec![bytes.clone(), bytes])
        })
        .unwrap_or_else(|never| match never {}),
        _ => Frame::text(&format!("message {number} 🚀")),
    }
}
