//! What grows: the curves, and the load at each of their points.
//!
//! In: nothing; it is a table. Out: [`CURVES`]. What is odd: where the number of rooms or members grows, the number of
//! clients stays as near as it can to the same, so that only one thing grows at a time.

use super::scenarios::Cores;

/// One kind of growth.
#[derive(Debug)]
pub(super) struct Curve {
    pub(super) key: &'static str,
    pub(super) title: &'static str,
    pub(super) axis: &'static str,
    pub(super) points: &'static [Point],
}

/// One size of it, and the load that has this size.
#[derive(Debug)]
pub(super) struct Point {
    pub(super) x: u32,
    pub(super) load: &'static str,
    pub(super) cores: Cores,
}

const fn at(x: u32, load: &'static str) -> Point {
    Point { x, load, cores: Cores::Apart }
}

const fn on_two(x: u32, load: &'static str) -> Point {
    Point { x, load, cores: Cores::Unpinned }
}

/// All curves, in the order of the page.
pub(super) const CURVES: &[Curve] = &[
    Curve {
        key: "room-size",
        title: "CPU per delivery by receivers of a message to a room",
        axis: "receivers (the room has one member more: the sender)",
        points: &[
            at(1, "rooms --inflight 1 --clients 10000 --rooms 5000 --seconds 1 --warmup 0.5"),
            at(10, "rooms --inflight 1 --clients 9999 --rooms 909 --seconds 1 --warmup 0.5"),
            at(100, "rooms --inflight 1 --clients 9999 --rooms 99 --seconds 1 --warmup 0.5"),
            at(1_000, "rooms --inflight 1 --clients 10010 --rooms 10 --seconds 1 --warmup 0.5"),
            at(10_000, "rooms --inflight 1 --clients 10001 --rooms 1 --seconds 1 --warmup 0.5"),
        ],
    },
    Curve {
        key: "rooms",
        title: "CPU per delivery by number of rooms, three members each",
        axis: "rooms",
        points: &[
            at(1, "manyrooms --clients 5000 --members 3 --rooms 1 --seconds 1 --warmup 0.5"),
            at(10, "manyrooms --clients 5000 --members 3 --rooms 10 --seconds 1 --warmup 0.5"),
            at(100, "manyrooms --clients 5000 --members 3 --rooms 100 --seconds 1 --warmup 0.5"),
            at(1_000, "manyrooms --clients 5000 --members 3 --rooms 1000 --seconds 1 --warmup 0.5"),
            at(10_000, "manyrooms --clients 5000 --members 3 --rooms 10000 --seconds 1 --warmup 0.5"),
            at(100_000, "manyrooms --clients 5000 --members 3 --rooms 100000 --seconds 1 --warmup 0.5"),
        ],
    },
    Curve {
        key: "sockets",
        title: "CPU per delivery by sockets, in rooms of ten",
        axis: "sockets",
        points: &[
            at(10, "rooms --inflight 1 --clients 10 --rooms 1 --seconds 1 --warmup 0.5"),
            at(100, "rooms --inflight 1 --clients 100 --rooms 10 --seconds 1 --warmup 0.5"),
            at(1_000, "rooms --inflight 1 --clients 1000 --rooms 100 --seconds 1 --warmup 0.5"),
            at(10_000, "rooms --inflight 1 --clients 10000 --rooms 1000 --seconds 1 --warmup 0.5"),
            at(19_000, "rooms --inflight 1 --clients 19000 --rooms 1900 --seconds 1 --warmup 0.5"),
        ],
    },
    Curve {
        key: "namespaces",
        title: "CPU per delivery by namespaces, in rooms of ten",
        axis: "namespaces",
        points: &[
            at(1, "rooms --inflight 32 --clients 5000 --rooms 500 --namespaces 1 --seconds 1 --warmup 0.5"),
            at(10, "rooms --inflight 32 --clients 5000 --rooms 500 --namespaces 10 --seconds 1 --warmup 0.5"),
            at(
                100,
                "rooms --inflight 32 --clients 5000 --rooms 500 --namespaces 100 --seconds 1 --warmup 0.5",
            ),
            at(
                500,
                "rooms --inflight 32 --clients 5000 --rooms 500 --namespaces 500 --seconds 1 --warmup 0.5",
            ),
        ],
    },
    Curve {
        key: "size",
        title: "CPU per delivery by size of the message, fan-out to 101",
        axis: "bytes",
        points: &[
            at(16, "fanout --clients 101 --inflight 1 --size 16 --seconds 1 --warmup 0.5"),
            at(64, "fanout --clients 101 --inflight 1 --size 64 --seconds 1 --warmup 0.5"),
            at(256, "fanout --clients 101 --inflight 1 --size 256 --seconds 1 --warmup 0.5"),
            at(1_024, "fanout --clients 101 --inflight 1 --size 1024 --seconds 1 --warmup 0.5"),
            at(4_096, "fanout --clients 101 --inflight 1 --size 4096 --seconds 1 --warmup 0.5"),
            at(16_384, "fanout --clients 101 --inflight 1 --size 16384 --seconds 1 --warmup 0.5"),
            at(65_536, "fanout --clients 101 --inflight 1 --size 65536 --seconds 1 --warmup 0.5"),
            at(262_144, "fanout --clients 101 --inflight 1 --size 262144 --seconds 1 --warmup 0.5"),
            at(1_048_576, "fanout --clients 101 --inflight 1 --size 1048576 --seconds 1 --warmup 0.5"),
        ],
    },
    Curve {
        key: "cores-fanout",
        title: "CPU per delivery by cores, fan-out to 1,001",
        axis: "cores (on two, server and load share both)",
        points: &[
            at(1, "fanout --clients 1001 --inflight 1 --size 64 --seconds 1 --warmup 0.5"),
            on_two(2, "fanout --clients 1001 --inflight 1 --size 64 --seconds 1 --warmup 0.5"),
        ],
    },
    Curve {
        key: "cores-rooms",
        title: "CPU per delivery by cores, 500 rooms of ten",
        axis: "cores (on two, server and load share both)",
        points: &[
            at(1, "rooms --inflight 32 --clients 5000 --rooms 500 --seconds 1 --warmup 0.5"),
            on_two(2, "rooms --inflight 32 --clients 5000 --rooms 500 --seconds 1 --warmup 0.5"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_of_every_curve_rise() {
        for curve in CURVES {
            assert!(curve.points.windows(2).all(|pair| pair[0].x < pair[1].x), "{}", curve.key);
        }
    }
}
