//! The plan: every scenario with its sizes, its rows and their targets, in the order of the tables.
//!
//! In: nothing. Out: [`SCENARIOS`]. What is odd: the sizes stand here three times, because a full, a quick and a smoke run
//! differ in nothing else; and it is a long file, because it is a table.

use super::scenarios::{Cores, Metric, Peers, Row, Scenario, Target};

const CPU: Metric = Metric { pointer: "/server_cpu_ns_per_unit", scale: 1e-3, cost: true };
const RSS: Metric = Metric { pointer: "/rss_kib_per_client", scale: 1.0, cost: true };
const RSS_ROOM: Metric = Metric { pointer: "/rss_bytes_per_membership", scale: 1.0, cost: true };
const SECONDS: Metric = Metric { pointer: "/seconds", scale: 1.0, cost: true };
const P50: Metric = Metric { pointer: "/latency_us/p50", scale: 1.0, cost: true };
const P99: Metric = Metric { pointer: "/latency_us/p99", scale: 1.0, cost: true };
const P999: Metric = Metric { pointer: "/latency_us/p999", scale: 1.0, cost: true };
const LOST: Metric = Metric { pointer: "/slow/lost_silently", scale: 1.0, cost: false };
const CLOSED: Metric = Metric { pointer: "/slow/closed", scale: 1.0, cost: false };
const CAUGHT_UP: Metric = Metric { pointer: "/slow/caught_up", scale: 1.0, cost: false };
const GROWTH: Metric = Metric { pointer: "/slow/rss_growth_kib", scale: 1.0 / 1024.0, cost: false };

const fn row(title: &'static str, metric: Metric) -> Row {
    Row { title, metric, target: None }
}

const fn aim(title: &'static str, metric: Metric, target: Target) -> Row {
    Row { title, metric, target: Some(target) }
}

const fn of_floor(ratio: f64) -> Target {
    Target::Of("floor", ratio)
}

const fn of_batch(ratio: f64) -> Target {
    Target::Of("floor-batch", ratio)
}

/// What most scenarios are: pinned, without TLS, within the floor's reach.
const PLAIN: Scenario = Scenario {
    key: "",
    load: "",
    full: "",
    quick: "",
    smoke: "",
    server: &[],
    cores: Cores::Apart,
    tls: false,
    floor: true,
    rounds: usize::MAX,
    peers: Peers::All,
    peers_in_quick: false,
    rows: &[],
};

/// The official server on Node.js has every form of the wire; of the others, socketioxide has MessagePack.
const NODE: Peers = Peers::These(&["node-ws"]);
const NODE_AND_SOCKETIOXIDE: Peers = Peers::These(&["node-ws", "socketioxide", "socketioxide-ordered"]);

/// Everything, in the order of the tables.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        key: "idle",
        load: "idle",
        full: "--clients 10000",
        quick: "--clients 3000",
        smoke: "--clients 100",
        peers_in_quick: true,
        rows: &[aim("idle WebSocket clients (RSS KiB per client)", RSS, Target::AtMost(2.5))],
        rounds: 1,
        ..PLAIN
    },
    Scenario {
        key: "connect",
        load: "connect",
        full: "--clients 3000",
        quick: "--clients 2000",
        smoke: "--clients 100",
        peers_in_quick: true,
        rows: &[aim("connect, whole handshake (µs)", CPU, of_floor(1.5))],
        ..PLAIN
    },
    Scenario {
        key: "churn",
        load: "churn",
        full: "--clients 3000",
        quick: "--clients 2000",
        smoke: "--clients 100",
        rows: &[aim("connect and leave (µs per cycle)", CPU, of_floor(1.2))],
        ..PLAIN
    },
    Scenario {
        key: "heartbeat",
        load: "heartbeat",
        full: "--clients 2000 --seconds 3",
        quick: "--clients 1000 --seconds 2",
        smoke: "--clients 20 --seconds 1 --warmup 0.1",
        server: &[("PING_INTERVAL", "1")],
        rows: &[aim("heartbeat (µs per ping and pong)", CPU, of_floor(1.15))],
        ..PLAIN
    },
    Scenario {
        key: "fanout-64-1",
        load: "fanout --size 64 --inflight 1",
        full: "--clients 1001 --seconds 1 --warmup 0.5",
        quick: "--clients 1001 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 51 --seconds 0.2 --warmup 0.1",
        peers_in_quick: true,
        rows: &[aim("fan-out to 1,001, 64 B, one at a time (µs per delivery)", CPU, of_floor(1.05))],
        ..PLAIN
    },
    Scenario {
        key: "fanout-64-32",
        load: "fanout --size 64 --inflight 32",
        full: "--clients 1001 --seconds 1 --warmup 0.5",
        quick: "--clients 1001 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 51 --seconds 0.2 --warmup 0.1",
        peers_in_quick: true,
        rows: &[aim("fan-out to 1,001, 64 B, 32 on their way (µs per delivery)", CPU, of_batch(1.1))],
        ..PLAIN
    },
    Scenario {
        key: "fanout-1k-1",
        load: "fanout --size 1024 --inflight 1",
        full: "--clients 1001 --seconds 1 --warmup 0.5",
        quick: "--clients 1001 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 51 --seconds 0.2 --warmup 0.1",
        rows: &[aim("fan-out to 1,001, 1 KiB, one at a time (µs per delivery)", CPU, of_floor(1.05))],
        ..PLAIN
    },
    Scenario {
        key: "fanout-1k-32",
        load: "fanout --size 1024 --inflight 32",
        full: "--clients 1001 --seconds 1 --warmup 0.5",
        quick: "--clients 1001 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 51 --seconds 0.2 --warmup 0.1",
        rows: &[aim("fan-out to 1,001, 1 KiB, 32 on their way (µs per delivery)", CPU, of_batch(1.1))],
        ..PLAIN
    },
    Scenario {
        key: "rooms-1",
        load: "rooms --inflight 1",
        full: "--clients 5000 --rooms 500 --seconds 1 --warmup 0.5",
        quick: "--clients 2000 --rooms 200 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 100 --rooms 10 --seconds 0.2 --warmup 0.1",
        rows: &[aim("rooms of 10, random senders, one at a time (µs per delivery)", CPU, of_floor(1.25))],
        ..PLAIN
    },
    Scenario {
        key: "rooms-32",
        load: "rooms --inflight 32",
        full: "--clients 5000 --rooms 500 --seconds 1 --warmup 0.5",
        quick: "--clients 2000 --rooms 200 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 100 --rooms 10 --seconds 0.2 --warmup 0.1",
        rows: &[aim("rooms of 10, random senders, 32 on their way (µs per delivery)", CPU, of_floor(1.2))],
        ..PLAIN
    },
    Scenario {
        key: "manyrooms",
        load: "manyrooms --members 3",
        full: "--clients 5000 --rooms 100000 --seconds 1 --warmup 0.5",
        quick: "--clients 2000 --rooms 40000 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 100 --rooms 1000 --seconds 0.2 --warmup 0.1",
        rows: &[
            row("100,000 rooms of 3, 60 per client (µs per delivery)", CPU),
            row("100,000 rooms of 3, 60 per client (RSS bytes per membership)", RSS_ROOM),
        ],
        rounds: 1,
        ..PLAIN
    },
    Scenario {
        key: "onesocket",
        load: "onesocket",
        full: "--clients 101 --rooms 1000 --seconds 1 --warmup 0.5",
        quick: "--clients 101 --rooms 1000 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 11 --rooms 100 --seconds 0.2 --warmup 0.1",
        rows: &[row("one socket in 1,000 rooms (µs per delivery)", CPU)],
        ..PLAIN
    },
    Scenario {
        key: "except",
        load: "except",
        full: "--clients 1101 --rooms 100 --seconds 1 --warmup 0.5",
        quick: "--clients 1101 --rooms 100 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 61 --rooms 10 --seconds 0.2 --warmup 0.1",
        rows: &[row("broadcast with 100 exceptions (µs per delivery)", CPU)],
        ..PLAIN
    },
    Scenario {
        key: "presence",
        load: "presence",
        full: "--clients 10000 --rooms 100",
        quick: "--clients 3000 --rooms 100",
        smoke: "--clients 100 --rooms 10",
        rows: &[
            row("presence storm, all join a room and leave it (µs per join and leave)", CPU),
            row("presence storm (seconds until the last ack)", SECONDS),
        ],
        rounds: 1,
        ..PLAIN
    },
    Scenario {
        key: "echo-1",
        load: "echo --size 32 --inflight 1",
        full: "--clients 50 --seconds 1 --warmup 0.5",
        quick: "--clients 50 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 10 --seconds 0.2 --warmup 0.1",
        peers_in_quick: true,
        rows: &[aim("echo with ack, 50 clients, 1 each (µs per round trip)", CPU, of_floor(1.15))],
        ..PLAIN
    },
    Scenario {
        key: "echo-16",
        load: "echo --size 32 --inflight 16",
        full: "--clients 50 --seconds 1 --warmup 0.5",
        quick: "--clients 50 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 10 --seconds 0.2 --warmup 0.1",
        rows: &[
            aim("echo with ack, 16 each (µs per round trip)", CPU, of_batch(1.5)),
            row("echo with ack, 16 each (p50, µs)", P50),
            row("echo with ack, 16 each (p99, µs)", P99),
        ],
        ..PLAIN
    },
    Scenario {
        key: "attachment",
        load: "attachment --size 65536",
        full: "--clients 10 --seconds 1 --warmup 0.5",
        quick: "--clients 10 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 3 --seconds 0.2 --warmup 0.1",
        rows: &[aim("echo of a 64 KiB attachment (µs)", CPU, of_floor(1.2))],
        ..PLAIN
    },
    Scenario {
        key: "forms-plain",
        load: "forms --form plain --size 1024",
        full: "--clients 1001 --seconds 1 --warmup 0.5",
        quick: "--clients 1001 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 51 --seconds 0.2 --warmup 0.1",
        floor: false,
        peers: NODE,
        rows: &[row("fan-out to 1,001, 1 KiB, plain, to compare the next row with (µs per delivery)", CPU)],
        ..PLAIN
    },
    Scenario {
        key: "forms-deflate",
        load: "forms --form deflate --size 1024",
        full: "--clients 1001 --seconds 1 --warmup 0.5",
        quick: "--clients 1001 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 51 --seconds 0.2 --warmup 0.1",
        server: &[("DEFLATE", "1")],
        floor: false,
        peers: NODE,
        rows: &[
            row("fan-out to 1,001, 1 KiB, permessage-deflate (µs per delivery)", CPU),
            row("1,001 clients with permessage-deflate (RSS KiB per client)", RSS),
        ],
        ..PLAIN
    },
    Scenario {
        key: "forms-msgpack",
        load: "forms --form msgpack --size 64",
        full: "--clients 1001 --seconds 1 --warmup 0.5",
        quick: "--clients 1001 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 51 --seconds 0.2 --warmup 0.1",
        server: &[("PARSER", "msgpack")],
        floor: false,
        peers: NODE_AND_SOCKETIOXIDE,
        rows: &[row("fan-out to 1,001, 64 B, MessagePack (µs per delivery)", CPU)],
        ..PLAIN
    },
    Scenario {
        key: "forms-recovery",
        load: "forms --form recovery --size 64",
        full: "--clients 1001 --seconds 1 --warmup 0.5",
        quick: "--clients 1001 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 51 --seconds 0.2 --warmup 0.1",
        server: &[("RECOVERY", "1")],
        floor: false,
        peers: NODE,
        rows: &[row("fan-out to 1,001, 64 B, with connection state recovery (µs per delivery)", CPU)],
        ..PLAIN
    },
    Scenario {
        key: "webtransport",
        load: "webtransport --size 64",
        full: "--clients 200 --seconds 1 --warmup 0.5",
        quick: "--clients 100 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 10 --seconds 0.2 --warmup 0.1",
        server: &[("WEBTRANSPORT", "1")],
        tls: true,
        floor: false,
        peers: NODE,
        rows: &[
            row("fan-out to 200, 64 B, over WebTransport (µs per delivery)", CPU),
            row("200 clients on WebTransport (RSS KiB per client)", RSS),
        ],
        ..PLAIN
    },
    Scenario {
        key: "polling",
        load: "polling --size 32",
        full: "--clients 50 --seconds 1 --warmup 0.5",
        quick: "--clients 50 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 10 --seconds 0.2 --warmup 0.1",
        floor: false,
        peers_in_quick: true,
        rows: &[aim("echo over long-polling (µs)", CPU, Target::Of("socketioxide", 0.6))],
        ..PLAIN
    },
    Scenario {
        key: "latency-echo",
        load: "latency --clients 50 --size 32",
        full: "--rate 5000 --seconds 2",
        quick: "--rate 5000 --seconds 0.7 --warmup 0.3",
        smoke: "--rate 500 --seconds 0.2 --warmup 0.1",
        rows: &[
            row("echo at 5,000 per second (p50, µs)", P50),
            row("echo at 5,000 per second (p99, µs)", P99),
            row("echo at 5,000 per second (p99.9, µs)", P999),
        ],
        ..PLAIN
    },
    Scenario {
        key: "latency-broadcast",
        load: "latency --broadcast --size 64",
        full: "--clients 1001 --rate 20 --seconds 2",
        quick: "--clients 1001 --rate 20 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 51 --rate 20 --seconds 0.2 --warmup 0.1",
        rows: &[
            row("broadcast to 1,001 at 20 per second (p50, µs)", P50),
            row("broadcast to 1,001 at 20 per second (p99, µs)", P99),
            row("broadcast to 1,001 at 20 per second (p99.9, µs)", P999),
        ],
        ..PLAIN
    },
    Scenario {
        key: "slow",
        load: "slow --rate 250 --size 8192",
        full: "--clients 200 --seconds 10",
        quick: "--clients 200 --seconds 4",
        smoke: "--clients 40 --seconds 0.2 --warmup 0.1",
        rows: &[
            aim("5 % stop reading: messages lost silently", LOST, Target::AtMost(0.0)),
            row("5 % stop reading: slow clients closed", CLOSED),
            row("5 % stop reading: slow clients that caught up in order", CAUGHT_UP),
            row("5 % stop reading: growth (RSS MiB)", GROWTH),
            row("5 % stop reading: latency of the others (p99, µs)", P99),
        ],
        rounds: 1,
        ..PLAIN
    },
    Scenario {
        key: "tls-idle",
        load: "idle",
        full: "--clients 3000",
        quick: "--clients 1000",
        smoke: "--clients 20",
        tls: true,
        floor: false,
        rows: &[row("TLS: idle clients (RSS KiB per client)", RSS)],
        rounds: 1,
        ..PLAIN
    },
    Scenario {
        key: "tls-connect",
        load: "connect",
        full: "--clients 1000",
        quick: "--clients 500",
        smoke: "--clients 20",
        tls: true,
        floor: false,
        rows: &[row("TLS: connect, whole handshake (µs)", CPU)],
        ..PLAIN
    },
    Scenario {
        key: "tls-fanout",
        load: "fanout --size 64 --inflight 1",
        full: "--clients 1001 --seconds 1 --warmup 0.5",
        quick: "--clients 1001 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 21 --seconds 0.2 --warmup 0.1",
        tls: true,
        floor: false,
        rows: &[row("TLS: fan-out to 1,001, 64 B, one at a time (µs per delivery)", CPU)],
        ..PLAIN
    },
    Scenario {
        key: "tls-echo",
        load: "echo --size 32 --inflight 1",
        full: "--clients 50 --seconds 1 --warmup 0.5",
        quick: "--clients 50 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 10 --seconds 0.2 --warmup 0.1",
        tls: true,
        floor: false,
        rows: &[row("TLS: echo with ack, 1 each (µs per round trip)", CPU)],
        ..PLAIN
    },
    Scenario {
        key: "unpinned-fanout",
        load: "fanout --size 64 --inflight 1",
        full: "--clients 1001 --seconds 1 --warmup 0.5",
        quick: "--clients 1001 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 51 --seconds 0.2 --warmup 0.1",
        cores: Cores::Unpinned,
        rows: &[row("two cores unpinned: fan-out to 1,001, one at a time (µs per delivery)", CPU)],
        ..PLAIN
    },
    Scenario {
        key: "unpinned-rooms",
        load: "rooms --inflight 32",
        full: "--clients 5000 --rooms 500 --seconds 1 --warmup 0.5",
        quick: "--clients 2000 --rooms 200 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 100 --rooms 10 --seconds 0.2 --warmup 0.1",
        cores: Cores::Unpinned,
        rows: &[row("two cores unpinned: rooms of 10, 32 on their way (µs per delivery)", CPU)],
        ..PLAIN
    },
    Scenario {
        key: "unpinned-echo",
        load: "echo --size 32 --inflight 16",
        full: "--clients 50 --seconds 1 --warmup 0.5",
        quick: "--clients 50 --seconds 0.7 --warmup 0.3",
        smoke: "--clients 10 --seconds 0.2 --warmup 0.1",
        cores: Cores::Unpinned,
        rows: &[row("two cores unpinned: echo with ack, 16 each (µs per round trip)", CPU)],
        ..PLAIN
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::bench::scenarios::Pace;

    #[test]
    fn keys_and_titles_are_unique() {
        let keys: HashSet<_> = SCENARIOS.iter().map(|scenario| scenario.key).collect();
        assert_eq!(keys.len(), SCENARIOS.len());
        let titles: Vec<_> =
            SCENARIOS.iter().flat_map(|scenario| scenario.rows).map(|row| row.title).collect();
        assert_eq!(titles.iter().collect::<HashSet<_>>().len(), titles.len());
    }

    #[test]
    fn every_pace_gives_the_load_generator_a_scenario_and_pairs_of_options() {
        for scenario in SCENARIOS {
            for pace in [Pace::Full, Pace::Quick, Pace::Smoke] {
                let arguments: Vec<_> = scenario.arguments(pace).collect();
                assert!(!arguments[0].starts_with('-'), "{}", scenario.key);
                let flags = arguments.iter().filter(|argument| argument.starts_with("--"));
                let distinct: HashSet<_> = flags.clone().collect();
                assert_eq!(distinct.len(), flags.count(), "{}: an option twice", scenario.key);
            }
        }
    }

    #[test]
    fn a_target_against_the_floor_is_one_the_floor_can_answer() {
        for scenario in SCENARIOS.iter().filter(|scenario| !scenario.floor) {
            for row in scenario.rows {
                assert!(!matches!(row.target, Some(Target::Of("floor" | "floor-batch", _))), "{}", row.title);
            }
        }
    }
}
