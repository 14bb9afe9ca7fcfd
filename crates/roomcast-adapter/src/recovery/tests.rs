//! Bounds and times by example; what clients get, over random losses, against a model too simple to be wrong.

use std::time::{Duration, Instant};

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{Room, Target};

const AGE: Duration = Duration::from_secs(100);

fn log(packets: usize, bytes: usize) -> Log<u32> {
    Log::new(LogBounds { packets, bytes, age: AGE })
}

fn everyone() -> Audience {
    Audience::Target(Target::all())
}

fn kept(log: &Log<u32>, after: u64) -> Option<Vec<u32>> {
    log.after(Position(after)).ok().map(|events| events.map(|(_, _, packet)| *packet).collect())
}

#[test]
fn events_after_a_position_are_found_in_their_order() {
    let mut log = log(10, 1 << 20);
    let now = Instant::now();
    for packet in 1..=5 {
        assert_eq!(log.record(now, everyone(), packet, 10), Position(packet.into()));
    }
    assert_eq!(kept(&log, 0), Some(vec![1, 2, 3, 4, 5]));
    assert_eq!(kept(&log, 3), Some(vec![4, 5]));
    assert_eq!(kept(&log, 5), Some(vec![]));
    // Never given out: behind everything, nothing is missing.
    assert_eq!(kept(&log, 9), Some(vec![]));
}

#[test]
fn the_oldest_events_go_when_there_are_too_many_or_too_many_bytes() {
    let now = Instant::now();
    let mut by_count = log(3, 1 << 20);
    let mut by_bytes = log(100, 3 * (Log::<u32>::OVERHEAD + 10));
    for log in [&mut by_count, &mut by_bytes] {
        for packet in 1..=5 {
            log.record(now, everyone(), packet, 10);
        }
        assert_eq!((log.len(), log.bytes()), (3, 3 * (Log::<u32>::OVERHEAD + 10)));
        assert_eq!(kept(log, 2), Some(vec![3, 4, 5]));
        assert_eq!(kept(log, 1), None);
    }
}

#[test]
fn the_names_of_rooms_count_as_bytes() {
    let mut log = log(10, 1 << 20);
    let target = Target::room("x".repeat(1000)).except("y".repeat(1000));
    log.record(Instant::now(), Audience::Target(target), 1, 10);
    assert!(log.bytes() > 2000);
}

#[test]
fn an_event_larger_than_the_bound_leaves_a_gap() {
    let mut log = log(10, 1000);
    let now = Instant::now();
    log.record(now, everyone(), 1, 10);
    log.record(now, everyone(), 2, 5000);
    assert_eq!(log.position(), Position(2));
    assert_eq!(kept(&log, 1), None);
    log.record(now, everyone(), 3, 10);
    assert_eq!(kept(&log, 1), None);
    assert_eq!(kept(&log, 2), Some(vec![3]));
}

#[test]
fn events_expire_on_time_and_leave_no_memory() {
    let mut log = log(10_000, 1 << 20);
    let start = Instant::now();
    for n in 0..1000 {
        log.record(start + Duration::from_millis(n), everyone(), 0, 1);
    }
    log.expire(start + AGE - Duration::from_millis(1));
    assert_eq!(log.len(), 1000);
    log.expire(start + AGE);
    assert_eq!(log.len(), 999);
    assert_eq!(log.next_expiry(), Some(start + Duration::from_millis(1) + AGE));
    log.expire(start + Duration::from_secs(1) + AGE);
    assert_eq!((log.len(), log.bytes(), log.next_expiry()), (0, 0, None));
    assert_eq!(log.position(), Position(1000));
}

fn sessions(count: usize, bytes: usize) -> Sessions<&'static str, u32> {
    Sessions::new(SessionBounds { sessions: count, bytes, age: AGE })
}

#[test]
fn a_session_is_used_once() {
    let now = Instant::now();
    let mut sessions = sessions(10, 1000);
    assert!(sessions.keep(now, "a", 1, 10).is_empty());
    assert!(matches!(sessions.take(now, &"b"), Taken::Unknown));
    assert!(matches!(sessions.take(now, &"a"), Taken::Kept(1)));
    assert!(matches!(sessions.take(now, &"a"), Taken::Unknown));
    assert_eq!((sessions.len(), sessions.bytes(), sessions.next_expiry()), (0, 0, None));
}

#[test]
fn a_session_expires_on_time() {
    let now = Instant::now();
    let mut sessions = sessions(10, 1000);
    let _ = sessions.keep(now, "a", 1, 10);
    let _ = sessions.keep(now + Duration::from_secs(1), "b", 2, 10);
    assert!(matches!(sessions.take(now + AGE, &"a"), Taken::Expired(1)));
    assert_eq!(sessions.next_expiry(), Some(now + Duration::from_secs(1) + AGE));
    assert!(sessions.expire(now + AGE).is_empty());
    assert_eq!(sessions.expire(now + Duration::from_secs(1) + AGE), [2]);
    assert!(sessions.is_empty());
}

#[test]
fn the_oldest_sessions_go_when_there_are_too_many_or_too_many_bytes() {
    let now = Instant::now();
    for mut sessions in [sessions(2, 1000), sessions(10, 25)] {
        let _ = sessions.keep(now, "a", 1, 10);
        let _ = sessions.keep(now, "b", 2, 10);
        assert_eq!(sessions.keep(now, "c", 3, 10), [1]);
        assert!(matches!(sessions.take(now, &"a"), Taken::Unknown));
        assert_eq!(sessions.keep(now, "d", 4, 1001), [4], "it can never fit");
        assert_eq!((sessions.len(), sessions.bytes()), (2, 20));
        let mut rest = sessions.clear();
        rest.sort_unstable();
        assert_eq!(rest, [2, 3]);
    }
}

#[test]
fn a_session_that_is_kept_again_takes_its_own_place() {
    let now = Instant::now();
    let mut sessions = sessions(10, 1000);
    let _ = sessions.keep(now, "a", 1, 10);
    assert_eq!(sessions.keep(now, "a", 2, 10), [1]);
    assert_eq!(sessions.bytes(), 10);
    assert!(matches!(sessions.take(now, &"a"), Taken::Kept(2)));
}

fn session(entered: u64, reached: u64, left: u64) -> Session<()> {
    let [entered, reached, left] = [entered, reached, left].map(Position);
    let id = Room::from("me");
    Session { rooms: vec![id.clone(), "news".into()], id, data: (), entered, joined: entered, reached, left }
}

#[test]
fn a_quiet_client_goes_on_from_its_loss_however_old_its_offset_is() {
    let mut log = log(3, 1 << 20);
    for packet in 1..=10 {
        log.record(Instant::now(), Audience::Socket("other".into()), packet, 1);
    }
    let at = |session: &Session<()>, offset: Option<u64>| session.resume(offset.map(Position), &log);
    // Sent nothing at all, or nothing after what it has seen.
    assert_eq!(at(&session(1, 0, 8), None), Ok(Position(8)));
    assert_eq!(at(&session(1, 2, 8), Some(2)), Ok(Position(8)));
    // It has not seen everything, and that is gone.
    assert_eq!(at(&session(1, 3, 8), Some(2)), Err(CannotResume::TooOld));
    assert_eq!(at(&session(1, 3, 8), None), Err(CannotResume::TooOld));
    // It was away for too long.
    assert_eq!(at(&session(1, 0, 6), None), Err(CannotResume::TooOld));
    // Not yet given out, or before its time.
    assert_eq!(at(&session(1, 0, 8), Some(11)), Err(CannotResume::BadOffset));
    assert_eq!(at(&session(4, 0, 8), Some(3)), Err(CannotResume::BadOffset));
}

#[test]
fn events_are_for_a_session_by_its_rooms_but_not_if_it_is_excluded() {
    let session = session(5, 0, 9);
    let wants = session.wants();
    let target = |position, target: Target| wants.event(Position(position), &Audience::Target(target));
    assert!(target(6, Target::all()));
    assert!(target(6, Target::room("sport").to("news")));
    assert!(!target(6, Target::room("sport")));
    assert!(!target(6, Target::all().except("me")));
    assert!(!target(6, Target::room("news").except("news")));
    assert!(target(6, Target::room("news").except("sport")));
    assert!(!target(5, Target::all()), "it was not in yet");
    assert!(wants.event(Position(5), &Audience::Socket("me".into())));
    assert!(!wants.event(Position(6), &Audience::Socket("you".into())));
}

/// What happens to the one client that the model follows.
#[derive(Clone, Debug)]
enum Step {
    /// An event for everybody, for a room, for everybody but a room, for one socket.
    Emit(u8),
    /// One that is not recorded, whose last argument is a text: it carries the offset of what was recorded last.
    Volatile,
    /// The network brings so many events to the client.
    Receive(u8),
    /// The connection is lost, with what was on its way.
    Lose,
    /// The client comes back.
    Return,
    /// An event that could not be queued any more: the socket is still there, its session is over.
    Vain(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..6_u8).prop_map(Step::Emit),
        1 => Just(Step::Volatile),
        3 => (0..4_u8).prop_map(Step::Receive),
        2 => Just(Step::Lose),
        3 => Just(Step::Return),
        1 => (0..6_u8).prop_map(Step::Vain),
    ]
}

fn audience(kind: u8) -> Audience {
    match kind {
        0 => Audience::Target(Target::all()),
        1 => Audience::Target(Target::room("news")),
        2 => Audience::Target(Target::room("sport")),
        3 => Audience::Target(Target::all().except("news")),
        4 => Audience::Socket("me".into()),
        _ => Audience::Socket("you".into()),
    }
}

fn is_for_me(kind: u8) -> bool {
    matches!(kind, 0 | 1 | 4)
}

/// A server that does as the documentation says, and its client.
struct World {
    log: Log<u32>,
    now: Instant,
    session: Session<()>,
    connected: bool,
    /// On its way: the event, unless it is volatile, and the offset that it carries.
    wire: Vec<(Option<u32>, Position)>,
    offset: Option<Position>,
    seen: Vec<u32>,
    meant: Vec<u32>,
    next: u32,
}

impl World {
    fn emit(&mut self, kind: u8, sent: bool) {
        self.next += 1;
        let packet = self.next;
        let position = self.log.record(self.now, audience(kind), packet, 1);
        if is_for_me(kind) {
            self.meant.push(packet);
            if self.connected {
                self.session.reached = position;
                if sent {
                    self.wire.push((Some(packet), position));
                }
            }
        }
    }

    fn lose(&mut self) {
        if self.connected {
            self.connected = false;
            self.wire.clear();
            self.session.left = self.log.position();
        }
    }

    /// Everything was as it should be; whether the client could go on.
    fn come_back(&mut self) -> Result<bool, TestCaseError> {
        let from = match self.session.resume(self.offset, &self.log) {
            Ok(from) => from,
            Err(error) => {
                prop_assert_eq!(error, CannotResume::TooOld);
                return Ok(false);
            }
        };
        let wants = self.session.wants();
        for (position, audience, packet) in self.log.after(from).expect("it was just said to reach back") {
            if wants.event(position, audience) {
                self.wire.push((Some(*packet), position));
            }
        }
        drop(wants);
        self.connected = true;
        if let Some((_, position)) = self.wire.last() {
            self.session.reached = self.session.reached.max(*position);
        }
        Ok(true)
    }
}

proptest! {
    #[test]
    fn a_client_that_may_go_on_has_missed_nothing_and_sees_nothing_twice(
        steps in vec(step(), 1..80),
        packets in prop_oneof![Just(1000_usize), 1..8_usize],
    ) {
        let mut world = World {
            log: log(packets, 1 << 20),
            now: Instant::now(),
            session: session(0, 0, 0),
            connected: true,
            wire: Vec::new(),
            offset: None,
            seen: Vec::new(),
            meant: Vec::new(),
            next: 0,
        };
        for step in steps {
            match step {
                Step::Emit(kind) => world.emit(kind, true),
                Step::Vain(kind) => {
                    world.emit(kind, false);
                    world.lose();
                }
                Step::Volatile if world.connected => world.wire.push((None, world.log.position())),
                Step::Receive(count) => {
                    let count = world.wire.len().min(count.into());
                    for (packet, offset) in world.wire.drain(..count) {
                        world.seen.extend(packet);
                        world.offset = Some(offset);
                    }
                }
                Step::Lose => world.lose(),
                Step::Return if !world.connected => {
                    if !world.come_back()? {
                        prop_assert!(packets < 1000, "nothing is too old for a log that keeps everything");
                        return Ok(());
                    }
                }
                Step::Volatile | Step::Return => {}
            }
            prop_assert!(world.log.len() <= packets);
            prop_assert_eq!(&world.seen[..], &world.meant[..world.seen.len()]);
        }
        world.lose();
        if world.come_back()? {
            world.seen.extend(world.wire.iter().filter_map(|(packet, _)| *packet));
            prop_assert_eq!(world.seen, world.meant);
        }
    }
}
