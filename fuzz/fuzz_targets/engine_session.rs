//! Any sequence of operations on a server's and a client's session: no panic, one end, nothing after it.
//!
//! In: bytes, one operation each, some with an argument behind. Out: nothing. What is odd: the operations need not
//! make sense; a driver that confuses everything must not bring a session into a state without an end.

#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use roomcast_fuzz::Script;
use roomcast_proto::engine::{
    CloseReason, Flush, Lane, Output, Packet, Revision, Session, Timing, Transport, client,
};

const TIMING: Timing = Timing {
    ping_interval: Duration::from_millis(300),
    ping_timeout: Duration::from_millis(200),
    upgrade_timeout: Duration::from_millis(1000),
};

fn lane(script: &mut Script<'_>) -> Option<Lane> {
    Some(if script.byte()? % 2 == 0 { Lane::Main } else { Lane::Probe })
}

fn flush(script: &mut Script<'_>) -> Option<Flush> {
    Some([Flush::Empty, Flush::Waiting, Flush::Discard][usize::from(script.byte()? % 3)])
}

fn packet<'a>(script: &mut Script<'a>) -> Option<&'a str> {
    const KNOWN: [&str; 12] = ["1", "2", "2probe", "3", "3probe", "4", "4a", "5", "6", "bAA", "0{}", OPEN];
    match script.byte()? {
        known if usize::from(known) < KNOWN.len() => Some(KNOWN[usize::from(known)]),
        _ => script.text(),
    }
}

const OPEN: &str = r#"0{"sid":"a","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200}"#;

fuzz_target!(|bytes: &[u8]| {
    let mut script = Script(bytes);
    let Some(kind) = script.byte() else { return };
    let transport = if kind & 1 == 0 { Transport::Polling } else { Transport::WebSocket };
    let revision = if kind & 4 == 0 { Revision::V4 } else { Revision::V3 };
    if kind & 2 == 0 { server(revision, transport, &mut script) } else { client(transport, &mut script) }
});

fn server(revision: Revision, transport: Transport, script: &mut Script<'_>) {
    let mut now = Instant::now();
    let mut session = Session::with_revision(TIMING, revision, transport, now);
    let mut polls = 0;
    let mut ended = false;
    while server_step(&mut session, script, &mut now, &mut polls).is_some() {
        server_outputs(&mut session, &mut polls, &mut ended);
    }
    server_outputs(&mut session, &mut polls, &mut ended);
    for _ in 0..100 {
        if let Some(due) = session.poll_timeout() {
            session.handle_timeout(due);
        }
        server_outputs(&mut session, &mut polls, &mut ended);
    }
    assert!(ended && session.poll_timeout().is_none() && polls == 0);
}

fn server_step(
    session: &mut Session,
    script: &mut Script<'_>,
    now: &mut Instant,
    polls: &mut u32,
) -> Option<()> {
    match script.byte()? % 14 {
        0 => *polls += u32::from(session.handle_poll(script.byte()? % 2 == 0).is_ok()),
        1 if *polls > 0 => {
            session.handle_poll_answered();
            *polls = 0;
        }
        2 => {
            session.handle_poll_aborted();
            *polls = 0;
        }
        3 => session.handle_post_overlap(),
        4 => session.handle_post_aborted(),
        5 => _ = session.handle_probe_opened(*now),
        6 => session.handle_probe_failed(),
        7 => session.handle_transport_closed(lane(script)?, CloseReason::TransportClose, "gone"),
        8 => session.close(flush(script)?),
        9 => session.close_slow_consumer(),
        10 => session.handle_drained(),
        11 => {
            *now += Duration::from_millis(u64::from(script.byte()?) * 4);
            session.handle_timeout(*now);
        }
        _ => {
            let (lane, text) = (lane(script)?, packet(script)?);
            _ = session.handle_packet(lane, Packet::decode_in(session.revision(), text), *now);
        }
    }
    Some(())
}

fn server_outputs(session: &mut Session, polls: &mut u32, ended: &mut bool) {
    while let Some(output) = session.poll_output() {
        assert!(!*ended, "{output:?} after the end");
        match output {
            Output::AnswerPoll(_) => *polls = polls.checked_sub(1).expect("a poll is pending"),
            Output::Closed { .. } => *ended = true,
            _ => {}
        }
    }
    assert_eq!(*ended, session.is_closed());
}

fn client(transport: Transport, script: &mut Script<'_>) {
    let mut now = Instant::now();
    let mut config = client::Config::default();
    config.transport = transport;
    let mut session = client::Session::new(config);
    let mut ended = false;
    while client_step(&mut session, script, &mut now).is_some() {
        client_outputs(&mut session, &mut ended);
    }
    client_outputs(&mut session, &mut ended);
    session.close(Flush::Discard);
    client_outputs(&mut session, &mut ended);
    assert!(ended && session.poll_timeout().is_none());
}

fn client_step(session: &mut client::Session, script: &mut Script<'_>, now: &mut Instant) -> Option<()> {
    match script.byte()? % 13 {
        0 => session.handle_poll_answered(),
        1 => session.handle_poll_failed(),
        2 => session.handle_post_sent(),
        3 => session.handle_post_answered(),
        4 => session.handle_post_failed(),
        5 => session.handle_probe_opened(),
        6 => session.handle_probe_failed(),
        7 => session.handle_transport_closed(lane(script)?, CloseReason::TransportClose, "gone"),
        8 => session.close(flush(script)?),
        9 => session.handle_drained(),
        10 => {
            *now += Duration::from_millis(u64::from(script.byte()?) * 4);
            session.handle_timeout(*now);
        }
        _ => _ = session.handle_packet(lane(script)?, Packet::decode(packet(script)?), *now),
    }
    Some(())
}

fn client_outputs(session: &mut client::Session, ended: &mut bool) {
    while let Some(output) = session.poll_output() {
        assert!(!*ended, "{output:?} after the end");
        *ended |= matches!(output, client::Output::Closed { .. });
    }
    assert_eq!(*ended, session.is_closed());
}
