//! Room events on their way from the book to the observer: in order, and outside the book's lock.
//!
//! In: the notices of one operation, handed over while the book is still locked, so that their order is the order of
//! the changes. Out: calls of the observer, by one thread at a time, which also takes what other threads bring.
//! Odd: an observer that calls back into the book finds its own thread delivering; the new notices wait their turn.
//! When too many wait, threads that bring more stand still until the observer has caught up.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread::{self, ThreadId},
};

use smallvec::SmallVec;

use super::Member;
use crate::{Room, RoomEvent, RoomObserver};

/// With more notices than this waiting, whoever brings more waits. One operation may exceed it by what it causes.
const MAX_WAITING: usize = 65_536;

/// One event that owns what it speaks of.
pub(super) enum Notice<M> {
    Created(Room),
    Joined(Room, M),
    Left(Room, M),
    Deleted(Room),
}

/// The notices of one operation; collects nothing when nobody observes.
pub(super) struct Notices<M>(Option<SmallVec<[Notice<M>; 2]>>);

impl<M: Member> Notices<M> {
    pub(super) fn wanted(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn created(&mut self, room: &Room) {
        self.note(|| Notice::Created(room.clone()));
    }

    pub(super) fn joined(&mut self, room: &Room, member: &M) {
        self.note(|| Notice::Joined(room.clone(), member.clone()));
    }

    pub(super) fn left(&mut self, room: &Room, member: &M) {
        self.note(|| Notice::Left(room.clone(), member.clone()));
    }

    pub(super) fn deleted(&mut self, room: &Room) {
        self.note(|| Notice::Deleted(room.clone()));
    }

    fn note(&mut self, notice: impl FnOnce() -> Notice<M>) {
        if let Some(notices) = &mut self.0 {
            notices.push(notice());
        }
    }
}

/// The way from the book to the observer.
pub(super) struct Announcer<M> {
    observer: OnceLock<Arc<dyn RoomObserver>>,
    queue: Mutex<Queue<M>>,
    drained: Condvar,
}

struct Queue<M> {
    waiting: VecDeque<Notice<M>>,
    deliverer: Option<ThreadId>,
}

impl<M: Member> Announcer<M> {
    pub(super) fn new() -> Self {
        let queue = Queue { waiting: VecDeque::new(), deliverer: None };
        Self { observer: OnceLock::new(), queue: Mutex::new(queue), drained: Condvar::new() }
    }

    /// Sets the observer; gives it back if there is one.
    pub(super) fn observe(&self, observer: Arc<dyn RoomObserver>) -> Result<(), Arc<dyn RoomObserver>> {
        self.observer.set(observer)
    }

    /// Where an operation writes its notices.
    pub(super) fn notices(&self) -> Notices<M> {
        Notices(self.observer.get().map(|_| SmallVec::new()))
    }

    /// Takes the notices of an operation; called while the book is locked. True if `deliver` has to be called.
    pub(super) fn enqueue(&self, notices: Notices<M>) -> bool {
        let Some(notices) = notices.0.filter(|notices| !notices.is_empty()) else { return false };
        self.queue().waiting.extend(notices);
        true
    }

    /// Tells the observer what waits; called without the book's lock.
    pub(super) fn deliver(&self) {
        let Some(observer) = self.observer.get() else { return };
        let me = thread::current().id();
        let mut queue = self.queue();
        while let Some(deliverer) = queue.deliverer {
            if deliverer == me || queue.waiting.len() <= MAX_WAITING {
                return;
            }
            queue = self.drained.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.deliverer = Some(me);
        drop(queue);
        let turn = Turn(self);
        while let Some(notice) = turn.next() {
            observer.on_room_event(match &notice {
                Notice::Created(room) => RoomEvent::Created { room },
                Notice::Joined(room, member) => RoomEvent::Joined { room, id: member.id() },
                Notice::Left(room, member) => RoomEvent::Left { room, id: member.id() },
                Notice::Deleted(room) => RoomEvent::Deleted { room },
            });
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue<M>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This thread's turn to deliver. It ends when nothing waits, or when the observer panics: the next operation then
/// delivers what is left.
struct Turn<'a, M: Member>(&'a Announcer<M>);

impl<M: Member> Turn<'_, M> {
    fn next(&self) -> Option<Notice<M>> {
        let mut queue = self.0.queue();
        let notice = queue.waiting.pop_front();
        match queue.waiting.len() {
            // Ended under the same lock that saw nothing waiting: nobody can bring something in between unseen.
            0 if notice.is_none() => {
                queue.deliverer = None;
                queue.waiting.shrink_to(64);
            }
            MAX_WAITING => self.0.drained.notify_all(),
            _ => {}
        }
        notice
    }
}

impl<M: Member> Drop for Turn<'_, M> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        if queue.deliverer == Some(thread::current().id()) {
            queue.deliverer = None;
        }
        drop(queue);
        self.0.drained.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    };

    use super::*;
    use crate::{Rooms, Target};

    #[derive(Clone)]
    struct Id(usize, &'static str);

    impl Member for Id {
        fn id(&self) -> &str {
            &self.1[self.0..]
        }
    }

    #[test]
    fn whoever_brings_too_much_waits_for_a_slow_observer() {
        let rooms = Rooms::<Id>::new();
        let keys = [0, 1].map(|n| rooms.insert(Id(n, "ab")).unwrap());
        assert!(keys.iter().all(|&key| rooms.activate(key)));
        let (release, released) = mpsc::channel::<()>();
        let (released, heard) = (Mutex::new(released), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&heard);
        let observer = move |_: RoomEvent<'_>| {
            if count.fetch_add(1, Ordering::Relaxed) == 0 {
                released.lock().unwrap().recv().unwrap();
            }
        };
        assert!(rooms.observe(Arc::new(observer)).is_ok());
        let names: Vec<Room> = (0..8).map(|n| Room::from(n.to_string())).collect();
        let storms = MAX_WAITING / (2 * names.len()) + 1;
        thread::scope(|scope| {
            // "ab" and "b" are the ids; this thread becomes the deliverer and is held in the observer.
            scope.spawn(|| rooms.join(keys[0], "first").unwrap());
            while heard.load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
            let bringer = scope.spawn(|| {
                for _ in 0..storms {
                    rooms.join_target(&Target::room("b"), &names);
                    rooms.leave_target(&Target::room("b"), &names);
                }
            });
            // Each round brings four events per room, so it has to stop halfway.
            while rooms.announcer_backlog() <= MAX_WAITING {
                thread::yield_now();
            }
            assert!(!bringer.is_finished());
            release.send(()).unwrap();
        });
        assert_eq!(heard.load(Ordering::Relaxed), 2 + storms * names.len() * 4);
    }

    impl Rooms<Id> {
        fn announcer_backlog(&self) -> usize {
            self.announcer().queue().waiting.len()
        }
    }
}
