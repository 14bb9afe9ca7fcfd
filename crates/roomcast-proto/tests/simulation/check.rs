//! What an application sent and got, and the judgement over a whole run.

use roomcast_proto::engine::{CloseReason, Frame, Message, Transport};

use super::client::Client;
use super::network::{Network, Wire};
use super::scenario::{Closer, Scenario};
use super::server::Server;
use super::world::Outcome;

/// The messages of one end, in order.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) sent: Vec<Wire>,
    pub(crate) got: Vec<Wire>,
}

impl Log {
    pub(crate) fn send(&mut self, frame: &Frame) {
        let packets = self.packets_of(frame);
        self.sent.extend(packets);
    }

    pub(crate) fn receive(&mut self, message: &Message<'_>) {
        self.got.push(match message {
            Message::Text(text) => Wire::Text(format!("4{text}")),
            Message::Binary(bytes) => Wire::Binary(bytes.to_vec()),
        });
    }

    /// What a socket carries for a frame.
    pub(crate) fn packets_of(&self, frame: &Frame) -> Vec<Wire> {
        let text = std::str::from_utf8(frame.text_packet()).expect("a packet is text");
        let text = Some(text).filter(|text| !text.is_empty()).map(|text| Wire::Text(text.to_owned()));
        let binaries = frame.attachments().iter().map(|attachment| Wire::Binary(attachment.data().to_vec()));
        text.into_iter().chain(binaries).collect()
    }
}

/// Messages came once and in order; `gaps` allows some to be missing.
fn in_order(from: &Log, to: &Log, gaps: bool, way: &str) {
    if gaps {
        let mut rest = from.sent.iter();
        assert!(
            to.got.iter().all(|got| rest.any(|sent| sent == got)),
            "{way}: out of order, doubled or invented"
        );
    } else {
        assert!(to.got.len() <= from.sent.len(), "{way}: more than was sent");
        assert_eq!(to.got, from.sent[..to.got.len()], "{way}: lost, out of order or doubled");
    }
}

/// The judgement, after the last event.
pub(crate) fn judge(scenario: &Scenario, server: &Server, client: &Client, net: &Network) -> Outcome {
    in_order(&server.log, &client.log, server.robbed, "to the client");
    in_order(&client.log, &server.log, false, "to the server");
    nothing_is_left(server, client, net);
    both_ends_learn_of_the_end(scenario, server, client);
    if scenario.fault.is_none() {
        good_order(scenario, server, client);
    }
    Outcome {
        upgraded: server.upgraded,
        probe_failed: server.probe_failed,
        delivered: server.log.got.len() + client.log.got.len(),
        server_reason: server.end.map(|(_, reason)| reason),
        client_reason: client.end.map(|(_, reason)| reason),
        ends: (server.end.map(|(at, _)| at), client.end.map(|(at, _)| at)),
        fault_met: None,
    }
}

fn nothing_is_left(server: &Server, client: &Client, net: &Network) {
    assert!(client.session.is_closed() && server.session.as_ref().is_none_or(|session| session.is_closed()));
    assert_eq!((server.due(), client.session.poll_timeout()), (None, None), "a timeout is armed");
    assert_eq!((server.poll, server.post), (None, None), "a request is held");
    assert_eq!((server.main, server.probe), (None, None), "the server keeps a socket");
    assert_eq!((client.main, client.probe), (None, None), "the client keeps a socket");
    assert_eq!((client.poll, client.post), (None, None), "the client waits for an answer");
    for (number, request) in net.requests.iter().enumerate() {
        assert!(!request.at_server || request.answered || request.aborted, "request {number} is left alone");
    }
    for (number, socket) in net.sockets.iter().enumerate().filter(|(_, socket)| !socket.stray) {
        assert!(!socket.client_open && !socket.server_open, "socket {number} is open");
    }
}

fn both_ends_learn_of_the_end(scenario: &Scenario, server: &Server, client: &Client) {
    let (Some((server_end, _)), Some((client_end, _))) = (server.end, client.end) else { return };
    let heartbeat = scenario.timing.ping_interval + scenario.timing.ping_timeout;
    let heartbeat = u64::try_from(heartbeat.as_millis()).expect("small");
    // What was on its way when one end stopped still counts for the other; before the handshake no heartbeat runs.
    let opening = if client.opened { 0 } else { super::client::CONNECT_TIMEOUT };
    let bound = heartbeat + opening + scenario.latency.end + scenario.busy;
    let apart = server_end.abs_diff(client_end);
    assert!(apart <= bound, "the ends are {apart} ms apart: {:?}, {:?}", server.end, client.end);
}

/// On a sound network each end says the right thing, and an orderly close loses nothing of the closer's messages.
fn good_order(scenario: &Scenario, server: &Server, client: &Client) {
    // Two hops for the socket, two for the probe, and for the last requests a noop's wait and five more at most.
    let quick = 100 + 9 * scenario.latency.end;
    assert!(
        client.upgrade_took.is_none_or(|took| took <= quick),
        "an upgrade in {:?} ms",
        client.upgrade_took
    );
    if !client.opened || matches!(scenario.closer, Closer::Both) {
        return;
    }
    let server_reason = server.end.map(|(_, reason)| reason).expect("the server's session has ended");
    let client_reason = client.end.map(|(_, reason)| reason).expect("the client has ended");
    let (by_server, expected) = match scenario.closer {
        Closer::Client { .. } => (false, CloseReason::ForcedClose),
        Closer::Overflow => (true, CloseReason::SlowConsumer),
        Closer::Server { .. } | Closer::Both => (true, CloseReason::ForcedClose),
    };
    let (own, other) =
        if by_server { (server_reason, client_reason) } else { (client_reason, server_reason) };
    assert_eq!(own, expected, "the end that closed");
    match scenario.closer {
        Closer::Client { orderly: true } => {
            assert_eq!(other, CloseReason::TransportClose, "the server sees a farewell");
            assert_eq!(server.log.got, client.log.sent, "all of the client arrived");
        }
        Closer::Server { orderly: true } => {
            let websocket = client.session.transport() == Transport::WebSocket;
            // A `POST` under way is broken off by the end, and can be the first thing that the client hears of it.
            let broken_off = !websocket && other == CloseReason::TransportError;
            assert!(
                other == CloseReason::TransportClose || broken_off,
                "the client sees a farewell: {other:?}"
            );
            assert_eq!(client.log.got, server.log.sent, "all of the server arrived");
        }
        // Requests that are given up on their way may never come to the server: then the heartbeat finds out.
        Closer::Client { orderly: false } => assert_ne!(other, CloseReason::ForcedClose),
        // The client's own requests are refused from that moment on, which can be the first thing it hears.
        _ => assert!(matches!(other, CloseReason::TransportClose | CloseReason::TransportError), "{other:?}"),
    }
}
