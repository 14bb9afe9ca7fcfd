//! So many per second, and so many at once: a leaky bucket that is one number, the time when it will be empty (GCRA).

use std::sync::atomic::{AtomicU64, Ordering};

const SECOND: u64 = 1_000_000_000;

/// How many of something may come per second in the long run, and how many at once after a pause.
///
/// ```
/// use roomcast::Rate;
///
/// // A hundred per second, and as many at once.
/// let even = Rate::per_second(100);
/// // The same in the long run, but a thousand may come together.
/// let bursts = Rate::per_second(100).burst(1_000);
/// # assert_ne!(even, bursts);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    per_second: u32,
    burst: u32,
}

impl Rate {
    /// So many per second, one at least, and as many at once.
    #[must_use]
    pub const fn per_second(count: u32) -> Self {
        let count = if count == 0 { 1 } else { count };
        Self { per_second: count, burst: count }
    }

    /// So many at once, one at least.
    #[must_use]
    pub const fn burst(mut self, count: u32) -> Self {
        self.burst = if count == 0 { 1 } else { count };
        self
    }

    /// How long it takes until so many may come again.
    fn nanos(self, count: u32) -> u64 {
        u64::from(count) * SECOND / u64::from(self.per_second)
    }

    /// Takes so many at `now`: the new time when the bucket will be empty, or `None` if it has no room for them. More than
    /// fit into an empty one pass an empty one.
    fn take(self, empty_at: u64, now: u64, count: u32) -> Option<u64> {
        let begins = empty_at.max(now);
        let ends = begins + self.nanos(count.min(self.burst));
        (ends - now <= self.nanos(self.burst)).then_some(ends)
    }
}

/// A bucket of one owner, eight bytes. Times are nanoseconds since whatever its owner counts from.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket(u64);

impl Bucket {
    /// Takes so many, if there is room for them.
    pub(crate) fn take(&mut self, rate: Rate, now: u64, count: u32) -> bool {
        let taken = rate.take(self.0, now, count);
        self.0 = taken.unwrap_or(self.0);
        taken.is_some()
    }

    /// Whether nothing would be forgotten with it.
    pub(crate) fn is_empty(self, now: u64) -> bool {
        self.0 <= now
    }
}

/// A bucket that many take from.
#[derive(Debug, Default)]
pub(crate) struct SharedBucket(AtomicU64);

impl SharedBucket {
    /// Takes one, if there is room for it.
    pub(crate) fn take(&self, rate: Rate, now: u64) -> bool {
        let taken =
            self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |empty_at| rate.take(empty_at, now, 1));
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of a thousand that come together are taken.
    fn taken(bucket: &mut Bucket, rate: Rate, now: u64) -> usize {
        (0..1_000).filter(|_| bucket.take(rate, now, 1)).count()
    }

    #[test]
    fn a_burst_passes_and_then_as_many_as_the_time_gives() {
        let rate = Rate::per_second(10).burst(25);
        let mut bucket = Bucket::default();
        assert_eq!(taken(&mut bucket, rate, 0), 25);
        assert_eq!(taken(&mut bucket, rate, SECOND / 10 - 1), 0);
        assert_eq!(taken(&mut bucket, rate, SECOND), 10);
        assert!(!bucket.is_empty(SECOND * 3) && bucket.is_empty(SECOND * 4));
        // However long the pause, it is one burst.
        assert_eq!(taken(&mut bucket, rate, SECOND * 1_000), 25);
        assert_eq!(taken(&mut bucket, rate, SECOND * 1_001), 10);
    }

    #[test]
    fn bytes_are_taken_together_and_more_than_a_burst_passes_an_empty_bucket() {
        let rate = Rate::per_second(1_000).burst(4_000);
        let mut bucket = Bucket::default();
        assert!(bucket.take(rate, 0, 3_000));
        assert!(!bucket.take(rate, 0, 1_001));
        assert!(bucket.take(rate, 0, 1_000));
        assert!(!bucket.take(rate, SECOND, 1_000_000));
        assert!(bucket.take(rate, SECOND * 4, 1_000_000));
        assert!(!bucket.take(rate, SECOND * 4, 1));
    }

    #[test]
    fn a_shared_bucket_takes_the_same() {
        let rate = Rate::per_second(10).burst(25);
        let bucket = SharedBucket::default();
        assert_eq!((0..1_000).filter(|_| bucket.take(rate, 0)).count(), 25);
        assert_eq!((0..1_000).filter(|_| bucket.take(rate, SECOND)).count(), 10);
    }

    #[test]
    fn a_rate_of_nothing_is_one() {
        assert_eq!(Rate::per_second(0), Rate::per_second(1));
        assert_eq!(Rate::per_second(5).burst(0), Rate::per_second(5).burst(1));
    }

    #[test]
    fn a_bucket_has_eight_bytes() {
        assert_eq!(size_of::<[Bucket; 2]>(), 16);
    }
}
