//! Many threads at once: nothing is lost, nothing is left, and the observer hears a story that makes sense.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use roomcast_adapter::{RoomEvent, Rooms, Target, memory::Member};

const THREADS: usize = 8;
const ROUNDS: usize = 300;

#[derive(Clone)]
struct Socket(Arc<(String, AtomicUsize)>);

impl Member for Socket {
    fn id(&self) -> &str {
        &self.0.0
    }
}

/// How many are in each room, as the events tell it.
#[derive(Default)]
struct Story(Mutex<HashMap<String, usize>>);

impl Story {
    fn hear(&self, event: RoomEvent<'_>) {
        let mut rooms = self.0.lock().expect("no thread has failed");
        match event {
            RoomEvent::Created { room } => {
                assert_eq!(rooms.insert(room.to_string(), 0), None, "{room} is there")
            }
            RoomEvent::Joined { room, .. } => *rooms.get_mut(&**room).expect("created before joined") += 1,
            RoomEvent::Left { room, .. } => *rooms.get_mut(&**room).expect("left before deleted") -= 1,
            RoomEvent::Deleted { room } => assert_eq!(rooms.remove(&**room), Some(0), "{room} was not empty"),
            other => panic!("unknown {other:?}"),
        }
    }
}

#[test]
fn threads_that_join_leave_and_broadcast_leave_nothing_behind() {
    let rooms = Arc::new(Rooms::new());
    let (story, own) = (Arc::new(Story::default()), Arc::new(AtomicUsize::new(0)));
    let listener = Arc::clone(&story);
    assert!(rooms.observe(Arc::new(move |event: RoomEvent<'_>| listener.hear(event))).is_ok());
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (rooms, own) = (&rooms, &own);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    live(rooms, thread, round, own);
                }
            });
        }
    });
    assert_eq!(own.load(Ordering::Relaxed), THREADS * ROUNDS, "each socket heard itself exactly once");
    assert!(rooms.is_empty() && rooms.rooms().is_empty());
    // The last thread out has told the observer everything before it ended.
    assert!(story.0.lock().expect("no thread has failed").is_empty());
}

/// One socket's life.
fn live(rooms: &Rooms<Socket>, thread: usize, round: usize, own: &AtomicUsize) {
    let socket = Socket(Arc::new((format!("{thread}/{round}"), AtomicUsize::new(0))));
    let key = rooms.insert(socket.clone()).map_err(|_| "taken").expect("a new id");
    rooms.join(key, "everybody").expect("few rooms");
    assert!(rooms.activate(key));
    for n in 0..40 {
        rooms.join(key, &format!("room {}", (round + n * thread) % 50)).expect("few rooms");
    }
    // Whoever is in the room hears it once; this socket is in it, so its count rises by exactly one here.
    let target = Target::room("everybody").to(socket.id()).to("room 1");
    rooms.for_each(&target, |member| {
        if member.id() == socket.id() {
            member.0.1.fetch_add(1, Ordering::Relaxed);
        }
    });
    rooms.join_target(&Target::room(socket.id()), &["late".into()]);
    rooms.leave(key, "everybody");
    assert!(rooms.collect(&Target::room("everybody")).iter().all(|member| member.id() != socket.id()));
    let left = rooms.remove(key);
    assert_eq!(left.first().map(ToString::to_string).as_deref(), Some(socket.id()));
    assert!(left.iter().any(|room| *room == "late"));
    own.fetch_add(socket.0.1.load(Ordering::Relaxed), Ordering::Relaxed);
}
