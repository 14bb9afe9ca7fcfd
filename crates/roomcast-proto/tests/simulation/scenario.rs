//! What a seed decides before the run begins.

use std::ops::Range;

use roomcast_proto::engine::{Timing, Transport};

use super::random::Random;

/// Milliseconds of the virtual clock.
pub(crate) type Ms = u64;

#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) timing: Timing,
    /// How long one hop takes.
    pub(crate) latency: Range<Ms>,
    /// How long a socket is busy with one frame.
    pub(crate) busy: Ms,
    /// The most bytes of a `POST`.
    pub(crate) max_payload: u64,
    pub(crate) transport: Transport,
    pub(crate) upgrade: bool,
    pub(crate) client_upgrade_timeout: Ms,
    /// The pause between two messages of an application.
    pub(crate) pause: Range<Ms>,
    pub(crate) close_at: Ms,
    pub(crate) closer: Closer,
    pub(crate) fault: Option<(Ms, Fault)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closer {
    Client {
        orderly: bool,
    },
    Server {
        orderly: bool,
    },
    /// The server's outbox overflows.
    Overflow,
    /// Both at the same moment.
    Both,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// All connections break; both sides are told sooner or later.
    Cut,
    /// All connections break and no side is told.
    HalfOpen,
    /// Nothing arrives anywhere any more.
    Silence,
    /// Nothing arrives at the server any more.
    SilenceUp,
    /// Nothing arrives at the client any more.
    SilenceDown,
    /// The sockets break, requests go on.
    CutSockets,
    /// The pending requests break, sockets go on.
    CutRequests,
    /// Another poll with the same id.
    StrayPoll,
    /// Another `POST` with the same id.
    StrayPost,
    /// Another WebSocket with the same id, which says nothing.
    StrayProbe,
    /// The same, but it probes and never takes over.
    StrayHalfUpgrade,
    /// The same, but it sends a message.
    StrayGarbage,
}

impl Fault {
    pub(crate) const ALL: [Self; 12] = [
        Self::Cut,
        Self::HalfOpen,
        Self::Silence,
        Self::SilenceUp,
        Self::SilenceDown,
        Self::CutSockets,
        Self::CutRequests,
        Self::StrayPoll,
        Self::StrayPost,
        Self::StrayProbe,
        Self::StrayHalfUpgrade,
        Self::StrayGarbage,
    ];
}

impl Scenario {
    /// Nothing breaks; only the client may give up an upgrade that takes long.
    pub(crate) fn sound(seed: u64) -> Self {
        let random = &mut Random::new(seed);
        let latency = random.pick(&[1..2, 1..6, 5..50, 20..200].map(|range| (range.start, range.end)));
        let busy = random.pick(&[0, 0, 1, 4]);
        Self {
            seed,
            timing: Timing {
                ping_interval: std::time::Duration::from_millis(2000),
                ping_timeout: std::time::Duration::from_millis(1500),
                upgrade_timeout: std::time::Duration::from_millis(3000),
            },
            latency: latency.0..latency.1,
            busy,
            max_payload: random.pick(&[1, 60, 400, 1_000_000]),
            transport: random.pick(&[
                Transport::Polling,
                Transport::Polling,
                Transport::Polling,
                Transport::WebSocket,
            ]),
            upgrade: random.chance(85),
            client_upgrade_timeout: random.pick(&[15, 150, 700, 10_000]),
            pause: 0..random.pick(&[20, 100, 600]),
            close_at: random.within(0..7000),
            closer: random.pick(&[
                Closer::Client { orderly: true },
                Closer::Client { orderly: false },
                Closer::Server { orderly: true },
                Closer::Server { orderly: false },
                Closer::Server { orderly: true },
                Closer::Overflow,
                Closer::Both,
            ]),
            fault: None,
        }
    }

    /// The same network, but something breaks, mostly around the upgrade.
    pub(crate) fn broken(seed: u64) -> Self {
        let mut scenario = Self::sound(seed);
        let random = &mut Random::new(!seed);
        let hop = scenario.latency.end;
        let at = match random.chance(60) {
            true => random.within(0..hop * 12),
            false => random.within(0..6000),
        };
        scenario.fault = Some((at, random.pick(&Fault::ALL)));
        if random.chance(20) {
            scenario.timing.upgrade_timeout = std::time::Duration::from_millis(random.pick(&[10, 100, 500]));
        }
        scenario
    }
}
