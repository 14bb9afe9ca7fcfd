//! A bit per slot: who has been reached, or is left out, in one pass over several rooms.
//!
//! Odd: the words live in a per-thread scratch and only those touched are cleared, so a small broadcast on a large
//! node costs what it marks, not what the node holds.

use std::{cell::Cell, mem};

/// Scratch above this many words (8 million slots, 1 MiB) is given back to the allocator.
const KEEP_WORDS: usize = 1 << 17;

thread_local! {
    static SCRATCH: Cell<Words> = const { Cell::new(Words { bits: Vec::new(), touched: Vec::new() }) };
}

/// A set of slots; returns its memory to the thread's scratch when dropped.
#[derive(Debug)]
pub(super) struct Marks(Words);

#[derive(Debug, Default)]
struct Words {
    bits: Vec<u64>,
    /// Which words are not zero.
    touched: Vec<u32>,
}

impl Marks {
    /// An empty set. Two at a time on one thread are fine: the second one starts without scratch.
    pub(super) fn empty() -> Self {
        Self(SCRATCH.take())
    }

    /// Adds `slot`; false if it was there.
    pub(super) fn insert(&mut self, slot: u32) -> bool {
        let (at, bit) = (slot / 64, 1 << (slot % 64));
        let Words { bits, touched } = &mut self.0;
        if bits.len() <= at as usize {
            bits.resize(at as usize + 1, 0);
        }
        let word = &mut bits[at as usize];
        if *word == 0 {
            touched.push(at);
        }
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Whether `slot` is in the set.
    pub(super) fn contains(&self, slot: u32) -> bool {
        self.0.bits.get(slot as usize / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }
}

impl Drop for Marks {
    fn drop(&mut self) {
        let mut words = mem::take(&mut self.0);
        for at in words.touched.drain(..) {
            words.bits[at as usize] = 0;
        }
        if words.bits.capacity() <= KEEP_WORDS {
            // While a thread ends there may be no scratch any more; then the memory is simply freed.
            let _ = SCRATCH.try_with(|scratch| scratch.set(words));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_new_once_and_forgotten_with_the_set() {
        let mut marks = Marks::empty();
        for slot in [0, 63, 64, 1000] {
            assert!(!marks.contains(slot));
            assert!(marks.insert(slot));
            assert!(!marks.insert(slot));
            assert!(marks.contains(slot));
        }
        drop(marks);
        let mut marks = Marks::empty();
        for slot in 0..2000 {
            assert!(marks.insert(slot), "slot {slot} was left over");
        }
    }

    #[test]
    fn two_sets_at_a_time_do_not_meet() {
        let (mut one, mut two) = (Marks::empty(), Marks::empty());
        assert!(one.insert(5) && two.insert(5) && two.insert(6));
        assert!(!one.contains(6));
        drop(two);
        drop(one);
        assert!(!Marks::empty().contains(5) && !Marks::empty().contains(6));
    }
}
