//! A case: some work, prepared once, warmed up, then done and counted several times.
//!
//! In: a [`Case`]. Out: the counts of its counted part as JSON. What is odd: callgrind counts instructions only while it
//! is inside [`counted_by_callgrind`], so preparing and resetting cost nothing, however long they take.

use serde_json::{Value, json};

use crate::allocations::{Allocated, measure};

/// Rounds that are not counted: after them every buffer that is kept has the size that it keeps.
const WARM_UP: u32 = 3;

/// One line of the baseline.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Units of work in one round: the counts are given for one.
    pub(crate) units: u32,
    /// Counted rounds.
    pub(crate) rounds: u32,
    pub(crate) prepare: fn() -> Box<dyn Work>,
}

/// What is counted.
pub(crate) trait Work {
    /// One round.
    fn work(&mut self);

    /// Makes ready for the next round; not counted.
    fn reset(&mut self) {}
}

impl<F: FnMut()> Work for F {
    fn work(&mut self) {
        self();
    }
}

impl Case {
    /// Does the work.
    pub(crate) fn run(&self) -> Value {
        let mut work = (self.prepare)();
        for _ in 0..WARM_UP {
            work.work();
            work.reset();
        }
        let mut all = Allocated::default();
        for _ in 0..self.rounds {
            let ((), allocated) = measure(|| counted_by_callgrind(&mut *work));
            all.count += allocated.count;
            all.bytes += allocated.bytes;
            work.reset();
        }
        let units = self.units * self.rounds;
        json!({ "case": self.name, "units": units, "allocations": all.count, "bytes": all.bytes })
    }
}

/// The name that callgrind is told to look for.
#[inline(never)]
fn counted_by_callgrind(work: &mut dyn Work) {
    work.work();
    // Without anything behind it, the call would be a jump, and this function would end before its work.
    std::hint::black_box(());
}
