//! The deadlines of all sessions: a hashed wheel, for times that may be late by one step.
//!
//! In: a session and when it wants to be woken. Out: its driver is woken, at that time or up to one step later. A session
//! has one entry, of 40 bytes, which is moved, not added to, when its deadline changes; that is cheaper than a timer of
//! the runtime for each. What is odd: an entry whose time is
//! beyond the wheel's horizon hangs in the last slot, and is hung again when that comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use slab::Slab;
use tokio::sync::Notify;

use super::mailbox::Mailbox;

/// The most slots of a wheel, a power of two.
const MAX_SLOTS: usize = 4096;
/// Bounds of a step.
const STEPS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(1));
/// The shortest time that is waited for in this many steps.
const STEPS_PER_WAIT: u32 = 64;
/// No entry.
const NONE: u32 = u32::MAX;

/// The wheel of one server.
#[derive(Debug)]
pub(crate) struct Wheel {
    base: Instant,
    step: Duration,
    slots: Mutex<Slots>,
    /// The task runs, or is about to.
    runs: AtomicBool,
    /// Told when an entry came that is due before all others, and when the last has gone.
    sooner: Notify,
}

#[derive(Debug)]
struct Slots {
    entries: Slab<Entry>,
    /// The first entry of each slot.
    heads: Box<[u32]>,
    /// All ticks below have been served.
    next_tick: u64,
    /// What the task waits for, if it runs.
    waits_for: Option<u64>,
}

#[derive(Debug)]
struct Entry {
    mailbox: Arc<Mailbox>,
    tick: u64,
    previous: u32,
    next: u32,
    /// Where it hangs; nowhere after it has woken its session.
    slot: u32,
}

/// A session's place in the wheel.
#[derive(Debug)]
pub(super) struct Timer {
    entry: u32,
    /// What was asked for last.
    deadline: Option<Instant>,
}

impl Timer {
    pub(super) const UNSET: Self = Self { entry: NONE, deadline: None };
}

impl Wheel {
    /// A wheel for waits that are mostly between these two.
    pub(crate) fn new(shortest: Duration, longest: Duration) -> Self {
        let step = (shortest / STEPS_PER_WAIT).clamp(STEPS.0, STEPS.1);
        // Twice as far as any wait, because the wheel's own place is as old as its last waking.
        let wanted = 2 * longest.as_nanos() / step.as_nanos() + 2;
        let slots = usize::try_from(wanted).unwrap_or(MAX_SLOTS).min(MAX_SLOTS).next_power_of_two();
        let slots = Slots {
            entries: Slab::new(),
            heads: vec![NONE; slots].into_boxed_slice(),
            next_tick: 0,
            waits_for: None,
        };
        Self {
            base: now(),
            step,
            slots: Mutex::new(slots),
            runs: AtomicBool::new(false),
            sooner: Notify::new(),
        }
    }

    /// Sees to it that the session is woken at `deadline`, and no longer at the time asked for before.
    pub(super) fn set(self: &Arc<Self>, timer: &mut Timer, mailbox: &Arc<Mailbox>, deadline: Instant) {
        if timer.deadline == Some(deadline) && self.runs.load(Ordering::Acquire) {
            return;
        }
        timer.deadline = Some(deadline);
        // The step after the one that the deadline is in: never early.
        let tick = self.tick(deadline) + 1;
        let starts = {
            let mut slots = self.slots.lock();
            if slots.waits_for.is_none() && slots.next_occupied().is_none() {
                slots.next_tick = self.tick(now());
            }
            let tick = slots.hang(&mut timer.entry, mailbox, tick);
            let starts = slots.waits_for.is_none();
            if slots.waits_for.is_none_or(|waits_for| tick < waits_for) {
                slots.waits_for = Some(tick);
                self.sooner.notify_one();
            }
            starts
        };
        if starts {
            self.runs.store(true, Ordering::Release);
            // Made here: the runtime may end before it polls the task.
            tokio::spawn(run(Stopped { wheel: self.clone(), clean: false }));
        }
    }

    /// Takes the session out of the wheel.
    pub(super) fn unset(&self, timer: &mut Timer) {
        let timer = std::mem::replace(timer, Timer::UNSET);
        if timer.entry != NONE {
            let (entry, last) = {
                let mut slots = self.slots.lock();
                (slots.remove(timer.entry), slots.entries.is_empty())
            };
            if last {
                // The task ends with the last session.
                self.sooner.notify_one();
            }
            // Outside the lock.
            drop(entry);
        }
    }

    fn tick(&self, time: Instant) -> u64 {
        // In 64 bits, which is quick: five hundred years.
        nanos(time.saturating_duration_since(self.base)) / nanos(self.step)
    }

    fn time(&self, tick: u64) -> tokio::time::Instant {
        let nanos = u128::from(tick) * self.step.as_nanos();
        let since = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        (self.base + since).into()
    }

    /// Wakes those whose time has come; gives the next time, `None` if nobody waits.
    fn serve(&self) -> Option<tokio::time::Instant> {
        let (due, next) = {
            let mut slots = self.slots.lock();
            let due = slots.take_due(self.tick(now()));
            slots.waits_for = slots.next_occupied();
            (due, slots.waits_for)
        };
        due.iter().for_each(|mailbox| mailbox.ring());
        next.map(|tick| self.time(tick))
    }
}

/// Runs for as long as somebody waits.
async fn run(mut stopped: Stopped) {
    while let Some(next) = stopped.wheel.serve() {
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = stopped.wheel.sooner.notified() => {}
        }
    }
    stopped.clean = true;
}

/// If the runtime goes away under the wheel, the sessions of another runtime start it again.
struct Stopped {
    wheel: Arc<Wheel>,
    clean: bool,
}

impl Drop for Stopped {
    fn drop(&mut self) {
        if !self.clean {
            self.wheel.runs.store(false, Ordering::Release);
            let hung = {
                let mut slots = self.wheel.slots.lock();
                slots.waits_for = None;
                slots.hung()
            };
            // Those that live in another runtime start it again there.
            hung.iter().for_each(|mailbox| mailbox.ring());
        }
    }
}

impl Slots {
    /// Hangs an entry, a new one if there is none yet, where its tick is, or as far off as the wheel reaches.
    fn hang(&mut self, entry: &mut u32, mailbox: &Arc<Mailbox>, tick: u64) -> u64 {
        if *entry == NONE {
            let mailbox = mailbox.clone();
            let new = Entry { mailbox, tick, previous: NONE, next: NONE, slot: NONE };
            *entry = u32::try_from(self.entries.insert(new)).expect("there are fewer sessions than that");
        } else {
            self.unhang(*entry);
            self.entries[*entry as usize].tick = tick;
        }
        self.link(*entry)
    }

    /// Links an entry that hangs nowhere into the slot of its tick, or the last one; gives the tick of that.
    fn link(&mut self, entry: u32) -> u64 {
        let tick = self.entries[entry as usize]
            .tick
            .clamp(self.next_tick, self.next_tick + self.heads.len() as u64 - 1);
        let slot = self.slot(tick);
        let next = std::mem::replace(&mut self.heads[slot as usize], entry);
        if next != NONE {
            self.entries[next as usize].previous = entry;
        }
        let it = &mut self.entries[entry as usize];
        (it.previous, it.next, it.slot) = (NONE, next, slot);
        tick
    }

    fn unhang(&mut self, entry: u32) {
        let it = &mut self.entries[entry as usize];
        let (previous, next) = (it.previous, it.next);
        match std::mem::replace(&mut it.slot, NONE) {
            NONE => return,
            slot if previous == NONE => self.heads[slot as usize] = next,
            _ => self.entries[previous as usize].next = next,
        }
        if next != NONE {
            self.entries[next as usize].previous = previous;
        }
    }

    fn remove(&mut self, entry: u32) -> Entry {
        self.unhang(entry);
        let removed = self.entries.remove(entry as usize);
        if self.entries.is_empty() {
            self.entries = Slab::new();
        }
        removed
    }

    /// Those of all ticks up to and with `tick`.
    fn take_due(&mut self, tick: u64) -> Vec<Arc<Mailbox>> {
        let mut due = Vec::new();
        let mut early = Vec::new();
        let end = (tick + 1).min(self.next_tick + self.heads.len() as u64);
        for slot_tick in self.next_tick..end {
            let slot = self.slot(slot_tick);
            let mut entry = std::mem::replace(&mut self.heads[slot as usize], NONE);
            while entry != NONE {
                let it = &mut self.entries[entry as usize];
                it.slot = NONE;
                match it.tick > tick {
                    true => early.push(entry),
                    false => due.push(it.mailbox.clone()),
                }
                entry = it.next;
            }
        }
        self.next_tick = self.next_tick.max(tick + 1);
        for entry in early {
            self.link(entry);
        }
        due
    }

    /// The sessions of all entries that hang somewhere.
    fn hung(&self) -> Vec<Arc<Mailbox>> {
        let hung = self.entries.iter().filter(|(_, entry)| entry.slot != NONE);
        hung.map(|(_, entry)| entry.mailbox.clone()).collect()
    }

    fn next_occupied(&self) -> Option<u64> {
        let lap = self.next_tick..self.next_tick + self.heads.len() as u64;
        lap.into_iter().find(|tick| self.heads[self.slot(*tick) as usize] != NONE)
    }

    fn slot(&self, tick: u64) -> u32 {
        u32::try_from(tick % self.heads.len() as u64).expect("there are few slots")
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 2)
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use proto::engine::{Dialect, Transport};

    use super::*;
    use crate::core::random_id;
    use crate::outbox::OutboxLimits;

    const SECOND: Duration = Duration::from_secs(1);

    /// Sleeps as a driver does until it is woken, and says how long that took.
    async fn sleep(mailbox: &Arc<Mailbox>) -> Duration {
        let begun = now();
        let _ = mailbox.take_commands();
        let mut slept = false;
        poll_fn(|cx| match std::mem::replace(&mut slept, true) {
            false if mailbox.sleep(cx.waker(), true) => Poll::Pending,
            _ => Poll::Ready(()),
        })
        .await;
        now() - begun
    }

    fn mailbox() -> Arc<Mailbox> {
        Arc::new(Mailbox::new(random_id(), Dialect::V4, Transport::WebSocket, OutboxLimits::default()))
    }

    fn wheel(shortest: Duration, longest: Duration) -> Arc<Wheel> {
        Arc::new(Wheel::new(shortest, longest))
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_is_woken_at_its_time_or_one_step_later() {
        let (wheel, mailbox) = (wheel(20 * SECOND, 25 * SECOND), mailbox());
        let mut timer = Timer::UNSET;
        for _ in 0..5 {
            wheel.set(&mut timer, &mailbox, now() + 25 * SECOND);
            let slept = sleep(&mailbox).await;
            assert!(slept >= 25 * SECOND && slept <= 25 * SECOND + 2 * wheel.step, "{slept:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_time_asked_for_counts() {
        let (wheel, mailbox) = (wheel(SECOND, 25 * SECOND), mailbox());
        let mut timer = Timer::UNSET;
        wheel.set(&mut timer, &mailbox, now() + 5 * SECOND);
        wheel.set(&mut timer, &mailbox, now() + 20 * SECOND);
        assert!(sleep(&mailbox).await >= 20 * SECOND);
        wheel.set(&mut timer, &mailbox, now() + 20 * SECOND);
        wheel.set(&mut timer, &mailbox, now() + SECOND);
        assert!(sleep(&mailbox).await < 2 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_beyond_the_horizon_is_not_early() {
        let (wheel, mailbox) = (wheel(Duration::from_millis(1), 2 * SECOND), mailbox());
        let mut timer = Timer::UNSET;
        wheel.set(&mut timer, &mailbox, now() + 600 * SECOND);
        let slept = sleep(&mailbox).await;
        assert!(slept >= 600 * SECOND && slept < 601 * SECOND, "{slept:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_that_comes_while_the_driver_is_awake_is_not_lost() {
        let (wheel, mailbox) = (wheel(SECOND, 25 * SECOND), mailbox());
        let mut timer = Timer::UNSET;
        let deadline = now() + SECOND;
        wheel.set(&mut timer, &mailbox, deadline);
        tokio::time::sleep(3 * SECOND).await;
        wheel.set(&mut timer, &mailbox, deadline);
        assert!(!mailbox.sleep(std::task::Waker::noop(), true));
    }

    /// A runtime of its own, with the clock stopped.
    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
    }

    #[test]
    fn a_runtime_that_ends_does_not_take_the_wheel_along() {
        let (wheel, first, second) = (wheel(SECOND, 25 * SECOND), mailbox(), mailbox());
        let (mut one, mut other) = (Timer::UNSET, Timer::UNSET);
        // It ends before the task of the wheel is polled once.
        runtime().block_on(async { wheel.set(&mut one, &first, now() + SECOND) });
        let woken = runtime().block_on(async {
            wheel.set(&mut other, &second, now() + SECOND);
            tokio::time::timeout(5 * SECOND, sleep(&second)).await
        });
        assert!(woken.is_ok());
    }

    #[test]
    fn the_sessions_of_another_runtime_go_on_with_a_wheel_that_lost_its_own() {
        let (wheel, first, second) = (wheel(SECOND, 25 * SECOND), mailbox(), mailbox());
        let (mut one, mut other) = (Timer::UNSET, Timer::UNSET);
        let (dies, lives) = (runtime(), runtime());
        dies.block_on(async {
            wheel.set(&mut one, &first, now() + SECOND);
            tokio::task::yield_now().await;
        });
        let deadline = lives.block_on(async {
            let deadline = now() + 20 * SECOND;
            wheel.set(&mut other, &second, deadline);
            // It sleeps, as a driver that has armed its deadline.
            assert!(second.sleep(std::task::Waker::noop(), true));
            deadline
        });
        drop(dies);
        let woken = lives.block_on(async {
            // The end of the wheel has rung: the driver looks at its deadline again.
            wheel.set(&mut other, &second, deadline);
            tokio::time::timeout(25 * SECOND, sleep(&second)).await
        });
        assert!(woken.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_left_is_not_held() {
        let (wheel, gone, stays) = (wheel(SECOND, 25 * SECOND), mailbox(), mailbox());
        let (mut first, mut second) = (Timer::UNSET, Timer::UNSET);
        wheel.set(&mut first, &gone, now() + SECOND);
        wheel.set(&mut second, &stays, now() + SECOND);
        wheel.unset(&mut first);
        assert_eq!(Arc::strong_count(&gone), 1);
        sleep(&stays).await;
        wheel.unset(&mut second);
        assert_eq!((Arc::strong_count(&stays), wheel.slots.lock().entries.len()), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn all_of_one_slot_are_woken_but_those_who_left() {
        let wheel = wheel(SECOND, 25 * SECOND);
        let mut all: Vec<_> = (0..100).map(|_| (mailbox(), Timer::UNSET)).collect();
        for (mailbox, timer) in &mut all {
            wheel.set(timer, mailbox, now() + 3 * SECOND);
        }
        all.iter_mut().step_by(3).for_each(|(_, timer)| wheel.unset(timer));
        let due = wheel.slots.lock().take_due(wheel.tick(now() + 4 * SECOND));
        let woken: Vec<_> =
            all.iter().map(|(mailbox, _)| due.iter().any(|it| Arc::ptr_eq(it, mailbox))).collect();
        let expected: Vec<_> = (0..100).map(|index| index % 3 != 0).collect();
        assert_eq!(woken, expected);
    }
}
