//! The entries of a wheel, in slots: each is in a list of those whose time comes in the same step, or hangs nowhere.
//!
//! In: entries and ticks, that is, steps since the wheel was made. Out: those whose tick has come. What is odd: entries are
//! linked by their places in a slab, so that hanging one elsewhere moves no memory.

use std::sync::Arc;

use slab::Slab;

use super::Mailbox;

/// No entry.
pub(super) const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Slots {
    pub(super) entries: Slab<Entry>,
    /// The first entry of each slot.
    heads: Box<[u32]>,
    /// All ticks below have been served.
    pub(super) next_tick: u64,
    /// What the task waits for, if it runs.
    pub(super) waits_for: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Entry {
    mailbox: Arc<Mailbox>,
    tick: u64,
    previous: u32,
    next: u32,
    /// Where it hangs; nowhere after it has woken its session.
    slot: u32,
}

impl Slots {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            entries: Slab::new(),
            heads: vec![NONE; slots].into_boxed_slice(),
            next_tick: 0,
            waits_for: None,
        }
    }

    /// Hangs an entry, a new one if there is none yet, where its tick is, or as far off as the wheel reaches.
    pub(super) fn hang(&mut self, entry: &mut u32, mailbox: &Arc<Mailbox>, tick: u64) -> u64 {
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

    pub(super) fn remove(&mut self, entry: u32) -> Entry {
        self.unhang(entry);
        let removed = self.entries.remove(entry as usize);
        if self.entries.is_empty() {
            self.entries = Slab::new();
        }
        removed
    }

    /// Those of all ticks up to and with `tick`.
    pub(super) fn take_due(&mut self, tick: u64) -> Vec<Arc<Mailbox>> {
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
    pub(super) fn hung(&self) -> Vec<Arc<Mailbox>> {
        let hung = self.entries.iter().filter(|(_, entry)| entry.slot != NONE);
        hung.map(|(_, entry)| entry.mailbox.clone()).collect()
    }

    pub(super) fn next_occupied(&self) -> Option<u64> {
        let lap = self.next_tick..self.next_tick + self.heads.len() as u64;
        lap.into_iter().find(|tick| self.heads[self.slot(*tick) as usize] != NONE)
    }

    fn slot(&self, tick: u64) -> u32 {
        u32::try_from(tick % self.heads.len() as u64).expect("there are few slots")
    }
}
