//! The book of rooms against a model that is too simple to be wrong, over random sequences of operations.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use proptest::{collection::vec, prelude::*};
use roomcast_adapter::{
    Room, RoomEvent, Rooms, Target,
    memory::{JoinError, JoinOutcome, LeaveOutcome, Member, MemberKey},
};

/// Small enough to be hit often; more rooms than are scanned without an index.
const MAX_ROOMS: usize = 40;
const IDS: u8 = 8;

#[derive(Clone, Debug)]
struct Socket(Arc<str>);

impl Member for Socket {
    fn id(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Debug)]
enum Op {
    Insert(u8),
    Activate(u8),
    Remove(u8),
    Join(u8, String),
    JoinMany(u8, Vec<String>),
    Leave(u8, String),
    LeaveMany(u8, Vec<String>),
    JoinTarget(Vec<String>, Vec<String>, Vec<String>),
    LeaveTarget(Vec<String>, Vec<String>, Vec<String>),
    Look(Vec<String>, Vec<String>),
}

/// Mostly rooms; sometimes another socket's id, or one's own.
fn name(names: u8) -> impl Strategy<Value = String> {
    prop_oneof![5 => (0..names).prop_map(|n| format!("room {n}")), 1 => (0..IDS).prop_map(id)]
}

fn id(n: u8) -> String {
    format!("id {n}")
}

/// Operations on so many rooms, with so many joined or left at a time.
fn op(names: u8, many: usize) -> impl Strategy<Value = Op> {
    let one = move || name(names);
    let few = move || vec(one(), 0..4);
    let who = 0..IDS;
    prop_oneof![
        3 => who.clone().prop_map(Op::Insert),
        3 => who.clone().prop_map(Op::Activate),
        1 => who.clone().prop_map(Op::Remove),
        6 => (who.clone(), one()).prop_map(|(n, room)| Op::Join(n, room)),
        2 => (who.clone(), vec(one(), 0..many)).prop_map(|(n, rooms)| Op::JoinMany(n, rooms)),
        6 => (who.clone(), one()).prop_map(|(n, room)| Op::Leave(n, room)),
        3 => (who, vec(one(), 0..many)).prop_map(|(n, rooms)| Op::LeaveMany(n, rooms)),
        1 => (few(), few(), few()).prop_map(|(to, except, rooms)| Op::JoinTarget(to, except, rooms)),
        1 => (few(), few(), few()).prop_map(|(to, except, rooms)| Op::LeaveTarget(to, except, rooms)),
        4 => (few(), few()).prop_map(|(to, except)| Op::Look(to, except)),
    ]
}

/// Each member: whether it is active, and its rooms in the order joined.
#[derive(Default)]
struct Model {
    members: BTreeMap<String, (bool, Vec<String>)>,
    events: Vec<String>,
}

impl Model {
    fn in_room(&self, room: &str) -> BTreeSet<String> {
        let here = self.members.iter().filter(|(_, (_, rooms))| rooms.iter().any(|name| name == room));
        here.map(|(id, _)| id.clone()).collect()
    }

    fn join(&mut self, id: &str, room: &str) -> Result<JoinOutcome, JoinError> {
        let count = self.in_room(room).len();
        let mut outcome = JoinOutcome::default();
        let Some((_, rooms)) = self.members.get_mut(id) else { return Ok(outcome) };
        if rooms.iter().any(|name| name == room) {
            return Ok(outcome);
        }
        if room == id {
            rooms.insert(0, room.to_owned());
        } else if rooms.iter().filter(|name| *name != id).count() >= MAX_ROOMS {
            return Err(JoinError::TooMany { limit: MAX_ROOMS });
        } else {
            rooms.push(room.to_owned());
        }
        outcome.joined = true;
        outcome.created_room = count == 0;
        if outcome.created_room {
            self.events.push(format!("create {room}"));
        }
        self.events.push(format!("join {room} {id}"));
        Ok(outcome)
    }

    fn leave(&mut self, id: &str, room: &str) -> LeaveOutcome {
        let mut outcome = LeaveOutcome::default();
        let Some((_, rooms)) = self.members.get_mut(id) else { return outcome };
        let before = rooms.len();
        rooms.retain(|name| name != room);
        if rooms.len() == before {
            return outcome;
        }
        outcome.left = true;
        self.events.push(format!("leave {room} {id}"));
        outcome.deleted_room = self.in_room(room).is_empty();
        if outcome.deleted_room {
            self.events.push(format!("delete {room}"));
        }
        outcome
    }

    fn remove(&mut self, id: &str) -> Vec<String> {
        let rooms = self.members.get(id).map_or_else(Vec::new, |(_, rooms)| rooms.clone());
        for room in &rooms {
            self.leave(id, room);
        }
        self.members.remove(id);
        rooms
    }

    fn reached(&self, to: &[String], except: &[String]) -> BTreeSet<String> {
        let union =
            |rooms: &[String]| rooms.iter().flat_map(|room| self.in_room(room)).collect::<BTreeSet<_>>();
        let all = || self.members.keys().cloned().collect();
        let to = if to.is_empty() { all() } else { union(to) };
        let reached = &to - &union(except);
        reached.into_iter().filter(|id| self.members[id].0).collect()
    }
}

/// The book and the model side by side.
struct Pair {
    rooms: Rooms<Socket>,
    keys: BTreeMap<String, MemberKey>,
    model: Model,
    events: Arc<Mutex<Vec<String>>>,
}

impl Pair {
    fn new() -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&events);
        let rooms = Rooms::with_max_rooms(MAX_ROOMS);
        let observer = move |event: RoomEvent<'_>| {
            log.lock().expect("no thread has failed").push(match event {
                RoomEvent::Created { room } => format!("create {room}"),
                RoomEvent::Joined { room, id } => format!("join {room} {id}"),
                RoomEvent::Left { room, id } => format!("leave {room} {id}"),
                RoomEvent::Deleted { room } => format!("delete {room}"),
                other => panic!("unknown {other:?}"),
            });
        };
        assert!(rooms.observe(Arc::new(observer)).is_ok());
        Self { rooms, keys: BTreeMap::new(), model: Model::default(), events }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Insert(n) => {
                let inserted = self.rooms.insert(Socket(id(n).into()));
                assert_eq!(inserted.is_ok(), !self.model.members.contains_key(&id(n)));
                if let Ok(key) = inserted {
                    self.keys.insert(id(n), key);
                    self.model.members.insert(id(n), (false, Vec::new()));
                }
            }
            Op::Activate(n) => {
                let Some(&key) = self.keys.get(&id(n)) else { return };
                let idle = self.model.members.get_mut(&id(n)).filter(|(active, _)| !active);
                let fresh = idle.map(|(active, _)| *active = true).is_some();
                assert_eq!(self.rooms.activate(key), fresh);
                if fresh {
                    let _ = self.model.join(&id(n), &id(n));
                }
            }
            Op::Remove(n) => {
                // The key stays: it has to mean nobody from now on, whoever takes the slot.
                let Some(&key) = self.keys.get(&id(n)) else { return };
                assert_eq!(names(self.rooms.remove(key)), self.model.remove(&id(n)));
            }
            Op::Join(n, room) => self.join(n, &room),
            Op::JoinMany(n, rooms) => rooms.iter().for_each(|room| self.join(n, room)),
            Op::Leave(n, room) => self.leave(n, &room),
            Op::LeaveMany(n, rooms) => rooms.iter().for_each(|room| self.leave(n, room)),
            Op::JoinTarget(to, except, rooms) => {
                let outcome = self.rooms.join_target(&target(&to, &except), &as_rooms(&rooms));
                let reached = self.model.reached(&to, &except);
                let pairs = reached.iter().flat_map(|id| rooms.iter().map(move |room| (id, room)));
                let joins: Vec<_> = pairs.map(|(id, room)| self.model.join(id, room)).collect();
                assert_eq!(outcome.refused, joins.iter().filter(|join| join.is_err()).count());
                assert_eq!(outcome.joined, joins.iter().flatten().filter(|join| join.joined).count());
                self.forget_order();
            }
            Op::LeaveTarget(to, except, rooms) => {
                let left = self.rooms.leave_target(&target(&to, &except), &as_rooms(&rooms));
                let reached = self.model.reached(&to, &except);
                let pairs = reached.iter().flat_map(|id| rooms.iter().map(move |room| (id, room)));
                assert_eq!(left, pairs.filter(|(id, room)| self.model.leave(id, room).left).count());
                self.forget_order();
            }
            Op::Look(to, except) => self.look(&to, &except),
        }
    }

    fn join(&mut self, n: u8, room: &str) {
        let Some(&key) = self.keys.get(&id(n)) else { return };
        assert_eq!(self.rooms.join(key, room), self.model.join(&id(n), room));
    }

    fn leave(&mut self, n: u8, room: &str) {
        let Some(&key) = self.keys.get(&id(n)) else { return };
        assert_eq!(self.rooms.leave(key, room), self.model.leave(&id(n), room));
    }

    fn look(&self, to: &[String], except: &[String]) {
        let mut reached = Vec::new();
        self.rooms.for_each(&target(to, except), |socket| reached.push(socket.0.to_string()));
        reached.sort();
        assert_eq!(reached, Vec::from_iter(self.model.reached(to, except)), "to {to:?} except {except:?}");
    }

    /// A target's members come in no particular order, and so do their events: compare them as a set.
    fn forget_order(&mut self) {
        let (mut seen, mut expected) =
            (std::mem::take(&mut *self.events.lock().expect("no thread has failed")), Vec::new());
        std::mem::swap(&mut expected, &mut self.model.events);
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected);
    }

    /// Everything that can be asked.
    fn compare(&mut self) {
        assert_eq!(
            std::mem::take(&mut *self.events.lock().expect("no thread has failed")),
            std::mem::take(&mut self.model.events)
        );
        assert_eq!(self.rooms.len(), self.model.members.values().filter(|(active, _)| *active).count());
        let mut all: Vec<String> = names(self.rooms.rooms());
        all.sort();
        let expected: BTreeSet<_> =
            self.model.members.values().flat_map(|(_, rooms)| rooms.clone()).collect();
        assert_eq!(all, Vec::from_iter(expected));
        for room in &all {
            assert_eq!(self.rooms.room_len(room), self.model.in_room(room).len());
            self.look(std::slice::from_ref(room), &[]);
        }
        for n in 0..IDS {
            let known = self.model.members.get(&id(n));
            assert_eq!(self.rooms.member(&id(n)).is_some(), known.is_some_and(|(active, _)| *active));
            let Some(&key) = self.keys.get(&id(n)) else { continue };
            let expected = known.map_or_else(Vec::new, |(_, rooms)| rooms.clone());
            assert_eq!(names(self.rooms.rooms_of(key)), expected);
        }
    }
}

fn target(to: &[String], except: &[String]) -> Target {
    Target::all().to_each(to).except_each(except)
}

fn as_rooms(names: &[String]) -> Vec<Room> {
    names.iter().map(Room::from).collect()
}

fn names(rooms: Vec<Room>) -> Vec<String> {
    rooms.iter().map(ToString::to_string).collect()
}

proptest! {
    // Each case compares everything after every operation.
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Members in few rooms that change often: lists that live inline, with gaps.
    #[test]
    fn the_book_does_what_the_model_does_with_few_rooms(ops in vec(op(6, 3), 1..150)) {
        check(ops);
    }

    /// Members in many rooms: lists with an index, members at their bound.
    #[test]
    fn the_book_does_what_the_model_does_with_many_rooms(ops in vec(op(50, 90), 1..150)) {
        check(ops);
    }
}

fn check(ops: Vec<Op>) {
    let mut pair = Pair::new();
    for op in ops {
        pair.apply(op);
        pair.compare();
    }
    for n in 0..IDS {
        pair.apply(Op::Remove(n));
    }
    pair.compare();
    assert!(pair.rooms.rooms().is_empty() && pair.rooms.is_empty());
}
