//! The book of rooms: walking one, joining, leaving.

use std::hint::black_box;

use roomcast_adapter::memory::{Member, MemberKey, Rooms};
use roomcast_adapter::{Room, Target};

use crate::case::{Case, Work};

const MEMBERS: usize = 2_000;
/// Each second one is in the room.
const IN_ROOM: usize = MEMBERS / 2;
const ROOM: &str = "every second one";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case { name: "rooms: walk a room of 1,000", units: 1, rounds: 100, prepare: walk },
        Case { name: "rooms: walk all but a room of 1,000", units: 1, rounds: 100, prepare: walk_others },
        Case { name: "rooms: join and leave", units: 100, rounds: 10, prepare: join_and_leave },
    ]
}

#[derive(Clone)]
struct Guest(Room);

impl Member for Guest {
    fn id(&self) -> &str {
        self.0.as_str()
    }
}

fn book() -> (Rooms<Guest>, Vec<MemberKey>) {
    let rooms = Rooms::new();
    let keys = (0..MEMBERS).map(|n| {
        let key = rooms.insert(Guest(format!("member-{n:013}").into())).expect("each has its own id");
        rooms.activate(key);
        if n % 2 == 0 {
            rooms.join(key, ROOM).expect("few rooms");
        }
        key
    });
    let keys = keys.collect();
    (rooms, keys)
}

fn walk() -> Box<dyn Work> {
    visit(Target::room(ROOM), IN_ROOM)
}

fn walk_others() -> Box<dyn Work> {
    visit(Target::all().except(ROOM), MEMBERS - IN_ROOM)
}

fn visit(target: Target, expected: usize) -> Box<dyn Work> {
    let (rooms, _) = book();
    Box::new(move || {
        let mut visited = 0;
        rooms.for_each(black_box(&target), |member| {
            black_box(member);
            visited += 1;
        });
        assert_eq!(visited, expected);
    })
}

/// A hundred go, one after the other, into a room that has somebody in it and one that is made for them, and out again.
/// Each has a new room of its own: where the names fall in the table is chance, and averages out.
fn join_and_leave() -> Box<dyn Work> {
    let (rooms, keys) = book();
    let guests = keys.into_iter().skip(1).step_by(2).take(100);
    let guests: Vec<_> = guests.enumerate().map(|(n, key)| (key, format!("new room {n}"))).collect();
    Box::new(move || {
        for (key, new) in &guests {
            for room in [ROOM, new] {
                assert!(rooms.join(*key, black_box(room)).expect("few rooms").joined);
            }
            for room in [ROOM, new] {
                assert!(rooms.leave(*key, black_box(room)).left);
            }
        }
    })
}
