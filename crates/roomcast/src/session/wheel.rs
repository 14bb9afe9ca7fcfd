//! The deadlines of all sessions: a hashed wheel, for times that may be late by one step.
//!
//! In: a session and when it wants to be woken. Out: its driver is woken, at that time or up to one step later. A session
//! has one entry, of 32 bytes, which is moved, not added to, when its deadline changes; that is cheaper than a timer of
//! the runtime for each. What is odd: a deadline beyond the wheel's horizon wakes early, and the driver asks again.

use std::sync::Arc;
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
    /// Told when an entry came that is due before all others.
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
    tick: u64,
}

impl Timer {
    pub(super) const UNSET: Self = Self { entry: NONE, tick: u64::MAX };
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
        Self { base: now(), step, slots: Mutex::new(slots), sooner: Notify::new() }
    }

    /// Sees to it that the session is woken at `deadline`, and no longer at the time asked for before.
    pub(super) fn set(self: &Arc<Self>, timer: &mut Timer, mailbox: &Arc<Mailbox>, deadline: Instant) {
        // The step after the one that the deadline is in: never early.
        let tick = self.tick(deadline) + 1;
        if tick == timer.tick {
            return;
        }
        timer.tick = tick;
        let starts = {
            let mut slots = self.slots.lock();
            if slots.waits_for.is_none() {
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
            tokio::spawn(run(self.clone()));
        }
    }

    /// Takes the session out of the wheel.
    pub(super) fn unset(&self, timer: &mut Timer) {
        let timer = std::mem::replace(timer, Timer::UNSET);
        if timer.entry != NONE {
            let entry = self.slots.lock().remove(timer.entry);
            // Outside the lock.
            drop(entry);
        }
    }

    fn tick(&self, time: Instant) -> u64 {
        let since = time.saturating_duration_since(self.base).as_nanos();
        u64::try_from(since / self.step.as_nanos()).unwrap_or(u64::MAX / 2)
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
async fn run(wheel: Arc<Wheel>) {
    let mut stopped = Stopped { wheel, clean: false };
    while let Some(next) = stopped.wheel.serve() {
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = stopped.wheel.sooner.notified() => {}
        }
    }
    stopped.clean = true;
}

/// If the runtime goes away under the wheel, the next session in another runtime starts it again.
struct Stopped {
    wheel: Arc<Wheel>,
    clean: bool,
}

impl Drop for Stopped {
    fn drop(&mut self) {
        if !self.clean {
            self.wheel.slots.lock().waits_for = None;
        }
    }
}

impl Slots {
    /// Hangs an entry, a new one if there is none yet, where its tick is, or as far off as the wheel reaches.
    fn hang(&mut self, entry: &mut u32, mailbox: &Arc<Mailbox>, tick: u64) -> u64 {
        if *entry == NONE {
            let new = Entry { mailbox: mailbox.clone(), previous: NONE, next: NONE, slot: NONE };
            *entry = u32::try_from(self.entries.insert(new)).expect("there are fewer sessions than that");
        } else {
            self.unhang(*entry);
        }
        let tick = tick.clamp(self.next_tick, self.next_tick + self.heads.len() as u64 - 1);
        let slot = self.slot(tick);
        let next = std::mem::replace(&mut self.heads[slot as usize], *entry);
        if next != NONE {
            self.entries[next as usize].previous = *entry;
        }
        let it = &mut self.entries[*entry as usize];
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
        let end = (tick + 1).min(self.next_tick + self.heads.len() as u64);
        for tick in self.next_tick..end {
            let slot = self.slot(tick);
            let mut entry = std::mem::replace(&mut self.heads[slot as usize], NONE);
            while entry != NONE {
                let it = &mut self.entries[entry as usize];
                due.push(it.mailbox.clone());
                it.slot = NONE;
                entry = it.next;
            }
        }
        self.next_tick = self.next_tick.max(tick + 1);
        due
    }

    fn next_occupied(&self) -> Option<u64> {
        let lap = self.next_tick..self.next_tick + self.heads.len() as u64;
        lap.into_iter().find(|tick| self.heads[self.slot(*tick) as usize] != NONE)
    }

    fn slot(&self, tick: u64) -> u32 {
        u32::try_from(tick % self.heads.len() as u64).expect("there are few slots")
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
