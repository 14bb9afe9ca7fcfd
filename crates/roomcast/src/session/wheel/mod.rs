//! The deadlines of all sessions: a hashed wheel, for times that may be late by one step.
//!
//! In: a session and when it wants to be woken. Out: its driver is woken, at that time or up to one step later. A session
//! has one entry, of 40 bytes, which is moved, not added to, when its deadline changes; that is cheaper than a timer of
//! the runtime for each. What is odd: an entry whose time is beyond the wheel's horizon hangs in the last slot, and is hung
//! again when that comes.

mod slots;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::mailbox::Mailbox;
use slots::{NONE, Slots};

/// The most slots of a wheel, a power of two.
const MAX_SLOTS: usize = 4096;
/// Bounds of a step.
const STEPS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(1));
/// The shortest time that is waited for in this many steps.
const STEPS_PER_WAIT: u32 = 64;

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
        Self {
            base: now(),
            step,
            slots: Mutex::new(Slots::new(slots)),
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

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 2)
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests;
