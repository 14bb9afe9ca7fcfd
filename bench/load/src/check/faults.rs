//! What was wrong with what clients received.
//!
//! In: faults as they are seen; out: lines for the report. Every fault is counted, the first of them are told.

/// The kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A message did not come.
    Lost,
    /// A message came again.
    Doubled,
    /// A message came after one that was sent later.
    Reordered,
    /// A message is not what was sent.
    Altered,
    /// A message came to a client it was not for, or was never sent.
    Stray,
}

const KINDS: [(Fault, &str); 5] = [
    (Fault::Lost, "lost"),
    (Fault::Doubled, "doubled"),
    (Fault::Reordered, "reordered"),
    (Fault::Altered, "altered"),
    (Fault::Stray, "stray"),
];

/// How many faults are told in words.
const TOLD: usize = 8;

/// The faults of a run.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    counts: [u64; KINDS.len()],
    told: Vec<String>,
}

impl Faults {
    /// One more.
    pub(crate) fn add(&mut self, fault: Fault, who: usize, what: impl FnOnce() -> String) {
        let Some(kind) = KINDS.iter().position(|(kind, _)| *kind == fault) else { return };
        self.counts[kind] += 1;
        if self.told.len() < TOLD {
            self.told.push(format!("{}: client {who}: {}", KINDS[kind].1, what()));
        }
    }

    /// How many of one kind.
    #[cfg(test)]
    pub(crate) fn count(&self, fault: Fault) -> u64 {
        KINDS.iter().zip(&self.counts).find(|((kind, _), _)| *kind == fault).map_or(0, |(_, count)| *count)
    }

    /// What the report says.
    pub(crate) fn lines(&self) -> Vec<String> {
        let sums = KINDS.iter().zip(&self.counts).filter(|(_, count)| **count > 0);
        let sums = sums.map(|((_, name), count)| format!("{count} messages {name}"));
        sums.chain(self.told.iter().cloned()).collect()
    }
}
