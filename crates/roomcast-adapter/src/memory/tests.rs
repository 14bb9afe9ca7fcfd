//! The book on its own: what a join, a leave, a target means, and what it costs.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, Weak},
};

use super::*;
use crate::{Room, RoomEvent, Target};

/// As large as the server's handle: one pointer.
#[derive(Clone, Debug)]
struct Socket(Arc<String>);

impl Member for Socket {
    fn id(&self) -> &str {
        &self.0
    }
}

fn book() -> Rooms<Socket> {
    Rooms::new()
}

fn add(rooms: &Rooms<Socket>, id: &str) -> MemberKey {
    let key = rooms.insert(Socket(id.to_owned().into())).unwrap();
    assert!(rooms.activate(key));
    key
}

fn join(rooms: &Rooms<Socket>, key: MemberKey, names: &[&str]) {
    for name in names {
        rooms.join(key, name).unwrap();
    }
}

/// The ids a target reaches, sorted; fails if one is reached twice.
fn reached(rooms: &Rooms<Socket>, target: &Target) -> Vec<String> {
    let mut ids: Vec<String> = rooms.collect(target).iter().map(|socket| socket.0.to_string()).collect();
    ids.sort();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all, "a socket was reached twice by {target:?}");
    ids
}

/// Writes down room events as text.
fn recorded(rooms: &Rooms<Socket>) -> Arc<Mutex<Vec<String>>> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&log);
    let observer = move |event: RoomEvent<'_>| writer.lock().unwrap().push(text(event));
    assert!(rooms.observe(Arc::new(observer)).is_ok());
    log
}

fn text(event: RoomEvent<'_>) -> String {
    match event {
        RoomEvent::Created { room } => format!("create {room}"),
        RoomEvent::Joined { room, id } => format!("join {room} {id}"),
        RoomEvent::Left { room, id } => format!("leave {room} {id}"),
        RoomEvent::Deleted { room } => format!("delete {room}"),
    }
}

fn taken(log: &Mutex<Vec<String>>) -> Vec<String> {
    std::mem::take(&mut *log.lock().unwrap())
}

#[test]
fn a_target_is_the_union_of_rooms_minus_the_union_of_except() {
    let rooms = book();
    let keys = ["a", "b", "c", "d"].map(|id| add(&rooms, id));
    join(&rooms, keys[0], &["r1", "r2"]);
    join(&rooms, keys[1], &["r1"]);
    join(&rooms, keys[2], &["r2", "r3"]);
    let table: &[(Target, &[&str])] = &[
        (Target::all(), &["a", "b", "c", "d"]),
        (Target::room("r1"), &["a", "b"]),
        (Target::room("r1").to("r2"), &["a", "b", "c"]), // each once
        (Target::room("r1").to("r1"), &["a", "b"]),
        (Target::room("r1").except("r2"), &["b"]),
        (Target::room("r1").to("r2").except("r3"), &["a", "b"]),
        (Target::all().except("r1"), &["c", "d"]),
        (Target::all().except("r1").except("r2"), &["d"]),
        (Target::room("r1").except("a"), &["b"]), // the usual broadcast of a socket
        (Target::all().except("a"), &["b", "c", "d"]),
        (Target::room("a"), &["a"]), // an id is a room
        (Target::room("a").to("b").to("a"), &["a", "b"]),
        (Target::room("a").to("r1"), &["a", "b"]),
        (Target::room("a").to("b").except("b"), &["a"]),
        (Target::room("nowhere"), &[]),
        (Target::room("nowhere").to("r3"), &["c"]),
        (Target::all().except("nowhere"), &["a", "b", "c", "d"]),
        (Target::room("r1").except("r1"), &[]),
        (Target::room(""), &[]),
    ];
    for (target, expected) in table {
        assert_eq!(reached(&rooms, target), *expected, "{target:?}");
    }
}

#[test]
fn many_ids_are_reached_once_however_often_named() {
    let rooms = book();
    let ids: Vec<String> = (0..300).map(|n| format!("{n:03}")).collect();
    for id in &ids {
        add(&rooms, id);
    }
    let twice = Target::all().to_each(&ids[..200]).to_each(&ids[100..]);
    assert_eq!(reached(&rooms, &twice), ids);
    assert_eq!(reached(&rooms, &twice.except_each(&ids[..250])), ids[250..]);
    assert_eq!(reached(&rooms, &Target::all().except_each(&ids[1..])), ids[..1]);
}

#[test]
fn a_member_that_is_not_active_is_skipped_everywhere_but_keeps_its_rooms() {
    let rooms = book();
    let early = rooms.insert(Socket("early".to_owned().into())).unwrap();
    join(&rooms, early, &["r"]);
    assert_eq!(rooms.rooms_of(early), ["r"]);
    assert_eq!((rooms.len(), rooms.room_len("r")), (0, 1));
    for target in [Target::all(), Target::room("r"), Target::room("early"), Target::room("r").to("early")] {
        assert!(reached(&rooms, &target).is_empty(), "{target:?}");
        assert_eq!(rooms.join_target(&target, &["x".into()]), TargetJoin::default());
    }
    assert!(rooms.member("early").is_none());
    assert!(rooms.activate(early));
    assert!(!rooms.activate(early), "only once");
    assert_eq!(rooms.rooms_of(early), ["early", "r"]);
    assert_eq!(reached(&rooms, &Target::room("r")), ["early"]);
    assert_eq!(rooms.member("early").unwrap().id(), "early");
}

#[test]
fn what_a_failed_middleware_joined_is_undone() {
    let rooms = book();
    let early = rooms.insert(Socket("early".to_owned().into())).unwrap();
    join(&rooms, early, &["r", "s"]);
    assert_eq!(rooms.remove(early), ["r", "s"]);
    assert!(rooms.rooms().is_empty() && !rooms.contains("r"));
}

#[test]
fn a_key_means_nobody_once_its_member_is_removed() {
    let rooms = book();
    let old = add(&rooms, "old");
    assert_eq!(rooms.remove(old), ["old"]);
    let new = add(&rooms, "new"); // takes the slot
    assert_eq!(rooms.join(old, "r"), Ok(JoinOutcome::default()));
    assert_eq!(rooms.leave(old, "new"), LeaveOutcome::default());
    assert!(!rooms.activate(old));
    assert!(rooms.rooms_of(old).is_empty() && rooms.remove(old).is_empty());
    assert_eq!(rooms.rooms_of(new), ["new"]);
    assert_eq!(rooms.rooms(), ["new"]);
}

#[test]
fn an_id_is_taken_until_its_member_is_removed() {
    let rooms = book();
    let first = rooms.insert(Socket("a".to_owned().into())).unwrap();
    assert_eq!(rooms.insert(Socket("a".to_owned().into())).unwrap_err().0.id(), "a");
    rooms.remove(first);
    assert!(rooms.insert(Socket("a".to_owned().into())).is_ok());
}

#[test]
fn rooms_are_listed_in_the_order_joined_after_the_own_id() {
    let rooms = book();
    let key = add(&rooms, "me");
    join(&rooms, key, &["c", "a", "b", "d"]);
    rooms.leave(key, "a");
    join(&rooms, key, &["a"]);
    assert_eq!(rooms.rooms_of(key), ["me", "c", "b", "d", "a"]);
    assert_eq!(rooms.remove(key), ["me", "c", "b", "d", "a"]);
}

#[test]
fn a_socket_may_leave_and_rejoin_the_room_of_its_id() {
    let rooms = book();
    let key = add(&rooms, "me");
    assert_eq!(rooms.join(key, "me"), Ok(JoinOutcome { created_room: false, joined: false }));
    assert_eq!(rooms.leave(key, "me"), LeaveOutcome { left: true, deleted_room: true });
    assert!(reached(&rooms, &Target::room("me")).is_empty());
    assert_eq!(reached(&rooms, &Target::all()), ["me"]);
    assert_eq!(rooms.join(key, "me"), Ok(JoinOutcome { created_room: true, joined: true }));
    assert_eq!(reached(&rooms, &Target::room("me")), ["me"]);
}

#[test]
fn others_may_join_the_room_of_an_id() {
    let rooms = book();
    let (a, b) = (add(&rooms, "a"), add(&rooms, "b"));
    assert_eq!(rooms.join(b, "a"), Ok(JoinOutcome { created_room: false, joined: true }));
    assert_eq!(reached(&rooms, &Target::room("a")), ["a", "b"]);
    assert_eq!(reached(&rooms, &Target::all().except("a")), [""; 0]);
    assert_eq!(rooms.room_len("a"), 2);
    let mut names = rooms.rooms();
    names.sort();
    assert_eq!(names, ["a", "b"]);
    rooms.remove(a);
    assert_eq!(reached(&rooms, &Target::room("a")), ["b"], "the room outlives the socket it was named by");
    assert_eq!(rooms.leave(b, "a"), LeaveOutcome { left: true, deleted_room: true });
}

#[test]
fn a_socket_joins_so_many_rooms_and_no_more() {
    let rooms = Rooms::with_max_rooms(2);
    let key = add(&rooms, "me");
    join(&rooms, key, &["a", "b"]);
    assert_eq!(rooms.join(key, "c"), Err(JoinError::TooMany { limit: 2 }));
    assert!(!rooms.contains("c"), "the refused room was not created");
    assert_eq!(rooms.join(key, "b"), Ok(JoinOutcome::default()), "it is in there already");
    let outcome = rooms.join_target(&Target::all(), &["c".into(), "a".into()]);
    assert_eq!(outcome, TargetJoin { joined: 0, refused: 1 });
    rooms.leave(key, "a");
    assert_eq!(rooms.join(key, "c"), Ok(JoinOutcome { created_room: true, joined: true }));
}

#[test]
fn a_room_of_a_long_name_is_not_joined_and_reaches_nobody() {
    let rooms = book();
    let key = add(&rooms, "me");
    let (longest, long) = ("é".repeat(Room::MAX_BYTES / 2), "x".repeat(Room::MAX_BYTES + 1));
    assert_eq!(rooms.join(key, &longest), Ok(JoinOutcome { created_room: true, joined: true }));
    assert_eq!(rooms.join(key, &long), Err(JoinError::TooLong { bytes: 1_025 }));
    let outcome = rooms.join_target(&Target::all(), &[long.as_str().into(), "short".into()]);
    assert_eq!(outcome, TargetJoin { joined: 1, refused: 1 });
    assert!(!rooms.contains(&long) && rooms.rooms().len() == 3);
    assert_eq!(reached(&rooms, &Target::room(long.as_str())), [""; 0]);
    assert_eq!(reached(&rooms, &Target::all().except(long.as_str())), ["me"]);
    assert_eq!(rooms.leave(key, &long), LeaveOutcome::default());
    rooms.remove(key);
    assert_eq!(rooms.join(key, &long), Ok(JoinOutcome::default()), "who has gone joins nothing");
}

#[test]
fn the_room_of_an_own_id_is_joined_however_long_that_is() {
    let rooms = book();
    let id = "x".repeat(Room::MAX_BYTES + 1);
    let key = add(&rooms, &id);
    assert_eq!(reached(&rooms, &Target::room(id.as_str())), [id.as_str()]);
    assert_eq!(rooms.leave(key, &id), LeaveOutcome { left: true, deleted_room: true });
    assert_eq!(rooms.join(key, &id), Ok(JoinOutcome { created_room: true, joined: true }));
}

#[test]
fn a_target_joins_and_leaves_as_one() {
    let rooms = book();
    let keys = ["a", "b", "c"].map(|id| add(&rooms, id));
    join(&rooms, keys[0], &["r"]);
    let names = ["x".into(), "y".into()];
    assert_eq!(rooms.join_target(&Target::room("r").to("b"), &names).joined, 4);
    assert_eq!(reached(&rooms, &Target::room("x")), ["a", "b"]);
    // Leaving the very room that is the target.
    assert_eq!(rooms.leave_target(&Target::room("x").except("a"), &names), 2);
    assert_eq!(reached(&rooms, &Target::room("x")), ["a"]);
    assert_eq!(rooms.leave_target(&Target::room("c"), &names), 0);
}

#[test]
fn room_events_come_in_order_and_once() {
    let rooms = book();
    let log = recorded(&rooms);
    let a = rooms.insert(Socket("a".to_owned().into())).unwrap();
    assert!(taken(&log).is_empty());
    rooms.activate(a);
    assert_eq!(taken(&log), ["create a", "join a a"]);
    join(&rooms, a, &["r", "r", "a"]);
    assert_eq!(taken(&log), ["create r", "join r a"]);
    let b = add(&rooms, "b");
    join(&rooms, b, &["r"]);
    assert_eq!(taken(&log), ["create b", "join b b", "join r b"]);
    rooms.leave(a, "r");
    rooms.leave(a, "r");
    rooms.leave(a, "nowhere");
    assert_eq!(taken(&log), ["leave r a"]);
    rooms.remove(b);
    rooms.remove(b);
    assert_eq!(taken(&log), ["leave b b", "delete b", "leave r b", "delete r"]);
    rooms.remove(a);
    assert_eq!(taken(&log), ["leave a a", "delete a"]);
}

#[test]
fn there_is_one_observer() {
    let rooms = book();
    recorded(&rooms);
    assert!(rooms.observe(Arc::new(|_: RoomEvent<'_>| {})).is_err());
}

#[test]
fn an_observer_may_call_the_book() {
    let rooms = Arc::new(book());
    let log = Arc::new(Mutex::new(Vec::new()));
    let (weak, writer) = (Arc::downgrade(&rooms), Arc::clone(&log));
    let observer = move |event: RoomEvent<'_>| {
        writer.lock().unwrap().push(text(event));
        let (RoomEvent::Joined { room, .. }, Some(rooms)) = (event, Weak::upgrade(&weak)) else { return };
        if *room == "r" {
            rooms.join_target(&Target::room("r"), &["s".into()]);
        }
    };
    assert!(rooms.observe(Arc::new(observer)).is_ok());
    let key = add(&rooms, "a");
    join(&rooms, key, &["r"]);
    assert_eq!(taken(&log), ["create a", "join a a", "create r", "join r a", "create s", "join s a"]);
}

#[test]
fn a_panicking_observer_loses_one_event_and_hurts_nobody() {
    let rooms = book();
    let log = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&log);
    let observer = move |event: RoomEvent<'_>| {
        assert!(text(event) != "create r", "asked for");
        writer.lock().unwrap().push(text(event));
    };
    assert!(rooms.observe(Arc::new(observer)).is_ok());
    let key = add(&rooms, "a");
    assert!(catch_unwind(AssertUnwindSafe(|| rooms.join(key, "r"))).is_err());
    join(&rooms, key, &["s"]);
    assert_eq!(taken(&log), ["create a", "join a a", "join r a", "create s", "join s a"]);
}

#[test]
fn a_removed_member_is_not_kept_alive() {
    let rooms = book();
    let id = Arc::new(String::from("a"));
    let key = rooms.insert(Socket(Arc::clone(&id))).unwrap();
    rooms.activate(key);
    join(&rooms, key, &["r"]);
    recorded(&rooms);
    rooms.for_each(&Target::room("r").to("a"), |_| {});
    rooms.remove(key);
    assert_eq!(Arc::strong_count(&id), 1);
}

#[test]
fn a_socket_in_thousands_of_rooms_leaves_them_all() {
    let rooms = book();
    let (a, b) = (add(&rooms, "a"), add(&rooms, "b"));
    let names: Vec<Room> = (0..5000).map(|n| Room::from(format!("room {n}"))).collect();
    assert_eq!(rooms.join_target(&Target::all(), &names).joined, 10_000);
    assert_eq!(rooms.leave_target(&Target::room("b"), &names[..2500]), 2500);
    assert_eq!(rooms.rooms_of(b)[1..], names[2500..]);
    assert_eq!(rooms.remove(a).len(), 5001);
    assert_eq!(rooms.room_len("room 0"), 0);
    assert_eq!(rooms.room_len("room 4999"), 1);
    rooms.remove(b);
    assert!(rooms.rooms().is_empty());
}

#[test]
fn a_storm_leaves_no_memory_behind() {
    let rooms = book();
    let stays = add(&rooms, "stays");
    let keys: Vec<_> = (0..20_000).map(|n| add(&rooms, &format!("socket {n}"))).collect();
    for (n, &key) in keys.iter().enumerate() {
        join(&rooms, key, &["all", &format!("room {}", n / 3), &format!("alone {n}")]);
    }
    let high = rooms.footprint();
    keys.into_iter().for_each(|key| drop(rooms.remove(key)));
    assert_eq!(rooms.rooms_of(stays), ["stays"]);
    assert!(rooms.footprint() * 10 < high, "{} of {high} bytes are still held", rooms.footprint());
}

/// Bytes per member; printed for the README, bounded so that a careless field is noticed.
#[test]
fn a_member_takes_few_bytes() {
    const MEMBERS: usize = 1 << 16;
    let per_member = |names: &dyn Fn(usize) -> Vec<String>| {
        let rooms = book();
        for n in 0..MEMBERS {
            let key = add(&rooms, &format!("{n:020}"));
            names(n).iter().for_each(|name| join(&rooms, key, &[name]));
        }
        rooms.footprint().div_ceil(MEMBERS)
    };
    let none = per_member(&|_| Vec::new());
    let one = per_member(&|n| vec![format!("room {}", n % 500)]);
    let private = per_member(&|n| vec![format!("user {n}")]);
    let three = per_member(&|n| [3, 5, 7].map(|by| format!("{by}: {}", n / by)).to_vec());
    println!(
        "bytes per member: {none} alone, {one} in one shared room, {private} in one of its own, {three} in 3"
    );
    assert!(none <= 68 && one <= 84 && private <= 150 && three <= 200);
}
